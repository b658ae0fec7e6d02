/**
 * Weights that anyone can generate from the tensors' names, for comparing implementations without a
 * checkpoint: every value comes from a hash of its name and index.
 *
 *   h = FNV-1a of the name; x = murmur3's finaliser of (h + i * 0x9E3779B1); unit = x / 2^32; value = (2 unit - 1) a
 *
 * with a = 0.05 for biases and sqrt(6 / fan-in) for weights, a quarter of it for the 1x1
 * convolutions f and g.
 */

import type { ParameterShapes } from "adaattn/network";

function nameHash(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function unit(hash: number, index: number): number {
  let x = (hash + Math.imul(index, 0x9e3779b1)) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
}

/** Generated values for every tensor of `shapes`. */
export function generateWeights(shapes: ParameterShapes): Map<string, Float32Array> {
  const values = new Map<string, Float32Array>();
  for (const [name, shape] of shapes) {
    const count = shape.reduce((product, length) => product * length, 1);
    const spread = /\.[fg]\.weight$/.test(name) ? 0.25 : 1;
    const amplitude = name.endsWith(".bias") ? 0.05 : spread * Math.sqrt(6 / (count / (shape[0] ?? 1)));
    const hash = nameHash(name);
    values.set(
      name,
      Float32Array.from({ length: count }, (_, at) => (2 * unit(hash, at) - 1) * amplitude),
    );
  }
  return values;
}
