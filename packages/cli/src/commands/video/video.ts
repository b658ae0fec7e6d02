/** `adaattn video`: a video in the style of a painting, or of several one after the other. */
import { mkdir, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { LEAD } from "adaattn/internal";
import {
  cannotWrite,
  checkReplaceable,
  type FilmPart,
  keepsAlpha,
  leftOut,
  linkTarget,
  moveInto,
  perSecond,
} from "adaattn/internal/node";
import {
  type FrameRate,
  ffmpegAbilities,
  joinSegments,
  type KeptMetadata,
  type KeyStyle,
  type Sound,
  type StyleShare,
  segmentFormat,
  stylizeVideo,
  type VideoInfo,
} from "adaattn/node";
import { openSource, type VideoSource } from "../../files/frames.ts";
import { readStyleFiles } from "../../loading/styleFiles.ts";
import { type LoadedStyles, loadStyles } from "../../loading/styles.ts";
import type { Interruption } from "../../terminal/interrupt.ts";
import { createProgressLine, type ProgressLine, printError } from "../../terminal/terminal.ts";
import { UsageError } from "../../terminal/usage.ts";
import { factsOf } from "./facts.ts";
import { VideoJob } from "./job.ts";
import type { Film, VideoOptions } from "./options.ts";
import { pace, reportVideo, type VideoResult } from "./report.ts";
import { type FrameSink, PictureSink, prepareFolder, SegmentSink } from "./sinks.ts";
import type { TimedStyle } from "./times.ts";

/**
 * A GIF counts time in hundredths of a second, and players slow down what changes with every one.
 */
const FASTEST_GIF = 50;

/**
 * Paints a video and closes its file properly, also where Ctrl-C comes in between.
 *
 * @returns whether all of the video was there to be painted; if not, that has been reported on
 *   stderr.
 * @throws UsageError for options that cannot be meant; Error with one sentence where the video
 *   cannot be painted.
 */
export async function paintVideo(input: string, options: VideoOptions, interruption: Interruption): Promise<boolean> {
  const { film, signal } = options;
  const progress = createProgressLine(process.stderr, { quiet: options.quiet, signal });
  try {
    progress.show(input, "read");
    await checkOutputs(input, options);
    const abilities = ffmpegAbilities(signal);
    abilities.catch(() => undefined);
    const source = await openSource(input, () => abilities, {
      ...options,
      keepAlpha: film === undefined || keepsAlpha(film.target),
      fastest: film?.target.codec === "gif" ? FASTEST_GIF : undefined,
    });
    const format = film && segmentFormat(film.path, source.size, film.target, await abilities, source.hasAlpha);
    const files = await readStyleFiles(options);
    const facts = await factsOf(source, options);
    const held = options.frames === undefined ? 0 : await prepareFolder(options.frames, options.resume);
    // What is made lies on the disk of the film, wherever a link to it is.
    const place = film ? await linkTarget(film.path) : (options.frames ?? input);
    const job = await VideoJob.open(place, facts, options.resume);
    if (options.frames !== undefined && held > 0 && job.past !== "resumed") {
      await job.remove();
      throw cannotWrite(options.frames, "it holds frames of no job that could go on. Choose a new or an empty folder.");
    }
    const sinks: FrameSink[] = [];
    let made: VideoResult;
    try {
      await using styles = await loadStyles(files, options, progress);
      if (job.past === "replaced")
        warn(progress, options, "what an earlier run had begun was thrown away; --resume keeps it");
      interruption.wait("Stopped; closing the file after this frame. Ctrl-C once more ends at once.");
      const skip = film === undefined ? held : job.frames;
      if (film && format) sinks.push(new SegmentSink(job, { name: film.path, ...pick(source), format }));
      if (options.frames !== undefined) sinks.push(new PictureSink(options.frames, skip));
      made = await paintFrames(source, styles, { sinks, skip, options, progress });
      for (const sink of sinks) await sink.finish();
      if (film && job.frames > 0) {
        progress.show(input, "join", 1);
        await joinFilm(film, job, source, options.metadata, !signal.aborted);
      }
    } catch (error) {
      for (const sink of sinks) await sink[Symbol.asyncDispose]();
      if (job.frames > 0) throw keeping(error, job.frames / perSecond(source.rate));
      if (film) await job.remove();
      throw error;
    }
    await job.remove();
    progress.clear();
    for (const note of made.notes) warn(progress, options, note);
    if (made.frames > 0) reportVideo(source, made, options);
    if (made.shortfall === 0) return true;
    const [has, all] = [made.frames, made.frames + made.shortfall].map((count) =>
      (count / perSecond(source.rate)).toFixed(2),
    );
    printError(`${input} is damaged or truncated: it ends after ${has} of ${all} s. What there is was painted.`);
    return false;
  } finally {
    progress.clear();
  }
}

/** What the film has no place for. */
function notesOf({ path, info }: VideoSource, film: Film | undefined): readonly string[] {
  const lost = info && film && leftOut(film.target.extension, info.companions);
  if (lost === undefined) return [];
  const better = film?.target.extension === ".mkv" ? "" : "; a .mkv file holds more";
  return [`${lost} of ${path} did not go into the film${better}`];
}

function pick({ size, rate }: VideoSource) {
  return { size, rate };
}

function warn(progress: ProgressLine, { quiet }: VideoOptions, text: string): void {
  progress.clear();
  if (!quiet) process.stderr.write(`note: ${text}.\n`);
}

/** Adds what to do with what is whole. */
function keeping(error: unknown, seconds: number): Error {
  const message = error instanceof Error ? error.message : String(error);
  return new Error(
    `${message} The first ${seconds.toFixed(1)} s are kept; run it again with --resume to go on from there.`,
    {
      cause: error,
    },
  );
}

/** @throws where a result would replace what is read, or cannot be written. */
async function checkOutputs(input: string, { film, styles, masks, styleMasks }: VideoOptions): Promise<void> {
  if (film === undefined) return;
  await checkReplaceable(film.path);
  const real = await realpath(film.path).catch(() => undefined);
  if (real === undefined) return;
  for (const path of [input, ...styles.map((style) => style.path), ...masks, ...styleMasks]) {
    if ((await realpath(path).catch(() => undefined)) !== real) continue;
    throw new UsageError(`Expected another name for --output, since ${film.path} would replace ${path} itself.`);
  }
}

/** Styles of one time are mixed, and those of different times follow each other. */
function keyStyles(shares: readonly StyleShare[], styles: readonly TimedStyle[]): KeyStyle[] {
  const keys = new Map<number, StyleShare[]>();
  for (const [index, share] of shares.entries()) {
    const seconds = styles[index]?.seconds ?? 0;
    keys.set(seconds, [...(keys.get(seconds) ?? []), share]);
  }
  return [...keys].map(([seconds, style]) => ({ seconds, style }));
}

/** Paints frame by frame until the video ends or Ctrl-C comes. */
async function paintFrames(
  source: VideoSource,
  { model, shares }: LoadedStyles,
  work: { sinks: readonly FrameSink[]; skip: number; options: VideoOptions; progress: ProgressLine },
): Promise<VideoResult> {
  const { sinks, skip, options, progress } = work;
  const { paint, fade, styles, signal } = options;
  // Frames share statistics with those before: what is taken up again looks as if it had never been
  // left.
  const lead = Math.min(skip, LEAD);
  await using frames = source.open(skip - lead);
  const begun = performance.now();
  const scenes: number[] = [];
  let [done, painted] = [0, 0];
  for await (const frame of stylizeVideo(model, frames, keyStyles(shares, styles), { ...paint, fade, lead })) {
    for (const sink of sinks) await sink.write(frame.picture);
    done++;
    if (frame.startsScene) scenes.push(frame.seconds);
    if (!frame.isRepeated) painted++;
    const fps = done / ((performance.now() - begun) / 1000);
    const share = frames.expected === undefined ? 0 : (skip + done) / frames.expected;
    progress.show(source.path, pace(skip + done, frames.expected, fps), share);
    if (signal.aborted) break;
  }
  return {
    frames: skip + done,
    resumed: skip,
    painted,
    scenes,
    seconds: (performance.now() - begun) / 1000,
    shortfall: signal.aborted ? 0 : frames.shortfall,
    model: model.name,
    device: model.device,
    notes: notesOf(source, options.film),
  };
}

/** Makes the film of its segments, with the sound of the video, and puts it in its place. */
async function joinFilm(
  { path, target }: Film,
  job: VideoJob,
  { path: input, info, rate, part }: VideoSource,
  metadata: KeptMetadata,
  isWhole: boolean,
): Promise<void> {
  const joined = join(job.folder, `joined${target.extension}`);
  await mkdir(dirname(joined), { recursive: true });
  await joinSegments(joined, target, {
    files: job.segments,
    rate,
    scratch: join(job.folder, "joined"),
    name: path,
    repeats: info?.repeats,
    sound:
      part && info ? { ...soundOf(input, info, rate, part, isWhole ? undefined : job.frames), metadata } : undefined,
  });
  await moveInto(joined, path);
}

/**
 * The sound of the very frames that are painted; `frames` says how many where those are not all.
 */
function soundOf(
  path: string,
  { audio, companions }: VideoInfo,
  rate: FrameRate,
  part: FilmPart,
  frames: number | undefined,
): Sound {
  const { from, first, to } = part;
  const seconds = (count: number) => count / perSecond(rate);
  const end = frames === undefined ? to : first + frames;
  return {
    path,
    tracks: audio,
    start: seconds(from),
    seconds: end === undefined ? undefined : seconds(end - from),
    delay: seconds(first - from),
    companions,
  };
}
