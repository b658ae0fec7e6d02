/** Small clips, made by ffmpeg itself. */
import { execFileSync, spawnSync } from "node:child_process";

/**
 * Whether there is an ffmpeg; tests that need one are skipped where there is none, but not with
 * CI=true.
 */
export const hasFfmpeg = process.env.CI === "true" || spawnSync("ffmpeg", ["-version"]).status === 0;

/** Runs ffmpeg on what its test sources give; `args` end with the name of the file. */
export function makeClip(folder: string, ...args: readonly string[]): void {
  execFileSync("ffmpeg", ["-hide_banner", "-loglevel", "error", "-y", ...args], { cwd: folder });
}

/** ffmpeg's moving test card. */
export function card(size: string, rate: string | number, seconds: number): string[] {
  return ["-f", "lavfi", "-i", `testsrc=size=${size}:rate=${rate}:duration=${seconds}`];
}

/** A tone. */
export function tone(seconds: number): string[] {
  return ["-f", "lavfi", "-i", `sine=frequency=440:duration=${seconds}`];
}

/**
 * How bright the frame of {@link makeJumps} is that is shown from so many thirtieths of a second
 * on.
 */
export function levelAt(thirtieths: number): number {
  return 4 * thirtieths;
}

/**
 * A clip of gray frames that are shown from 0, 0.467, 0.667, 1, 1.333 and 1.667 s on, each brighter
 * than the one before, with two seconds of sound: silence, and a tone from 1 s on.
 */
export function makeJumps(folder: string, name: string): void {
  // Sound that begins before the begin, as AAC does, would move the pictures of Matroska by as
  // much.
  const sound = name.endsWith(".mkv") ? "flac" : "aac";
  const shown = [0, 14, 20, 30, 40, 50].map((frame) => `eq(n,${frame})`).join("+");
  makeClip(
    folder,
    ...["-f", "lavfi", "-i", `color=size=32x24:rate=30:duration=2,format=gray,geq=lum='4*N',select='${shown}'`],
    ...["-f", "lavfi", "-i", "sine=frequency=440:duration=2,volume=enable='lt(t,1)':volume=0"],
    ...["-fps_mode", "vfr", "-vf", "scale=out_range=tv,format=yuv420p", "-crf", "4", "-bf", "0", "-c:a", sound, name],
  );
}

/** What ffprobe says of a film. */
export interface Film {
  readonly width: number;
  readonly height: number;
  readonly codec: string;
  readonly frames: number;
  readonly rate: string;
  readonly matrix: string | undefined;
  /** When its pictures begin, and how long they last. */
  readonly start: number;
  readonly seconds: number;
  /** The length of the longest stream. */
  readonly length: number;
  readonly audio: readonly string[];
}

/** Counts the frames of a film, and all the rest. */
export function look(path: string): Film {
  const args = ["-v", "error", "-count_frames", "-of", "json", "-show_streams", "-show_format", path];
  const { streams, format } = JSON.parse(execFileSync("ffprobe", args, { encoding: "utf8" })) as {
    streams: Record<string, string>[];
    format: Record<string, string>;
  };
  const video = streams.find((one) => one.codec_type === "video") ?? {};
  return {
    width: Number(video.width),
    height: Number(video.height),
    codec: video.codec_name ?? "",
    frames: Number(video.nb_read_frames),
    rate: video.r_frame_rate ?? "",
    matrix: video.color_space,
    start: Number(video.start_time),
    seconds: Number(video.duration),
    length: Number(format.duration),
    audio: streams.filter((one) => one.codec_type === "audio").map((one) => one.codec_name ?? ""),
  };
}
