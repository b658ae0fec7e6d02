import { execFileSync } from "node:child_process";
import { chmod, copyFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { rateOfDelays } from "../../src/node/ffmpeg/animation.ts";
import { audioArgs, keepsAlpha, segmentFormat, type VideoCodec, videoTarget } from "../../src/node/ffmpeg/codecs.ts";
import { FrameReader, partOf, type ReadFramesOptions } from "../../src/node/ffmpeg/decode.ts";
import { FrameWriter } from "../../src/node/ffmpeg/encode.ts";
import { joinSegments } from "../../src/node/ffmpeg/join.ts";
import { probeVideo, seekBefore } from "../../src/node/ffmpeg/probe.ts";
import { type FfmpegAbilities, ffmpegAbilities, passFrames } from "../../src/node/ffmpeg/process.ts";
import { perSecond, steadyRate } from "../../src/node/ffmpeg/rate.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { card, hasFfmpeg, levelAt, look, makeClip, makeJumps, tone } from "../clips.ts";

const folder = await mkdtemp(join(tmpdir(), "adaattn-ffmpeg-"));
const path = (name: string) => join(folder, name);
const clip = (...args: string[]) => makeClip(folder, ...args);
let abilities: FfmpegAbilities;

beforeAll(async () => {
  if (!hasFfmpeg) return;
  abilities = await ffmpegAbilities();
  clip(...card("64x48", 10, 1), "-pix_fmt", "yuv420p", "plain.mp4");
  clip("-i", "plain.mp4", "-c", "copy", "-metadata:s:v", "rotate=90", "turned.mp4");
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => {
  delete process.env.FFMPEG_PATH;
  delete process.env.FFPROBE_PATH;
});

async function framesOf(name: string, options: ReadFramesOptions = {}): Promise<Picture[]> {
  await using reader = new FrameReader(await probeVideo(path(name)), abilities, options);
  const frames: Picture[] = [];
  for await (const { picture } of reader) frames.push(picture);
  return frames;
}

/** The color at a share of the width and the height. */
function colorAt({ width, height, data }: Picture, x: number, y: number): number[] {
  const at = (Math.floor(y * height) * width + Math.floor(x * width)) * 4;
  return [...data.subarray(at, at + 4)];
}

const near = (color: number[], expected: number[], by = 12) =>
  expect(Math.max(...color.map((value, at) => Math.abs(value - (expected[at] ?? 999)))), `${color}`).toBeLessThan(by);

const error = (name: string) =>
  probeVideo(path(name)).then(String, ({ message }) => String(message).replace(folder, "F"));

describe.skipIf(!hasFfmpeg)("a video file", () => {
  test("tells its size, rate, length and sound", async () => {
    clip(...card("65x49", "30000/1001", 1), ...tone(1), "-pix_fmt", "yuv444p", "-c:a", "aac", "odd.mp4");
    expect(await probeVideo(path("odd.mp4"))).toMatchObject({
      width: 65,
      height: 49,
      codec: "h264",
      rate: { numerator: 30000, denominator: 1001 },
      isVariable: false,
      seconds: 1.001,
      delay: 0,
      rotation: 0,
      pixelAspect: 1,
      audio: [{ codec: "aac", channels: 1 }],
    });
  });

  test("is read upright and in square pixels", async () => {
    const info = await probeVideo(path("turned.mp4"));
    expect([info.width, info.height, [90, 270].includes(info.rotation)]).toEqual([48, 64, true]);
    const [[first], [upright]] = [await framesOf("turned.mp4"), await framesOf("plain.mp4")];
    expect([first?.width, first?.height]).toEqual([48, 64]);
    const pictures = [first, upright] as Picture[];
    const [x, y] = info.rotation === 90 ? [0.75, 0.2] : [0.25, 0.8];
    near(colorAt(pictures[0] as Picture, x, y), colorAt(pictures[1] as Picture, 0.2, 0.25), 40);

    clip(...card("64x48", 5, 1), "-vf", "setsar=3/2", "wide.mkv");
    expect(await probeVideo(path("wide.mkv"))).toMatchObject({ width: 96, height: 48, pixelAspect: 1.5 });
    expect((await framesOf("wide.mkv"))[0]).toMatchObject({ width: 96, height: 48 });
  });

  test.each([
    ["bt709", "tv", "bt709"],
    ["bt709", "pc", "bt709"],
    ["smpte170m", "tv", "smpte170m"],
  ])("gives the colors that it means with matrix %s and range %s", async (space, range, matrix) => {
    const name = `${space}-${range}.mkv`;
    clip(
      ...["-f", "lavfi", "-i", "color=c=0xc83214:size=64x48:rate=5:duration=0.4"],
      ...["-vf", `scale=out_color_matrix=${matrix}:out_range=${range},format=yuv444p`],
      ...["-colorspace", space, "-color_range", range, "-crf", "1", name],
    );
    const [frame] = await framesOf(name);
    near(colorAt(frame as Picture, 0.5, 0.5), [200, 50, 20, 255], 5);
  });

  test.each([
    [{}, 10, 0],
    [{ start: 0.3, end: 0.7 }, 4, 3],
    [{ skip: 4 }, 6, 4],
    [{ start: 0.2, skip: 3 }, 5, 5],
    [{ rate: { numerator: 20, denominator: 1 } }, 20, 0],
    [{ rate: { numerator: 5, denominator: 1 } }, 5, undefined],
  ])("is read in part or at another rate: %o", async (options, count, first) => {
    const frames = await framesOf("plain.mp4", options);
    expect(frames).toHaveLength(count);
    if (first !== undefined) expect(frames[0]?.data).toEqual((await framesOf("plain.mp4"))[first]?.data);
  });

  test("with frames at any times is read at a steady rate, nothing moved by more than half a frame", async () => {
    clip(...card("64x48", 20, 2), "-vf", "select='lt(n,10)+not(mod(n,5))'", "-fps_mode", "vfr", "variable.mkv");
    const info = await probeVideo(path("variable.mkv"));
    await using reader = new FrameReader(info, abilities);
    const steps: number[] = [];
    let last: Picture | undefined;
    for await (const { picture, seconds } of reader) {
      if (last === undefined || Buffer.from(last.data).compare(Buffer.from(picture.data)) !== 0)
        steps.push(Math.round(seconds * 20));
      last = picture;
    }
    expect(perSecond(info.rate)).toBe(20);
    expect(steps).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 35]);
    expect(reader.count / 20).toBeGreaterThan(1.75);
  });

  test.each(["jumps.mp4", "jumps.mkv"])("with frames at any times is cut by the clock: %s", async (name) => {
    makeJumps(folder, name);
    const rate = { numerator: 30, denominator: 1 };
    const levels = (await framesOf(name, { start: 0.8, end: 1.2, rate })).map((frame) => colorAt(frame, 0.5, 0.5)[0]);
    expect(levels).toHaveLength(12);
    near(levels as number[], [...Array(6).fill(levelAt(20)), ...Array(6).fill(levelAt(30))], 6);
  });

  test("that is long is decoded from near its part, and gives the same frames", async () => {
    clip(...card("32x24", 5, 100), "-g", "20", "-crf", "30", "minutes.mkv");
    const info = await probeVideo(path("minutes.mkv"));
    for (const [start, least] of [
      [95, 80],
      [30, 20],
    ] as const) {
      const seek = await seekBefore(info, start);
      expect(seek).toBeGreaterThan(least);
      expect(seek).toBeLessThanOrEqual(start - 4);
      const part = { start, end: start + 1 };
      const frames = await framesOf("minutes.mkv", { ...part, seek });
      expect(frames).toHaveLength(5);
      expect(frames).toEqual(await framesOf("minutes.mkv", part));
    }
    expect(await seekBefore(info, 3)).toBeUndefined();
  });

  test.each([
    ["a film", [24000, 1001], [24000, 1001], 23.976],
    ["a phone that drops frames", [30, 1], [1430, 51], 30],
    ["a screen recording in milliseconds", [1000, 1], [123, 10], 13],
    ["slow motion", [240, 1], [2399, 10], 240],
    ["fields counted as frames", [50, 1], [25, 1], 25],
    ["a rate that is not known", undefined, undefined, 25],
  ])("of %s has a steady rate", (_, nominal, average, expected) => {
    const rate = (pair: number[] | undefined) =>
      pair && { numerator: pair[0] as number, denominator: pair[1] as number };
    expect(perSecond(steadyRate(rate(nominal), rate(average)))).toBeCloseTo(expected, 3);
  });

  test.each([
    ["two pictures of a second", [100, 100], 1, 1],
    ["pictures of many seconds", [6000, 9000], 1, 1],
    ["pictures of 1.5 and 2.5 seconds", [150, 250], 2, 1],
    ["12.5 a second", [8, 8, 8], 25, 2],
    ["30 a second, rounded", [3, 4, 3, 3, 4, 3], 30, 1],
    ["no common time, where the shortest has a place", [7, 101, 10, 23, 31, 19, 8, 53], 15, 1],
    ["pictures of a hundredth", [1, 1], 60, 1],
  ])("that is animated has the least rate for its pictures: %s", (_, delays, numerator, denominator) => {
    expect(rateOfDelays(delays, 100, 60)).toEqual({ numerator, denominator });
  });

  test.each([
    ["once.gif", "-loop", "-1", 0],
    ["twice.gif", "-loop", "1", 1],
    ["always.gif", "-loop", "0", Number.POSITIVE_INFINITY],
    ["thrice.apng", "-plays", "3", 2],
    ["endless.png", "-plays", "0", Number.POSITIVE_INFINITY],
  ])("that is animated tells how often and how fast: %s", async (name, option, value, repeats) => {
    clip(...card("64x48", 1, 2), option, value, "-f", name.endsWith(".gif") ? "gif" : "apng", name);
    expect(await probeVideo(path(name))).toMatchObject({ repeats, rate: { numerator: 1, denominator: 1 } });
    expect(await framesOf(name)).toHaveLength(2);
  });

  test("that cannot be read is told about in one sentence", async () => {
    await writeFile(path("diary.mp4"), "Dear diary, today I filmed nothing.".repeat(30));
    await writeFile(path("empty.mp4"), "");
    clip(...tone(1), "song.m4a");
    const whole = await readFile(path("plain.mp4"));
    await writeFile(path("cut.mp4"), whole.subarray(0, whole.length / 2));
    expect(await error("diary.mp4")).toBe(
      "Cannot read F/diary.mp4: it is not a video that ffmpeg knows. Convert it to MP4 first.",
    );
    expect(await error("empty.mp4")).toBe("Cannot read F/empty.mp4: it is empty (0 bytes). Choose another file.");
    expect(await error("none.mp4")).toBe("Cannot read F/none.mp4: it does not exist. Check its name and folder.");
    expect(await error("song.m4a")).toBe(
      "Cannot read F/song.m4a: it has no pictures, only audio. Choose a file with a video stream.",
    );
    expect(await error("cut.mp4")).toBe(
      "Cannot read F/cut.mp4: it is a damaged or truncated video. Get a fresh copy of it.",
    );
  });

  test("that is an animated WebP picture, which ffmpeg takes for a still one, is refused", async () => {
    const frames = await sharp({ create: { width: 32, height: 64, channels: 3, background: "red" } })
      .composite([{ input: { create: { width: 32, height: 32, channels: 3, background: "blue" } }, top: 0, left: 0 }])
      .raw()
      .toBuffer();
    const pages = { raw: { width: 32, height: 64, channels: 3 as const, pageHeight: 32 } };
    await sharp(frames, pages)
      .webp({ delay: [100, 200] })
      .toFile(path("two.webp"));
    expect(await error("two.webp")).toBe(
      "Cannot read F/two.webp: it is an animated WebP picture, of which ffmpeg reads one frame at most. Convert it to an animated PNG or a GIF first.",
    );
    // A still one is a video of one frame.
    await sharp(frames, { raw: { width: 32, height: 64, channels: 3 } })
      .webp()
      .toFile(path("still.webp"));
    expect(await framesOf("still.webp")).toHaveLength(1);
  });

  test("that is an AVIF sequence is read whole, and a still one is refused", async () => {
    // As libavif writes it: AV1 in ISO-BMFF, and transparency as gray video, whose handler is
    // "auxv".
    const gray = "color=white:size=64x48:rate=5:duration=2,format=gray,geq=lum='if(lt(X,32),0,255)'";
    const av1 = ["-c:v", "libaom-av1", "-cpu-used", "8", "-crf", "10"];
    clip(
      ...card("64x48", 5, 2),
      "-f",
      "lavfi",
      "-i",
      gray,
      "-map",
      "0",
      "-map",
      "1",
      ...av1,
      "-pix_fmt:0",
      "yuv444p",
      "two.mp4",
    );
    const bytes = await readFile(path("two.mp4"));
    bytes.write("avis", bytes.indexOf("ftyp") + 4, "latin1");
    bytes.write("auxv", bytes.lastIndexOf("vide", bytes.lastIndexOf("hdlr") + 16), "latin1");
    await writeFile(path("clear.avif"), bytes);
    const info = await probeVideo(path("clear.avif"));
    expect(info).toMatchObject({ seconds: 2, hasAlpha: true, rate: { numerator: 5, denominator: 1 } });
    const clear = await framesOf("clear.avif", { keepAlpha: true });
    expect(clear).toHaveLength(10);
    for (const frame of clear) expect([0.2, 0.8].map((x) => colorAt(frame, x, 0.5)[3])).toEqual([0, 255]);
    const [white] = await framesOf("clear.avif");
    expect(colorAt(white as Picture, 0.2, 0.5)).toEqual([255, 255, 255, 255]);
    expect(colorAt(white as Picture, 0.8, 0.5)).toEqual(colorAt(clear[0] as Picture, 0.8, 0.5));
    await sharp({ create: { width: 32, height: 32, channels: 3, background: "red" } })
      .avif()
      .toFile(path("still.avif"));
    expect(await error("still.avif")).toBe(
      "Cannot read F/still.avif: it is a still AVIF picture. Paint it by adaattn stylize, or convert it to PNG first.",
    );
  });

  test("that ends too early gives what it has, and says so", async () => {
    clip(...card("64x48", 10, 1), "-pix_fmt", "yuv420p", "-crf", "1", "-g", "3", "-movflags", "+faststart", "fast.mp4");
    const whole = await readFile(path("fast.mp4"));
    await writeFile(path("short.mp4"), whole.subarray(0, whole.length * 0.7));
    await using reader = new FrameReader(await probeVideo(path("short.mp4")), abilities);
    for await (const _ of reader);
    expect(reader.count).toBeGreaterThan(2);
    expect(reader.count + reader.shortfall).toBe(10);
    expect(reader.shortfall).toBeGreaterThan(1);
  });

  test("loses nothing where nobody reads until the decoder is done", async () => {
    await using reader = new FrameReader(await probeVideo(path("plain.mp4")), abilities, {
      size: { width: 32, height: 24 },
    });
    await sleep(500);
    for await (const _ of reader);
    expect(reader.count).toBe(10);
  });

  test("without a frame in the part that is asked for says so", async () => {
    await expect(framesOf("plain.mp4", { start: 5 })).rejects.toThrow(
      "plain.mp4: it has no frames there. Choose another file",
    );
  });

  test("waits for whoever reads, and ends with him", async () => {
    clip(...card("320x240", 25, 16), "-c:v", "mjpeg", "long.avi");
    const reader = new FrameReader(await probeVideo(path("long.avi")), abilities);
    const iterator = reader[Symbol.asyncIterator]();
    await iterator.next();
    const before = process.memoryUsage.rss();
    await sleep(400);
    // 400 frames of 0.3 MB would come within that time.
    expect(process.memoryUsage.rss() - before).toBeLessThan(50e6);
    const running = () => execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).includes(path("long.avi"));
    expect(running()).toBe(true);
    await reader[Symbol.asyncDispose]();
    expect(running()).toBe(false);
  });
});

describe.skipIf(!hasFfmpeg)("a film", () => {
  /** Writes frames in segments of seven, and joins them. */
  async function film(
    name: string,
    frames: readonly Picture[],
    codec?: VideoCodec,
    sound?: Parameters<typeof joinSegments>[2]["sound"],
    repeats?: number,
    hasAlpha = false,
  ) {
    const target = videoTarget(path(name), codec);
    const [size, rate] = [frames[0] as Picture, { numerator: 30000, denominator: 1001 }];
    const format = segmentFormat(name, size, target, abilities, hasAlpha);
    const files: { path: string; frames: number }[] = [];
    for (let from = 0; from < frames.length; from += 7) {
      await using writer = new FrameWriter(path(`${files.length}-${name}${format.extension}`), {
        name,
        size,
        rate,
        format,
      });
      const part = frames.slice(from, from + 7);
      for (const frame of part) await writer.write(frame);
      await writer.finish();
      files.push({ path: writer.path, frames: part.length });
    }
    await joinSegments(path(name), target, { files, rate, scratch: path(`scratch-${name}`), name, sound, repeats });
    return look(path(name));
  }

  const frames = Array.from({ length: 15 }, (_, frame) => {
    const data = new Uint8ClampedArray(33 * 25 * 4);
    for (let at = 0; at < 33 * 25; at++) data.set([40 + frame * 10, (at % 33) * 6, 90, 255], at * 4);
    return { width: 33, height: 25, data };
  });

  test.each([
    ["film.mp4", undefined, "h264", 34, 26],
    ["film.mov", undefined, "h264", 34, 26],
    ["film.mkv", undefined, "h264", 34, 26],
    ["film.webm", undefined, "vp9", 33, 25],
    ["prores.mov", "prores", "prores", 34, 26],
    ["film.gif", undefined, "gif", 33, 25],
  ] as const)("%s of segments has every frame, at exact times", async (name, codec, written, width, height) => {
    const { frames: count, ...found } = await film(name, frames, codec);
    expect([found.codec, found.width, found.height, count, written === "gif" ? "30000/1001" : found.rate]).toEqual([
      written,
      width,
      height,
      15,
      "30000/1001",
    ]);
    expect(Math.abs(found.length - 0.5005)).toBeLessThan(0.0334);
    if (written === "h264" || written === "vp9") expect(found.matrix).toBe("bt709");
  });

  test("keeps colors and repeats its edge where the codec needs even sides", async () => {
    await film("back.mp4", frames);
    const [, , third] = await framesOf("back.mp4");
    near(colorAt(third as Picture, 0.5, 0.5), [60, 102, 90, 255]);
    near(colorAt(third as Picture, 0.99, 0.99), [60, 192, 90, 255], 20);
  });

  test("is white where frames are transparent and the codec is not", async () => {
    const hidden = frames.map(({ data, ...size }) => ({
      ...size,
      data: data.map((value, at) => (at % 4 === 3 ? 0 : value)),
    }));
    await film("hidden.mp4", hidden);
    const [frame] = await framesOf("hidden.mp4");
    near(colorAt(frame as Picture, 0.5, 0.5), [255, 255, 255, 255]);
  });

  test("keeps transparency as a GIF", async () => {
    const clear = frames.map(({ data, ...size }) => ({
      ...size,
      data: data.map((value, at) => (at % 4 === 3 && at < 1000 ? 0 : value)),
    }));
    await film("clear.gif", clear);
    const [frame] = await framesOf("clear.gif", { keepAlpha: true });
    expect([colorAt(frame as Picture, 0.5, 0.1)[3], colorAt(frame as Picture, 0.5, 0.9)[3]]).toEqual([0, 255]);
    const [white] = await framesOf("clear.gif");
    expect(colorAt(white as Picture, 0.5, 0.1)).toEqual([255, 255, 255, 255]);
  });

  test.each(["libvpx", "libvpx-vp9"])("shows what is transparent in WebM by %s", async (encoder) => {
    const half = "color=size=64x48:rate=10:duration=0.5,format=rgba,geq=r=200:g=50:b=20:a='if(lt(X,32),0,255)'";
    const [input, name] = [["-f", "lavfi", "-i", half], `${encoder}.webm`];
    clip(...input, "-pix_fmt", "yuva420p", "-c:v", encoder, "-auto-alt-ref", "0", "-crf", "10", "-b:v", "1M", name);
    expect(await probeVideo(path(name))).toMatchObject({ hasAlpha: true });
    const [[white], [clear]] = [await framesOf(name), await framesOf(name, { keepAlpha: true })];
    near(colorAt(white as Picture, 0.25, 0.5), [255, 255, 255, 255], 3);
    near(colorAt(white as Picture, 0.75, 0.5), [200, 50, 20, 255]);
    expect([colorAt(clear as Picture, 0.25, 0.5)[3], colorAt(clear as Picture, 0.75, 0.5)[3]]).toEqual([0, 255]);
    const poor = { ...abilities, version: "4.4", decoders: new Set(["vp8", "vp9"]) };
    const info = await probeVideo(path(name));
    expect(() => new FrameReader(info, poor)).toThrow(
      `${name}: this ffmpeg (4.4) has no ${encoder}, which decodes its transparency. Install a full build of ffmpeg.`,
    );
  });

  test.each([
    ["clear.webm", undefined],
    ["clear-vp9.mkv", "vp9"],
    ["clear.mov", "prores"],
  ] as const)("keeps transparency in %s", async (name, codec) => {
    const clear = frames.map(({ data, ...size }) => ({
      ...size,
      data: data.map((value, at) => (at % 4 === 3 && at < 33 * 12 * 4 ? 0 : value)),
    }));
    await film(name, clear, codec, undefined, undefined, true);
    const back = await framesOf(name, { keepAlpha: true });
    expect(back).toHaveLength(15);
    for (const frame of [back[0], back[14]] as Picture[]) {
      expect([colorAt(frame, 0.5, 0.2)[3], colorAt(frame, 0.5, 0.8)[3]]).toEqual([0, 255]);
    }
    near(colorAt(back[2] as Picture, 0.5, 0.8), [60, 102, 90, 255]);
  });

  test("says which of them keep transparency", () => {
    const kept = (name: string, codec?: VideoCodec) => keepsAlpha(videoTarget(name, codec));
    expect([kept("a.webm"), kept("a.gif"), kept("a.mov", "prores"), kept("a.mkv", "vp9")]).not.toContain(false);
    expect([kept("a.mp4"), kept("a.mp4", "vp9"), kept("a.webm", "av1"), kept("a.mov")]).not.toContain(true);
  });

  test("has the colors of every scene as a GIF, and is shown as often as is asked for", async () => {
    const scenes = [
      [255, 0, 0, 255],
      [0, 255, 0, 255],
      [0, 0, 255, 255],
      [255, 255, 0, 255],
      [255, 255, 255, 255],
    ];
    const flat = scenes.map((color) => ({
      width: 33,
      height: 25,
      data: new Uint8ClampedArray(33 * 25 * 4).map((_, at) => color[at % 4] as number),
    }));
    await film("scenes.gif", flat, undefined, undefined, 2);
    const back = await framesOf("scenes.gif", { rate: { numerator: 30000, denominator: 1001 } });
    expect(back).toHaveLength(5);
    for (const [index, frame] of back.entries()) near(colorAt(frame, 0.5, 0.5), scenes[index] as number[], 3);
    const repeats = async (name: string) => (await probeVideo(path(name))).repeats;
    expect(await repeats("scenes.gif")).toBe(2);
    await film("once-more.gif", flat, undefined, undefined, 0);
    expect(await repeats("once-more.gif")).toBe(0);
    await film("endless.gif", flat);
    expect(await repeats("endless.gif")).toBe(Number.POSITIVE_INFINITY);
  });

  test("has the sound of the original, from where the pictures begin", async () => {
    clip(...tone(1), "-c:a", "aac", "tone.mp4");
    const [pictures, sounds] = [
      ["-itsoffset", "0.3", "-i", "plain.mp4"],
      ["-i", "tone.mp4"],
    ];
    clip(...pictures, ...sounds, "-map", "0", "-map", "1", "-c", "copy", "late.mp4");
    const info = await probeVideo(path("late.mp4"));
    expect(info.delay).toBeCloseTo(0.3, 2);
    const { from, first } = partOf(info, info.rate, {});
    const delay = (first - from) / perSecond(info.rate);
    const sound = { path: path("late.mp4"), tracks: info.audio, start: 0, delay };
    const copied = await film("sound.mp4", frames, undefined, sound);
    expect(copied).toMatchObject({ audio: ["aac"], frames: 15 });
    expect(copied.start).toBeCloseTo(0.3, 1);
    expect(await film("sound.webm", frames, undefined, sound)).toMatchObject({ audio: ["opus"], frames: 15 });
    const part = await film("part.mp4", frames, undefined, { ...sound, start: 0.4, seconds: 0.5, delay: 0 });
    expect(part.length).toBeCloseTo(0.5, 1);
  });

  test("takes sound as it is only where the file holds it", () => {
    expect(audioArgs(".mp4", ["aac", "vorbis"])).toEqual(["-c:a:0", "copy", "-c:a:1", "aac", "-b:a:1", "192k"]);
    expect(audioArgs(".webm", ["opus"])).toEqual(["-c:a:0", "copy"]);
    expect(audioArgs(".gif", ["aac"])).toEqual([]);
  });

  test("is refused where its name, codec and quality do not go together", () => {
    const refusal =
      (...args: Parameters<typeof videoTarget>) =>
      () =>
        videoTarget(...args);
    expect(refusal("a.avi", undefined)).toThrow(
      "Expected a name ending in .mp4, .m4v, .mov, .webm, .mkv, .gif for the video but received a.avi.",
    );
    expect(refusal("a.webm", "h264")).toThrow(
      "Expected a name ending in .mp4, .m4v, .mov, .mkv for h264 video but received a.webm.",
    );
    expect(refusal("a.mp4", undefined, { crf: 60 })).toThrow(
      "Expected a number from 0 to 51 for the crf of h264 video but received 60.",
    );
    expect(refusal("a.gif", undefined, { crf: 6 })).toThrow(
      "Expected no crf and no bit rate for gif video, which has one quality",
    );
    expect(refusal("a.mp4", undefined, { crf: 6, bitrate: 1e6 })).toThrow("received both");
    const poor = { ...abilities, version: "4.4", encoders: new Set(["libx264"]) };
    expect(() => segmentFormat("a.webm", { width: 32, height: 32 }, videoTarget("a.webm", undefined), poor)).toThrow(
      "Cannot write a.webm: this ffmpeg (4.4) has no encoder for vp9, which would be libvpx-vp9.",
    );
  });

  /** A stand-in for ffmpeg, which does what a script says. */
  async function standIn(script: string): Promise<void> {
    await writeFile(path("stand-in"), `#!/bin/sh\n${script}\n`);
    await chmod(path("stand-in"), 0o755);
    process.env.FFMPEG_PATH = path("stand-in");
  }

  test.each([
    [
      "killed",
      "kill -9 $$",
      "Cannot write film.mp4: ffmpeg was ended by SIGKILL. Choose another --codec or another folder.",
    ],
    [
      "out of space",
      "head -c 9000 >/dev/null; echo 'av_interleaved_write_frame(): No space left on device' >&2; exit 1",
      "Cannot write film.mp4: no space is left on the disk. Free some, or choose a folder on another disk.",
    ],
    [
      "out of its mind",
      "echo '[libx264 @ 0x1] broken.' >&2; exit 3",
      "Cannot write film.mp4: ffmpeg says: broken. Choose another --codec or another folder.",
    ],
  ])("whose encoder is %s fails in one sentence, and leaves no file", async (_, script, message) => {
    await copyFile(path("plain.mp4"), path("half.mp4"));
    await standIn(script);
    const format = segmentFormat("film.mp4", frames[0] as Picture, videoTarget("film.mp4", undefined), abilities);
    const work = async () => {
      const rate = { numerator: 30, denominator: 1 };
      await using writer = new FrameWriter(path("half.mp4"), {
        name: "film.mp4",
        size: frames[0] as Picture,
        rate,
        format,
      });
      for (let turn = 0; turn < 2000; turn++) for (const frame of frames) await writer.write(frame);
      await writer.finish();
    };
    await expect(work()).rejects.toThrow(message);
    await expect(stat(path("half.mp4"))).rejects.toThrow("ENOENT");
  });

  test("cannot be made without ffmpeg, which is told how to get", async () => {
    process.env.FFMPEG_PATH = "no-such-ffmpeg";
    await expect(ffmpegAbilities()).rejects.toThrow(
      "Cannot find no-such-ffmpeg, which reads and writes video: install it by apt install ffmpeg (Debian, Ubuntu), brew install ffmpeg (macOS) or winget install ffmpeg (Windows), or say where it lies in FFMPEG_PATH.",
    );
  });

  test.each([
    ["4.4.2", "-vsync"],
    ["5.0", "-vsync"],
    ["5.1.9-0+deb12u1", "-fps_mode"],
    ["n7.1", "-fps_mode"],
    ["N-109468-gd39b34123d", "-fps_mode"],
  ])("is made by ffmpeg %s with %s", (version, option) => {
    expect(passFrames({ ...abilities, version })[0]).toBe(option);
  });
});
