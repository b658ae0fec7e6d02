/**
 * How a video is split. A plan is made once, by looking at every frame at the size of a stamp, and
 * stretches of it are then painted by anybody in any order: each begins at a cut between scenes or
 * at a key frame where there is one near by, and says where to begin to decode for it. Which frames
 * they hold depends on the video and on nothing else.
 */

import { LEAD, LEAST_SIDE, SceneCuts } from "adaattn/internal";
import { keyFrames, perSecond } from "adaattn/internal/node";
import {
  AdaattnError,
  type AudioTrack,
  type FrameRate,
  FrameReader,
  ffmpegAbilities,
  fitWithin,
  probeVideo,
  type Size,
  type VideoInfo,
  type VideoTarget,
  videoTarget,
} from "adaattn/node";
import { Problem } from "../problem.ts";
import type { VideoRequestOptions } from "../schemas.ts";
import type { Limits } from "../settings.ts";

/**
 * How long a stretch is, in seconds: as much as is lost when a worker dies, and enough for its lead
 * to be worth while.
 */
const LEAST_SECONDS = 2;
const MOST_SECONDS = 5;

/**
 * How many frames a cut is found by; where a stretch begins with a scene, nothing before those
 * counts.
 */
export const LEAD_TO_CUT = 2;

/** The size at which cuts are looked for. */
const STAMP: Size = { width: 64, height: 36 };

/**
 * A GIF counts time in hundredths of a second, and players slow down what changes with every one.
 */
const FASTEST_GIF = 50;

/** How many packets of a source are looked through, for each frame that a job may have. */
const PACKETS_PER_FRAME = 20;

/** The longer side that a video is shrunk to where no size is asked for. */
const LONGEST = 1280;

/** A stretch of frames, counted from the begin of the file. */
export interface Segment {
  readonly from: number;
  /** The frame after the last. */
  readonly to: number;
  /** How many frames before the first are looked at, for statistics that the scene shares. */
  readonly lead: number;
  /** Where to begin to decode, in seconds; the begin of the file where it is not said. */
  readonly seek?: number | undefined;
}

export interface VideoPlan {
  readonly size: Size;
  readonly rate: FrameRate;
  /** The film's first frame. */
  readonly first: number;
  readonly target: VideoTarget;
  readonly segments: readonly Segment[];
  readonly audio: readonly AudioTrack[];
  /** Whether an end was asked for, where the sound then ends too. */
  readonly isCut: boolean;
}

/**
 * Checks what can be checked of a video before it is accepted.
 *
 * @throws Problem with one sentence.
 */
export async function checkVideo(
  path: string,
  options: VideoRequestOptions,
  { limits, size, signal }: { limits: Limits; size: number | undefined; signal: AbortSignal },
): Promise<VideoInfo> {
  try {
    targetOf(options);
  } catch (error) {
    if (!(error instanceof AdaattnError && error.code === "option")) throw error;
    throw new Problem("invalid-options", error.message, { cause: error });
  }
  const { start = 0, end } = options;
  if (end !== undefined && end <= start) {
    throw new Problem(
      "invalid-options",
      `Expected an end after the start, which is at ${start} s, but received ${end} s.`,
    );
  }
  let info: VideoInfo;
  try {
    info = await probeVideo(path, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw explainReading(error, path);
  }
  const { width, height, seconds } = info;
  if (width * height > limits.pixels) {
    throw new Problem(
      "too-large",
      `Expected at most ${limits.pixels} pixels a frame but received ${width} x ${height}.`,
    );
  }
  // Where the file does not say how long it is, that is found out later.
  if (seconds !== undefined && Math.min(seconds, end ?? seconds) - start > limits.videoSeconds) {
    throw tooLong(limits);
  }
  if (seconds !== undefined && start >= seconds + info.delay) {
    throw new Problem(
      "invalid-options",
      `Expected a start before the end of the video, ${seconds.toFixed(2)} s, but received ${start} s.`,
    );
  }
  const shown = seconds === undefined ? 0 : Math.min(seconds, end ?? seconds) - start;
  if (shown * perSecond(rateOf(options, info)) > limits.frames) throw tooMany(limits);
  sizeOf(info, size);
  return info;
}

/**
 * What reading the video at `path` ended with, as a problem where it is the video's or ffmpeg's
 * matter.
 */
function explainReading(error: unknown, path: string): unknown {
  if (!(error instanceof AdaattnError)) return error;
  if (error.code === "file") {
    return new Problem("unreadable", error.message.replaceAll(path, "the content"), { cause: error });
  }
  if (error.code === "memory") {
    return new Problem("too-large", error.message.replaceAll(path, "the content"), { cause: error });
  }
  return error.code === "engine" ? new Problem("unavailable", "No ffmpeg works here.", { cause: error }) : error;
}

function tooMany({ frames }: Limits): Problem {
  return new Problem(
    "too-large",
    `Expected at most ${frames} frames but received more. Ask for fewer by options.video.`,
  );
}

function tooLong({ videoSeconds }: Limits): Problem {
  return new Problem(
    "too-large",
    `Expected at most ${videoSeconds} seconds of video but received more. Ask for a part of it.`,
  );
}

function targetOf({ format = "mp4", codec, crf, bitrate }: VideoRequestOptions): VideoTarget {
  return videoTarget(`video.${format}`, codec, { crf, bitrate });
}

function sizeOf({ width, height }: Size, asked: number | undefined): Size {
  const size = fitWithin(width, height, asked ?? Math.min(LONGEST, Math.max(width, height)));
  if (Math.min(size.width, size.height) >= LEAST_SIDE) return size;
  throw new Problem(
    "invalid-options",
    `Expected frames of at least ${LEAST_SIDE} pixels a side but they would have ${size.width} x ${size.height}. Choose a larger size.`,
  );
}

/** The rate that is asked for, or the video's own. */
function rateOf({ fps, format }: VideoRequestOptions, { rate }: VideoInfo): FrameRate {
  const asked = fps === undefined ? rate : { numerator: Math.round(fps * 1000), denominator: 1000 };
  return format === "gif" && perSecond(asked) > FASTEST_GIF ? { numerator: FASTEST_GIF, denominator: 1 } : asked;
}

/**
 * Looks at all of a video and decides where to split it.
 *
 * @throws Problem where it is longer than allowed, or has no frames in the part that is asked for;
 *   Error where it cannot be decoded.
 */
export async function planVideo(
  path: string,
  options: VideoRequestOptions,
  { limits, size: asked, signal }: { limits: Limits; size: number | undefined; signal: AbortSignal },
): Promise<VideoPlan> {
  const info = await checkVideo(path, options, { limits, size: asked, signal });
  const rate = rateOf(options, info);
  const fps = perSecond(rate);
  const first = Math.round((options.start ?? 0) * fps);
  const end = options.end === undefined ? undefined : Math.max(first + 1, Math.round(options.end * fps));
  const most = Math.ceil(limits.videoSeconds * fps);
  const stretch = { from: first, to: end };
  await using frames = new FrameReader(info, await ffmpegAbilities(signal), { size: STAMP, rate, stretch });
  const scenes = new SceneCuts();
  const cuts: number[] = [];
  const still = new Set<number>();
  let last = first;
  let before = Buffer.alloc(0);
  try {
    for await (const { picture } of frames) {
      signal.throwIfAborted();
      const pixels = Buffer.from(picture.data);
      if (pixels.equals(before)) still.add(last);
      else if (scenes.next(picture)) cuts.push(last);
      before = pixels;
      if (++last - first > most) throw tooLong(limits);
      if (last - first > limits.frames) throw tooMany(limits);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw explainReading(error, path);
  }
  const keys = await keyFrames(info, { signal, most: PACKETS_PER_FRAME * limits.frames }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw explainReading(error, path);
  });
  return {
    size: sizeOf(info, asked),
    rate,
    first,
    target: targetOf(options),
    audio: info.audio,
    segments: split({ first, last, cuts, keys, fps, still }),
    isCut: options.end !== undefined,
  };
}

/** A video as it is split: `keys` are in seconds, all else in frames. */
export interface Splitting {
  readonly first: number;
  readonly last: number;
  /** Where scenes begin. */
  readonly cuts: readonly number[];
  readonly keys: readonly number[];
  /** Frames that equal the one before them; no stretch begins with one. */
  readonly still: ReadonlySet<number>;
  readonly fps: number;
}

/** Splits the frames from `first` to before `last`. */
export function split({ first, last, cuts, keys, still, fps }: Splitting): Segment[] {
  const least = Math.max(1, Math.round(LEAST_SECONDS * fps));
  const most = Math.max(1, Math.round(MOST_SECONDS * fps));
  const keyed = keys.map((key) => Math.round(key * fps));
  const segments: Segment[] = [];
  for (let from = first; from < last; ) {
    const isWithin = (frame: number) => frame >= from + least && frame <= from + most && !still.has(frame);
    let any = from + most;
    while (any < last && still.has(any)) any++;
    const best = cuts.findLast(isWithin) ?? keyed.findLast(isWithin) ?? any;
    const to = last - from <= most || last - best < least ? last : best;
    const lead = leadOf(from, { first, cuts, still });
    // One key frame further back than seems needed: frames after one may still refer to what came
    // before it.
    const seek = keys.filter((key) => key <= (from - lead) / fps).at(-2);
    segments.push({ from, to, lead, seek });
    from = to;
  }
  return segments;
}

function leadOf(from: number, { first, cuts, still }: Pick<Splitting, "first" | "cuts" | "still">): number {
  const wanted = cuts.includes(from) ? LEAD_TO_CUT : LEAD;
  let frame = from;
  for (let different = 0; different < wanted && frame > first; frame--) if (!still.has(frame - 1)) different++;
  return from - frame;
}
