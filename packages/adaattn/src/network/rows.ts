/**
 * Rows of the attention matrix, as probabilities: what `attendTo` sums over, for the few queries
 * whose rows are to be seen.
 */

import { matmul, softmax, type Tensor } from "@adaattn/graph";
import { type AttentionKind, cosineShares } from "./attention.ts";

/**
 * The probabilities [N, positions, M] with which queries [N, positions, C] attend to keys [N, M,
 * C]: softmax of their products, or for cosine attention 1 plus the cosine over the sum of those.
 */
export function attentionRows(queries: Tensor, keys: Tensor, kind: AttentionKind): Tensor {
  return kind === "softmax" ? softmax(matmul(queries, keys, { transposeB: true })) : cosineShares(queries, keys);
}
