/** Small clips, made by ffmpeg itself. */
import { execFileSync, spawnSync } from "node:child_process";

/** Whether there is an ffmpeg; tests that need one are skipped where there is none, but not with CI=true. */
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
