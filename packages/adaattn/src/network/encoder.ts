/**
 * The encoder: a picture becomes features at up to five levels (reference code: the normalized
 * VGG-19, relu1_1 to relu5_1).
 */

import { convolution, maxPool, pad2d, relu, type Tensor } from "@adaattn/graph";
import type { Architecture, ConvolutionLayer } from "./architecture.ts";
import type { Weights } from "./parameters.ts";

/**
 * Called with what each convolution gives, after its activation and before it; gives what goes on:
 * `y` itself, or something of its shape in its stead.
 */
export type OnLayer = (layer: ConvolutionLayer, y: Tensor, before: Tensor) => Tensor;

/** One convolution of a network, with its reflected border and activation. */
export function convolve(x: Tensor, layer: ConvolutionLayer, weights: Weights, onLayer?: OnLayer): Tensor {
  const padded = layer.kernel === 1 ? x : pad2d(x, (layer.kernel - 1) / 2, "reflect");
  const before = convolution(padded, weights(`${layer.name}.weight`), { bias: weights(`${layer.name}.bias`) });
  const y = layer.relu ? relu(before) : before;
  return onLayer?.(layer, y, before) ?? y;
}

/**
 * The features of `picture` ([N, 3, H, W], RGB in [0, 1]): index 0 holds level 1 ([N, C1, H, W]),
 * index 1 level 2 at half the size, and so on.
 */
export function encode(
  picture: Tensor,
  encoder: Architecture["encoder"],
  weights: Weights,
  onLayer?: OnLayer,
): Tensor[] {
  const features: Tensor[] = [];
  let x = picture;
  for (const layers of encoder.levels) {
    for (const layer of layers) {
      x = layer.kind === "pool" ? maxPool(x, 2, true) : convolve(x, layer, weights, onLayer);
    }
    features.push(x);
  }
  return features;
}
