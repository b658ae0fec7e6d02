/**
 * How much arithmetic a stylization is, counted from an architecture's record: multiply-accumulates
 * of its convolutions and matrix products, as this repository computes them. Left out is what is
 * small beside those: Norm, softmax, pools, activations.
 */

import type { Size } from "adaattn";
import { type Architecture, type AttentionModule, type ConvolutionLayer, paddedSize } from "adaattn/network";

/** Multiply-accumulates of each part (`packages/adaattn/src/network/parts.ts`). */
export interface Arithmetic {
  /** The photograph's features. */
  readonly encode: number;
  /** The painting's features, keys and values: nothing where the style is known already. */
  readonly style: number;
  readonly attend: number;
  readonly decode: number;
}

/**
 * The arithmetic of a photograph in the style of a painting, painted whole. Sizes are rounded up to
 * multiples of 16.
 */
export function arithmeticOf(architecture: Architecture, photo: Size, painting: Size): Arithmetic {
  const { attention, encoder } = architecture;
  let [style, attend] = [encodingOf(encoder, paddedSize(painting)), 0];
  for (const module of attention.modules) {
    const [queries, positions] = [positionsAt(module.level, photo), positionsAt(module.level, painting)];
    const keys = Math.min(positions, module.maxKeys);
    const { keyChannels: k, valueChannels: v } = module;
    style += keys * (k * k + v * v);
    attend += attentionOf(module, attention.kind, queries, keys);
    // Softmax attention has f folded into the keys; cosine attention sums the painting up, and
    // projects the photograph.
    if (attention.kind === "cosine") {
      style += keys * k * (2 * v + 1);
      attend += queries * k * k;
    }
  }
  return { encode: encodingOf(encoder, paddedSize(photo)), style, attend, decode: decodingOf(architecture, photo) };
}

/** How many positions a level has in a picture. */
export function positionsAt(level: number, picture: Size): number {
  const { width, height } = paddedSize(picture);
  return (width * height) / 4 ** (level - 1);
}

/**
 * Attention proper, from queries, keys and values to both moments. The quadratic form compares
 * every query with every key; the linear form of cosine attention (`cosine`) multiplies each query
 * by a matrix of the painting's sums.
 */
export function attentionOf(
  { keyChannels, valueChannels }: Pick<AttentionModule, "keyChannels" | "valueChannels">,
  kind: Architecture["attention"]["kind"] | "quadratic",
  queries: number,
  keys: number,
): number {
  if (kind === "cosine") return queries * keyChannels * (2 * valueChannels + 1);
  return queries * keys * (keyChannels + 2 * valueChannels);
}

function encodingOf({ levels }: Architecture["encoder"], { width, height }: Size): number {
  let [pixels, sum] = [width * height, 0];
  for (const layer of levels.flat()) {
    if (layer.kind === "pool") pixels /= 4;
    else sum += pixels * perPixel(layer);
  }
  return sum;
}

function decodingOf({ attention, merge, decoder }: Architecture, photo: Size): number {
  let pixels = positionsAt(merge ? 4 : (attention.modules.at(-1)?.level ?? 1), photo);
  let sum = merge ? pixels * perPixel(merge) : 0;
  for (const layer of decoder) {
    if (layer.kind === "upsample") pixels *= 4;
    else if (layer.kind === "convolution") sum += pixels * perPixel(layer);
  }
  return sum;
}

function perPixel({ inputs, outputs, kernel }: ConvolutionLayer): number {
  return inputs * outputs * kernel * kernel;
}
