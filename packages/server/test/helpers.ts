/**
 * What tests of the server share: servers on free ports, pictures and clips to send, and waiting
 * for things to come true.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { afterAll } from "vitest";
import { Client } from "../src/client.ts";
import { type RunningServer, type ServerOptions, startServer } from "../src/index.ts";

export const hasFfmpeg = process.env.CI === "true" || spawnSync("ffmpeg", ["-version"]).status === 0;
export const hasRedis = process.env.CI === "true" || spawnSync("redis-server", ["--version"]).status === 0;

// One hook for all: those that a running test adds are not called.
const folders: string[] = [];
afterAll(() => Promise.all(folders.map((path) => rm(path, { recursive: true, force: true, maxRetries: 5 }))));

/** A new temporary folder, removed after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "adaattn-server-"));
  folders.push(folder);
  return folder;
}

export interface TestServer {
  readonly server: RunningServer;
  readonly client: Client;
  readonly data: string;
  readonly url: string;
}

/** A server of this process, ended after the file's tests. */
export async function testServer(options: Partial<ServerOptions> = {}): Promise<TestServer> {
  const data = options.data ?? temporaryFolder();
  const server = await startServer({
    port: 0,
    version: "test",
    data,
    ...options,
    painters: { workers: 1, ...options.painters },
  });
  afterAll(() => server.close());
  return { server, data, url: server.url, client: new Client(server.url) };
}

/** A picture of smooth waves as the bytes of a file. */
export async function picture(width: number, height = width, seed = 1, format: "png" | "jpeg" | "webp" = "png") {
  const data = Buffer.alloc(width * height * 3);
  for (let at = 0; at < data.length; at++) {
    const [x, y] = [Math.floor(at / 3) % width, Math.floor(at / 3 / width)];
    data[at] = 128 + 100 * Math.sin(x / (5 + seed + (at % 3)) + y / 9);
  }
  const bytes = await sharp(data, { raw: { width, height, channels: 3 } })
    .toFormat(format)
    .toBuffer();
  return new Blob([new Uint8Array(bytes)]);
}

/** Runs ffmpeg and returns the file that it wrote. */
export function clip(folder: string, name: string, ...args: readonly string[]): Blob {
  execFileSync("ffmpeg", ["-hide_banner", "-loglevel", "error", "-y", ...args, name], { cwd: folder });
  return new Blob([new Uint8Array(readFileSync(join(folder, name)))]);
}

/**
 * A moving test card with a tone; its colors turn into their opposites every so many seconds,
 * which is a cut.
 */
export function card(
  folder: string,
  { size = "48x32", rate = 10, seconds = 5, name = "card.mp4", scene = 1000 } = {},
): Blob {
  const video = ["-f", "lavfi", "-i", `testsrc=size=${size}:rate=${rate}:duration=${seconds}`];
  const sound = ["-f", "lavfi", "-i", `sine=frequency=440:duration=${seconds}`];
  return clip(
    folder,
    name,
    ...video,
    ...sound,
    "-vf",
    `negate=enable='mod(floor(t/${scene}),2)'`,
    "-g",
    String(rate),
    "-c:v",
    "libx264",
    "-c:a",
    "aac",
  );
}

/** Hashes of the decoded frames of a film. */
export async function frameHashes(film: Blob, folder: string): Promise<string[]> {
  const { writeFileSync } = await import("node:fs");
  const path = join(folder, `film-${Math.random().toString(36).slice(2)}`);
  writeFileSync(path, Buffer.from(await film.arrayBuffer()));
  const text = execFileSync("ffmpeg", ["-v", "error", "-i", path, "-map", "0:v", "-f", "framemd5", "-"], {
    encoding: "utf8",
  });
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(",").at(-1)?.trim() ?? "");
}

/** Waits until something is so, looking again and again, for as long as a slow machine may need. */
export async function until<Found>(
  look: () => Found | Promise<Found>,
  what: string,
  seconds = 60,
): Promise<NonNullable<Found>> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found) return found as NonNullable<Found>;
    if (performance.now() > end) throw new Error(`It did not come true within ${seconds} s: ${what}`);
    await sleep(50);
  }
}

/** What lies in the folders for what is on its way. */
export function leftovers(data: string): string[] {
  const scratch = join(data, "scratch");
  return readdirSync(scratch).flatMap((own) => readdirSync(join(scratch, own)).filter((name) => name !== "kept"));
}

/** The number in a metric's line. */
export async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  return Number(line?.split(" ").at(-1));
}
