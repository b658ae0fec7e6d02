/**
 * The frames of a video file, one after the other, upright and in sRGB: ffmpeg decodes, turns,
 * scales and converts, and hands raw bytes through a pipe. The pipe holds back the decoder whenever
 * nobody reads, so a film of any length needs the memory of a few frames.
 *
 * Frames come at a steady rate. Where a video has none, each moment shows the frame that is
 * nearest, so that frames are repeated or left out but nothing moves by more than half a frame, and
 * sound stays in time.
 */
import { AdaattnError } from "../../error.ts";
import { onWhite, type Size } from "../../picture/picture.ts";
import type { VideoFrame } from "../../video/video.ts";
import { cannotRead } from "../files.ts";
import type { VideoInfo } from "./probe.ts";
import {
  decoderPatience,
  type FfmpegAbilities,
  FfmpegProcess,
  fileUrl,
  passFrames,
  reasonOf,
  sourceArgs,
} from "./process.ts";
import { type FrameRate, perSecond } from "./rate.ts";

/** What {@link FrameReader} may be asked. */
export interface ReadFramesOptions {
  /** The size of the frames; the video's own by default. */
  readonly size?: Size | undefined;
  /** How many frames a second; the video's own rate by default. */
  readonly rate?: FrameRate | undefined;
  /**
   * Where to begin and to end, in seconds from the begin of the file, rounded to frames; the whole
   * of it by default.
   */
  readonly start?: number | undefined;
  readonly end?: number | undefined;
  /**
   * Where decoding may begin for `start`, in seconds from the begin of the file: a key
   * frame before it; there by default.
   */
  readonly seek?: number | undefined;
  /**
   * How many of the frames from there on to leave out, decoded but not handed over; 0 by default.
   */
  readonly skip?: number | undefined;
  /**
   * A stretch of the video on its own, instead of `start`, `end` and `skip`: frames are counted
   * from the begin of the file, where the first one is repeated until it is due, so that every
   * reader finds the same frame at the same number.
   */
  readonly stretch?: Stretch | undefined;
  /** Keeps transparency; by default transparent parts are white, since few codecs know them. */
  readonly keepAlpha?: boolean | undefined;
}

/** Some frames of a video in the middle of it. */
export interface Stretch {
  /** The first frame. */
  readonly from: number;
  /** The frame after the last; the end of the video where it is not said. */
  readonly to?: number | undefined;
  /**
   * Where decoding may begin, in seconds from the begin of the file: a key frame before
   * the one that `from` depends on. The begin of the file by default.
   */
  readonly seek?: number | undefined;
}

/**
 * The frames of a video file, to be iterated over once. Disposing of it ends the decoder.
 *
 * @throws Error while iterating, with one sentence naming the file, where the decoder fails or
 *   there are no frames at all. A file that only ends too early gives what it has; `shortfall` then
 *   tells.
 */
export class FrameReader implements AsyncIterable<VideoFrame>, AsyncDisposable {
  readonly size: Size;
  readonly rate: FrameRate;
  /**
   * How many frames the file says there are, those skipped among them; undefined where it does not.
   */
  readonly expected: number | undefined;
  readonly #info: VideoInfo;
  readonly #skip: number;
  readonly #keepAlpha: boolean;
  readonly #decoder: FfmpegProcess;
  #read: number;
  #isCut = false;

  constructor(info: VideoInfo, abilities: FfmpegAbilities, options: ReadFramesOptions = {}) {
    const { size = info, rate = info.rate, stretch, keepAlpha = false } = options;
    const part = partOf(info, rate, options);
    const skip = stretch?.from ?? options.skip ?? 0;
    this.#info = info;
    this.#keepAlpha = keepAlpha;
    this.size = size;
    this.rate = rate;
    this.#skip = skip;
    this.#read = skip;
    const known = info.seconds === undefined ? undefined : Math.round((info.seconds + info.delay) * perSecond(rate));
    const until = part.to === undefined || known === undefined ? (part.to ?? known) : Math.min(part.to, known);
    this.expected = stretch?.to ?? (until === undefined ? undefined : Math.max(0, until - part.first));
    const seek = stretch === undefined ? options.seek : stretch.seek;
    // Time stamps stay what they are in the file, wherever decoding begins, so that frames have the
    // same numbers.
    const isFileTime = stretch !== undefined || seek !== undefined;
    const cut = stretch === undefined ? cutPart(part, skip) : cutOut(stretch);
    const startsAtZero = stretch !== undefined && seek === undefined;
    this.#decoder = new FfmpegProcess(
      "ffmpeg",
      [
        ...["-nostdin", "-hide_banner", "-loglevel", "error", ...sourceArgs()],
        ...(isFileTime ? ["-copyts", "-start_at_zero"] : []),
        ...(seek === undefined ? [] : ["-noaccurate_seek", "-ss", String(seek)]),
        ...decoderOf(info, abilities),
        ...["-i", fileUrl(info.path)],
        ...filtered(info, timeFilters(info, { rate, startsAtZero, cut }), colorFilters(info, abilities, size)),
        ...passFrames(abilities),
        ...["-f", "rawvideo", "-pix_fmt", "rgba", "pipe:1"],
      ],
      { output: true, needsMemory: true },
    );
    // Without a listener, Node throws away what is still in the pipe when a short video's decoder
    // ends before anybody reads.
    this.#decoder.output.on("readable", () => undefined);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<VideoFrame, void, undefined> {
    const { width, height } = this.size;
    const length = width * height * 4;
    let data = new Uint8Array(length);
    let filled = 0;
    const patience = decoderPatience();
    let isStalled = false;
    const stall = () => {
      isStalled = true;
      this.#decoder.kill();
    };
    // Only while frames are waited for, not while one is painted.
    const wait = () => (patience === undefined ? undefined : setTimeout(stall, patience).unref());
    let waiting = wait();
    for await (const chunk of this.#decoder.output as AsyncIterable<Buffer>) {
      clearTimeout(waiting);
      for (let from = 0; from < chunk.length; ) {
        const part = chunk.subarray(from, from + length - filled);
        data.set(part, filled);
        filled += part.length;
        from += part.length;
        if (filled < length) continue;
        const picture = { width, height, data };
        const seconds = this.#read / perSecond(this.rate);
        this.#read++;
        yield { picture: this.#info.hasAlpha && !this.#keepAlpha ? onWhite(picture) : picture, seconds };
        data = new Uint8Array(length);
        filled = 0;
      }
      waiting = wait();
    }
    const ending = await this.#decoder.ended;
    clearTimeout(waiting);
    const { complaints, exceeded } = this.#decoder;
    const reason = reasonOf(ending, complaints);
    if (exceeded !== undefined) {
      const most = `${Math.floor(exceeded / 2 ** 20)} MiB`;
      throw new AdaattnError(
        "memory",
        `Cannot read ${this.#info.path}: its decoder ran out of the ${most} of memory that it may have, after frame ${this.#read}. Make its frames smaller first.`,
      );
    }
    if (isStalled) {
      const why = `ffmpeg gave no frame for ${(patience ?? 0) / 1000} s after frame ${this.#read}`;
      throw cannotRead(this.#info.path, `${why}. Choose another file or part.`);
    }
    if (ending.signal !== null) throw cannotRead(this.#info.path, `${reason} after frame ${this.#read}.`);
    if (this.#read === 0) {
      const why = ending.code === 0 ? "it has no frames there" : `no frame of it can be decoded (${reason})`;
      throw cannotRead(this.#info.path, `${why}. Choose another file or part.`);
    }
    this.#isCut = ending.code !== 0 || complaints.length > 0;
  }

  /**
   * Once all frames were read: by how many they are fewer than the file said, where the decoder
   * complained as well, as it does of a truncated file; else 0.
   */
  get shortfall(): number {
    const missing = (this.expected ?? 0) - this.#read;
    return this.#isCut && missing > Math.max(1, 0.01 * (this.expected ?? 0)) ? missing : 0;
  }

  /** How many frames were read so far, without those that were skipped. */
  get count(): number {
    return this.#read - this.#skip;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#decoder[Symbol.asyncDispose]();
  }
}

/**
 * A part of a video in whole frames, all of them counted from the begin of the file at the rate at
 * which it is read.
 */
export interface FilmPart {
  /** The frame at which the part begins. Before the pictures do, there is only sound. */
  readonly from: number;
  /** The frame that is the first one to be read. */
  readonly first: number;
  /** The frame after the last; undefined for the end of the file. */
  readonly to: number | undefined;
}

/**
 * The frames of a part that was asked for in seconds. Whatever goes with them, such as sound,
 * belongs to the same frames: it begins at `from` and ends at `to`, and pictures begin at `first`.
 */
export function partOf(
  { delay }: Pick<VideoInfo, "delay">,
  rate: FrameRate,
  { start = 0, end }: Pick<ReadFramesOptions, "start" | "end">,
): FilmPart {
  const from = Math.round(start * perSecond(rate));
  const to = end === undefined ? undefined : Math.max(from + 1, Math.round(end * perSecond(rate)));
  return { from, first: Math.max(from, Math.round(delay * perSecond(rate))), to };
}

/**
 * The decoder that sees transparency beside the frames of VP8 and VP9, which ffmpeg's own leave
 * out.
 */
function decoderOf({ path, codec, hasAlpha }: VideoInfo, { decoders, version }: FfmpegAbilities): readonly string[] {
  const name = { vp8: "libvpx", vp9: "libvpx-vp9" }[codec];
  if (!hasAlpha || name === undefined) return [];
  if (decoders.has(name)) return ["-c:v", name];
  throw cannotRead(
    path,
    `this ffmpeg (${version}) has no ${name}, which decodes its transparency. Install a full build of ffmpeg.`,
  );
}

/** The filter after `fps`, whose time stamps count frames. */
function cutOut({ from, to }: Stretch): string {
  return `trim=start_pts=${from}${to === undefined ? "" : `:end_pts=${to}`}`;
}

/**
 * The same for a part, less its first frames; those of the whole file are counted from the first
 * that there is.
 */
function cutPart({ from, first, to }: FilmPart, skip: number): string {
  const start = from < first || from === 0 ? `start_frame=${skip}` : `start_pts=${from + skip}`;
  return `trim=${start}${to === undefined ? "" : `:end_pts=${to}`}`;
}

/**
 * The frames that go through the filters, with their transparency where that is a stream of its
 * own.
 */
function filtered({ stream, alphaStream }: VideoInfo, time: string, color: string): readonly string[] {
  if (alphaStream === undefined) return ["-map", `0:${stream}`, "-vf", `${time},${color}`];
  // Merged before it is timed, the last frame would last for no time.
  const merged = `[0:${stream}]${time}[seen];[0:${alphaStream}]${time}[alpha];[seen][alpha]alphamerge`;
  return ["-filter_complex", `${merged},${color}[frames]`, "-map", "[frames]"];
}

/** Which frames are shown when. */
function timeFilters(
  { isInterlaced }: VideoInfo,
  { rate, startsAtZero, cut }: { readonly rate: FrameRate; readonly startsAtZero: boolean; readonly cut: string },
): string {
  const deinterlace = isInterlaced ? "yadif=deint=interlaced," : "";
  return `${deinterlace}fps=${rate.numerator}/${rate.denominator}${startsAtZero ? ":start_time=0" : ""},${cut}`;
}

/** What the frames look like. */
function colorFilters(info: VideoInfo, { filters: known }: FfmpegAbilities, size: Size): string {
  // Bright-screen video is brought to what ordinary screens show; without the filter it only looks
  // paler.
  if (info.isHdr && known.has("zscale") && known.has("tonemap")) {
    return (
      `zscale=w=${size.width}:h=${size.height}:t=linear:npl=100:f=lanczos,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,` +
      "zscale=t=bt709:m=gbr:r=full,format=gbrp,format=rgba"
    );
  }
  const scale = `scale=${size.width}:${size.height}:flags=lanczos+accurate_rnd+full_chroma_int`;
  return `${scale}:in_color_matrix=${info.matrix}:out_range=full,format=rgba`;
}
