/**
 * `adaattn eval --video`: how steady painted videos are, beside the videos themselves and the image
 * model frame by frame.
 */
import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { replaceFile } from "adaattn/internal/node";
import {
  type Device,
  type FfmpegAbilities,
  ffmpegAbilities,
  loadModel,
  type Model,
  type Picture,
  readPainting,
  type Style,
  stylizeVideo,
} from "adaattn/node";
import { estimateFlow, type Flow, grayOf, readFlow, visiblePixels, warpingError } from "#train";
import { type Frames, openSource, type VideoSource } from "../../files/frames.ts";
import { listPictures } from "../../files/pictures.ts";
import { createProgressLine } from "../../terminal/terminal.ts";
import { short } from "./labels.ts";

/** How many frames apart the frames are that are compared: flicker, and drift. */
const DISTANCES = [1, 10] as const;

/** The image model, which everything is compared to. */
const IMAGE_MODEL = "small";

/**
 * So many frames are painted at a time and measured then, so that neither disturbs the other's
 * time.
 */
const CHUNK = 24;

/** The options of `adaattn eval --video`, checked. */
export interface EvalVideoOptions {
  readonly videos: readonly string[];
  /** A painting, or a folder of paintings. */
  readonly style: string;
  readonly model?: string | undefined;
  /** A video that was painted elsewhere, to be measured as well. */
  readonly results?: string | undefined;
  /** A folder of flow files. */
  readonly flow?: string | undefined;
  /** At most so many pairs of frames for each distance. */
  readonly limit: number;
  /** The longer side of all frames, in pixels. */
  readonly size: number;
  /** A file for the numbers, as JSON. */
  readonly report?: string | undefined;
  readonly device: "auto" | Device;
  readonly threads?: number | undefined;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly version: string;
  readonly signal: AbortSignal;
}

/** What was measured of one version of a video. */
export interface Steadiness {
  /** What it is: input, the name of a model, or results. */
  readonly version: string;
  /**
   * Warping error at each distance, averaged over pairs of frames; null where there was no pair.
   */
  readonly warping: readonly (number | null)[];
  /**
   * Painted frames a second from pixels to pixels, the style being known; null for what was not
   * painted here.
   */
  readonly framesPerSecond: number | null;
}

/** What was measured of one video in one style. */
export interface VideoReport {
  readonly video: string;
  readonly style: string;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** For each distance, how many pairs were compared and which share of their pixels counted. */
  readonly pairs: readonly { readonly distance: number; readonly count: number; readonly visible: number }[];
  readonly versions: readonly Steadiness[];
}

/** One version of a video on its way through. */
interface Version {
  readonly name: string;
  readonly frames: AsyncIterator<Picture>;
  readonly isPainted: boolean;
  /** The last frames, the newest at the end. */
  readonly recent: Picture[];
  readonly errors: number[][];
  seconds: number;
  timed: number;
}

/**
 * Measures every video in every style, prints the numbers and, where asked for, writes them.
 *
 * @throws Error with one sentence where a video, a style or the model cannot be used; the signal's
 *   reason where it is aborted.
 */
export async function evaluateVideos(options: EvalVideoOptions): Promise<void> {
  const { videos, signal, quiet, json } = options;
  const progress = createProgressLine(process.stderr, { quiet, signal });
  const reports: VideoReport[] = [];
  const models: Model[] = [];
  try {
    const abilities = await ffmpegAbilities(signal);
    const styles = await stylePaths(options.style);
    const names = [...new Set([options.model ?? IMAGE_MODEL, IMAGE_MODEL])];
    for (const name of names) {
      progress.show(`model ${name}`);
      const { device, threads } = options;
      models.push(await loadModel(name, { device, signal, threads }));
    }
    for (const path of styles) {
      const { picture, controls } = await readPainting(path, {}, { signal });
      for (const video of videos) {
        const painted: [Model, Style][] = [];
        for (const model of models) painted.push([model, await model.style(picture, { ...controls, signal })]);
        try {
          const show = (text: string, share: number) => progress.show(`${video} in ${basename(path)}`, text, share);
          reports.push(await measureVideo(video, path, painted, abilities, show, options));
        } finally {
          for (const [, style] of painted) style.dispose();
        }
      }
    }
  } finally {
    progress.clear();
    for (const model of models) await model.dispose();
  }
  const { version, size } = options;
  const text = JSON.stringify({ version, size, distances: DISTANCES, videos: reports }, rounded, json ? undefined : 1);
  if (options.report !== undefined) await replaceFile(options.report, new TextEncoder().encode(`${text}\n`), signal);
  if (json) process.stdout.write(`${text}\n`);
  else if (!quiet) for (const report of reports) process.stdout.write(table(report));
}

async function stylePaths(path: string): Promise<string[]> {
  if (!(await stat(path).catch(() => undefined))?.isDirectory()) return [path];
  return (await listPictures(path)).map((picture) => picture.path);
}

async function measureVideo(
  path: string,
  style: string,
  painted: readonly (readonly [Model, Style])[],
  abilities: FfmpegAbilities,
  show: (text: string, share: number) => void,
  options: EvalVideoOptions,
): Promise<VideoReport> {
  const { size, signal, results } = options;
  const source = await openSource(path, () => Promise.resolve(abilities), { size, signal });
  const opened: Frames[] = [];
  const open = (from: VideoSource) => {
    const frames = from.open(0);
    opened.push(frames);
    return frames;
  };
  const versions = [versionOf("input", open(source))];
  try {
    for (const [model, taken] of painted) {
      versions.push(versionOf(model.name, stylizeVideo(model, open(source), taken, { signal }), true));
    }
    if (results !== undefined) {
      const { rate } = source;
      const other = await openSource(results, () => Promise.resolve(abilities), { size, rate, signal });
      if (other.size.width !== source.size.width || other.size.height !== source.size.height) {
        throw new Error(`Expected ${results} to have the shape of ${path} but it has another.`);
      }
      versions.push(versionOf("results", open(other)));
    }
    const { frames, pairs } = await compare(versions, opened[0]?.expected, show, options);
    return {
      video: path,
      style,
      width: source.size.width,
      height: source.size.height,
      frames,
      pairs,
      versions: versions.map(({ name, errors, isPainted, seconds, timed }) => ({
        version: name,
        warping: errors.map(mean),
        framesPerSecond: isPainted && timed > 0 ? timed / seconds : null,
      })),
    };
  } finally {
    for (const { frames } of versions) await frames.return?.();
    for (const frames of opened) await frames[Symbol.asyncDispose]();
  }
}

function versionOf(name: string, frames: AsyncIterable<{ readonly picture: Picture }>, isPainted = false): Version {
  return {
    name,
    frames: picturesOf(frames),
    isPainted,
    recent: [],
    seconds: 0,
    timed: 0,
    errors: DISTANCES.map(() => []),
  };
}

/** Goes through all versions side by side, the input first, and notes their warping errors. */
async function compare(
  versions: readonly Version[],
  expected: number | undefined,
  show: (text: string, share: number) => void,
  { limit, flow, signal }: EvalVideoOptions,
): Promise<Pick<VideoReport, "frames" | "pairs">> {
  const pairs = DISTANCES.map((distance) => ({ distance, count: 0, visible: 0 }));
  let frames = 0;
  for (let isOver = false; !isOver; ) {
    show(`paint from frame ${frames + 1}`, frames / (expected ?? Number.POSITIVE_INFINITY));
    const chunks: Picture[][] = [];
    for (const one of versions) chunks.push(await pull(one));
    const [length = 0, ...others] = chunks.map((chunk) => chunk.length);
    const other = others.findIndex((one) => one !== length);
    if (other >= 0) {
      throw new Error(
        `Expected as many frames in the ${versions[other + 1]?.name} as in the input but there are ${others[other]} instead of ${length} after frame ${frames}.`,
      );
    }
    isOver = length < CHUNK;
    for (let at = 0; at < length; at++, frames++) {
      show(`measure frame ${frames + 1}`, frames / (expected ?? Number.POSITIVE_INFINITY));
      for (const [index, { recent }] of versions.entries()) {
        recent.push(chunks[index]?.[at] as Picture);
        if (recent.length > Math.max(...DISTANCES) + 1) recent.shift();
      }
      for (const [index, pair] of pairs.entries()) {
        const first = frames - pair.distance;
        const stride = expected === undefined ? 1 : Math.max(1, Math.ceil((expected - pair.distance) / limit));
        if (first < 0 || first % stride !== 0) continue;
        signal.throwIfAborted();
        const ends = (one: Version) => [one.recent.at(-1 - pair.distance), one.recent.at(-1)] as [Picture, Picture];
        const [before, after] = ends(versions[0] as Version);
        const forward = await flowBetween(before, after, first, frames, flow);
        const visible = visiblePixels(forward, await flowBetween(after, before, frames, first, flow));
        const share = mean(visible) ?? 0;
        if (share === 0) continue;
        pair.count++;
        pair.visible += share;
        for (const one of versions) one.errors[index]?.push(warpingError(...ends(one), forward, visible));
      }
    }
  }
  return { frames, pairs: pairs.map((pair) => ({ ...pair, visible: pair.visible / Math.max(1, pair.count) })) };
}

function mean(values: ArrayLike<number>): number | null {
  return values.length === 0 ? null : Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}

async function* picturesOf(
  frames: AsyncIterable<{ readonly picture: Picture }>,
): AsyncGenerator<Picture, void, undefined> {
  for await (const { picture } of frames) yield picture;
}

/**
 * The next frames of a version; those after the first are timed, for the first may have been
 * painted meanwhile.
 */
async function pull(version: Version): Promise<Picture[]> {
  const chunk: Picture[] = [];
  let begun = 0;
  while (chunk.length < CHUNK) {
    const next = await version.frames.next();
    if (next.done === true) break;
    chunk.push(next.value);
    if (chunk.length === 1) begun = performance.now();
  }
  if (chunk.length > 1) {
    version.seconds += (performance.now() - begun) / 1000;
    version.timed += chunk.length - 1;
  }
  return chunk;
}

/**
 * The flow from one frame to another, from its file where there is one; frames count from 0, and in
 * names from 1.
 */
async function flowBetween(
  from: Picture,
  to: Picture,
  first: number,
  second: number,
  folder: string | undefined,
): Promise<Flow> {
  const [a, b] = [first, second].map((frame) => String(frame + 1).padStart(6, "0"));
  const path = join(folder ?? "", `${a}-${b}.flo`);
  const bytes = folder === undefined ? undefined : await readFile(path).catch(() => undefined);
  if (bytes === undefined) return estimateFlow(grayOf(from), grayOf(to));
  const flow = readFlow(bytes, path);
  if (flow.width === from.width && flow.height === from.height) return flow;
  throw new Error(
    `Cannot use ${path}: it is of ${flow.width} x ${flow.height} pixels, and the frames of ${from.width} x ${from.height}. Choose their --size.`,
  );
}

/** Numbers with six digits. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(6)) : value;
}

function table({ video, style, width, height, frames, pairs, versions }: VideoReport): string {
  const own = versions[0]?.warping ?? [];
  const heads = DISTANCES.flatMap((distance) => [`warping ${distance}`, "x input"]);
  const lines = [["", ...heads, "frames/s"]];
  for (const { version, warping, framesPerSecond } of versions) {
    const cells = warping.flatMap((value, at) => {
      const base = own[at];
      return value === null ? ["-", "-"] : [value.toFixed(6), base ? (value / base).toFixed(2) : "-"];
    });
    lines.push([version, ...cells, framesPerSecond === null ? "" : short(framesPerSecond)]);
  }
  const widths = lines[0]?.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0))) ?? [];
  const shares = pairs.map(
    ({ distance, count, visible }) => `${count} pairs ${distance} apart, ${Math.round(visible * 100)} % of pixels`,
  );
  return [
    `${video} in ${style}, ${width} x ${height}, ${frames} frames (${shares.join("; ")})`,
    ...lines.map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    ),
    "",
  ].join("\n");
}
