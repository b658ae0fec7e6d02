/**
 * The decoder: attended features become a picture (paper, section 3.1; released code, `Transformer`
 * and `Decoder`).
 */

import { add, concat, resize, type Tensor, upsample } from "@adaattn/graph";
import type { Architecture } from "./architecture.ts";
import { convolve, type OnLayer } from "./encoder.ts";
import type { Weights } from "./parameters.ts";

function attendedAt(attended: ReadonlyMap<number, Tensor>, level: number): Tensor {
  const features = attended.get(level);
  if (features === undefined) throw new Error(`Expected attended features of level ${level} but received none`);
  return features;
}

/**
 * What the decoder starts from: level 5, brought to the size of level 4, added to it and convolved;
 * the deepest level as it is where nothing is merged.
 */
export function mergeLevels(
  architecture: Architecture,
  attended: ReadonlyMap<number, Tensor>,
  weights: Weights,
  onLayer?: OnLayer,
): Tensor {
  const { merge, attention } = architecture;
  if (merge === undefined) return attendedAt(attended, attention.modules.at(-1)?.level ?? 1);
  const four = attendedAt(attended, 4);
  const [, , height = 1, width = 1] = four.shape;
  return convolve(add(four, resize(attendedAt(attended, 5), height, width, "nearest")), merge, weights, onLayer);
}

/** The picture ([N, 3, H, W], not clamped) of attended features by level. */
export function decode(
  architecture: Architecture,
  attended: ReadonlyMap<number, Tensor>,
  weights: Weights,
  onLayer?: OnLayer,
): Tensor {
  let x = mergeLevels(architecture, attended, weights, onLayer);
  for (const layer of architecture.decoder) {
    if (layer.kind === "upsample") x = upsample(x, 2);
    else if (layer.kind === "skip") x = concat([x, attendedAt(attended, layer.level)], 1);
    else x = convolve(x, layer, weights, onLayer);
  }
  return x;
}
