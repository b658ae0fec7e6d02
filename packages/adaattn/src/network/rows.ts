/** Rows of the attention matrix, as probabilities: what `attendTo` sums over, for the few queries whose rows are to be seen. */

import { add, constant, divide, matmul, reduceSum, relu, softmax, type Tensor, unitLength } from "@adaattn/graph";
import type { AttentionKind } from "./attention.ts";

/** Added to lengths in cosine attention (released code). */
const COSINE_EPSILON = 1e-5;

/**
 * The probabilities [N, positions, M] with which queries [N, positions, C] attend to keys [N, M, C]: softmax of their products, or
 * for cosine attention 1 plus the cosine over the sum of those.
 */
export function attentionRows(queries: Tensor, keys: Tensor, kind: AttentionKind): Tensor {
  if (kind === "softmax") return softmax(matmul(queries, keys, { transposeB: true }));
  const unit = (x: Tensor) => unitLength(x, COSINE_EPSILON);
  const weights = relu(add(matmul(unit(queries), unit(keys), { transposeB: true }), constant(1)));
  return divide(weights, reduceSum(weights, [2], true));
}
