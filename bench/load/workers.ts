/**
 * How much sooner two workers finish a video than one, each on a core of its own (taskset), through
 * a real Redis; whether the frames are the same; and what two engines alone are there beside one.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client } from "@adaattn/server/client";

export interface FilmSettings {
  readonly seconds: number;
  /** Frames a second. */
  readonly rate: number;
  /** Of the frames, in pixels. */
  readonly side: number;
}

export interface WorkerFigures {
  /** How many times as fast two workers finish. */
  readonly speedup: number;
  /** How many times as much two engines paint as one. */
  readonly engines: number;
  readonly isIdentical: boolean;
}

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const SOURCE = [
  ...[process.execPath, "--conditions=@adaattn/source", "--import"],
  new URL("../../scripts/source.mjs", import.meta.url).href,
];
const COMMAND = [...SOURCE, path("../../packages/cli/src/main.ts")];
const PORT = 6390;
const print = (text: string) => process.stdout.write(`${text}\n`);
const pinned = (core: number, command: readonly string[]) => ["taskset", "-c", String(core), ...command];

/** Starts a program and waits until it says something. */
async function start(children: ChildProcess[], form: RegExp, command: readonly string[]): Promise<string> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  children.push(child);
  for await (const text of child.stdout ?? []) {
    const found = form.exec(String(text))?.[1];
    if (found !== undefined) {
      child.stdout?.resume();
      return found;
    }
  }
  throw new Error(`${program} did not start`);
}

/** Pictures a second of engines on these cores. */
async function engines(cores: readonly number[], side: number): Promise<number> {
  const run = async (core: number) => {
    const [program = "", ...args] = pinned(core, [...SOURCE, path("./engine.ts"), "1", String(side), "5"]);
    return Number((await promisify(execFile)(program, args)).stdout);
  };
  return (await Promise.all(cores.map(run))).reduce((sum, rate) => sum + rate, 0);
}

export async function measureWorkers({ seconds, rate, side }: FilmSettings): Promise<WorkerFigures> {
  const folder = await mkdtemp(join(tmpdir(), "adaattn-workers-"));
  const children: ChildProcess[] = [];
  const files = ["--redis", `redis://127.0.0.1:${PORT}`, "--store", join(folder, "files")];
  const few = ["--workers", "1", "--threads", "1", "--device", "cpu"];
  const worker = (core: number) =>
    start(
      children,
      /(works)/,
      pinned(core, [...COMMAND, "worker", ...files, ...few, "--data", join(folder, `${core}`)]),
    );
  try {
    const alone = (await engines([0, 1], side)) / (await engines([0], side));
    print(`two engines alone, a core each: ${alone.toFixed(2)} times as much as one`);
    const settings = ["--port", String(PORT), "--bind", "127.0.0.1", "--save", "", "--dir", folder];
    await start(children, /(Ready)/, ["redis-server", ...settings]);
    const data = ["--data", join(folder, "server"), "--port", "0", "--log-level", "silent"];
    const url = await start(children, /serves at (\S+);/, [...COMMAND, "serve", ...files, ...few, ...data]);
    const client = new Client(url);
    const clipOf = async (duration: number) => {
      const clip = join(folder, `${duration}.mp4`);
      const source = ["-f", "lavfi", "-i", `testsrc=size=${side}x${side}:rate=${rate}:duration=${duration}`];
      execFileSync("ffmpeg", ["-loglevel", "error", ...source, "-g", String(rate), "-c:v", "libx264", clip]);
      return new Blob([new Uint8Array(await readFile(clip))]);
    };
    // A stretch for each worker, so that neither is cold.
    const [warm, content] = [await clipOf(10), await clipOf(seconds)];
    const painting = await readFile(path("../../assets/paintings/van-gogh-starry-night.jpg"));
    const style = new Blob([new Uint8Array(painting)]);

    const paint = async (content: Blob) => {
      const begun = performance.now();
      const options = { styles: [{ size: 128 }] };
      const { id } = await client.submitJob({ contents: [content], styles: [style], options });
      await client.waitForJob(id);
      const taken = (performance.now() - begun) / 1000;
      const film = join(folder, `${id}.mp4`);
      await writeFile(film, Buffer.from(await (await client.getResult(id)).arrayBuffer()));
      const frames = execFileSync("ffmpeg", ["-v", "error", "-i", film, "-f", "framemd5", "-"], { encoding: "utf8" });
      return { taken, frames };
    };
    await worker(0);
    await paint(warm);
    const before = await paint(content);
    await worker(1);
    await paint(warm);
    const two = await paint(content);
    const second = children.pop();
    const left = second && once(second, "exit");
    second?.kill("SIGTERM");
    await left;
    // A machine's speed drifts within minutes.
    const after = await paint(content);
    const one = (before.taken + after.taken) / 2;
    print(
      `one worker: ${before.taken.toFixed(1)} and ${after.taken.toFixed(1)} s for ${seconds} s of ${side} x ${side} at ${rate} frames/s`,
    );
    const speedup = one / two.taken;
    const isIdentical = new Set([before, two, after].map(({ frames }) => frames)).size === 1;
    print(`two workers: ${two.taken.toFixed(1)} s, frames ${isIdentical ? "identical" : "DIFFERENT"}`);
    return { speedup, engines: alone, isIdentical };
  } finally {
    for (const child of children.reverse()) {
      const ended = once(child, "exit");
      if (child.kill("SIGTERM")) await ended;
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
