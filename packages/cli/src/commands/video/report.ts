/** What is said about a video: while it is painted, and when it is done. */
import { perSecond } from "adaattn/internal/node";
import type { VideoSource } from "../../files/frames.ts";
import type { VideoOptions } from "./options.ts";

/** What was made of a video. */
export interface VideoResult {
  /** All frames of the result. */
  readonly frames: number;
  /** How many of them an earlier run had painted. */
  readonly resumed: number;
  /** How many were frames of their own, and not the one before once more. */
  readonly painted: number;
  /** When scenes begin that this run has seen, in seconds. */
  readonly scenes: readonly number[];
  /** From the first frame read to the last one written. */
  readonly seconds: number;
  /** How many frames a truncated file lacks at its end. */
  readonly shortfall: number;
  readonly model: string;
  readonly device: string;
  /** Sentences on what the film has no place for. */
  readonly notes: readonly string[];
}

/** Such as "frame 120/300, 3.2 fps, 56 s left". */
export function pace(done: number, expected: number | undefined, fps: number): string {
  const of = expected === undefined ? "" : `/${expected}`;
  if (!Number.isFinite(fps) || fps <= 0) return `frame ${done}${of}`;
  const left = expected === undefined ? "" : `, ${duration(Math.max(0, expected - done) / fps)} left`;
  return `frame ${done}${of}, ${fps.toFixed(fps < 10 ? 1 : 0)} fps${left}`;
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** Prints what was made on stdout: as a line to read, as a JSON object, or not at all. */
export function reportVideo(source: VideoSource, made: VideoResult, options: VideoOptions): void {
  const { film, frames: folder, quiet, json } = options;
  const { size, rate, info } = source;
  const fps = (made.frames - made.resumed) / made.seconds;
  if (json) {
    const rounded = (value: number) => Math.round(value * 1000) / 1000;
    const result = {
      input: {
        path: source.path,
        ...(info && {
          width: info.width,
          height: info.height,
          codec: info.codec,
          seconds: info.seconds,
          framesPerSecond: rounded(perSecond(info.rate)),
          isVariable: info.isVariable,
          rotation: info.rotation,
          audio: info.audio,
        }),
      },
      styles: options.styles.map(({ path, weight, region, seconds }) => ({ path, weight, region, seconds })),
      output: {
        path: film?.path,
        codec: film?.target.codec,
        folder,
        width: size.width,
        height: size.height,
        framesPerSecond: rounded(perSecond(rate)),
        seconds: rounded(made.frames / perSecond(rate)),
      },
      frames: made.frames,
      resumed: made.resumed,
      painted: made.painted,
      shortfall: made.shortfall,
      scenes: made.scenes.map(rounded),
      model: made.model,
      device: made.device,
      notes: made.notes,
      seconds: rounded(made.seconds),
      framesPerSecond: rounded(fps),
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
  } else if (!quiet) {
    const places = [film?.path, folder].filter((place) => place !== undefined).join(" and ");
    const seconds = (made.frames / perSecond(rate)).toFixed(2);
    const speed = made.seconds > 0 && made.frames > made.resumed ? `, ${fps.toFixed(2)} frames a second` : "";
    process.stdout.write(
      `${places}  ${size.width} x ${size.height}  ${made.frames} frames, ${seconds} s (took ${made.seconds.toFixed(1)} s${speed})\n`,
    );
  }
}
