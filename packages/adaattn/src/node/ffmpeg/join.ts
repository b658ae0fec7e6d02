/** Segments of a film joined into one file, with the sound of the film that they were made from. */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { systemCode, writeFailure } from "../files.ts";
import type { KeptMetadata } from "../metadata.ts";
import { audioArgs, exactTicks, type VideoTarget } from "./codecs.ts";
import { type Companions, companionArgs, keepsSubtitles } from "./companions.ts";
import { isWritten, writingFailure } from "./encode.ts";
import type { AudioTrack } from "./probe.ts";
import { type Ending, fileUrl, LOCAL_ONLY, reasonOf, runProgram, sourceArgs } from "./process.ts";
import type { FrameRate } from "./rate.ts";

/** Where the sound of a film comes from, and what goes with it. */
export interface Sound {
  readonly path: string;
  readonly tracks: readonly AudioTrack[];
  /**
   * The part that is wanted, in seconds from the begin of the file; to its end where there is no
   * length.
   */
  readonly start: number;
  readonly seconds?: number | undefined;
  /** When the first frame is shown, in seconds after the sound's begin. */
  readonly delay: number;
  /** Subtitles, chapters and the like of the same film; left out by default. */
  readonly companions?: Companions | undefined;
  /**
   * How much is kept of what the film says of itself; `safe`, the default, is who made it and when,
   * but not where.
   */
  readonly metadata?: KeptMetadata | undefined;
}

/** What {@link joinSegments} joins. */
export interface Segments {
  /** Files in order, as {@link FrameWriter} wrote them, with the number of frames in each. */
  readonly files: readonly { readonly path: string; readonly frames: number }[];
  readonly rate: FrameRate;
  readonly sound?: Sound | undefined;
  /**
   * How often a GIF is shown again after the first time: 0 for once; without end by default. Other
   * films do not say.
   */
  readonly repeats?: number | undefined;
  /** A path without an ending for what has to be written on the way. */
  readonly scratch: string;
  /** What errors call the film. */
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Joins segments by ffmpeg's demuxer `concat`, frames as they are; for a GIF they are encoded now,
 * with one palette for all.
 *
 * @param path where the film goes; what is there is replaced.
 * @throws Error with one sentence where that fails; the signal's reason where it is aborted.
 */
export async function joinSegments(path: string, target: VideoTarget, segments: Segments): Promise<void> {
  const { files, rate, sound, repeats = Number.POSITIVE_INFINITY, scratch, name, signal } = segments;
  const list = `${scratch}.ffconcat`;
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  // Files round their own lengths to milliseconds, which would add up.
  const lines = files.map(({ path, frames }) => {
    const seconds = (frames * rate.denominator) / rate.numerator;
    return `file ${quote(fileUrl(resolve(path)))}\nduration ${seconds.toFixed(6)}\n`;
  });
  await writeFile(list, `ffconcat version 1.0\n${lines.join("")}`).catch((error: unknown) => {
    const code = systemCode(error);
    throw code === undefined ? error : writeFailure(name, code, error);
  });
  const film = ["-f", "concat", "-safe", "0", ...LOCAL_ONLY, "-i", fileUrl(list)];
  const run = async (args: readonly string[]) => {
    const head = ["-nostdin", "-hide_banner", "-loglevel", "error", "-y"];
    const { ending, complaints } = await runProgram("ffmpeg", [...head, ...args], signal);
    check(name, ending, complaints);
  };
  if (target.codec === "gif") {
    const palette = `${scratch}.palette.png`;
    // Every picture counts, and not only what has changed since the one before it: a scene that
    // stands still has colors too.
    await run([...film, "-vf", "palettegen=stats_mode=full", "-frames:v", "1", "-update", "1", fileUrl(palette)]);
    const steady = `[0:v]setpts=N*${rate.denominator}/${rate.numerator}/TB[v];[v][1:v]paletteuse=dither=sierra2_4a`;
    await run([
      ...film,
      "-i",
      fileUrl(palette),
      "-lavfi",
      steady,
      "-loop",
      loopOf(repeats),
      "-f",
      "gif",
      fileUrl(path),
    ]);
    return;
  }
  const audio =
    sound === undefined
      ? []
      : audioArgs(
          target.extension,
          sound.tracks.map(({ codec }) => codec),
        );
  const companions = sound?.companions;
  const kept = sound && companions ? companionArgs(target.extension, companions, sound.metadata ?? "safe") : [];
  const isTimed = audio.length > 0 || (companions !== undefined && keepsSubtitles(target.extension, companions));
  // Frames wait for the sound that comes before them; a shift of less than half a frame is none.
  const delayed = isTimed && sound !== undefined && sound.delay > rate.denominator / rate.numerator / 2;
  const part = sound?.seconds === undefined ? [] : ["-t", String(sound.seconds)];
  const source =
    sound === undefined || audio.length + kept.length === 0
      ? []
      : [...sourceArgs(), ...(sound.start > 0 ? ["-ss", String(sound.start)] : []), ...part, "-i", fileUrl(sound.path)];
  await run([
    ...(delayed ? ["-itsoffset", String(sound.delay)] : []),
    ...film,
    ...source,
    ...["-map", "0:v:0", "-c:v", "copy"],
    ...(audio.length > 0 ? ["-map", "1:a", ...audio] : []),
    ...(kept.length > 0 ? kept : ["-map_metadata:g", "-1", "-map_chapters", "-1"]),
    // Chapters after the end are left out by the end of the output only.
    ...(kept.length > 0 && sound?.seconds !== undefined
      ? ["-t", String(sound.seconds + rate.denominator / rate.numerator / 2)]
      : []),
    ...exactTicks(target.extension, rate),
    ...container(target),
    fileUrl(path),
  ]);
}

/**
 * What ffmpeg calls it: -1 is once, 0 without end, and all else how often the film is shown again.
 */
function loopOf(repeats: number): string {
  if (!Number.isFinite(repeats)) return "0";
  return String(repeats === 0 ? -1 : Math.min(repeats, 65_535));
}

function check(name: string, ending: Ending, complaints: readonly string[]): void {
  if (!isWritten(ending, complaints)) throw writingFailure(name, reasonOf(ending, complaints), complaints);
}

function container({ extension }: VideoTarget): readonly string[] {
  if (extension === ".webm") return ["-f", "webm"];
  if (extension === ".mkv") return ["-f", "matroska"];
  // The index goes before the frames, so that a browser can begin to play at once.
  return ["-movflags", "+faststart", "-f", extension === ".mov" ? "mov" : "mp4"];
}
