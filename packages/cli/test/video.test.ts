import { execFileSync, spawn } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { writeFlow } from "@adaattn/train";
import { loadModel } from "adaattn/node";
import { Command } from "commander";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { card, hasFfmpeg, look, makeClip, makeJumps, tone } from "../../adaattn/test/clips.ts";
import { addEvalCommand } from "../src/commands/eval/command.ts";
import { addVideoCommand } from "../src/commands/video/command.ts";
import { factsOf } from "../src/commands/video/facts.ts";
import { pace } from "../src/commands/video/report.ts";
import { bitsOf, parseTimedStyle, rateOf, secondsOf } from "../src/commands/video/times.ts";
import { UsageError } from "../src/terminal/usage.ts";
import { ADAATTN, adaattn, run, temporaryFolder, waves } from "./command.ts";

const MODELS = fileURLToPath(new URL("../../../models", import.meta.url));

const folder = await temporaryFolder();
const path = (...names: string[]) => join(folder, ...names);
const clip = (...args: string[]) => makeClip(folder, ...args);

beforeAll(async () => {
  if (!hasFfmpeg) return;
  await waves(40, 32).jpeg().toFile(path("wave.jpg"));
  await waves(32, 40).negate().png().toFile(path("sea.png"));
  clip(...card("32x24", 10, 1), ...tone(1), "-c:a", "aac", "-pix_fmt", "yuv420p", "clip.mp4");
  clip(...card("32x24", 2, 10), ...tone(10), "-c:a", "aac", "-pix_fmt", "yuv420p", "long.mp4");
});

/** Runs the command within this process. */
async function command(...args: string[]): Promise<{ whole: boolean; result: Record<string, unknown> }> {
  const lines: string[] = [];
  const write = process.stdout.write;
  process.stdout.write = ((text: string) => lines.push(text) > 0) as typeof write;
  let whole = true;
  const program = new Command("adaattn").exitOverride().configureOutput({ writeErr: () => undefined });
  const interruption = {
    signal: new AbortController().signal,
    wait: () => undefined,
    onHangup: () => undefined,
    end: () => undefined,
  };
  const context = { version: "0", failed: () => (whole = false) };
  addVideoCommand(program, interruption, context);
  addEvalCommand(program, { ...context, signal: interruption.signal });
  const own = process.cwd();
  process.chdir(folder);
  try {
    await program.parseAsync([...args, "--device", "cpu", "--json", "--quiet"], { from: "user" });
  } finally {
    process.chdir(own);
    process.stdout.write = write;
  }
  return { whole, result: JSON.parse(lines.join("") || "{}") as Record<string, unknown> };
}

const video = (...args: string[]) => command("video", ...args);

/** A checksum of every frame. */
const pictures = (name: string) =>
  execFileSync("ffmpeg", ["-v", "error", "-i", path(name), "-an", "-f", "framemd5", "-"], { encoding: "utf8" });

const hidden = async () => (await readdir(folder)).filter((name) => name.startsWith("."));

describe("times and rates", () => {
  test.each([
    ["5", 5],
    ["2.5s", 2.5],
    ["1:05", 65],
    ["1:00:05.5", 3605.5],
    ["soon", undefined],
    ["-1", undefined],
  ])("%s is read", (text, expected) => expect(secondsOf(text)).toBe(expected));

  test.each([
    ["night.jpg@5s", { path: "night.jpg", seconds: 5 }],
    ["night.jpg:2@1:05", { path: "night.jpg", weight: 2, seconds: 65 }],
    ["night.jpg:2", { path: "night.jpg", weight: 2, seconds: 0 }],
    ["photo@2x.jpg@0s", { path: "photo@2x.jpg", seconds: 0 }],
    ["photo@2x.jpg", { path: "photo@2x.jpg", seconds: 0 }],
  ])("a style %s is read", (text, expected) => expect(parseTimedStyle(text)).toEqual(expected));

  test("rates are the exact ones that people mean", () => {
    expect(rateOf("--fps", "29.97")).toEqual({ numerator: 30000, denominator: 1001 });
    expect(rateOf("--fps", "23.976")).toEqual({ numerator: 24000, denominator: 1001 });
    expect(rateOf("--fps", "24")).toEqual({ numerator: 24, denominator: 1 });
    expect(rateOf("--fps", "12.5")).toEqual({ numerator: 12500, denominator: 1000 });
    expect(rateOf("--fps", "30000/1001")).toEqual({ numerator: 30000, denominator: 1001 });
    expect(() => rateOf("--fps", "0")).toThrow(
      "Expected a number of frames a second from 0.1 to 1000 for --fps but received 0.",
    );
    expect(bitsOf("--bitrate", "2.5M")).toBe(2_500_000);
    expect(() => bitsOf("--bitrate", "fast")).toThrow(
      "Expected bits a second such as 800k or 4M for --bitrate but received fast.",
    );
  });

  test("progress says what is left", () => {
    expect(pace(12, 312, 3)).toBe("frame 12/312, 3.0 fps, 100 s left".replace("100 s", "2 min"));
    expect(pace(12, undefined, 24)).toBe("frame 12, 24 fps");
    expect(pace(0, 9, 0)).toBe("frame 0/9");
  });
});

describe.skipIf(!hasFfmpeg)("a video", () => {
  test("is painted with its length, rate and sound, and its frames are written too", async () => {
    const { whole, result } = await video("clip.mp4", "-s", "wave.jpg", "-o", "out.mp4", "--frames", "frames");
    expect(whole).toBe(true);
    expect(result).toMatchObject({
      frames: 10,
      painted: 10,
      resumed: 0,
      shortfall: 0,
      scenes: [0],
      model: "small-video",
      device: "cpu",
    });
    expect(look(path("out.mp4"))).toMatchObject({
      codec: "h264",
      width: 32,
      height: 24,
      frames: 10,
      rate: "10/1",
      audio: ["aac"],
    });
    expect(look(path("out.mp4")).length).toBeCloseTo(look(path("clip.mp4")).length, 1);
    expect((await readdir(path("frames"))).sort()).toEqual(
      Array.from({ length: 10 }, (_, at) => `${String(at + 1).padStart(6, "0")}.png`),
    );
    expect(await hidden()).toEqual([]);
  });

  test("may be a folder of numbered pictures, and become a GIF in two styles", async () => {
    const args = ["-s", "wave.jpg@0s", "-s", "sea.png@0.2s", "--fade", "0.1", "--fps", "10", "--strength", "0.8"];
    await mkdir(path("numbered"));
    clip(...card("32x24", 10, 1), "numbered/%03d.png");
    const { result } = await video("numbered", ...args, "--end", "0.5", "-o", "out.gif");
    expect(result).toMatchObject({
      frames: 5,
      styles: [
        { path: "wave.jpg", seconds: 0 },
        { path: "sea.png", seconds: 0.2 },
      ],
    });
    expect(look(path("out.gif"))).toMatchObject({ codec: "gif", width: 32, height: 24, frames: 5, audio: [] });
  });

  test("may be a GIF, in part, larger, and lie on its side", async () => {
    clip(...card("24x20", 10, 1), "card.gif");
    expect((await video("card.gif", "-s", "wave.jpg", "-o", "gif.webm", "--start", "0.6s")).result).toMatchObject({
      frames: 4,
    });
    expect(look(path("gif.webm"))).toMatchObject({ codec: "vp9", width: 24, height: 20, frames: 4 });
    clip("-i", "clip.mp4", "-c", "copy", "-metadata:s:v", "rotate=90", "turned.mp4");
    await video("turned.mp4", "-s", "wave.jpg", "-o", "upright.mov", "--size", "40", "--end", "0.3");
    expect(look(path("upright.mov"))).toMatchObject({ width: 30, height: 40, frames: 3, audio: ["aac"] });
  });

  test("that is a GIF is shown as often and as slowly as before", async () => {
    clip(...card("32x24", 1, 2), "-loop", "3", "slow.gif");
    expect((await video("slow.gif", "-s", "wave.jpg", "-o", "slow-out.gif")).result).toMatchObject({ frames: 2 });
    const { loop, delay, pages } = await sharp(path("slow-out.gif")).metadata();
    // sharp counts how often it is shown, ffmpeg how often it is shown again.
    expect({ loop, delay, pages }).toEqual({ loop: 4, delay: [1000, 1000], pages: 2 });
  });

  test("with frames at any times is cut where it is asked to be, and sound with it", async () => {
    makeJumps(folder, "jumps.mp4");
    const args = ["-s", "wave.jpg", "-o", "cut.mp4", "--start", "0.8", "--end", "1.2", "--fps", "30"];
    expect((await video("jumps.mp4", ...args)).result).toMatchObject({ frames: 12, painted: 2 });
    const streams = (kind: string) =>
      execFileSync(
        "ffprobe",
        [
          "-v",
          "error",
          "-select_streams",
          kind,
          "-show_entries",
          "stream=start_time,duration",
          "-of",
          "csv=p=0",
        ].concat(path("cut.mp4")),
        { encoding: "utf8" },
      )
        .split(",")
        .map(Number) as [number, number];
    const [[pictureStart, pictures], [soundStart, sound]] = [streams("v"), streams("a")];
    expect(Math.abs(pictureStart - soundStart)).toBeLessThan(1 / 30);
    expect([pictures, sound]).toEqual([expect.closeTo(0.4, 1.5), expect.closeTo(0.4, 1.5)]);
    // The picture changes after six frames, when the tone begins.
    const samples = execFileSync("ffmpeg", [
      ...["-v", "error", "-i", path("cut.mp4"), "-vn", "-af", "aresample=async=1:first_pts=0"],
      ...["-ac", "1", "-ar", "48000", "-f", "s16le", "-"],
    ]);
    let onset = 0;
    while (onset < samples.length / 2 && Math.abs(samples.readInt16LE(2 * onset)) < 500) onset++;
    expect(Math.abs(onset / 48000 - 0.2)).toBeLessThan(1 / 30);
  });

  test("that is transparent in parts stays so where it can", async () => {
    const half = "color=size=32x24:rate=5:duration=0.4,format=rgba,geq=r=200:g=50:b=20:a='if(lt(X,16),0,255)'";
    clip("-f", "lavfi", "-i", half, "-pix_fmt", "yuva420p", "-c:v", "libvpx-vp9", "-crf", "10", "half.webm");
    await video("half.webm", "-s", "wave.jpg", "-o", "half-out.webm", "--frames", "half-frames");
    const decoded = (...args: string[]) => {
      const raw = ["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgba", "-"];
      return execFileSync("ffmpeg", ["-v", "error", ...args, ...raw]).subarray(12 * 32 * 4, 13 * 32 * 4);
    };
    const row = decoded("-c:v", "libvpx-vp9", "-i", path("half-out.webm"));
    expect([row[4 * 4 + 3], row[28 * 4 + 3]]).toEqual([0, 255]);
    const picture = decoded("-i", path("half-frames", "000001.png"));
    expect([picture[4 * 4 + 3], picture[28 * 4 + 3]]).toEqual([0, 255]);

    // The same of a folder, with other colors under what is transparent.
    await mkdir(path("cut-out"));
    const green = half.replace("r=200", "r='if(lt(X,16),0,200)'");
    clip("-f", "lavfi", "-i", green, "cut-out/%06d.png");
    const args = ["-s", "wave.jpg", "--strength", "0", "--fps", "5"];
    await video("cut-out", ...args, "-o", "cut-out.webm");
    const kept = decoded("-c:v", "libvpx-vp9", "-i", path("cut-out.webm"));
    expect([kept[4 * 4 + 3], kept[28 * 4 + 3]]).toEqual([0, 255]);
    await video("cut-out", ...args, "-o", "cut-out.mp4", "--crf", "1");
    const white = decoded("-i", path("cut-out.mp4"));
    for (const value of white.subarray(4 * 4, 4 * 4 + 3)) expect(value).toBeGreaterThan(240);
  });

  test("keeps subtitles, chapters, attachments and who made it, where the file holds them, and not where", async () => {
    await writeFile(path("said.srt"), "1\n00:00:00,200 --> 00:00:00,600\nHello\n");
    const chapter = (start: number, end: number, title: string) =>
      `[CHAPTER]\nTIMEBASE=1/1000\nSTART=${start}\nEND=${end}\ntitle=${title}\n`;
    const chapters = `${chapter(0, 500, "one")}${chapter(500, 1000, "two")}`;
    await writeFile(path("said.txt"), `;FFMETADATA1\ntitle=Walk\nartist=Ann\nlocation=+51.5-000.1/\n${chapters}`);
    await writeFile(path("font.ttf"), "no real font");
    const attached = ["-attach", "font.ttf", "-metadata:s:t", "mimetype=application/x-truetype-font"];
    const inputs = [...card("32x24", 10, 1), "-i", "said.srt", "-i", "said.txt"];
    clip(...inputs, "-map_metadata", "2", "-map_chapters", "2", ...attached, "-c:s", "srt", "rich.mkv");
    const said = (name: string) => {
      const args = ["-v", "error", "-of", "json", "-show_streams", "-show_format", "-show_chapters", path(name)];
      const { streams, format, chapters } = JSON.parse(execFileSync("ffprobe", args, { encoding: "utf8" })) as {
        streams: { codec_type: string; codec_name?: string }[];
        format: { tags: Record<string, string> };
        chapters: { end_time: string; tags: { title: string } }[];
      };
      const tags = Object.fromEntries(Object.entries(format.tags).map(([key, value]) => [key.toLowerCase(), value]));
      return {
        subtitles: streams.filter((one) => one.codec_type === "subtitle").map((one) => one.codec_name),
        attachments: streams.filter((one) => one.codec_type === "attachment").length,
        chapters: chapters.map(({ tags: { title } }) => title),
        tags: [tags.title, tags.artist, tags.location],
      };
    };
    const args = ["rich.mkv", "-s", "wave.jpg"];
    const tags = ["Walk", "Ann", undefined];
    const both = ["one", "two"];
    expect((await video(...args, "-o", "rich-out.mkv")).result.notes).toEqual([]);
    expect(said("rich-out.mkv")).toEqual({ subtitles: ["subrip"], attachments: 1, chapters: both, tags });
    const note = "one attachment of rich.mkv did not go into the film; a .mkv file holds more";
    expect((await video(...args, "-o", "rich-out.mp4")).result.notes).toEqual([note]);
    expect(said("rich-out.mp4")).toEqual({ subtitles: ["mov_text"], attachments: 0, chapters: both, tags });
    await video(...args, "-o", "rich-out.webm", "--end", "0.4", "--metadata", "none");
    expect(said("rich-out.webm")).toEqual({
      subtitles: ["webvtt"],
      attachments: 0,
      chapters: ["one"],
      tags: [undefined, undefined, undefined],
    });
    expect(look(path("rich-out.webm"))).toMatchObject({ frames: 4 });
    await video(...args, "-o", "all-out.mkv", "--metadata", "all");
    expect(said("all-out.mkv").tags[2]).toBe("+51.5-000.1/");
    expect((await video(...args, "-o", "rich-out.gif")).result.notes).toEqual([
      "one subtitle track (subrip), 2 chapters, one attachment of rich.mkv did not go into the film; a .mkv file holds more",
    ]);
  });

  test("that is truncated is painted as far as it goes, and that is a failure", async () => {
    clip(...card("32x24", 10, 2), "-pix_fmt", "yuv420p", "-crf", "1", "-g", "3", "-movflags", "+faststart", "fast.mp4");
    const { size } = await stat(path("fast.mp4"));
    await run(["sh", "-c", `head -c ${Math.floor(size * 0.4)} fast.mp4 > short.mp4`], { cwd: folder });
    const { whole, result } = await video("short.mp4", "-s", "wave.jpg", "-o", "short-out.mp4");
    expect(whole).toBe(false);
    expect(result.shortfall).toBeGreaterThan(1);
    expect(look(path("short-out.mp4")).frames).toBe(result.frames);
  });
});

describe("what a job depends on", () => {
  test("is the weights themselves, wherever the model lies", async () => {
    const whole = {
      version: "0",
      look: {},
      paint: {},
      fade: 1,
      styles: [],
      masks: [],
      styleMasks: [],
      resume: true,
      metadata: "safe" as const,
      quiet: true,
      json: false,
      device: "cpu" as const,
      signal: new AbortController().signal,
    };
    const source = { path: path("wave.jpg"), size: { width: 32, height: 24 }, rate: { numerator: 10, denominator: 1 } };
    const weightsOf = async (model: string) =>
      ((await factsOf(source, { ...whole, model })) as { weights: unknown }).weights;
    const bundled = await weightsOf("small-video");
    await using model = await loadModel("small-video", { device: "cpu" });
    expect(bundled).toBe(await model.fingerprint());
    expect(await weightsOf("small")).not.toBe(bundled);

    const copy = path("model");
    await cp(join(MODELS, "small-video"), copy, { recursive: true });
    expect(await weightsOf(copy)).toBe(bundled);
    // Other weights in a file of the same size and date.
    const file = join(copy, "model.safetensors");
    const [bytes, { atime, mtime }] = [await readFile(file), await stat(file)];
    bytes[bytes.length - 2] = (bytes[bytes.length - 2] ?? 0) ^ 1;
    await writeFile(file, bytes);
    await utimes(file, atime, mtime);
    expect(await weightsOf(copy)).not.toBe(bundled);
  });
});

describe.skipIf(!hasFfmpeg)("a job", () => {
  const args = ["video", "long.mp4", "--style", "wave.jpg", "-o", "job.mp4", "--device", "cpu"];
  const job = path(".job.mp4.adaattn");
  const segments = async () => (await readdir(job).catch(() => [])).filter((name) => /^\d{6}-\d+\.mp4$/.test(name));

  test("that is killed goes on after its last whole segment, with the same frames; other options begin anew", async () => {
    const [file = "", ...rest] = ADAATTN;
    const child = spawn(file, [...rest, ...args], { cwd: folder, stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    while ((await segments()).length < 1 && child.exitCode === null) await sleep(20);
    child.kill("SIGKILL");
    await ended;
    const kept = (await segments()).length;
    expect(kept).toBeGreaterThan(0);
    await expect(stat(path("job.mp4"))).rejects.toThrow("ENOENT");

    const common = ["long.mp4", "-s", "wave.jpg", "-o"];
    await expect(video(...common, "job.mp4", "--resume", "--strength", "0.5")).rejects.toThrow(
      new UsageError(
        "Expected the options and files that job.mp4 was begun with but received others; run it without --resume to begin anew.",
      ),
    );
    // The command's own version is among what a job depends on.
    const { code, stdout } = await adaattn([...args, "--resume", "--json", "--quiet"], { cwd: folder });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ frames: 20, resumed: 4 * kept, painted: 20 - 4 * kept });
    expect(look(path("job.mp4"))).toMatchObject({ frames: 20, seconds: 10, rate: "2/1", audio: ["aac"] });
    expect(await hidden()).toEqual([]);
    await video("long.mp4", "-s", "wave.jpg", "-o", "once.mp4");
    expect(pictures("job.mp4")).toEqual(pictures("once.mp4"));
  });

  test("that Ctrl-C stops leaves a proper file up to that frame", async () => {
    const [file = "", ...rest] = ADAATTN;
    const child = spawn(file, [...rest, ...args], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
    await rm(path("job.mp4"));
    while ((await segments()).length < 1 && child.exitCode === null) await sleep(20);
    child.kill("SIGINT");
    expect(await ended).toBe("SIGINT");
    expect(said).toContain("Stopped; closing the file after this frame. Ctrl-C once more ends at once.");
    const { frames, length, audio } = look(path("job.mp4"));
    expect(frames).toBeGreaterThanOrEqual(4);
    expect(frames).toBeLessThan(20);
    expect(Math.abs(length - frames / 2)).toBeLessThan(0.5);
    expect(audio).toEqual(["aac"]);
    expect(await hidden()).toEqual([]);
  });
});

describe.skipIf(!hasFfmpeg)("how steady a video is", () => {
  const measure = (...args: string[]) =>
    command("eval", "--video", "clip.mp4", "--style", "wave.jpg", "--size", "48", ...args);

  test("is measured beside the input's own, with flow that is estimated or given", async () => {
    const unknown = new Float32Array(48 * 36).fill(1e10);
    await mkdir(path("flow"));
    for (let frame = 1; frame < 10; frame += 2) {
      const name = `00000${frame}-${String(frame + 1).padStart(6, "0")}.flo`;
      await writeFile(path("flow", name), writeFlow({ width: 48, height: 36, x: unknown, y: unknown }));
    }
    const { result } = await measure("--results", "clip.mp4", "--flow", "flow", "--report", "steady.json");
    expect(JSON.parse(await readFile(path("steady.json"), "utf8"))).toEqual(result);
    const [report] = result.videos as Record<string, unknown>[];
    // Of nine pairs of neighbors the flow of every other is unknown, and then none of its pixels
    // count.
    expect(report).toMatchObject({
      width: 48,
      height: 36,
      frames: 10,
      pairs: [
        { distance: 1, count: 4 },
        { distance: 10, count: 0 },
      ],
    });
    const versions = report?.versions as {
      version: string;
      warping: (number | null)[];
      framesPerSecond: number | null;
    }[];
    expect(versions.map(({ version }) => version)).toEqual(["input", "small", "results"]);
    const [input, small, results] = versions;
    expect(results?.warping).toEqual(input?.warping);
    expect(input?.warping[0]).toBeGreaterThan(0);
    expect(small?.warping[0]).not.toBe(input?.warping[0]);
    expect([input?.warping[1], input?.framesPerSecond]).toEqual([null, null]);
    expect(small?.framesPerSecond).toBeGreaterThan(0);
  });

  test("is asked for with what belongs to videos alone", async () => {
    await expect(measure("--content", "frames")).rejects.toThrow(
      new UsageError("Expected --video or --content but received both."),
    );
  });
});

describe.skipIf(!hasFfmpeg)("what cannot be painted", () => {
  const refusal = (...args: string[]) =>
    video(...args).then(String, (error: Error) => [error instanceof UsageError, error.message]);
  const film = ["-s", "wave.jpg", "-o", "no.mp4"];

  test.each([
    [
      ["clip.mp4", ...film, "--start", "5s", "--end", "3s"],
      "Expected an --end after --start, which is at 5 s, but received 3 s.",
    ],
    [
      ["clip.mp4", ...film, "--start", "7200"],
      "Expected a --start before the end of clip.mp4, which is at 1.00 s, but received 7200 s.",
    ],
    [["clip.mp4", "-s", "wave.jpg"], "Expected --output or --frames, for the result, but received neither."],
    [
      ["clip.mp4", "-s", "wave.jpg@2s", "-o", "no.mp4"],
      "Expected a --style from the begin, such as IMAGE@0s, but received none.",
    ],
    [
      ["clip.mp4", "-s", "wave.jpg", "-o", "clip.mp4"],
      "Expected another name for --output, since clip.mp4 would replace clip.mp4 itself.",
    ],
    [
      ["clip.mp4", "-s", "wave.jpg", "-o", "no.avi"],
      "Expected a name ending in .mp4, .m4v, .mov, .webm, .mkv, .gif for the video but received no.avi.",
    ],
    [
      ["clip.mp4", ...film, "--codec", "mpeg2"],
      "Expected one of h264, vp9, av1, prores, gif for --codec but received mpeg2.",
    ],
    [
      ["clip.mp4", ...film, "--fps", "many"],
      "Expected a number of frames a second from 0.1 to 1000 for --fps but received many.",
    ],
  ])("is refused as it was typed: %j", async (args, message) => {
    expect(await refusal(...args)).toEqual([true, message]);
  });

  test("is told about in one sentence, and leaves nothing behind", async () => {
    await writeFile(path("diary.mp4"), "Dear diary, today I filmed nothing.".repeat(30));
    clip(...tone(1), "song.m4a");
    clip(...card("32x24", 10, 1), "-t", "0.3", "-ss", "0.2", "-c:v", "mjpeg", "three.avi");
    await mkdir(path("blank"), { recursive: true });
    await mkdir(path("full"), { recursive: true });
    await writeFile(path("full", "notes.txt"), "mine");
    expect(await refusal("diary.mp4", ...film)).toEqual([
      false,
      "Cannot read diary.mp4: it is not a video that ffmpeg knows. Convert it to MP4 first.",
    ]);
    expect(await refusal("song.m4a", ...film)).toEqual([
      false,
      "Cannot read song.m4a: it has no pictures, only audio. Choose a file with a video stream.",
    ]);
    expect(await refusal("blank", ...film)).toEqual([
      false,
      "Cannot read blank: it has no pictures with numbers, such as 000001.png. Choose another.",
    ]);
    expect(await refusal("clip.mp4", "-s", "diary.mp4", "-o", "no.mp4")).toEqual([
      false,
      "Cannot read diary.mp4: it is not a JPEG, PNG, WebP, AVIF, TIFF or GIF picture. Convert it to one of these first.",
    ]);
    expect(await refusal("clip.mp4", "-s", "wave.jpg", "--frames", "full")).toEqual([
      false,
      "Cannot write full: it holds notes.txt already. Choose a new or an empty folder.",
    ]);
    expect(await refusal("clip.mp4", "-s", "wave.jpg", "--frames", "frames", "--resume")).toEqual([
      false,
      "Cannot write frames: it holds frames of no job that could go on. Choose a new or an empty folder.",
    ]);
    expect(await refusal("clip.mp4", "-s", "wave.jpg", "-o", "nowhere/no.mp4")).toEqual([
      false,
      "Cannot write nowhere/no.mp4: the folder nowhere does not exist. Create it first, or choose another.",
    ]);
    expect(await hidden()).toEqual([]);
    await expect(stat(path("no.mp4"))).rejects.toThrow("ENOENT");
  });

  test("for want of ffmpeg is told how to get it", async () => {
    process.env.FFMPEG_PATH = "no-such-ffmpeg";
    const told = await refusal("clip.mp4", ...film).finally(() => delete process.env.FFMPEG_PATH);
    expect(told).toEqual([
      false,
      "Cannot find no-such-ffmpeg, which reads and writes video: install it by apt install ffmpeg (Debian, Ubuntu), brew install " +
        "ffmpeg (macOS) or winget install ffmpeg (Windows), or say where it lies in FFMPEG_PATH.",
    ]);
  });
});

// Disks that are mounted where only the command sees them.
const canMount =
  process.platform === "linux" && (await run(["unshare", "-rm", "true"]).catch(() => undefined))?.code === 0;
if (!canMount) console.warn("Skipped: full disks, since this machine lets nobody mount one (unshare -rm).");
const KEPT = " The first 3.0 s are kept; run it again with --resume to go on from there.";
test.skipIf(!canMount || !hasFfmpeg).each([
  ["in the first segment", 12, "out.mkv", ""],
  ["while sound is joined to the frames", 200, "out.mkv", KEPT],
  ["in the first segment of a GIF", 40, "out.gif", ""],
])(
  "a disk that is full %s is told about in one sentence, and there is no film",
  async (_, kibibytes, name, kept) => {
    await mkdir(path("disk"), { recursive: true });
    // Noise, of which a frame takes some kilobytes; its sound takes 258.
    const noise = "nullsrc=size=64x48:rate=10:duration=3,geq=random(1)*255:128:128";
    clip("-f", "lavfi", "-i", noise, ...tone(3), "-crf", "10", "-c:a", "pcm_s16le", "noise.mkv");
    const script = `mount -t tmpfs -o size=${kibibytes}k none disk || exit 99; "$@"; code=$?; ls disk; exit $code`;
    const args = ["video", "noise.mkv", "--style", "wave.jpg", "-o", `disk/${name}`, "--device", "cpu", "--quiet"];
    const outcome = await run(["unshare", "-rm", "sh", "-c", script, "sh", ...ADAATTN, ...args], { cwd: folder });
    const sentence = "no space is left on the disk. Free some, or choose a folder on another disk.";
    expect(outcome).toMatchObject({
      code: 1,
      stderr: `error: Cannot write disk/${name}: ${sentence}${kept}\n`,
      stdout: "",
    });
  },
  60_000,
);
