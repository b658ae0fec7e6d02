/** Repeatable numbers for tests. */

import { type NdArray, ndarray } from "@adaattn/graph";

/**
 * A generator of numbers from -1 to 1 that gives the same ones for the same seed (a linear
 * congruence).
 */
export function generator(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** An array of numbers from -1 to 1. */
export function numbers(shape: readonly number[], seed: number): NdArray {
  const next = generator(seed);
  return ndarray(Array.from({ length: shape.reduce((product, length) => product * length, 1) }, next), shape);
}

/** The largest difference between two arrays of one shape. */
export function distance(a: NdArray | undefined, b: NdArray | undefined): number {
  if (a === undefined || b === undefined || a.shape.join() !== b.shape.join()) return Number.POSITIVE_INFINITY;
  return a.data.reduce((worst, value, at) => {
    const difference = Math.abs(value - (b.data[at] ?? Number.NaN));
    return difference > worst || Number.isNaN(difference) ? difference : worst;
  }, 0);
}
