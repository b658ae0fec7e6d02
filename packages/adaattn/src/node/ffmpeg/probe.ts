/** What a video file holds, as ffprobe tells it, made into what a decoder needs to know. */
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Size } from "../../picture/picture.ts";
import { cannotRead, checkReadable } from "../files.ts";
import { ANIMATIONS, rateOfDelays, repeatsOf } from "./animation.ts";
import type { Companions } from "./companions.ts";
import { FfmpegProcess, fileUrl, runProgram, sourceArgs } from "./process.ts";
import { FASTEST, type FrameRate, perSecond, rateOf, steadyRate } from "./rate.ts";

/** A sound track. */
export interface AudioTrack {
  /** ffmpeg's name of the codec, such as aac or opus. */
  readonly codec: string;
  readonly channels: number;
}

/** The picture track of a file and what goes with it. */
export interface VideoInfo extends Size {
  readonly path: string;
  /** Which stream of the file it is, counted from 0. */
  readonly stream: number;
  /** ffmpeg's name of the codec, such as h264. */
  readonly codec: string;
  /** Upright, in square pixels: what a player shows. */
  readonly width: number;
  readonly height: number;
  /** How far the file asks to turn its frames clockwise: 0, 90, 180 or 270 degrees. */
  readonly rotation: number;
  /** How much wider than high a pixel is stored. */
  readonly pixelAspect: number;
  /**
   * The rate at which {@link FrameReader} gives frames if it is not asked for another: the slowest
   * steady one that has a place for every frame.
   */
  readonly rate: FrameRate;
  /** Whether frames follow each other at different intervals. */
  readonly isVariable: boolean;
  /** Whether frames are stored as two fields. */
  readonly isInterlaced: boolean;
  /** How long it is, in seconds; undefined where the file does not say. */
  readonly seconds: number | undefined;
  /** The time stamp at which the file begins, in seconds; all other times count from there. */
  readonly begin: number;
  /**
   * When the first frame is shown, in seconds from the begin of the file, where sound may begin.
   */
  readonly delay: number;
  /** The color matrix as ffmpeg's filter `scale` names it. */
  readonly matrix: string;
  /** Whether brightness is stored for bright screens, as PQ or HLG. */
  readonly isHdr: boolean;
  /** Whether frames may be transparent in parts. */
  readonly hasAlpha: boolean;
  /**
   * The stream with the transparency of the frames where that is one of its own, as in AVIF
   * sequences.
   */
  readonly alphaStream: number | undefined;
  /**
   * How often an animated picture, such as a GIF, is shown again after the first time: 0 for once,
   * Infinity for without end; undefined for all else.
   */
  readonly repeats: number | undefined;
  readonly audio: readonly AudioTrack[];
  /** What goes with pictures and sound. */
  readonly companions: Companions;
}

/** What ffprobe prints, as far as it is used here; everything in it may be missing. */
interface ProbeOutput {
  readonly streams?: readonly ProbedStream[];
  readonly chapters?: readonly unknown[];
  readonly format?: {
    readonly start_time?: string;
    readonly duration?: string;
    readonly tags?: Readonly<Record<string, string>>;
  };
}

interface ProbedStream {
  readonly index: number;
  readonly codec_type?: string;
  readonly codec_name?: string;
  readonly width?: number;
  readonly height?: number;
  readonly channels?: number;
  readonly pix_fmt?: string;
  readonly sample_aspect_ratio?: string;
  readonly r_frame_rate?: string;
  readonly avg_frame_rate?: string;
  readonly time_base?: string;
  readonly field_order?: string;
  readonly color_space?: string;
  readonly color_transfer?: string;
  readonly start_time?: string;
  readonly duration?: string;
  readonly disposition?: { readonly attached_pic?: number };
  readonly side_data_list?: readonly { readonly rotation?: number }[];
  readonly tags?: Readonly<Record<string, string>>;
}

/**
 * Looks into a video file.
 *
 * @throws Error with one sentence naming the file and what to do where it is missing, a folder,
 *   empty, no video, or damaged so that nothing of it can be read, and where there is no ffprobe;
 *   the signal's reason where it is aborted.
 */
export async function probeVideo(path: string, signal?: AbortSignal): Promise<VideoInfo> {
  await checkReadable(path);
  if (await isAnimatedWebp(path)) {
    throw cannotRead(
      path,
      "it is an animated WebP picture, of which ffmpeg reads one frame at most. Convert it to an animated PNG or a GIF first.",
    );
  }
  const args = [
    "-v",
    "error",
    ...sourceArgs(),
    "-print_format",
    "json",
    "-show_streams",
    "-show_format",
    "-show_chapters",
    fileUrl(path),
  ];
  const { output, ending, complaints } = await runProgram("ffprobe", args, signal);
  if (ending.code !== 0) {
    const isCut = complaints.some((line) => /moov atom not found|EBML header|end of file/i.test(line));
    if (isCut && !(await isText(path)))
      throw cannotRead(path, "it is a damaged or truncated video. Get a fresh copy of it.");
    throw cannotRead(path, "it is not a video that ffmpeg knows. Convert it to MP4 first.");
  }
  const { streams = [], format = {}, chapters = [] } = JSON.parse(output) as ProbeOutput;
  const video = streams.find((one) => one.codec_type === "video" && one.disposition?.attached_pic !== 1);
  if (video === undefined) {
    const others = [...new Set(streams.map((one) => one.codec_type ?? "data"))].join(" and ") || "nothing";
    throw cannotRead(path, `it has no pictures, only ${others}. Choose a file with a video stream.`);
  }
  const { width = 0, height = 0 } = video;
  const { major_brand: brand = "", compatible_brands: brands = "" } = format.tags ?? {};
  const isSequence = `${brand}${brands}`.includes("avis");
  if (brand === "avif" && !isSequence) {
    throw cannotRead(path, "it is a still AVIF picture. Paint it by adaattn stylize, or convert it to PNG first.");
  }
  if (width === 0 || height === 0 || video.codec_name === undefined) {
    throw cannotRead(path, "its video stream cannot be decoded by this ffmpeg. Convert it to H.264 first.");
  }
  const rotation = rotationOf(video);
  const pixelAspect = ratioOf(video.sample_aspect_ratio?.replace(":", "/")) ?? 1;
  const square = { width: Math.max(1, Math.round(width * pixelAspect)), height };
  const isTurned = rotation % 180 !== 0;
  const [nominal, average] = [video.r_frame_rate, video.avg_frame_rate].map(rateOf);
  const isAnimation = ANIMATIONS.includes(video.codec_name);
  const delayed = isAnimation ? await rateOfAnimation(path, video, signal) : undefined;
  const begin = numberOf(format.start_time) ?? 0;
  const alphaStream = isSequence ? alphaOf(video, streams) : undefined;
  const isInterlaced = ["tt", "bb", "tb", "bt"].includes(video.field_order ?? "");
  return {
    path,
    stream: video.index,
    codec: video.codec_name,
    width: isTurned ? square.height : square.width,
    height: isTurned ? square.width : square.height,
    rotation,
    pixelAspect,
    rate: delayed ?? steadyRate(nominal, average),
    isVariable:
      nominal !== undefined && average !== undefined && Math.abs(perSecond(average) / perSecond(nominal) - 1) > 0.01,
    isInterlaced,
    seconds: numberOf(video.duration) ?? numberOf(format.duration),
    begin,
    delay: Math.max(0, (numberOf(video.start_time) ?? 0) - begin),
    matrix: matrixOf(video.color_space, height),
    isHdr: ["smpte2084", "arib-std-b67"].includes(video.color_transfer ?? ""),
    hasAlpha:
      alphaStream !== undefined ||
      hasAlphaBeside(video) ||
      /^(yuva|rgba|bgra|argb|abgr|gbrap|ya|pal8)/.test(video.pix_fmt ?? ""),
    alphaStream,
    repeats: isAnimation ? await repeatsOf(path, video.codec_name) : undefined,
    audio: streams
      .filter((one) => one.codec_type === "audio")
      .map(({ codec_name = "unknown", channels = 0 }) => ({ codec: codec_name, channels })),
    companions: {
      subtitles: streams
        .filter((one) => one.codec_type === "subtitle")
        .map(({ index: stream, codec_name: codec = "unknown" }) => ({ stream, codec })),
      chapters: chapters.length,
      attachments: streams.filter((one) => one.codec_type === "attachment").length,
      hasCover: streams.some((one) => one.codec_type === "video" && one.disposition?.attached_pic === 1),
      tags: format.tags ?? {},
    },
  };
}

/**
 * The rate at which every frame of an animated picture has its time, as far as ffprobe tells those
 * times.
 */
async function rateOfAnimation(
  path: string,
  { index, time_base }: ProbedStream,
  signal: AbortSignal | undefined,
): Promise<FrameRate | undefined> {
  const entries = ["-select_streams", String(index), "-show_entries", "packet=duration", "-print_format", "csv=p=0"];
  const { output, ending } = await runProgram(
    "ffprobe",
    ["-v", "error", ...sourceArgs(), ...entries, fileUrl(path)],
    signal,
  );
  const tick = rateOf(time_base);
  if (ending.code !== 0 || tick?.numerator !== 1) return undefined;
  const delays = output.split("\n").map((line) => Number.parseInt(line, 10));
  return rateOfDelays(delays.filter(Number.isFinite), tick.denominator, FASTEST);
}

/** How far apart the key frames are that are told of, in seconds. */
const APART = 0.1;

/**
 * When the frames are shown that a decoder can begin with, in seconds from the begin of the file,
 * in order and a tenth of a second apart or more. The packets are read one after the other and
 * nothing is decoded, so the memory that it takes does not grow with their number.
 *
 * @param options.most how many packets are read; any number by default.
 * @param options.from where to begin to read, in seconds; about there is enough. The begin of the
 *   file by default.
 * @param options.to where to end; the end of the file by default.
 * @throws Error with one sentence where there are more; the signal's reason where it is aborted.
 */
export async function keyFrames(
  { path, stream, begin }: VideoInfo,
  {
    signal,
    most = Number.POSITIVE_INFINITY,
    from = 0,
    to,
  }: {
    readonly signal?: AbortSignal | undefined;
    readonly most?: number;
    readonly from?: number;
    readonly to?: number;
  } = {},
): Promise<number[]> {
  signal?.throwIfAborted();
  const entries = ["-show_entries", "packet=pts_time,flags", "-print_format", "compact"];
  const interval = `${from > 0 ? from + begin : ""}%${to === undefined ? "" : to + begin}`;
  const part = from > 0 || to !== undefined ? ["-read_intervals", interval] : [];
  const args = ["-v", "error", ...sourceArgs(), "-select_streams", String(stream), ...part, ...entries, fileUrl(path)];
  await using prober = new FfmpegProcess("ffprobe", args, { output: true });
  const abort = () => void prober[Symbol.asyncDispose]();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const keys: number[] = [];
    let [packets, last] = [0, Number.NEGATIVE_INFINITY];
    for await (const line of createInterface({ input: prober.output })) {
      // Such as "packet|pts_time=1.480000|flags=K__".
      if (!line.startsWith("packet|")) continue;
      if (++packets > most) throw cannotRead(path, `it has more than ${most} packets. Choose a shorter or slower one.`);
      const seconds = /flags=K/.test(line) ? numberOf(/pts_time=([^|]+)/.exec(line)?.[1]) : undefined;
      if (seconds === undefined || Math.abs(seconds - last) < APART) continue;
      keys.push(seconds);
      last = seconds;
    }
    const ending = await prober.ended;
    signal?.throwIfAborted();
    return ending.code === 0 ? keys.map((seconds) => seconds - begin).sort((a, b) => a - b) : [];
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** So near the begin, decoding from there costs less than looking for another place, in seconds. */
const NEAR = 10;

/** How much of a file is looked through at first for a place to begin, in seconds. */
const LOOKED_THROUGH = 60;

/**
 * Where to begin to decode for the frames from a moment on, in seconds from the begin of the file,
 * as `seek` of {@link FrameReader} takes it; undefined for the begin itself.
 *
 * @throws the signal's reason where it is aborted.
 */
export async function seekBefore(info: VideoInfo, seconds: number, signal?: AbortSignal): Promise<number | undefined> {
  if (seconds < NEAR) return undefined;
  const windows = seconds > LOOKED_THROUGH ? [seconds - LOOKED_THROUGH, 0] : [0];
  for (const from of windows) {
    const keys = await keyFrames(info, { signal, from, to: seconds });
    // One key frame further back than seems needed: frames after one may still refer to what came
    // before it.
    const key = keys.filter((one) => one <= seconds).at(-2);
    if (key !== undefined) return key;
  }
  return undefined;
}

/**
 * Whether a file is a WebP with its flag of animation, of which ffmpeg reads no frame but the
 * first, if any.
 */
async function isAnimatedWebp(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(24), 0, 24, 0);
    const isExtended = buffer.toString("latin1", 0, 4) === "RIFF" && buffer.toString("latin1", 8, 16) === "WEBPVP8X";
    return isExtended && ((buffer[20] ?? 0) & 2) !== 0;
  } finally {
    await file.close();
  }
}

/**
 * Whether a file begins like a text, which ffprobe takes for a damaged video if it is called like
 * one.
 */
async function isText(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
    return !buffer.subarray(0, bytesRead).some((byte) => byte < 9);
  } finally {
    await file.close();
  }
}

function ratioOf(text: string | undefined): number | undefined {
  const rate = rateOf(text);
  return rate && perSecond(rate);
}

function numberOf(text: string | undefined): number | undefined {
  const value = Number(text);
  return text !== undefined && Number.isFinite(value) ? value : undefined;
}

/**
 * Whether transparency lies beside the frames, as it does in WebM: their own format does not tell.
 */
function hasAlphaBeside({ codec_name, tags = {} }: ProbedStream): boolean {
  const mode = Object.entries(tags).find(([name]) => name.toLowerCase() === "alpha_mode")?.[1];
  return mode === "1" && ["vp8", "vp9"].includes(codec_name ?? "");
}

/** The transparency of an AVIF sequence is gray video of the same size beside the frames. */
function alphaOf({ index, width, height }: ProbedStream, streams: readonly ProbedStream[]): number | undefined {
  const isAlpha = (one: ProbedStream) =>
    one.index !== index && one.width === width && one.height === height && /^gray/.test(one.pix_fmt ?? "");
  return streams.find((one) => one.codec_type === "video" && isAlpha(one))?.index;
}

function rotationOf({ side_data_list: sides = [], tags = {} }: ProbedStream): number {
  // The display matrix counts against the clock, the older tag with it.
  const matrix = sides.find(({ rotation }) => rotation !== undefined)?.rotation;
  const degrees = matrix === undefined ? Number(tags.rotate ?? 0) : -matrix;
  return Number.isFinite(degrees) ? (((Math.round(degrees / 90) * 90) % 360) + 360) % 360 : 0;
}

/** What is not said is by custom BT.709 from 720 rows on and BT.601 below. */
function matrixOf(space: string | undefined, rows: number): string {
  const known: Readonly<Record<string, string>> = {
    bt709: "bt709",
    smpte170m: "smpte170m",
    bt470bg: "bt470",
    fcc: "fcc",
    smpte240m: "smpte240m",
    bt2020nc: "bt2020",
    bt2020c: "bt2020",
  };
  return known[space ?? ""] ?? (rows >= 720 ? "bt709" : "smpte170m");
}
