/** Where painted frames go: into the segments of a film, or into a folder of numbered pictures. */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { cannotWrite, perSecond } from "adaattn/internal/node";
import { type FrameRate, FrameWriter, type Picture, type SegmentFormat, type Size, writePicture } from "adaattn/node";
import type { VideoJob } from "./job.ts";

/** How long a segment is: as much as a killed job may have painted in vain. */
const SEGMENT_SECONDS = 2;

/** Takes frames in order. Disposing of it before it was finished drops what is not whole. */
export interface FrameSink extends AsyncDisposable {
  /** Hands over a frame and waits until the next may come. */
  write(picture: Picture): Promise<void>;
  /** Waits until everything is on the disk. */
  finish(): Promise<void>;
}

/** What a film is like. */
export interface SegmentedFilm {
  /** What errors call it. */
  readonly name: string;
  readonly size: Size;
  readonly rate: FrameRate;
  readonly format: SegmentFormat;
}

/**
 * Writes segments of a film, each by an encoder of its own, which closes its file while the next
 * one begins.
 */
export class SegmentSink implements FrameSink {
  readonly #job: VideoJob;
  readonly #film: SegmentedFilm;
  readonly #length: number;
  #writer: FrameWriter | undefined;
  #frames = 0;
  #begun = 0;
  #closing: Promise<void> = Promise.resolve();

  constructor(job: VideoJob, film: SegmentedFilm) {
    this.#job = job;
    this.#film = film;
    this.#length = Math.max(1, Math.round(SEGMENT_SECONDS * perSecond(film.rate)));
  }

  async write(picture: Picture): Promise<void> {
    if (this.#writer === undefined) {
      this.#writer = new FrameWriter(this.#job.growing(this.#begun++, this.#film.format.extension), this.#film);
      this.#frames = 0;
    }
    await this.#writer.write(picture);
    this.#frames++;
    if (this.#frames === this.#length) await this.#close();
  }

  /** Lets the segment be closed while others work, once the one before it is closed. */
  async #close(): Promise<void> {
    const [writer, frames, before] = [this.#writer, this.#frames, this.#closing];
    if (writer === undefined) return;
    await before;
    this.#writer = undefined;
    this.#closing = (async () => {
      await using closing = writer;
      await closing.finish();
      await this.#job.keep(closing.path, frames, this.#film.format.extension);
    })();
    this.#closing.catch(() => undefined);
  }

  async finish(): Promise<void> {
    await this.#close();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer?.[Symbol.asyncDispose]();
    await this.#closing.catch(() => undefined);
  }
}

/** Writes frames as 000001.png and so on, one while the next is painted. */
export class PictureSink implements FrameSink {
  readonly #folder: string;
  #next: number;
  #writing: Promise<void> = Promise.resolve();

  /** @param skip how many are there already. */
  constructor(folder: string, skip: number) {
    this.#folder = folder;
    this.#next = skip + 1;
  }

  async write(picture: Picture): Promise<void> {
    await this.#writing;
    this.#writing = writePicture(join(this.#folder, pictureName(this.#next++)), picture);
    this.#writing.catch(() => undefined);
  }

  async finish(): Promise<void> {
    await this.#writing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing.catch(() => undefined);
  }
}

/** What a frame is called, counted from 1. */
function pictureName(frame: number): string {
  return `${String(frame).padStart(6, "0")}.png`;
}

/**
 * Makes the folder for frames, or finds it.
 *
 * @param resume whether it may hold frames already.
 * @returns how many frames it holds from the first on, without a gap.
 * @throws Error with one sentence where it holds anything else, or cannot be made.
 */
export async function prepareFolder(folder: string, resume: boolean): Promise<number> {
  await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw cannotWrite(folder, `no such folder can be made (${error.code}). Choose another place.`, error);
  });
  const names = new Set((await readdir(folder)).filter((name) => !/^\.adaattn-.*\.tmp$/.test(name)));
  const other = [...names].find((name) => !resume || !/^\d{6,}\.png$/.test(name));
  if (other !== undefined) throw cannotWrite(folder, `it holds ${other} already. Choose a new or an empty folder.`);
  let count = 0;
  while (names.has(pictureName(count + 1))) count++;
  return count;
}
