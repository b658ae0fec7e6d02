/** Every example for Node, run as its first lines say. */

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readPicture, writePicture } from "adaattn/node";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { card, hasFfmpeg, look, makeClip } from "../../packages/adaattn/test/clips.ts";
import { waves } from "../../packages/adaattn/test/models.ts";
import { run } from "../../packages/cli/test/command.ts";

// Each starts a process that loads the engine, on machines that may be busy.
vi.setConfig({ testTimeout: 240_000 });

const folder = mkdtempSync(join(tmpdir(), "adaattn-examples-"));
const SOURCE = new URL("../../scripts/source.mjs", import.meta.url).href;

const commandOf = (name: string, ...args: string[]) => [
  process.execPath,
  "--conditions=@adaattn/source",
  ...["--import", SOURCE, fileURLToPath(new URL(`../node/${name}.ts`, import.meta.url))],
  ...args,
];
const example = (name: string, ...args: string[]) => run(commandOf(name, ...args), { cwd: folder });

beforeAll(async () => {
  mkdirSync(join(folder, "photos"));
  mkdirSync(join(folder, "paintings"));
  for (let at = 0; at < 5; at++) {
    await writePicture(join(folder, `photos/photo${at}.png`), waves(120 + at, 100, at + 1));
    await writePicture(join(folder, `paintings/painting${at}.png`), waves(110, 100 + at, at + 9));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("stylize.ts paints one picture and shows how far it is", async () => {
  const { code, stderr } = await example("stylize", "photos/photo0.png", "paintings/painting0.png", "out.png");
  expect(code, stderr).toBe(0);
  expect(stderr).toContain("decode 100 %");
  expect(await readPicture(join(folder, "out.png"))).toMatchObject({ width: 120, height: 100 });
});

test("folder.ts paints what can be read, and only what is not there yet", async () => {
  mkdirSync(join(folder, "mixed"));
  writeFileSync(join(folder, "mixed/broken.jpg"), "no picture");
  writeFileSync(join(folder, "mixed/notes.txt"), "not looked at");
  writeFileSync(join(folder, "mixed/lake.png"), readFileSync(join(folder, "photos/photo1.png")));
  const first = await example("folder", "mixed", "paintings/painting0.png", "painted");
  expect(first).toMatchObject({ code: 0, stdout: "painted/lake.jpg\n" });
  expect(first.stderr).toMatch(/^Cannot read mixed\/broken\.jpg: it is not a JPEG[^\n]*\n$/);
  expect(readdirSync(join(folder, "painted"))).toEqual(["lake.jpg"]);
  expect(await example("folder", "mixed", "paintings/painting0.png", "painted")).toMatchObject({ code: 0, stdout: "" });
});

test("fastify.ts answers with the painted picture, or says what is wrong", async () => {
  const [file = "", ...args] = commandOf("fastify", "paintings", "0");
  const server = spawn(file, args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  try {
    const address = await new Promise<string>((resolve, reject) => {
      server.stdout.setEncoding("utf8").once("data", (line: string) => resolve(line.trim()));
      server.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
    });
    const post = (style: string, body: Buffer) =>
      fetch(`${address}/${style}`, {
        method: "POST",
        headers: { "content-type": "image/png" },
        body: new Uint8Array(body),
      });
    const painted = await post("painting1", readFileSync(join(folder, "photos/photo2.png")));
    expect([painted.status, painted.headers.get("content-type")]).toEqual([200, "image/jpeg"]);
    const picture = await readPicture(new Uint8Array(await painted.arrayBuffer()));
    expect(picture).toMatchObject({ width: 122, height: 100 });
    const unknown = await post("nobody", readFileSync(join(folder, "photos/photo2.png")));
    expect([unknown.status, await unknown.json()]).toEqual([404, { error: expect.stringContaining("painting0") }]);
    const broken = await post("painting1", Buffer.from("no picture"));
    expect([broken.status, await broken.json()]).toEqual([
      400,
      { error: expect.stringContaining("Cannot read the picture") },
    ]);
  } finally {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    await ended;
  }
});

test.runIf(hasFfmpeg)("video.ts paints every frame of a film", async () => {
  makeClip(folder, ...card("64x48", 5, 1), "clip.mp4");
  const { code, stderr } = await example("video", "clip.mp4", "paintings/painting0.png", "film.mkv");
  expect(code, stderr).toBe(0);
  expect(look(join(folder, "film.mkv"))).toMatchObject({ width: 64, height: 48, frames: 5 });
});

test("train.ts goes on from small with ten pictures, and leaves a model", async () => {
  const { code, stdout, stderr } = await example("train", "photos", "paintings", "run", "2");
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/step 2 of 2: loss \d+\.\d+/);
  expect(readdirSync(join(folder, "run/model")).sort()).toEqual(["model.json", "model.safetensors"]);
});
