/**
 * Files to what a model takes: paintings, masks and photographs, at the sizes that are asked for.
 */

import { CONTENT_SIDE } from "adaattn/internal";
import {
  AdaattnError,
  type FilePicture,
  type Model,
  readPainting,
  readPicture,
  regionMasks,
  type StyleShare,
} from "adaattn/node";
import type { PaintTask, StyleInput } from "./messages.ts";
import type { StyleCache } from "./styleCache.ts";

/** An upload that cannot be read. */
export class UnreadableUpload extends Error {
  override readonly name = "UnreadableUpload";
}

/**
 * What reading an upload ended with: an {@link UnreadableUpload}, unless the file is not what is
 * wrong.
 */
export function explainReading(error: unknown): unknown {
  if (!(error instanceof AdaattnError && error.code === "file")) return error;
  return new UnreadableUpload(error.message, { cause: error });
}

/** Reads a picture of an upload. */
export function readUpload(
  path: string,
  options: Parameters<typeof readPicture>[1] & { readonly name: string },
): Promise<FilePicture> {
  return uploaded(() => readPicture(path, options), options.signal);
}

async function uploaded<Result>(read: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    signal?.throwIfAborted();
    throw explainReading(error);
  }
}

/** What materials are read with. */
export interface Reading {
  readonly model: Model;
  readonly cache: StyleCache;
  readonly pixels: number;
  readonly signal: AbortSignal;
}

/** Lends the styles of a task, with their weights and masks, for as long as `use` takes. */
export async function withStyles<Result>(
  task: PaintTask,
  reading: Reading,
  use: (shares: readonly StyleShare[]) => Promise<Result>,
): Promise<Result> {
  const masks = await readMasks(task, reading);
  const lend = (shares: readonly StyleShare[]): Promise<Result> => {
    const index = shares.length;
    const input = task.styles[index];
    if (input === undefined) return use(shares);
    const { model, cache } = reading;
    const key = JSON.stringify([model.name, input.painting.hash, input.mask?.hash, input.look]);
    return cache.lend(
      key,
      () => takeStyle(input, index, reading),
      (style) => lend([...shares, { style, weight: input.weight, mask: masks[index] }]),
    );
  };
  return lend([]);
}

async function takeStyle(input: StyleInput, index: number, { model, pixels }: Reading) {
  const { painting, mask, look } = input;
  const name = `the painting of style ${index + 1}`;
  const { picture, controls } = await uploaded(() => readPainting(painting.path, look, { mostPixels: pixels, name }));
  const source =
    mask &&
    (await readUpload(mask.path, {
      longestSide: CONTENT_SIDE,
      mostPixels: pixels,
      name: `the style mask of style ${index + 1}`,
    }));
  // Another request may wait for the same style, so one that is cancelled does not stop it.
  return model.style(picture, { ...controls, mask: source });
}

/** Where each style goes. */
async function readMasks(
  { masks, styles }: PaintTask,
  { pixels, signal }: Reading,
): Promise<readonly StyleShare["mask"][]> {
  const read = await Promise.all(
    masks.map((mask, index) =>
      readUpload(mask.path, {
        longestSide: CONTENT_SIDE,
        mostPixels: pixels,
        name: `mask ${index + 1}`,
        signal,
      }),
    ),
  );
  const colors = styles.flatMap(({ region }) => region ?? []);
  const [colored] = read;
  if (colored === undefined || colors.length === 0) return read;
  return regionMasks(colored, colors);
}
