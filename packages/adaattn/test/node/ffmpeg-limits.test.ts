/**
 * What ffmpeg is kept from where it reads the films of strangers: other files than the one it was
 * given, and all the memory there is.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { type AdaattnError, FrameReader, ffmpegAbilities, limitFfmpeg, probeVideo } from "../../src/node.ts";

const hasFfmpeg = process.env.CI === "true" || spawnSync("ffmpeg", ["-version"]).status === 0;
const folder = mkdtempSync(join(tmpdir(), "adaattn-limits-"));
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => limitFfmpeg({}));

const ffmpeg = (...args: readonly string[]) =>
  execFileSync("ffmpeg", ["-hide_banner", "-loglevel", "error", "-y", ...args], { cwd: folder });

/** How many frames a film has that is read at 16 x 16. */
async function framesOf(path: string): Promise<number> {
  const info = await probeVideo(path);
  let count = 0;
  await using frames = new FrameReader(info, await ffmpegAbilities(), { size: { width: 16, height: 16 } });
  for await (const _ of frames) count++;
  return count;
}

describe.skipIf(!hasFfmpeg)("a file that names another", () => {
  const secret = join(folder, "secret.ts");
  if (hasFfmpeg) ffmpeg("-f", "lavfi", "-i", "testsrc=size=32x32:rate=5:duration=1", "-c:v", "mpeg2video", secret);
  const films = {
    "an HLS playlist": ["list.m3u8", `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:${secret}\n#EXT-X-ENDLIST\n`],
    "a list of the demuxer concat": ["list.txt", `ffconcat version 1.0\nfile ${secret}\n`],
  } as const;

  it.each(Object.entries(films))("is not followed where only containers are allowed: %s", async (_, [name, text]) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    limitFfmpeg({ formats: ["mov", "matroska", "mpegts"] });
    await expect(framesOf(path)).rejects.toThrow(/^Cannot read /);
    expect(await framesOf(secret)).toBe(5);
  });

  it("is one that ffmpeg would follow otherwise", async () => {
    const path = join(folder, "list.txt");
    writeFileSync(path, `ffconcat version 1.0\nfile secret.ts\n`);
    expect(await framesOf(path)).toBe(5);
  });
});

describe.skipIf(!hasFfmpeg || process.platform === "win32")("a decoder that hangs", () => {
  const hanging = join(folder, "hanging.sh");
  // It tells what it can do as ffmpeg does, and gives of any film nothing at all.
  writeFileSync(hanging, '#!/bin/sh\ncase "$*" in *rawvideo*) exec sleep 600 ;; *) exec ffmpeg "$@" ;; esac\n', {
    mode: 0o755,
  });
  afterEach(() => vi.unstubAllEnvs());

  it("is ended once it has given no frame for as long as it may", async () => {
    const path = join(folder, "patience.mkv");
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=32x32:rate=5:duration=1", "-c:v", "mjpeg", path);
    vi.stubEnv("FFMPEG_PATH", hanging);
    limitFfmpeg({ patience: 100 });
    await expect(framesOf(path)).rejects.toThrow(
      `Cannot read ${path}: ffmpeg gave no frame for 0.1 s after frame 0. Choose another file or part.`,
    );
  });
});

describe.skipIf(!hasFfmpeg || process.platform === "win32")("a film that takes 432 MB a frame", () => {
  const [path, growing] = [join(folder, "bomb.mkv"), join(folder, "growing.mkv")];
  if (hasFfmpeg) {
    const make = (size: string, seconds: number, name: string) => {
      const source = ["-f", "lavfi", "-i", `color=size=${size}:duration=${seconds}:rate=1`];
      ffmpeg(...source, "-c:v", "mjpeg", "-pix_fmt", "yuvj444p", join(folder, name));
      return readFileSync(join(folder, name));
    };
    const [small, large] = [make("32x32", 3, "small.mjpeg"), make("12000x12000", 1, "large.mjpeg")];
    writeFileSync(join(folder, "growing.mjpeg"), Buffer.concat([small, large]));
    const copy = (name: string, to: string) => ffmpeg("-r", "1", "-i", join(folder, name), "-c", "copy", to);
    copy("large.mjpeg", path);
    copy("growing.mjpeg", growing);
  }

  it("is refused where ffmpeg may have less, and read where it may have more", async () => {
    limitFfmpeg({ memory: 256 * 2 ** 20 });
    const frames = await framesOf(path).catch((error: Error) => error.message);
    expect(frames).toMatch(/^Cannot read /);
    // ffmpeg itself ends as if there were no more frames.
    const cut = await framesOf(growing).catch((error: AdaattnError) => [error.code, error.message]);
    const sentence = `Cannot read ${growing}: its decoder ran out of the 256 MiB of memory that it may have, after frame`;
    expect(cut).toEqual(["memory", expect.stringContaining(sentence)]);
    limitFfmpeg({ memory: 6 * 2 ** 30 });
    expect(await framesOf(path)).toBe(1);
    expect(await framesOf(growing)).toBeGreaterThan(2);
  });
});
