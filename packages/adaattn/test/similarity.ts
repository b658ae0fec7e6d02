/** How alike two pictures are: what tests of the controls measure. */

import type { Picture } from "../src/picture/picture.ts";

/** The mean difference of two pictures' colors in bytes, of the pixels that `counts` takes. */
export function meanDifference(a: Picture, b: Picture, counts: (x: number, y: number) => boolean = () => true): number {
  let [sum, count] = [0, 0];
  for (let at = 0; at < a.data.length; at++) {
    const pixel = at >> 2;
    if (at % 4 === 3 || !counts(pixel % a.width, Math.floor(pixel / a.width))) continue;
    sum += Math.abs((a.data[at] ?? 0) - (b.data[at] ?? 0));
    count++;
  }
  return sum / count;
}

/** The mean red, green and blue of a picture. */
export function meanColor({ data }: Picture): readonly [number, number, number] {
  const sums: [number, number, number] = [0, 0, 0];
  for (let at = 0; at < data.length; at++)
    if (at % 4 < 3) sums[(at % 4) as 0 | 1 | 2] += (4 * (data[at] ?? 0)) / data.length;
  return sums;
}

const WINDOW = 8;

/** SSIM of gray levels (Wang et al., 2004), over windows of 8 x 8 pixels, half overlapping. */
export function ssim(a: Picture, b: Picture): number {
  const [grayA, grayB] = [gray(a), gray(b)];
  const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];
  let [sum, count] = [0, 0];
  for (let top = 0; top + WINDOW <= a.height; top += WINDOW / 2) {
    for (let left = 0; left + WINDOW <= a.width; left += WINDOW / 2) {
      let [x, y, xx, yy, xy] = [0, 0, 0, 0, 0];
      for (let row = top; row < top + WINDOW; row++) {
        for (let column = left; column < left + WINDOW; column++) {
          const [p, q] = [grayA[row * a.width + column] ?? 0, grayB[row * a.width + column] ?? 0];
          x += p;
          y += q;
          xx += p * p;
          yy += q * q;
          xy += p * q;
        }
      }
      const n = WINDOW * WINDOW;
      const [mx, my] = [x / n, y / n];
      const [vx, vy, cov] = [xx / n - mx * mx, yy / n - my * my, xy / n - mx * my];
      sum += ((2 * mx * my + c1) * (2 * cov + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2));
      count++;
    }
  }
  return sum / count;
}

function gray({ width, height, data }: Picture): Float64Array {
  const value = (at: number) => data[at] ?? 0;
  return Float64Array.from(
    { length: width * height },
    (_, at) => 0.299 * value(4 * at) + 0.587 * value(4 * at + 1) + 0.114 * value(4 * at + 2),
  );
}

/** A picture whose pixel at x, y has this color. */
export function painted(
  width: number,
  height: number,
  color: (x: number, y: number) => readonly [number, number, number, number?],
): Picture {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let at = 0; at < width * height; at++) {
    const [r, g, b, alpha = 255] = color(at % width, Math.floor(at / width));
    data.set([r, g, b, alpha], at * 4);
  }
  return { width, height, data };
}

/** A gray mask. */
export function grayMask(width: number, height: number, value: (x: number, y: number) => number): Picture {
  return painted(width, height, (x, y) => {
    const level = 255 * value(x, y);
    return [level, level, level];
  });
}
