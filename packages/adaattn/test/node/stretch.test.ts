/**
 * Stretches of a video: each frame is the same one, whether decoding began with the file or with a
 * key frame near by.
 */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keyFrames } from "../../src/internalNode.ts";
import { FrameReader, ffmpegAbilities, probeVideo, type Stretch } from "../../src/node.ts";
import { card, hasFfmpeg, makeClip } from "../clips.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "adaattn-stretch-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function frames(path: string, stretch: Stretch): Promise<string[]> {
  const info = await probeVideo(path);
  await using reader = new FrameReader(info, await ffmpegAbilities(), { size: { width: 32, height: 32 }, stretch });
  const hashes: string[] = [];
  for await (const { picture } of reader) hashes.push(createHash("sha256").update(picture.data).digest("hex"));
  return hashes;
}

const CLIPS: Record<string, { readonly file: string; readonly args: readonly string[] }> = {
  "h264 with B-frames": { file: "b.mp4", args: ["-c:v", "libx264", "-g", "12", "-bf", "3"] },
  "h264 with open groups": {
    file: "open.mp4",
    args: ["-c:v", "libx264", "-x264-params", "keyint=12:open-gop=1:bframes=3"],
  },
  "MPEG-2 in a transport stream": { file: "m.ts", args: ["-c:v", "mpeg2video", "-g", "12", "-bf", "2", "-q:v", "3"] },
  "vp9 in WebM": { file: "v.webm", args: ["-c:v", "libvpx-vp9", "-g", "12", "-b:v", "200k", "-deadline", "realtime"] },
  "one group for all": { file: "one.mkv", args: ["-c:v", "libx264", "-g", "1000"] },
  "frames at any times": {
    file: "vfr.mkv",
    args: ["-vf", "select='not(mod(n\\,3)*mod(n\\,5))'", "-vsync", "vfr", "-c:v", "libx264", "-g", "6"],
  },
  "pictures that begin late": {
    file: "late.mp4",
    args: ["-c:v", "libx264", "-g", "12", "-vf", "setpts=PTS+0.5/TB"],
  },
};

describe.skipIf(!hasFfmpeg)("a stretch of a video", () => {
  it.each(Object.entries(CLIPS))("has the frames of the whole: %s", async (_, { file, args }) => {
    makeClip(folder, ...card("64x64", 25, 4), ...args, file);
    const path = join(folder, file);
    const whole = await frames(path, { from: 0 });
    expect(whole.length).toBeGreaterThan(40);
    const keys = await keyFrames(await probeVideo(path));
    for (const [from, to] of [
      [0, 7],
      [37, 50],
      [60, whole.length],
    ] as const) {
      const seek = keys.filter((key) => key <= from / 25).at(-2);
      expect(await frames(path, seek === undefined ? { from, to } : { from, to, seek })).toEqual(whole.slice(from, to));
    }
  });

  it("repeats the first frame until it is due", async () => {
    makeClip(folder, ...card("64x64", 25, 1), "-c:v", "libx264", "-vf", "setpts=PTS+0.2/TB", "-f", "mpegts", "a.ts");
    makeClip(folder, "-f", "lavfi", "-i", "sine=duration=2", "-i", "a.ts", "-c", "copy", "-c:a", "aac", "both.mkv");
    const all = await frames(join(folder, "both.mkv"), { from: 0, to: 12 });
    expect(all).toHaveLength(12);
  });

  it("finds the key frames", async () => {
    makeClip(folder, ...card("64x64", 25, 2), "-c:v", "libx264", "-g", "10", "-sc_threshold", "0", "keys.mp4");
    const keys = await keyFrames(await probeVideo(join(folder, "keys.mp4")));
    expect(keys.map((key) => Math.round(key * 100) / 100)).toEqual([0, 0.4, 0.8, 1.2, 1.6]);
  });
});
