/**
 * How far the colors of one picture are from another's, wherever they are: for red, green and blue
 * apart, the 1-Wasserstein distance of the histograms, which is the area between their cumulative
 * curves, or how far the bytes of a channel would have to move on average to give the other's
 * histogram. Unlike distances that go bin by bin, it tells a small shift from a large one.
 */

import type { Picture } from "adaattn";

const BINS = 256;

/**
 * The share of the pixels that have each byte: 256 shares of red, then of green, then of blue.
 * Alpha is ignored.
 */
export function colorHistogram({ data }: Picture): Float64Array {
  const shares = new Float64Array(3 * BINS);
  const share = 4 / data.length;
  for (let at = 0; at < data.length; at += 4) {
    for (let channel = 0; channel < 3; channel++) {
      const bin = channel * BINS + (data[at + channel] ?? 0);
      shares[bin] = (shares[bin] ?? 0) + share;
    }
  }
  return shares;
}

/**
 * The distance of two histograms, averaged over the channels: 0 for equal ones, 1 between black and
 * white.
 */
export function histogramDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let channel = 0; channel < 3; channel++) {
    let ahead = 0;
    for (let bin = channel * BINS; bin < (channel + 1) * BINS; bin++) {
      ahead += (a[bin] ?? 0) - (b[bin] ?? 0);
      sum += Math.abs(ahead);
    }
  }
  return sum / (3 * (BINS - 1));
}
