/**
 * Paints within the memory that there is: a large photograph goes in tiles, and where memory runs
 * out all the same, in smaller ones.
 */

import type { Model, Picture, Size, StyleShare, StylizeOptions } from "adaattn";
import type { Painted } from "./protocol.ts";

/**
 * About how many bytes a call may take, by device. A GPU's memory is shared with the display; on
 * the CPU, tiles of a megapixel are small enough for a call to end soon after it was cancelled.
 */
const MEMORY = { cpu: 4e8, webgpu: 6e8 } as const;

/** With less, tiles would be mostly margins. */
const LEAST_MEMORY = 5e7;

/** What paints; of the model, only `stylize` and `device` are used. */
export async function paint(
  model: Pick<Model, "stylize" | "device">,
  photo: Picture,
  shares: readonly StyleShare[],
  options: StylizeOptions,
): Promise<Painted> {
  const begun = performance.now();
  for (let memory = MEMORY[model.device], isShrunk = false; ; memory /= 2, isShrunk = true) {
    try {
      const { width, height, data, tiles } = await model.stylize(photo, shares, { ...options, size: "full", memory });
      const milliseconds = performance.now() - begun;
      return { width, height, data: data as Uint8ClampedArray<ArrayBuffer>, milliseconds, tiles, isShrunk };
    } catch (error) {
      if (options.signal?.aborted || memory / 2 < LEAST_MEMORY || !isWantOfMemory(error)) throw error;
    }
  }
}

function isWantOfMemory(error: unknown): boolean {
  return /memory|alloc|out of bounds|too large|exceeds/i.test(error instanceof Error ? error.message : "");
}

/** The picture at another size, by the browser's own smoothing; alpha is kept. */
export function resize(picture: Picture, { width, height }: Size): Picture {
  const from = new OffscreenCanvas(picture.width, picture.height);
  const pixels = new ImageData(new Uint8ClampedArray(picture.data), picture.width, picture.height);
  from.getContext("2d")?.putImageData(pixels, 0, 0);
  const to = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (to === null) throw new Error("This browser gives no canvas to resize a picture with.");
  to.imageSmoothingQuality = "high";
  to.drawImage(from, 0, 0, width, height);
  return { width, height, data: to.getImageData(0, 0, width, height).data };
}
