/**
 * Uploads that would end the server: too many frames, and a job that kills its process again and
 * again.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keyFrames } from "adaattn/internal/node";
import { probeVideo } from "adaattn/node";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { card, clip, hasFfmpeg, leftovers, picture, temporaryFolder, testServer, until } from "./helpers.ts";
import { adaattn, serve } from "./processes.ts";

const folder = temporaryFolder();
const painting = await picture(48, 48, 3);

/** An ffprobe that kills whoever lets it read packets. */
function deadlyProbe(): string {
  const path = join(folder, "ffprobe");
  writeFileSync(path, '#!/bin/sh\ncase "$*" in *packet*) kill -9 $PPID ;; esac\nexec ffprobe "$@"\n');
  chmodSync(path, 0o755);
  return path;
}

describe.skipIf(!hasFfmpeg)("a video of 12,000 frames a second", async () => {
  const name = "fast.mkv";
  const source = ["-f", "lavfi", "-i", "color=size=16x16:rate=12000:duration=10", "-c:v", "mjpeg"];
  const video = clip(folder, name, ...source);

  it("has its packets read one after the other, up to a number", async () => {
    const info = await probeVideo(join(folder, name));
    const keys = await keyFrames(info, { most: 120_000 });
    // Every frame of it is a key frame.
    expect(keys.length).toBeGreaterThan(90);
    expect(keys.length).toBeLessThan(102);
    await expect(keyFrames(info, { most: 1000 })).rejects.toThrow(/it has more than 1000 packets/);
  });

  it("is given up where it has more packets than its frames can need", async () => {
    const { client } = await serve(["--data", temporaryFolder(), "--max-frames", "1000"]);
    const { id } = await client.submitJob({ contents: [video], styles: [painting], options: { size: 16 } });
    await client.waitForJob(id).catch(() => undefined);
    const error = "Cannot read the content: it has more than 20000 packets. Choose a shorter or slower one.";
    expect(await client.getJob(id)).toMatchObject({ state: "failed", error });
  });

  it("is refused by the server, also where it does not say how long it is", async () => {
    const { client } = await serve(["--data", temporaryFolder(), "--max-frames", "100"]);
    const refused = client.submitJob({ contents: [video], styles: [painting], options: { size: 16 } });
    await expect(refused).rejects.toThrow("Expected at most 100 frames but received more.");
    const args = ["-i", join(folder, name), "-c", "copy", "-f", "matroska", "-live", "1"];
    const endless = clip(folder, "endless.mkv", ...args);
    const { id } = await client.submitJob({ contents: [endless], styles: [painting], options: { size: 16 } });
    const job = await client.waitForJob(id).catch(() => client.getJob(id));
    expect(job).toMatchObject({ state: "failed", error: expect.stringContaining("Expected at most 100 frames") });
  });
});

/** A film that begins at 32 x 32 and goes on with frames that take 432 MB each to decode. */
async function growingFilm(): Promise<Blob> {
  const frame = (side: number) =>
    sharp({ create: { width: side, height: side, channels: 3, background: "teal" } })
      .jpeg({ chromaSubsampling: "4:4:4" })
      .toBuffer();
  const [small, large] = await Promise.all([frame(32), frame(12_000)]);
  writeFileSync(join(folder, "growing.mjpeg"), Buffer.concat([small, small, small, large, large]));
  return clip(folder, "growing.mkv", "-r", "1", "-f", "mjpeg", "-i", "growing.mjpeg", "-c", "copy");
}

it.skipIf(!hasFfmpeg || process.platform === "win32")(
  "a film whose decoder runs out of memory is given up at once, and the job beside it is done",
  async () => {
    const data = temporaryFolder();
    const [growing, { client, program }] = await Promise.all([
      growingFilm(),
      serve(["--data", data, "--threads", "1", "--memory", "600"]),
    ]);
    const harmless = await Promise.all(Array.from({ length: 4 }, (_, seed) => picture(96, 96, seed)));
    const options = { size: 64 };
    const film = await client.submitJob({ contents: [growing], styles: [painting], options });
    const beside = await client.submitJob({ contents: harmless, styles: [painting], options });
    await client.waitForJob(film.id).catch(() => undefined);
    const error = expect.stringMatching(
      /^Cannot read the content: its decoder ran out of the 600 MiB of memory that it may have, after frame \d+\. Make its frames smaller first\.$/,
    );
    expect(await client.getJob(film.id)).toMatchObject({ state: "failed", error });
    expect((await client.waitForJob(beside.id)).results).toHaveLength(4);
    // It is no reason for another try, nor for a death of the server or of a painter.
    expect(program.said.match(/A job has failed/g)).toHaveLength(1);
    expect(program.said).not.toMatch(/A painter|Cannot read .*\//);
    expect(await client.readiness()).toMatchObject({ ready: true, painters: 1 });
    await until(() => leftovers(data).length === 0, "nothing is left on its way");
    const processes = execFileSync("ps", ["-ww", "-eo", "args"], { encoding: "utf8" }).split("\n");
    expect(processes.filter((args) => /^ff(mpeg|probe) /.test(args) && args.includes(data))).toEqual([]);
  },
);

it.skipIf(!hasFfmpeg)("a server without ffmpeg blames no video", async () => {
  const video = card(folder, { seconds: 1, rate: 5 });
  const missing = join(folder, "no-such-ffprobe");
  const { client } = await serve(["--data", temporaryFolder()], { env: { FFPROBE_PATH: missing } });
  const refused = client.submitJob({ contents: [video], styles: [painting] });
  await expect(refused).rejects.toMatchObject({ status: 503, message: "No ffmpeg works here." });
});

describe.skipIf(!hasFfmpeg)("a job that kills the server", () => {
  it("is given up the second time, and the one beside it is done", async () => {
    const args = ["--data", temporaryFolder(), "--threads", "1"];
    const env = { FFPROBE_PATH: deadlyProbe() };
    const first = await serve(args, { env });
    const harmless = await Promise.all(Array.from({ length: 8 }, (_, seed) => picture(96, 96, seed)));
    const beside = await first.client.submitJob({ contents: harmless, styles: [painting] });
    const video = card(folder, { seconds: 2, rate: 5 });
    const { id } = await first.client.submitJob({ contents: [video], styles: [painting] });
    await first.program.ends();
    const second = adaattn(["serve", "--port", "0", "--workers", "1", ...args], { env });
    await second.ends();
    const third = await serve(args, { env });
    const job = await third.client.getJob(id);
    expect(job).toMatchObject({ state: "failed", error: "The process that did this job has died, twice." });
    expect((await third.client.waitForJob(beside.id)).results).toHaveLength(8);
  });
});

it.skipIf(!hasFfmpeg)("a job that takes too long is given up", async () => {
  const { client } = await testServer({ limits: { jobMinutes: 0.005 } });
  const contents = await Promise.all(Array.from({ length: 40 }, (_, seed) => picture(200, 200, seed)));
  const { id } = await client.submitJob({ contents, styles: [painting] });
  await client.waitForJob(id).catch(() => undefined);
  expect(await client.getJob(id)).toMatchObject({ state: "failed", error: "The job took longer than 0.005 minutes." });
});
