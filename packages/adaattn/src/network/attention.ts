/**
 * AdaAttN itself (paper, section 3.2, equations 2 to 6): for every content point, the mean and the
 * deviation of the style features that it attends to; the normalized content feature is scaled by
 * the one and shifted by the other.
 *
 * Values are centered per channel before they are squared: the variance does not change, and
 * E[v^2] - E[v]^2 no longer cancels.
 */

import {
  add,
  attendMoments,
  attendMomentsLinear,
  concat,
  constant,
  convolution,
  type Dimension,
  deviationOf,
  divide,
  gather,
  linearSums,
  matmul,
  multiply,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  slice,
  sqrt,
  square,
  subtract,
  type Tensor,
  transpose,
  unitLength,
} from "@adaattn/graph";
import type { Architecture, AttentionModule } from "./architecture.ts";
import { flattenPositions } from "./keys.ts";
import type { Weights } from "./parameters.ts";

/** Added to lengths and to the sum of weights in cosine attention (released code). */
const COSINE_EPSILON = 1e-5;

/** A 1x1 convolution from [N, C, positions] to [N, O, positions]. */
function project(x: Tensor, name: string, weights: Weights): Tensor {
  const [samples = 1, channels = 1, positions = 1] = x.shape;
  const row = reshape(x, [samples, channels, 1, positions]);
  return flattenPositions(convolution(row, weights(`${name}.weight`), { bias: weights(`${name}.bias`) }));
}

/** [N, C, positions] as [N, positions, C], and back. */
export function tokens(x: Tensor): Tensor {
  return transpose(x, [0, 2, 1]);
}

/** What a style is to one attention module. */
export interface StyleValues {
  /** [N, M, keyChannels] */
  readonly keys: Tensor;
  /** [N, M, valueChannels], mean 0 over the M positions. */
  readonly values: Tensor;
  /** [N, 1, valueChannels], what was taken off the values. */
  readonly mean: Tensor;
}

/** Centers values ([N, M, D]) per channel. */
function center(keys: Tensor, values: Tensor): StyleValues {
  const mean = reduceMean(values, [1], true);
  return { keys, values: subtract(values, mean), mean };
}

/**
 * Keys and values of a style: g of its attention keys and h of its raw features (both flattened to
 * [N, C, positions]). Where `chosen` (int64 [M]) is given, only those positions.
 */
export function styleValues(
  module: AttentionModule,
  keys: Tensor,
  features: Tensor,
  weights: Weights,
  chosen?: Tensor,
): StyleValues {
  const pick = (x: Tensor) => (chosen === undefined ? x : gather(x, chosen, 2));
  const projected = (x: Tensor, name: string) => tokens(project(pick(x), `${module.name}.${name}`, weights));
  return center(projected(keys, "g"), projected(features, "h"));
}

/**
 * As `styleValues` with f, g and h the identity: the parameter-free attention of the local feature
 * loss.
 */
export function plainStyleValues(keys: Tensor, features: Tensor, chosen?: Tensor): StyleValues {
  const pick = (x: Tensor) => tokens(chosen === undefined ? x : gather(x, chosen, 2));
  return center(pick(keys), pick(features));
}

/**
 * Mean and deviation of the attended style features, one for every content position: [N, D,
 * positions].
 */
export interface StyleMaps {
  readonly mean: Tensor;
  readonly deviation: Tensor;
}

/**
 * The shares [N, positions, M] of cosine attention: w / (sum of w over keys + epsilon) with w =
 * relu(cosine + 1).
 */
export function cosineShares(queries: Tensor, keys: Tensor): Tensor {
  const [unitQueries, unitKeys] = [unitLength(queries, COSINE_EPSILON), unitLength(keys, COSINE_EPSILON)];
  const weights = relu(add(matmul(unitQueries, unitKeys, { transposeB: true }), constant(1)));
  return divide(weights, add(reduceSum(weights, [2], true), constant(COSINE_EPSILON)));
}

/**
 * Cosine attention as the released video code writes it, with the whole matrix of shares: what the
 * linear form, which {@link attendTo} takes, is checked against. No model runs it.
 */
export function attendCosineQuadratic(style: StyleValues, queries: Tensor): StyleMaps {
  const shares = cosineShares(queries, style.keys);
  return mapsOf({ mean: matmul(shares, style.values), second: matmul(shares, square(style.values)) }, style);
}

/**
 * All that cosine attention needs of a style, whatever the number of its positions: sums over them
 * as one matrix [1, C + 1, 2 D + 1]. Its first row is what a query of zeros attends to (sums of the
 * values, of their squares, and of the weights), the others what each channel of a query adds (sums
 * of the keys' products with the same).
 */
export function cosineSums({ keys, values }: StyleValues): Tensor {
  const sums = linearSums(unitLength(keys, COSINE_EPSILON), values, COSINE_EPSILON);
  const total = add(sums.count, constant(sums.epsilon));
  const first = concat([sums.values, sums.squares, total], 2);
  return concat([first, concat([sums.products, sums.squareProducts, transpose(sums.keys, [0, 2, 1])], 2)], 1);
}

/**
 * Cosine attention from f of content keys ([1, C, positions]), which is not of unit length yet, to
 * a style's `cosineSums` and mean.
 *
 * What is asked for is a quotient of two sums, so both may be multiplied by the length of the
 * query: the query stays as it is, and its length multiplies the first row. Channels stay in front,
 * so that nothing of the picture's size is transposed.
 */
export function attendToSums(sums: Tensor, mean: Tensor, queries: Tensor): StyleMaps {
  const [, , columns = 1] = sums.shape as readonly number[];
  const [, channels = 1] = queries.shape as readonly number[];
  // As a product, the sum over channels takes a tenth of the time.
  const ones = constant(new Float32Array(channels).fill(1), [1, 1, channels]);
  const length = add(sqrt(matmul(ones, square(queries))), constant(COSINE_EPSILON));
  const attended = matmul(sums, concat([length, queries], 1), { transposeA: true });
  const depth = (columns - 1) / 2;
  const part = (start: number, end: number) => slice(attended, [{ axis: 1, start, end }]);
  const weights = part(2 * depth, columns);
  const [first, second] = [divide(part(0, depth), weights), divide(part(depth, 2 * depth), weights)];
  return { mean: add(first, tokens(mean)), deviation: deviationOf(first, second) };
}

function attendedMoments(style: StyleValues, queries: Tensor, kind: AttentionKind, temperature: number) {
  if (kind === "softmax") return attendMoments(queries, style.keys, style.values, temperature);
  const [unitQueries, unitKeys] = [unitLength(queries, COSINE_EPSILON), unitLength(style.keys, COSINE_EPSILON)];
  return attendMomentsLinear(unitQueries, linearSums(unitKeys, style.values, COSINE_EPSILON));
}

/** What points are compared by: softmax of products, or cosines. */
export type AttentionKind = Architecture["attention"]["kind"];

/**
 * Attends from queries ([N, positions, C]) to a style; `temperature` multiplies the scores of
 * softmax attention.
 */
export function attendTo(style: StyleValues, queries: Tensor, kind: AttentionKind, temperature = 1): StyleMaps {
  return mapsOf(attendedMoments(style, queries, kind, temperature), style);
}

/** The maps of both moments of centered values. */
function mapsOf({ mean, second }: { readonly mean: Tensor; readonly second: Tensor }, style: StyleValues): StyleMaps {
  return { mean: tokens(add(mean, style.mean)), deviation: tokens(deviationOf(mean, second)) };
}

/** The queries of content keys ([N, C, positions]): f of them, of the same shape. */
export function contentQueries(module: AttentionModule, keys: Tensor, weights: Weights): Tensor {
  return project(keys, `${module.name}.f`, weights);
}

/**
 * Normalized content features ([N, D, H, W]) scaled by the deviation map and shifted by the mean
 * map (equation 6).
 */
export function modulate(normalized: Tensor, maps: StyleMaps): Tensor {
  const shape: readonly Dimension[] = normalized.shape;
  return add(multiply(reshape(maps.deviation, shape), normalized), reshape(maps.mean, shape));
}
