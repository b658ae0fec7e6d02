/**
 * Muon (Jordan et al., 2024): momentum whose matrices are made orthogonal before they are applied,
 * so that rare directions are learnt as fast as frequent ones. Steps have the size of Adam's (Liu
 * et al., 2025), so that Adam's rates hold.
 */

import {
  add,
  constant,
  divide,
  matmul,
  multiply,
  reduceSum,
  reshape,
  scale,
  sizeOf,
  sqrt,
  square,
  type Tensor,
  transpose,
} from "@adaattn/graph";

/** The share of the old momentum that a step keeps. */
const MOMENTUM = 0.95;

/**
 * Newton and Schulz's iteration brings singular values near 1, from anywhere below it, in so many
 * rounds of these coefficients.
 */
const ROUNDS = 5;
const [A, B, C] = [3.4445, -4.775, 2.0315] as const;

/** keep * old + (1 - keep) * fresh. */
export const blend = (old: Tensor, fresh: Tensor, keep: number): Tensor =>
  add(scale(old, keep), scale(fresh, 1 - keep));

/**
 * The step of a weight of two dimensions or more, the first being its outputs: its next momentum,
 * and what is taken off it.
 *
 * @param rate The learning rate, a scalar.
 */
export function muonStep(gradient: Tensor, momentum: Tensor, rate: Tensor): { first: Tensor; change: Tensor } {
  const first = blend(momentum, gradient, MOMENTUM);
  const outputs = Number(gradient.shape[0]);
  const inputs = Number(sizeOf(gradient.shape)) / outputs;
  // Nesterov's: the momentum as it will be after one more such gradient.
  const ahead = blend(first, gradient, MOMENTUM);
  const direction = orthogonal(reshape(ahead, [outputs, inputs]));
  // 0.2 sqrt(longer side) is the root mean square of Adam's steps.
  const size = 0.2 * Math.sqrt(Math.max(outputs, inputs));
  return { first, change: multiply(scale(reshape(direction, gradient.shape), size), rate) };
}

/** A matrix of the same singular vectors whose singular values are all near 1. */
export function orthogonal(matrix: Tensor): Tensor {
  const [rows = 1, columns = 1] = matrix.shape.map(Number);
  const wide = rows <= columns;
  const turned = wide ? matrix : transpose(matrix, [1, 0]);
  let x = divide(turned, add(sqrt(reduceSum(square(turned))), constant(1e-12)));
  for (let round = 0; round < ROUNDS; round++) {
    const gram = matmul(x, x, { transposeB: true });
    const factor = add(scale(gram, B), scale(matmul(gram, gram), C));
    x = add(scale(x, A), matmul(factor, x));
  }
  return wide ? x : transpose(x, [1, 0]);
}
