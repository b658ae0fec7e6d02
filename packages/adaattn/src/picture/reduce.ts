/** A smaller copy of a picture that need not be in memory as a whole. */

import type { PictureSource } from "./area.ts";
import type { Picture, Size } from "./picture.ts";
import { Resizing } from "./resize.ts";

/** How many rows of the copy are made at a time. */
const ROWS = 16;

/** The whole picture at another size, as `resizePicture` makes it; it is read in strips. */
export async function readAtSize(source: PictureSource, size: Size, signal?: AbortSignal): Promise<Picture> {
  const { width, height } = size;
  const resizing = new Resizing(source, size);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let top = 0; top < height; top += ROWS) {
    signal?.throwIfAborted();
    const strip = { left: 0, top, width, height: Math.min(ROWS, height - top) };
    data.set(resizing.make(strip, await source.read(resizing.sourceOf(strip))).data, top * width * 4);
  }
  return { width, height, data };
}
