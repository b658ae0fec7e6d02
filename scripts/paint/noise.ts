/**
 * Randomness for the painted pictures: everything is derived from a seed, so that a painting is the same at every run.
 * Value noise on a lattice, smoothed by a quintic, and sums of its octaves.
 */

export type Random = () => number;

/** A stream of numbers in [0, 1) (mulberry32). */
export function randomStream(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A number in [0, 1) that depends on the lattice point and the seed alone. */
export function lattice(x: number, y: number, seed: number): number {
  let h = Math.imul(x | 0, 0x9e3779b1) ^ Math.imul(y | 0, 0x85ebca6b) ^ Math.imul(seed | 0, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 4294967296;
}

/** Smooth noise in [-1, 1], one bump a unit. */
export function noise(x: number, y: number, seed: number): number {
  const x0 = Math.floor(x);
  const y0 = Math.floor(y);
  const u = fade(x - x0);
  const v = fade(y - y0);
  const top = mix(lattice(x0, y0, seed), lattice(x0 + 1, y0, seed), u);
  const bottom = mix(lattice(x0, y0 + 1, seed), lattice(x0 + 1, y0 + 1, seed), u);
  return 2 * mix(top, bottom, v) - 1;
}

/** The sum of `octaves` noises, each twice as fine and half as strong, in about [-1, 1]. */
export function octaves(x: number, y: number, seed: number, count = 4): number {
  let sum = 0;
  let weight = 0.5;
  for (let i = 0; i < count; i++) {
    sum += weight * noise(x * 2 ** i, y * 2 ** i, seed + i);
    weight /= 2;
  }
  return sum;
}

export function mix(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}

export function clamp(x: number, low = 0, high = 1): number {
  return Math.min(high, Math.max(low, x));
}

/** 0 below `low`, 1 above `high`, smooth in between. */
export function step(low: number, high: number, x: number): number {
  const t = clamp((x - low) / (high - low));
  return t * t * (3 - 2 * t);
}

function fade(t: number): number {
  return t * t * t * (t * (t * 6 - 15) + 10);
}
