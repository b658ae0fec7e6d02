/**
 * The codecs that video is written in: which encoder of ffmpeg each takes, how it is asked for
 * quality, and which files hold it.
 */

import { extname } from "node:path";
import { AdaattnError } from "../../error.ts";
import type { Size } from "../../picture/picture.ts";
import { cannotWrite } from "../files.ts";
import type { FfmpegAbilities } from "./process.ts";
import type { FrameRate } from "./rate.ts";

/** A codec that video is written in. */
export type VideoCodec = "h264" | "vp9" | "av1" | "prores" | "gif";

/** The ending of a video's name, with its dot. */
export type VideoExtension = ".mp4" | ".m4v" | ".mov" | ".webm" | ".mkv" | ".gif";

/**
 * How good the pictures shall be: at a constant quality, or at an average number of bits a second;
 * the codec's own default else.
 */
export interface VideoQuality {
  /**
   * Lower is better and larger; from 0 to 51 for h264, to 63 for vp9 and av1. 18, 30 and 30 by
   * default.
   */
  readonly crf?: number | undefined;
  /** In bits a second. */
  readonly bitrate?: number | undefined;
}

interface CodecSpec {
  /** Encoders by preference, each with its own options. */
  readonly encoders: readonly { readonly name: string; readonly args: (quality: VideoQuality) => readonly string[] }[];
  /** What follows the conversion from RGBA in the chain of filters. */
  readonly pixelFormat: string;
  /** Whether sides must be even, because chroma is halved. */
  readonly isEven: boolean;
  /** The container that holds one segment of a film in the making, with exact times. */
  readonly segment: { readonly format: string; readonly extension: string };
  readonly crf?: { readonly most: number; readonly usual: number };
  /**
   * What is different where transparency is kept, and the files that hold it; nothing where it
   * cannot be.
   */
  readonly alpha?: {
    readonly pixelFormat: string;
    /** Options of the encoder, after its own. */
    readonly args: readonly string[];
    readonly segment: CodecSpec["segment"];
    readonly extensions: readonly VideoExtension[];
  };
  readonly extensions: readonly VideoExtension[];
}

const constantOrAverage =
  (usual: number, constant: readonly string[] = []) =>
  ({ crf, bitrate }: VideoQuality): readonly string[] =>
    bitrate === undefined ? ["-crf", String(crf ?? usual), ...constant] : ["-b:v", String(bitrate)];

const CODECS: Readonly<Record<VideoCodec, CodecSpec>> = {
  h264: {
    encoders: [{ name: "libx264", args: (quality) => ["-preset", "medium", ...constantOrAverage(18)(quality)] }],
    pixelFormat: "yuv420p",
    isEven: true,
    segment: { format: "mp4", extension: ".mp4" },
    crf: { most: 51, usual: 18 },
    extensions: [".mp4", ".m4v", ".mov", ".mkv"],
  },
  vp9: {
    encoders: [
      {
        name: "libvpx-vp9",
        args: (quality) => [
          "-row-mt",
          "1",
          "-deadline",
          "good",
          "-cpu-used",
          "4",
          ...constantOrAverage(30, ["-b:v", "0"])(quality),
        ],
      },
    ],
    pixelFormat: "yuv420p",
    isEven: false,
    segment: { format: "mp4", extension: ".mp4" },
    crf: { most: 63, usual: 30 },
    // Transparency travels beside the frames, in what only Matroska has a place for.
    alpha: {
      pixelFormat: "yuva420p",
      args: [],
      segment: { format: "webm", extension: ".webm" },
      extensions: [".webm", ".mkv"],
    },
    extensions: [".webm", ".mp4", ".mkv"],
  },
  av1: {
    encoders: [
      { name: "libsvtav1", args: (quality) => ["-preset", "8", ...constantOrAverage(30)(quality)] },
      {
        name: "libaom-av1",
        args: (quality) => ["-cpu-used", "6", "-row-mt", "1", ...constantOrAverage(30, ["-b:v", "0"])(quality)],
      },
    ],
    pixelFormat: "yuv420p",
    isEven: true,
    segment: { format: "mp4", extension: ".mp4" },
    crf: { most: 63, usual: 30 },
    extensions: [".mp4", ".webm", ".mkv"],
  },
  prores: {
    encoders: [{ name: "prores_ks", args: () => ["-profile:v", "hq", "-vendor", "apl0"] }],
    pixelFormat: "yuv422p10le",
    isEven: true,
    segment: { format: "mov", extension: ".mov" },
    alpha: {
      pixelFormat: "yuva444p10le",
      args: ["-profile:v", "4444", "-alpha_bits", "16"],
      segment: { format: "mov", extension: ".mov" },
      extensions: [".mov", ".mkv"],
    },
    extensions: [".mov", ".mkv"],
  },
  // A palette can only be chosen once all frames are known, so the film in the making is kept
  // without loss.
  gif: {
    encoders: [{ name: "ffv1", args: () => ["-level", "3", "-g", "1"] }],
    pixelFormat: "bgra",
    isEven: false,
    segment: { format: "nut", extension: ".nut" },
    alpha: {
      pixelFormat: "bgra",
      args: [],
      segment: { format: "nut", extension: ".nut" },
      extensions: [".gif"],
    },
    extensions: [".gif"],
  },
};

/** The codecs, in the order in which they are told. */
export const VIDEO_CODECS = Object.keys(CODECS) as readonly VideoCodec[];

const USUAL: Readonly<Record<VideoExtension, VideoCodec>> = {
  ".mp4": "h264",
  ".m4v": "h264",
  ".mov": "h264",
  ".webm": "vp9",
  ".mkv": "h264",
  ".gif": "gif",
};

/** The endings of names that video is written to. */
export const VIDEO_EXTENSIONS = Object.keys(USUAL) as readonly VideoExtension[];

/** How a film will be written. */
export interface VideoTarget {
  readonly extension: VideoExtension;
  readonly codec: VideoCodec;
  readonly quality: VideoQuality;
}

/**
 * Checks that a file can be written with a codec, by the ending of its name.
 *
 * @param codec the usual one for the ending by default.
 * @throws Error with one sentence where the ending is unknown, the codec does not go into such
 *   files, or a quality does not fit it.
 */
export function videoTarget(path: string, codec: VideoCodec | undefined, quality: VideoQuality = {}): VideoTarget {
  const extension = VIDEO_EXTENSIONS.find((known) => known === extname(path).toLowerCase());
  if (extension === undefined) {
    throw new AdaattnError(
      "option",
      `Expected a name ending in ${VIDEO_EXTENSIONS.join(", ")} for the video but received ${path}.`,
    );
  }
  const chosen = codec ?? USUAL[extension];
  const { extensions, crf } = CODECS[chosen];
  if (!extensions.includes(extension)) {
    throw new AdaattnError(
      "option",
      `Expected a name ending in ${extensions.join(", ")} for ${chosen} video but received ${path}.`,
    );
  }
  if (quality.crf !== undefined && quality.bitrate !== undefined) {
    throw new AdaattnError("option", "Expected a constant quality (crf) or a bit rate but received both.");
  }
  if (crf === undefined && (quality.crf !== undefined || quality.bitrate !== undefined)) {
    throw new AdaattnError(
      "option",
      `Expected no crf and no bit rate for ${chosen} video, which has one quality, but received one.`,
    );
  }
  if (crf !== undefined && quality.crf !== undefined && !(quality.crf >= 0 && quality.crf <= crf.most)) {
    throw new AdaattnError(
      "option",
      `Expected a number from 0 to ${crf.most} for the crf of ${chosen} video but received ${quality.crf}.`,
    );
  }
  return { extension, codec: chosen, quality };
}

/** How ffmpeg encodes raw RGBA frames as one segment of a film. */
export interface SegmentFormat {
  /** Filters, codec and quality. */
  readonly args: readonly string[];
  /** ffmpeg's name of the container. */
  readonly container: string;
  /** The ending of the segment's name, with its dot. */
  readonly extension: string;
  /** Whether transparency is kept; without it, transparent parts are white. */
  readonly hasAlpha: boolean;
}

/**
 * How segments of a film are encoded. Where a codec needs even sides and a side is odd, its last
 * column or row is repeated once.
 *
 * @param hasAlpha whether frames are transparent in parts and that is to be kept, where the codec
 *   and the container can.
 * @throws Error with one sentence naming the encoder that this ffmpeg lacks.
 */
export function segmentFormat(
  path: string,
  size: Size,
  target: VideoTarget,
  abilities: FfmpegAbilities,
  hasAlpha = false,
): SegmentFormat {
  const { encoders, isEven, alpha, ...opaque } = CODECS[target.codec];
  const {
    pixelFormat,
    segment,
    args: extra,
  } = hasAlpha && keepsAlpha(target) && alpha ? alpha : { ...opaque, args: [] };
  const encoder = encoders.find(({ name }) => abilities.encoders.has(name));
  if (encoder === undefined) {
    const names = encoders.map(({ name }) => name).join(" or ");
    throw cannotWrite(
      path,
      `this ffmpeg (${abilities.version}) has no encoder for ${target.codec}, which would be ${names}. Install a full build of ffmpeg, or choose another codec.`,
    );
  }
  const [right, bottom] = [size.width % 2, size.height % 2];
  const isPadded = isEven && right + bottom > 0;
  const even = `pad=${size.width + right}:${size.height + bottom},fillborders=right=${right}:bottom=${bottom}:mode=smear`;
  const isYuv = pixelFormat.startsWith("yuv");
  const chain = [
    ...(isPadded ? [even] : []),
    ...(isYuv ? ["scale=out_color_matrix=bt709:out_range=tv:flags=lanczos+accurate_rnd"] : []),
    `format=${pixelFormat}`,
  ];
  const tags = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"];
  return {
    args: [
      "-vf",
      chain.join(","),
      "-c:v",
      encoder.name,
      ...encoder.args(target.quality),
      ...extra,
      ...(isYuv ? tags : []),
    ],
    container: segment.format,
    extension: segment.extension,
    hasAlpha: pixelFormat.includes("a"),
  };
}

/**
 * For files that count time in ticks of their own choice: ticks of which a frame has a whole
 * number.
 */
export function exactTicks(extension: string, { numerator }: FrameRate): readonly string[] {
  if (![".mp4", ".m4v", ".mov"].includes(extension)) return [];
  return ["-video_track_timescale", String(numerator * Math.ceil(10_000 / numerator))];
}

/** The sound that a file of some ending can hold as it is, and what other sound becomes. */
const AUDIO: Readonly<
  Record<VideoExtension, { readonly kept: RegExp; readonly encoder: readonly string[] } | undefined>
> = {
  ".mp4": { kept: /^(aac|mp3|ac3|eac3|alac|opus)$/, encoder: ["aac", "-b:a", "192k"] },
  ".m4v": { kept: /^(aac|mp3|ac3|eac3|alac)$/, encoder: ["aac", "-b:a", "192k"] },
  ".mov": { kept: /^(aac|mp3|ac3|alac|pcm_[a-z0-9]+)$/, encoder: ["aac", "-b:a", "192k"] },
  ".webm": { kept: /^(opus|vorbis)$/, encoder: ["libopus", "-b:a", "128k"] },
  ".mkv": { kept: /./, encoder: ["aac", "-b:a", "192k"] },
  ".gif": undefined,
};

/**
 * How the sound tracks of a video go into a file: options of ffmpeg, track by track; none where the
 * file holds no sound.
 */
export function audioArgs(extension: VideoExtension, codecs: readonly string[]): readonly string[] {
  const audio = AUDIO[extension];
  if (audio === undefined) return [];
  return codecs.flatMap((codec, track) => {
    const [name = "aac", option = "-b:a", rate = "192k"] = audio.encoder;
    return audio.kept.test(codec) ? [`-c:a:${track}`, "copy"] : [`-c:a:${track}`, name, `${option}:${track}`, rate];
  });
}

/** Whether a film can keep transparency: GIFs, ProRes, and VP9 in WebM and Matroska. */
export function keepsAlpha({ codec, extension }: Pick<VideoTarget, "codec" | "extension">): boolean {
  return CODECS[codec].alpha?.extensions.includes(extension) ?? false;
}
