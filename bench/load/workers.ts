/**
 * How much sooner two workers finish a video than one, each on a core of its own (taskset), through
 * a real Redis; and whether the frames are the same.
 *
 *   workers.ts [--seconds 60] [--rate 10] [--side 96]
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Client } from "@adaattn/server/client";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    rate: { type: "string", default: "10" },
    side: { type: "string", default: "96" },
  },
});
const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const NODE = [
  ...[process.execPath, "--conditions=@adaattn/source", "--import"],
  ...[new URL("../../scripts/source.mjs", import.meta.url).href, path("../../packages/cli/src/main.ts")],
];
const PORT = 6390;
const folder = await mkdtemp(join(tmpdir(), "adaattn-workers-"));
const children: ChildProcess[] = [];

async function start(form: RegExp, command: readonly string[]): Promise<{ child: ChildProcess; said: string }> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  children.push(child);
  for await (const text of child.stdout ?? []) {
    const found = form.exec(String(text))?.[1];
    if (found !== undefined) {
      child.stdout?.resume();
      return { child, said: found };
    }
  }
  throw new Error(`${program} did not start`);
}

const files = ["--redis", `redis://127.0.0.1:${PORT}`, "--store", join(folder, "files")];
const worker = (core: number) => {
  const flags = ["--data", join(folder, `worker-${core}`), "--workers", "1", "--threads", "1", "--device", "cpu"];
  return start(/(works)/, ["taskset", "-c", String(core), ...NODE, "worker", ...files, ...flags]);
};

try {
  await start(/(Ready)/, [
    "redis-server",
    "--port",
    String(PORT),
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--dir",
    folder,
  ]);
  const flags = ["--data", join(folder, "server"), "--port", "0", "--workers", "1", "--threads", "1"];
  const { said: url } = await start(/serves at (\S+);/, [
    ...NODE,
    "serve",
    ...files,
    ...flags,
    "--log-level",
    "silent",
  ]);
  const client = new Client(url);
  const clip = join(folder, "clip.mp4");
  const source = `testsrc=size=${values.side}x${values.side}:rate=${values.rate}:duration=${values.seconds}`;
  execFileSync("ffmpeg", [
    "-loglevel",
    "error",
    "-f",
    "lavfi",
    "-i",
    source,
    "-g",
    values.rate,
    "-c:v",
    "libx264",
    clip,
  ]);
  const content = new Blob([new Uint8Array(await readFile(clip))]);
  const style = new Blob([new Uint8Array(await readFile(path("../../assets/paintings/van-gogh-starry-night.jpg")))]);

  const paint = async () => {
    const begun = performance.now();
    const options = { styles: [{ size: 128 }] };
    const { id } = await client.submitJob({ contents: [content], styles: [style], options });
    await client.waitForJob(id);
    const seconds = (performance.now() - begun) / 1000;
    const film = join(folder, `${id}.mp4`);
    await writeFile(film, Buffer.from(await (await client.getResult(id)).arrayBuffer()));
    const frames = execFileSync("ffmpeg", ["-v", "error", "-i", film, "-f", "framemd5", "-"], { encoding: "utf8" });
    return { seconds, frames };
  };
  await worker(0);
  const one = await paint();
  process.stdout.write(`one worker: ${one.seconds.toFixed(1)} s\n`);
  await worker(1);
  const two = await paint();
  process.stdout.write(
    `two workers: ${two.seconds.toFixed(1)} s, ${(one.seconds / two.seconds).toFixed(2)} times as fast\n`,
  );
  process.stdout.write(`frames ${one.frames === two.frames ? "identical" : "DIFFERENT"}\n`);
} finally {
  for (const child of children.reverse()) child.kill("SIGTERM");
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
