/**
 * Structural similarity (Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment", IEEE TIP
 * 2004): how much of the local brightness, contrast and structure of one picture is found at the
 * same places of another.
 *
 *   SSIM = (2 mu_x mu_y + C1)(2 sigma_xy + C2) / ((mu_x^2 + mu_y^2 + C1)(sigma_x^2 + sigma_y^2 + C2))
 *
 * with mu, sigma^2 and sigma_xy weighted by a Gaussian window of 11 x 11 pixels (sigma 1.5, weights
 * that sum to 1, so variances are the biased ones), C1 = (0.01 L)^2, C2 = (0.03 L)^2 and L = 255,
 * averaged over the windows that lie wholly within the picture.
 */

import type { Picture, Size } from "adaattn";

const RADIUS = 5;
const SIGMA = 1.5;
const [C1, C2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];

/** One row of the window; the window is its product with itself. */
const WINDOW = normalized(
  Array.from({ length: 2 * RADIUS + 1 }, (_, at) => Math.exp(-((at - RADIUS) ** 2) / (2 * SIGMA ** 2))),
);

function normalized(weights: readonly number[]): Float64Array {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return Float64Array.from(weights, (weight) => weight / sum);
}

/** A picture in shades of gray. */
export interface Gray extends Size {
  /** Brightness from 0 to 255, not rounded, row after row. */
  readonly data: Float32Array;
}

/** The picture's luma, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601). Alpha is ignored. */
export function grayOf({ width, height, data }: Picture): Gray {
  const gray = new Float32Array(width * height);
  for (let at = 0; at < gray.length; at++) {
    const [red = 0, green = 0, blue = 0] = [data[4 * at], data[4 * at + 1], data[4 * at + 2]];
    gray[at] = 0.299 * red + 0.587 * green + 0.114 * blue;
  }
  return { width, height, data: gray };
}

/**
 * The mean structural similarity of two pictures of one size, whose sides have at least 11 pixels:
 * 1 for equal ones, at least -1.
 */
export function structuralSimilarity(a: Gray, b: Gray): number {
  const [x, y] = [a.data, b.data];
  const mean = (value: (at: number) => number) => windowMeans(a, value);
  const [meanX, meanY] = [mean((at) => x[at] ?? 0), mean((at) => y[at] ?? 0)];
  const [squareX, squareY] = [mean((at) => (x[at] ?? 0) ** 2), mean((at) => (y[at] ?? 0) ** 2)];
  const product = mean((at) => (x[at] ?? 0) * (y[at] ?? 0));
  let sum = 0;
  for (let at = 0; at < product.length; at++) {
    const [mx = 0, my = 0] = [meanX[at], meanY[at]];
    const [varianceX, varianceY] = [(squareX[at] ?? 0) - mx * mx, (squareY[at] ?? 0) - my * my];
    const covariance = (product[at] ?? 0) - mx * my;
    sum += ((2 * mx * my + C1) * (2 * covariance + C2)) / ((mx * mx + my * my + C1) * (varianceX + varianceY + C2));
  }
  return sum / product.length;
}

/**
 * The weighted mean of `value` over every window within the picture, rows first and then columns.
 */
function windowMeans({ width, height }: Size, value: (at: number) => number): Float64Array {
  const [across, down] = [width - 2 * RADIUS, height - 2 * RADIUS];
  const rows = new Float64Array(across * height);
  const line = new Float64Array(width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) line[x] = value(y * width + x);
    for (let x = 0; x < across; x++) {
      let sum = 0;
      for (let tap = 0; tap < WINDOW.length; tap++) sum += (WINDOW[tap] ?? 0) * (line[x + tap] ?? 0);
      rows[y * across + x] = sum;
    }
  }
  const means = new Float64Array(across * down);
  for (let y = 0; y < down; y++) {
    for (let tap = 0; tap < WINDOW.length; tap++) {
      const weight = WINDOW[tap] ?? 0;
      const from = (y + tap) * across;
      for (let x = 0; x < across; x++)
        means[y * across + x] = (means[y * across + x] ?? 0) + weight * (rows[from + x] ?? 0);
    }
  }
  return means;
}
