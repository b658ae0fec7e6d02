/**
 * Photographs and paintings that are not named one by one as files: folders, addresses, stdin, and
 * stdout for the result.
 */
import { once } from "node:events";
import { mkdir, readdir, readFile, symlink } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ADAATTN, adaattn, run, temporaryFolder, waves } from "./command.ts";

const folder = await temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const server = createServer(async (request, response) => {
  if (request.url === "/moved.jpg") response.writeHead(302, { location: "/wave.jpg" }).end();
  else response.end(await readFile(at((request.url ?? "").split("?", 1).join())).catch(() => "<p>No such page.</p>"));
}).listen(0, "127.0.0.1");
afterAll(() => server.close());

let expected: Buffer;
beforeAll(async () => {
  if (!server.listening) await once(server, "listening");
  await waves(40, 56).jpeg().toFile(at("wave.jpg"));
  await waves(64, 48).jpeg().toFile(at("lake.jpg"));
  await mkdir(at("album", "summer"), { recursive: true });
  await mkdir(at("bare", "inner"), { recursive: true });
  for (const name of ["a.jpg", ".hidden.jpg", "summer/a.jpg"]) await waves(32, 32).jpeg().toFile(at("album", name));
  await waves(32, 32)
    .png()
    .toFile(at("bare", "inner", "b.png"));
  await symlink("..", at("album", "round"));
  await mkdir(at("monet"));
  await waves(32, 40).jpeg().toFile(at("monet", "one.jpg"));
  await waves(40, 32).png().toFile(at("monet", "two.png"));
  expect(await stylize("lake.jpg", "--style", "wave.jpg", "-o", "plain.png")).toMatchObject({ code: 0 });
  expected = await pixels("plain.png");
}, 60_000);

const stylize = (...args: string[]) => adaattn(["stylize", ...args, "--device", "cpu", "--quiet"], { cwd: folder });
const pixels = (name: string) => sharp(at(name)).raw().toBuffer();

test("a folder stands for its photographs, and with --recursive for all below", async () => {
  const style = ["--style", "wave.jpg"];
  expect(await stylize("album", ...style, "-o", "flat")).toMatchObject({ code: 0, stderr: "" });
  expect(await readdir(at("flat"))).toEqual(["a-wave.jpg"]);
  const again = ["album", "--recursive", ...style, "-o", "album/painted"];
  // What the first time has made is no photograph for the second.
  for (const _ of [1, 2]) expect(await stylize(...again)).toMatchObject({ code: 0, stderr: "" });
  expect((await readdir(at("album", "painted"), { recursive: true })).sort()).toEqual([
    "a-wave.jpg",
    "summer",
    join("summer", "a-wave.jpg"),
  ]);
  expect(await stylize("bare", ...style, "-o", "never")).toMatchObject({
    code: 2,
    stderr:
      "error: Expected pictures in the folder bare but found none. --recursive looks into the folders in it, too.\n",
  });
  expect(await stylize("album", ...style, "-o", "one.jpg")).toMatchObject({
    code: 2,
    stderr:
      "error: Expected a folder for --output, to hold 1 pictures, but received one.jpg. Name a folder, such as one/.\n",
  });
}, 120_000);

test("a folder of paintings stands for all of them", async () => {
  const each = ["--style", "monet/one.jpg", "--style", "monet/two.png"];
  expect(await stylize("lake.jpg", ...each, "-o", "each.png")).toMatchObject({ code: 0 });
  await mkdir(at("mixed"));
  expect(await stylize("lake.jpg", "--style", "monet", "-o", "mixed", "--format", "png")).toMatchObject({ code: 0 });
  expect(await readdir(at("mixed"))).toEqual(["lake-monet.png"]);
  expect((await pixels("mixed/lake-monet.png")).equals(await pixels("each.png"))).toBe(true);
}, 120_000);

test("addresses are fetched", async () => {
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const addresses = [`${base}/lake.jpg?size=1`, "--style", `${base}/moved.jpg:2`];
  expect(await stylize(...addresses, "-o", "fetched/", "--format", "png")).toMatchObject({ code: 0, stderr: "" });
  expect(await readdir(at("fetched"))).toEqual(["lake-moved.png"]);
  expect((await pixels("fetched/lake-moved.png")).equals(expected)).toBe(true);

  const page = await stylize(`${base}/none.html`, "--style", "wave.jpg", "-o", "never.png");
  expect(page).toMatchObject({
    code: 1,
    stderr: `error: Cannot read ${base}/none.html: it is not a JPEG, PNG, WebP, AVIF, TIFF or GIF picture. Convert it to one of these first.\n`,
  });
}, 120_000);

test("stdin and stdout are pictures", async () => {
  const piped = async (from: string, to: string, ...args: string[]) => {
    const script = ["sh", "-c", `"$@" < ${from} > ${to}`, "sh", ...ADAATTN, "stylize", ...args, "--device", "cpu"];
    return run(script, { cwd: folder });
  };
  const streamed = await piped("lake.jpg", "piped.png", "-", "--style", "wave.jpg", "-o", "-", "--format", "png");
  expect(streamed.code).toBe(0);
  expect(streamed.stderr).toMatch(/^stdout {2}64 x 48 {2}/m);
  expect((await pixels("piped.png")).equals(expected)).toBe(true);
  // In tiles, from a style on stdin, in the format of the content.
  const tiled = await piped("wave.jpg", "tiled", "lake.jpg", "--style", "-", "-o", "-", "--tile", "64", "-q");
  expect(tiled).toMatchObject({ code: 0, stderr: "" });
  expect(await sharp(at("tiled")).metadata()).toMatchObject({ format: "jpeg", width: 64, height: 48 });

  const empty = await piped("/dev/null", "empty", "-", "--style", "wave.jpg", "-o", "-", "-q");
  expect(empty).toMatchObject({
    code: 1,
    stderr: "error: Cannot read the picture on stdin: it is empty (0 bytes). Choose another file.\n",
  });
  expect(await readFile(at("empty"), "utf8")).toBe("");
  expect(await stylize("-", "--style", "-", "-o", "never.png")).toMatchObject({
    code: 2,
    stderr: "error: Expected - once, since stdin is one picture, but received it 2 times.\n",
  });
}, 120_000);
