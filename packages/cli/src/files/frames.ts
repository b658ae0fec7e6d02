/** Where frames come from: a video file, or a folder of numbered pictures. */
import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { isOpaque, LEAST_SIDE } from "adaattn/internal";
import { cannotRead, type FilmPart, partOf, perSecond, seekBefore } from "adaattn/internal/node";
import { onWhite } from "adaattn/network";
import {
  type FfmpegAbilities,
  type FrameRate,
  FrameReader,
  fitWithin,
  PICTURE_EXTENSIONS,
  probeVideo,
  readPicture,
  type Size,
  type VideoFrame,
  type VideoInfo,
} from "adaattn/node";
import { UsageError } from "../terminal/usage.ts";

/** The longer side that a video is shrunk to where no size is asked for. */
export const LONGEST_VIDEO = 1280;

/** The rate of a folder of pictures where none is asked for. */
const FOLDER_RATE: FrameRate = { numerator: 25, denominator: 1 };

/** What is asked of a source. */
export interface SourceOptions {
  /** The longer side in pixels. */
  readonly size?: number | undefined;
  readonly rate?: FrameRate | undefined;
  /** The most frames a second where no rate is asked for. */
  readonly fastest?: number | undefined;
  /** In seconds. */
  readonly start?: number | undefined;
  readonly end?: number | undefined;
  readonly keepAlpha?: boolean | undefined;
  readonly signal: AbortSignal;
}

/** Frames on their way, to be iterated over once. */
export interface Frames extends AsyncIterable<VideoFrame>, AsyncDisposable {
  /** How many there will be, those skipped among them, as far as that is known. */
  readonly expected: number | undefined;
  /** Once all were read: how many are missing at the end of a truncated file. */
  readonly shortfall: number;
}

/** A source of frames of one size at a steady rate. */
export interface VideoSource {
  readonly path: string;
  readonly size: Size;
  readonly rate: FrameRate;
  /** The part that is read; undefined for a folder. */
  readonly part?: FilmPart | undefined;
  /** What the file is; undefined for a folder. */
  readonly info?: VideoInfo | undefined;
  /** Whether frames may be transparent in parts; of a folder, the first one tells. */
  readonly hasAlpha: boolean;
  /** Begins to read, so many frames after the first. */
  open(skip: number): Frames;
}

/**
 * Looks at a file or a folder.
 *
 * @param abilities asks ffmpeg what it can do, which a folder of pictures does not need.
 * @throws UsageError for a part that is not there; Error with one sentence where the path cannot be
 *   read as a video.
 */
export async function openSource(
  path: string,
  abilities: () => Promise<FfmpegAbilities>,
  options: SourceOptions,
): Promise<VideoSource> {
  const { start = 0, end, signal } = options;
  if (end !== undefined && end <= start) {
    throw new UsageError(`Expected an --end after --start, which is at ${start} s, but received ${end} s.`);
  }
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return openFolder(path, options);
  const known = await abilities();
  const info = await probeVideo(path, signal);
  if (info.seconds !== undefined && start >= info.seconds + info.delay) {
    throw new UsageError(
      `Expected a --start before the end of ${path}, which is at ${info.seconds.toFixed(2)} s, but received ${start} s.`,
    );
  }
  const size = fitted(path, info, options.size);
  const { fastest = Number.POSITIVE_INFINITY } = options;
  const rate = options.rate ?? (perSecond(info.rate) > fastest ? { numerator: fastest, denominator: 1 } : info.rate);
  const { keepAlpha } = options;
  const part = partOf(info, rate, { start, end });
  const seek = await seekBefore(info, part.from / perSecond(rate), signal);
  return {
    path,
    size,
    rate,
    part,
    info,
    hasAlpha: info.hasAlpha,
    open: (skip) => new FrameReader(info, known, { size, rate, start, end, seek, skip, keepAlpha }),
  };
}

/** The size that frames are painted at. */
function fitted(path: string, { width, height }: Size, asked: number | undefined): Size {
  const longer = asked ?? Math.min(LONGEST_VIDEO, Math.max(width, height));
  const size = fitWithin(width, height, longer);
  if (Math.min(size.width, size.height) >= LEAST_SIDE) return size;
  throw cannotRead(
    path,
    `its frames would be ${size.width} x ${size.height} pixels; each side must have at least ${LEAST_SIDE}. Choose a larger --size.`,
  );
}

async function openFolder(path: string, options: SourceOptions): Promise<VideoSource> {
  const { rate = FOLDER_RATE, start = 0, end, signal } = options;
  const all = await numberedPictures(path);
  const from = Math.round(start * perSecond(rate));
  const names = all.slice(from, end === undefined ? undefined : Math.round(end * perSecond(rate)));
  const [first] = names;
  if (first === undefined) {
    const seconds = (all.length / perSecond(rate)).toFixed(2);
    throw new UsageError(
      `Expected a --start before the end of ${path}, which is at ${seconds} s, but received ${start} s.`,
    );
  }
  const picture = await readPicture(join(path, first), { signal });
  const size = fitted(path, picture.source, options.size);
  async function* read(skip: number): AsyncGenerator<VideoFrame, void, undefined> {
    for (const [index, name] of names.entries()) {
      if (index < skip) continue;
      const picture = await readPicture(join(path, name), { longerSide: Math.max(size.width, size.height) });
      const { width, height } = picture;
      if (width !== size.width || height !== size.height) {
        throw cannotRead(
          join(path, name),
          `it does not have the shape of ${first}, the first frame. Choose a folder of frames of one size.`,
        );
      }
      yield { picture: options.keepAlpha ? picture : onWhite(picture), seconds: index / perSecond(rate) };
    }
  }
  const open = (skip: number): Frames => {
    const frames = read(skip);
    return {
      [Symbol.asyncIterator]: () => frames,
      expected: names.length,
      shortfall: 0,
      [Symbol.asyncDispose]: async () => void (await frames.return()),
    };
  };
  return { path, size, rate, hasAlpha: !isOpaque(picture), open };
}

/**
 * The pictures in a folder whose names hold a number, in the order of their numbers.
 *
 * @throws Error with one sentence where there are none, or two of one number.
 */
async function numberedPictures(folder: string): Promise<string[]> {
  const endings = [...PICTURE_EXTENSIONS, ".gif"];
  const numbered = new Map<number, string>();
  for (const name of (await readdir(folder)).sort()) {
    const [, digits] = /(\d+)\D*$/.exec(name.slice(0, -extname(name).length)) ?? [];
    if (digits === undefined || name.startsWith(".") || !endings.includes(extname(name).toLowerCase())) continue;
    const other = numbered.get(Number(digits));
    if (other !== undefined)
      throw cannotRead(folder, `${other} and ${name} have one number. Leave only one of them there.`);
    numbered.set(Number(digits), name);
  }
  if (numbered.size === 0)
    throw cannotRead(folder, "it has no pictures with numbers, such as 000001.png. Choose another.");
  return [...numbered].sort(([a], [b]) => a - b).map(([, name]) => name);
}
