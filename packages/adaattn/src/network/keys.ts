/**
 * Attention keys: what content and style are compared by (paper, section 3.2, equation 2). The
 * features of a level and of all shallower ones are brought to one size, normalized by themselves
 * and put together, so that a point is matched by what it looks like as well as by what it is.
 */

import {
  add,
  broadcastTo,
  concat,
  constant,
  divide,
  maximum,
  reduceMean,
  reduceSum,
  reshape,
  resize,
  type Shape,
  sizeOf,
  sqrt,
  square,
  subtract,
  type Tensor,
} from "@adaattn/graph";

/** What is added to a variance before its root is taken (released code). */
export const NORM_EPSILON = 1e-5;

/**
 * The number of positions of [N, C, H, W] as a scalar, whether known now or when the graph runs.
 */
function positions(shape: Shape): Tensor {
  const count = sizeOf(shape.slice(2));
  return typeof count === "number"
    ? constant(count)
    : reduceSum(broadcastTo(constant(Float32Array.of(1), [1]), [count]));
}

/**
 * Mean and deviation of every channel over all positions, [N, C, 1, 1]; sigma = sqrt(unbiased
 * variance + 1e-5).
 */
export function channelStatistics(x: Tensor): { mean: Tensor; deviation: Tensor; centered: Tensor } {
  const mean = reduceMean(x, [2, 3], true);
  const centered = subtract(x, mean);
  const freedom = maximum(subtract(positions(x.shape), constant(1)), constant(1));
  const variance = divide(reduceSum(square(centered), [2, 3], true), freedom);
  return { mean, deviation: sqrt(add(variance, constant(NORM_EPSILON))), centered };
}

/**
 * Norm (paper, section 3.1; released code, `mean_variance_norm`): every channel with mean 0 and
 * deviation 1.
 */
export function normalize(x: Tensor): Tensor {
  const { centered, deviation } = channelStatistics(x);
  return divide(centered, deviation);
}

/** What Norm takes off every channel and divides it by: [N, C, 1, 1] each. */
export interface NormStatistics {
  readonly mean: Tensor;
  readonly deviation: Tensor;
}

/**
 * Norm by statistics that come from elsewhere: of a whole picture for one of its tiles, of a scene
 * for one of its frames.
 */
export function normalizeBy(x: Tensor, { mean, deviation }: NormStatistics): Tensor {
  return divide(subtract(x, mean), deviation);
}

/** [N, C, H, W] as [N, C, positions]. */
export function flattenPositions(x: Tensor): Tensor {
  const [samples = 1, channels = 1, ...sides] = x.shape;
  return reshape(x, [samples, channels, sizeOf(sides)]);
}

/** Put before every Norm: gives the same values, and may do otherwise with their gradients. */
export type BeforeNorm = (x: Tensor) => Tensor;

/**
 * The features of `level` (1 is the first of `features`) and of all shallower ones at that level's
 * size, shallow to deep: [N, C1 + ... + C_level, H, W]. The level's own are the last channels.
 */
export function stackLevels(features: readonly Tensor[], level: number, beforeNorm: BeforeNorm = (x) => x): Tensor {
  const own = features[level - 1];
  if (own === undefined) throw new Error(`Expected a level from 1 to ${features.length} but received ${level}`);
  const [, , height = 1, width = 1] = own.shape;
  return concat(
    features.slice(0, level).map((feature) => beforeNorm(resize(feature, height, width, "nearest"))),
    1,
  );
}

/**
 * The keys of `level`: its stacked features, each channel normalized, as [N, C1 + ... + C_level,
 * positions].
 */
export function attentionKeys(features: readonly Tensor[], level: number, beforeNorm?: BeforeNorm): Tensor {
  return flattenPositions(normalize(stackLevels(features, level, beforeNorm)));
}
