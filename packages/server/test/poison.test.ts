/**
 * Uploads that would end the server: too many frames, and a job that kills its process again and
 * again.
 */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keyFrames } from "adaattn/internal/node";
import { probeVideo } from "adaattn/node";
import { describe, expect, it } from "vitest";
import { card, clip, hasFfmpeg, picture, temporaryFolder, testServer } from "./helpers.ts";
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
