/**
 * Patch similarity: do the strokes of the result occur in the painting? A patch is the features of
 * relu3_1 at 3 x 3 positions, and is compared by cosine with all patches of the style; what counts
 * is its best match, as in Li and Wand, "Combining Markov Random Fields and Convolutional Neural
 * Networks for Image Synthesis" (CVPR 2016, equations 2 and 3).
 *
 *   similarity = mean over patches p of the result of max over patches q of the style of  p.q / (|p| |q|)
 */

import {
  gather,
  input,
  matmul,
  multiplyDimensions,
  reduceMax,
  reduceMean,
  reshape,
  type Shape,
  sizeOf,
  symbol,
  type Tensor,
  transpose,
  unitLength,
} from "@adaattn/graph";
import { evenPositions, type TensorData } from "adaattn/network";

/**
 * At most so many patches of each, on regular grids: enough for a mean, and many enough to be found
 * among.
 */
export const MOST_PATCHES = { result: 1024, style: 4096 } as const;

/** Keeps patches of zeros from being divided by their length. */
const EPSILON = 1e-8;

/**
 * The graph: features `result` and `style` ([1, C, H, W], sizes may differ) and the positions of
 * their patches `resultAt` and `styleAt` ({@link patchPositions}) -> `similarity`, a scalar.
 */
export function patchSimilarityGraph(channels: number): Record<string, Tensor> {
  const patches = (name: "result" | "style") => {
    const count = symbol(`${name}Patches`);
    const features = input(name, [1, channels, symbol(`${name}Height`), symbol(`${name}Width`)]);
    const positions: Shape = [1, channels, sizeOf(features.shape.slice(2))];
    const chosen = input(`${name}At`, [multiplyDimensions(9, count)], "int64");
    const unfolded = reshape(gather(reshape(features, positions), chosen, 2), [1, 9 * channels, count]);
    return unitLength(transpose(unfolded, [0, 2, 1]), EPSILON);
  };
  const cosines = matmul(patches("result"), patches("style"), { transposeB: true });
  return { similarity: reduceMean(reduceMax(cosines, [2])) };
}

/**
 * Where the values of at most `most` patches lie in features [1, C, H, W], both sides at least 3:
 * the top left of all patches, then the next of each, nine times; patches lie wholly within.
 */
export function patchPositions([, , height = 0, width = 0]: readonly number[], most: number): TensorData {
  const corners = Array.from(evenPositions({ width: width - 2, height: height - 2 }, most), (position) => {
    const row = Math.floor(Number(position) / (width - 2));
    return Number(position) + 2 * row;
  });
  const offsets = [0, 1, 2].flatMap((row) => [0, 1, 2].map((column) => row * width + column));
  const data = BigInt64Array.from(offsets.flatMap((offset) => corners.map((corner) => BigInt(corner + offset))));
  return { shape: [data.length], data };
}
