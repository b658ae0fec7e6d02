/**
 * The network on its way from pictures to results as training goes it, after training/torch
 * (networks.py, operations.py). What it computes is what the network computes; beside it, the
 * layers that may fall asleep are watched, and gradients are held:
 *
 *   calm: no picture's gradient counts more than twice the batch's median, where features go to the
 *     attention, behind the merge and behind the decoder's first layer. Norm divides by deviations
 *     that are tiny in flat pictures, one of which may hold a batch's whole gradient.
 *   Norm's: a channel that hardly wakes in a picture would multiply its gradient by hundreds; it
 *     counts as if the channel's deviation were about a third of the batch's.
 *   waking: the ReLUs of deep layers let a hundredth of a gradient through where they give nothing,
 *     so that a channel that no picture wakes can come back.
 */

import {
  absolute,
  add,
  addAll,
  concat,
  constant,
  detach,
  divide,
  kthLargest,
  maximum,
  minimum,
  multiply,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  scale,
  sizeOf,
  slice,
  sqrt,
  square,
  subtract,
  type Tensor,
  transpose,
  turnGradient,
  wakingRelu,
} from "@adaattn/graph";
import {
  type Architecture,
  attend,
  type ConvolutionLayer,
  channelStatistics,
  decode,
  encode,
  type Weights,
} from "adaattn/network";
import { frozenFeatures, type TrainedEncoder } from "../weights/encoders.ts";

/** The median along the last axis, which stays with length 1; of an even number the lower one. */
function median(x: Tensor): Tensor {
  const count = Number(x.shape.at(-1));
  return kthLargest(x, count - Math.floor((count - 1) / 2));
}

/** A gradient [N, C, H, W] with no sample's longer than twice the median of all. */
export function calm(gradient: Tensor): Tensor {
  const length = sqrt(reduceSum(square(gradient), [1, 2, 3], true));
  const most = scale(median(reshape(length, [1, sizeOf(length.shape)])), 2);
  return multiply(gradient, minimum(divide(most, add(length, constant(1e-12))), constant(1)));
}

/**
 * Maps [N, C, H, W] before their Norm. On its way back through Norm a gradient is divided by the
 * deviation of its channel in its picture; by no less here than 0.3 of the channel's mean deviation
 * over the batch and 0.1 of all channels'.
 */
export function calmNorm(x: Tensor): Tensor {
  return turnGradient(x, (dy) => {
    const { deviation } = channelStatistics(x);
    const least = add(scale(reduceMean(deviation, [0], true), 0.3), scale(reduceMean(deviation), 0.1));
    return multiply(dy, divide(deviation, maximum(deviation, least)));
  });
}

/** About so many values of a channel are looked at. */
const LOOKED_AT = 2048;

/**
 * A fine on channels that less than a tenth of the positions wake: how far their 90 % quantile lies
 * below a tenth of their spread, on average. Mean and deviation would not do, which a heavy tail
 * fools. `maps` are what a layer gave before its activation for several batches, [N, C, H, W] of one
 * size.
 */
export function sleepiness(maps: readonly Tensor[]): Tensor {
  const total = maps.reduce(
    (sum, { shape: [samples, , ...sides] }) => sum + Number(samples) * Number(sizeOf(sides)),
    0,
  );
  const step = Math.max(1, Math.round(Math.sqrt(total / LOOKED_AT)));
  const values = concat(
    maps.map((map) => {
      const picked = transpose(
        slice(
          map,
          [2, 3].map((axis) => ({ axis, step })),
        ),
        [1, 0, 2, 3],
      );
      const [channels = 1, ...positions] = picked.shape;
      return reshape(picked, [channels, sizeOf(positions)]);
    }),
    1,
  );
  const count = Number(values.shape[1]);
  const quantile = kthLargest(values, count - Math.max(1, Math.floor(0.9 * count)) + 1);
  const fixed = detach(values);
  const spread = maximum(reduceMean(absolute(subtract(fixed, median(fixed))), [1], true), constant(1e-6));
  return reduceMean(relu(subtract(constant(0.1), divide(quantile, spread))));
}

/** How the network is gone through. */
export interface PaintOptions {
  /** The encoder where it is frozen; the one among the weights without. */
  readonly encoder?: TrainedEncoder | undefined;
  /** Whether gradients are held; not by default. */
  readonly calm?: boolean | undefined;
}

/** What comes of several contents in one style. */
export interface Painted {
  /** A picture for each of the contents. */
  readonly results: readonly Tensor[];
  /** The features of the first content and of the style, as attention hears them. */
  readonly content: readonly Tensor[];
  readonly style: readonly Tensor[];
  /** What the decoder's first layer makes of the first content. */
  readonly deep: Tensor;
  /**
   * What the trained layers that may fall asleep gave before their activation, by their names: for
   * the first content, and the style where a layer of the encoder saw it.
   */
  readonly watched: ReadonlyMap<string, readonly Tensor[]>;
}

/** Paints contents in one style, [N, 3, S, S] each. */
export function paint(
  architecture: Architecture,
  contents: readonly [Tensor, ...Tensor[]],
  style: Tensor,
  weights: Weights,
  { encoder, calm: held = false }: PaintOptions = {},
): Painted {
  const { deep, watched } = quietLayers(architecture);
  const first = architecture.decoder.find((layer) => layer.kind === "convolution");
  const maps = new Map<string, Tensor[]>();
  const hold = (x: Tensor) => (held ? turnGradient(x, calm) : x);
  const opening: Tensor[] = [];
  const goThrough = (watching: boolean) => (layer: ConvolutionLayer, plain: Tensor, before: Tensor) => {
    if (watching && watched.has(layer)) maps.set(layer.name, [...(maps.get(layer.name) ?? []), before]);
    const y = held && deep.has(layer) ? wakingRelu(before) : plain;
    if (layer !== first) return layer === architecture.merge ? hold(y) : y;
    opening.push(hold(y));
    return opening.at(-1) as Tensor;
  };
  const featuresOf = (picture: Tensor, watching: boolean) =>
    (encoder
      ? frozenFeatures(encoder, picture)
      : encode(picture, architecture.encoder, weights, goThrough(watching))
    ).map(hold);
  const painting = featuresOf(style, true);
  const seen = contents.map((content, at) => featuresOf(content, at === 0));
  const results = seen.map((features, at) => {
    const attended = attend(architecture, features, painting, weights, { beforeNorm: held ? calmNorm : undefined });
    const level = architecture.attention.modules.at(-1)?.level ?? 1;
    const deepest = attended.get(level);
    if (architecture.merge === undefined && deepest) attended.set(level, hold(deepest));
    return decode(architecture, attended, weights, goThrough(at === 0));
  });
  return {
    results,
    content: seen[0] ?? [],
    style: painting,
    deep: opening[0] as Tensor,
    watched: maps,
  };
}

/** The mean fine on sleep over all layers that are watched. */
export function sleepLoss(watched: Painted["watched"]): Tensor {
  return scale(addAll([...watched.values()].map(sleepiness)), 1 / watched.size);
}

/**
 * The layers with a ReLU that work at a quarter of the picture's size or less, and those with the
 * neighbors that lead to them and on from them at half the size.
 */
function quietLayers({ encoder, decoder }: Architecture) {
  const [deep, watched] = [new Set<ConvolutionLayer>(), new Set<ConvolutionLayer>()];
  const collect = (
    layers: readonly (ConvolutionLayer | { readonly kind: "pool" | "upsample" | "skip" })[],
    resizing: string,
  ) => {
    let size = 1;
    let neighbor: ConvolutionLayer | undefined;
    for (const layer of layers) {
      if (layer.kind === resizing) size /= 2;
      if (layer.kind !== "convolution" || !layer.relu) continue;
      if (size <= 1 / 4) deep.add(layer);
      else if (size === 1 / 2) neighbor = layer;
    }
    if (neighbor) watched.add(neighbor);
  };
  collect(encoder.levels.flat(), "pool");
  // Backwards, the decoder is as the encoder.
  collect([...decoder].reverse(), "upsample");
  for (const layer of deep) watched.add(layer);
  return { deep, watched };
}
