/**
 * One picture with the coarse of another: a + low(b - a), where low is a Gaussian blur. Near the
 * edges of the picture the blur takes what there is, so that parts of a picture come out as they do
 * in the whole.
 */

import { type Area, relativeTo, withMargin } from "./area.ts";
import type { Picture, Size } from "./picture.ts";
import { combine, type Tap } from "./resize.ts";

/** How far the blur of this deviation sees, in pixels. */
export const blurReach = (deviation: number) => Math.ceil(3 * deviation);

/**
 * Two pictures of the same area, at least `blurReach` larger on each side than what is asked for,
 * as far as the whole goes.
 */
export interface Bands {
  /** What the fine is taken from. */
  readonly fine: Picture;
  /** What the coarse is taken from. */
  readonly coarse: Picture;
  /** Where both lie in the whole. */
  readonly outer: Area;
  /** The size of the whole. */
  readonly whole: Size;
}

/**
 * An area of `fine` with the coarse of `coarse`, and the alpha of `fine`.
 *
 * @param deviation of the Gaussian, in pixels: details smaller than this are the fine.
 */
export function joinBands(
  { fine, coarse, outer, whole }: Bands,
  area: Area,
  deviation: number,
): Picture & { data: Uint8ClampedArray<ArrayBuffer> } {
  const { left, top, width, height } = relativeTo(outer, area);
  const seen = withMargin(area, blurReach(deviation), whole);
  const columns = gaussianTaps(area.left, width, seen.left, seen.width, outer.left, deviation);
  const rows = gaussianTaps(area.top, height, seen.top, seen.height, outer.top, deviation);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * outer.width + left) * 4;
    data.set(fine.data.subarray(start, start + width * 4), y * width * 4);
  }
  const difference = new Float32Array(outer.width * outer.height);
  for (let channel = 0; channel < 3; channel++) {
    for (let at = 0; at < difference.length; at++) {
      difference[at] = (coarse.data[at * 4 + channel] as number) - (fine.data[at * 4 + channel] as number);
    }
    const low = combine({ width: outer.width, height: outer.height, data: difference }, columns, rows).data;
    for (let at = 0; at < low.length; at++) {
      data[at * 4 + channel] = (data[at * 4 + channel] as number) + (low[at] as number);
    }
  }
  return { width, height, data };
}

/**
 * What pixels from `start` on are made of: those around them within `from` and `count`, counted
 * from `origin`.
 */
function gaussianTaps(
  start: number,
  length: number,
  from: number,
  count: number,
  origin: number,
  deviation: number,
): Tap[] {
  const reach = blurReach(deviation);
  return Array.from({ length }, (_, at) => {
    const center = start + at;
    const [first, last] = [Math.max(from, center - reach), Math.min(from + count - 1, center + reach)];
    const weights = Float64Array.from({ length: last - first + 1 }, (_, i) =>
      Math.exp(-((first + i - center) ** 2) / (2 * deviation ** 2)),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { first: first - origin, weights: weights.map((weight) => weight / total) };
  });
}
