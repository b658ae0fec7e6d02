/**
 * Normalization and linear attention, composed of other operators: their gradients follow from
 * those.
 */

import { type Dimension, divideExactly } from "../dimension.ts";
import { formatShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add, divide, maximum, multiply, scale, sqrt, square, subtract } from "./elementwise.ts";
import { constant } from "./leaf.ts";
import { matmul } from "./matmul.ts";
import { reduceMean, reduceSum } from "./reduce.ts";

/** Mean and biased variance over `axes`, which stay with length 1. */
export function moments(x: Tensor, axes: readonly number[]): { mean: Tensor; variance: Tensor } {
  const mean = reduceMean(x, axes, true);
  return { mean, variance: reduceMean(square(subtract(x, mean)), axes, true) };
}

/** How many elements each reduced value stands for. */
export function reducedCount(x: Tensor, reduced: Tensor): Dimension {
  const count = divideExactly(sizeOf(x.shape), sizeOf(reduced.shape));
  if (count === undefined)
    throw new Error(`Expected a reduction of ${formatShape(x.shape)} but received ${formatShape(reduced.shape)}`);
  return count;
}

/** x / (|x| + epsilon) along the last axis. */
export function unitLength(x: Tensor, epsilon: number): Tensor {
  return divide(x, add(sqrt(reduceSum(square(x), [-1], true)), constant(epsilon)));
}

/**
 * Attention with the weights 1 + q.k for unit queries [B, N, C] and keys [B, M, C], normalized over
 * the keys, in time linear in both: the keys and values ([B, M, D]) enter only through their sums.
 * Gives the mean and the second moment of the values.
 *
 *   sum_j (1 + q.k_j) v_j = sum_j v_j + q.(sum_j k_j v_j^T),   sum_j (1 + q.k_j) = M + q.(sum_j k_j)
 */
export function attendMomentsLinear(q: Tensor, sums: LinearSums): { mean: Tensor; second: Tensor } {
  const total = add(add(matmul(q, sums.keys, { transposeB: true }), sums.count), constant(sums.epsilon));
  const attend = (values: Tensor, products: Tensor) => divide(add(values, matmul(q, products)), total);
  return { mean: attend(sums.values, sums.products), second: attend(sums.squares, sums.squareProducts) };
}

/** All that linear attention needs of the keys and values. */
export interface LinearSums {
  /** [B, 1, 1], the number of keys. */
  readonly count: Tensor;
  /** [B, 1, C] */
  readonly keys: Tensor;
  /** [B, 1, D], of values and of their squares. */
  readonly values: Tensor;
  readonly squares: Tensor;
  /** [B, C, D], of the products of keys with values and with their squares. */
  readonly products: Tensor;
  readonly squareProducts: Tensor;
  /** Added to the sum of the weights. */
  readonly epsilon: number;
}

/** The sums over keys [B, M, C] and values [B, M, D] that `attendMomentsLinear` works from. */
export function linearSums(k: Tensor, v: Tensor, epsilon: number): LinearSums {
  const squares = square(v);
  const ones = reduceSum(add(scale(reduceSum(k, [2], true), 0), constant(1)), [1], true);
  return {
    count: ones,
    keys: reduceSum(k, [1], true),
    values: reduceSum(v, [1], true),
    squares: reduceSum(squares, [1], true),
    products: matmul(k, v, { transposeA: true }),
    squareProducts: matmul(k, squares, { transposeA: true }),
    epsilon,
  };
}

/**
 * The standard deviation that a mean and a second moment give, 0 where rounding made the variance
 * negative.
 */
export function deviationOf(mean: Tensor, second: Tensor): Tensor {
  return sqrt(maximum(subtract(second, multiply(mean, mean)), constant(0)));
}
