/**
 * Softmax attention with f and Norm folded into the style's keys, so that content is compared as
 * the encoder gives it:
 *
 *   q . k = (F (x - mean) / deviation + b) . (G y + d) = x . k' + c
 *   k' = F^T (G y + d) / deviation        c = b . (G y + d) - mean . k'
 *
 * F, b and G, d are the 1x1 convolutions f and g, x the content's features, mean and deviation
 * those of its Norm, and y the painting's normalized keys. F^T G is one matrix, and no product is
 * left for the photograph's positions. c travels as one more channel of the keys, against a channel
 * of ones.
 */

import {
  add,
  broadcastTo,
  concat,
  constant,
  divide,
  matmul,
  reshape,
  type Shape,
  slice,
  subtract,
  type Tensor,
} from "@adaattn/graph";
import type { AttentionModule } from "./architecture.ts";
import { tokens } from "./attention.ts";
import { flattenPositions, type NormStatistics } from "./keys.ts";
import type { Weights } from "./parameters.ts";

/** Channels that carry c: one, and zeros, because GPUs read by fours. */
export const FOLDED_CHANNELS = 4;

/**
 * The keys of a style with f folded in, one product for g and f together: [1, M, K +
 * FOLDED_CHANNELS] of its attention keys ([1, K, M]).
 */
export function foldKeys({ name, keyChannels }: AttentionModule, keys: Tensor, weights: Weights): Tensor {
  const matrix = (part: string) => reshape(weights(`${name}.${part}.weight`), [keyChannels, keyChannels]);
  const bias = (part: string, shape: Shape) => reshape(weights(`${name}.${part}.bias`), shape);
  const zeros = constant(new Float32Array(keyChannels * (FOLDED_CHANNELS - 1)), [keyChannels, FOLDED_CHANNELS - 1]);
  const f = concat([matrix("f"), bias("f", [keyChannels, 1]), zeros], 1);
  const both = matmul(matrix("g"), f, { transposeA: true });
  return add(matmul(tokens(keys), both), matmul(bias("g", [1, keyChannels]), f));
}

/**
 * Those with a content's statistics ([1, K, 1, 1]) folded in: what `foldedQueries` of its features
 * are compared with.
 */
export function normalizeFoldedKeys({ keyChannels }: AttentionModule, folded: Tensor, norm: NormStatistics): Tensor {
  const row = (x: Tensor) => reshape(x, [1, 1, keyChannels]);
  const part = (start: number, end: number) => slice(folded, [{ axis: 2, start, end }]);
  const scaled = divide(part(0, keyChannels), row(norm.deviation));
  const shift = matmul(scaled, reshape(norm.mean, [keyChannels, 1]));
  const rest = part(keyChannels + 1, keyChannels + FOLDED_CHANNELS);
  return concat([scaled, subtract(part(keyChannels, keyChannels + 1), shift), rest], 2);
}

/** Stacked content features ([1, K, H, W]) as queries [1, positions, K + FOLDED_CHANNELS]. */
export function foldedQueries(stacked: Tensor): Tensor {
  const flat = flattenPositions(stacked);
  const [, , positions = 1] = flat.shape;
  const ones = constant(
    Float32Array.from({ length: FOLDED_CHANNELS }, (_, at) => (at === 0 ? 1 : 0)),
    [1, FOLDED_CHANNELS, 1],
  );
  return tokens(concat([flat, broadcastTo(ones, [1, FOLDED_CHANNELS, positions])], 1));
}
