/**
 * Frames into a video file: raw bytes through a pipe into ffmpeg, which is waited for whenever it
 * is behind.
 */
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { onWhite, type Picture, type Size } from "../../picture/picture.ts";
import { cannotWrite, writeFailure } from "../files.ts";
import { exactTicks, type SegmentFormat } from "./codecs.ts";
import { type Ending, FfmpegProcess, fileUrl, reasonOf } from "./process.ts";
import type { FrameRate } from "./rate.ts";

/**
 * Writes one file of frames of one size. Disposing of it before it was finished ends the encoder
 * and removes the file.
 */
export class FrameWriter implements AsyncDisposable {
  readonly path: string;
  readonly #name: string;
  readonly #encoder: FfmpegProcess;
  readonly #keepsAlpha: boolean;
  #isFinished = false;

  /**
   * @param name what errors call the film that the file becomes or is part of.
   */
  constructor(
    path: string,
    {
      name,
      size,
      rate,
      format,
    }: { readonly name: string; readonly size: Size; readonly rate: FrameRate; readonly format: SegmentFormat },
  ) {
    this.path = path;
    this.#name = name;
    this.#keepsAlpha = format.hasAlpha;
    this.#encoder = new FfmpegProcess(
      "ffmpeg",
      [
        ...["-hide_banner", "-loglevel", "error", "-y"],
        ...["-f", "rawvideo", "-pixel_format", "rgba", "-video_size", `${size.width}x${size.height}`],
        ...["-framerate", `${rate.numerator}/${rate.denominator}`, "-i", "pipe:0"],
        ...format.args,
        ...exactTicks(format.extension, rate),
        ...["-f", format.container],
        fileUrl(path),
      ],
      { input: true },
    );
  }

  /**
   * Hands over a frame and waits until the encoder can take the next.
   *
   * @throws Error with one sentence where the encoder has failed.
   */
  async write(picture: Picture): Promise<void> {
    const { data } = this.#keepsAlpha ? picture : onWhite(picture);
    const { input, ended } = this.#encoder;
    if (input.destroyed) throw await this.#failure();
    // A view of the same bytes, for the stream takes no clamped arrays.
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
    if (input.write(bytes)) return;
    // A pipe that breaks is the encoder's end, which says why.
    await Promise.race([once(input, "drain").catch(() => ended), ended]);
    if (input.destroyed) throw await this.#failure();
  }

  /**
   * Closes the file properly.
   *
   * @throws Error with one sentence where the encoder failed.
   */
  async finish(): Promise<void> {
    this.#encoder.input.end();
    if (!isWritten(await this.#encoder.ended, this.#encoder.complaints)) throw await this.#failure();
    this.#isFinished = true;
  }

  async #failure(): Promise<Error> {
    const ending = await this.#encoder.ended;
    return writingFailure(this.#name, reasonOf(ending, this.#encoder.complaints), this.#encoder.complaints);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#encoder[Symbol.asyncDispose]();
    if (!this.#isFinished) await rm(this.path, { force: true });
  }
}

/**
 * Whether ffmpeg has written all of a file: versions before 6 end with code 0 where the disk is
 * full at the last moment.
 */
export function isWritten({ code }: Ending, complaints: readonly string[]): boolean {
  return (
    code === 0 && !complaints.some((line) => FULL.test(line) || /^Error (writing trailer|closing file)/.test(line))
  );
}

const FULL = /no space left|disk quota/i;

/** The error for a film that ffmpeg could not write. */
export function writingFailure(name: string, reason: string, complaints: readonly string[]): Error {
  if (complaints.some((line) => FULL.test(line))) return writeFailure(name, "ENOSPC", undefined);
  return cannotWrite(name, `${reason}. Choose another --codec or another folder.`);
}
