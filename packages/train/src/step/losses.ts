/**
 * Training losses (paper, section 3.3; released code, `compute_losses`). All are means of squared
 * differences over features of a loss network, the lists of features going from level 1 to level 5.
 *
 *   L_gs, global style: mean and deviation of every channel of the result match those of the style.
 *   L_lf, local feature: the result's features match AdaAttN with f, g and h the identity, point by point.
 *
 * For videos (paper, section 3.4), on two frames and what is painted of them:
 *
 *   L_is, cross-image similarity: points of the two results are as like each other as those points of the frames are.
 */

import {
  absolute,
  add,
  addAll,
  constant,
  divide,
  matmul,
  multiply,
  reduceMean,
  reduceSum,
  reshape,
  scale,
  slice,
  square,
  subtract,
  type Tensor,
  transpose,
} from "@adaattn/graph";
import {
  type AttentionKind,
  attendTo,
  attentionKeys,
  channelStatistics,
  flattenPositions,
  modulate,
  normalize,
  plainStyleValues,
} from "adaattn/network";
import { type Choose, dissimilarities, featureAt, positionsOf } from "./likeness.ts";

/** Channels of the keys at levels 1 to 5 of the full-width VGG-19. */
const FULL_KEY_CHANNELS = [64, 192, 448, 960, 1472];

/**
 * What the scores of a network with `channels` key channels are multiplied by, so that its
 * attention is as peaked as the full network's: scores are sums over channels.
 */
export function temperatureOf(level: number, channels: number): number {
  return (FULL_KEY_CHANNELS[level - 1] ?? channels) / channels;
}

/** The mean over all elements of (a - b)^2. */
export function meanSquaredError(a: Tensor, b: Tensor): Tensor {
  return reduceMean(square(subtract(a, b)));
}

/** How the global style loss weighs its levels, and what it is relative to. */
export interface RelativeStyle {
  /** The shares of levels 1 to 5. */
  readonly shares: readonly number[];
  /** The mean square of every level's features over many paintings. */
  readonly units: readonly number[];
}

/**
 * L_gs with every level in units of the painting's own mean square and the usual one, half and
 * half, so that dark paintings count too: the mean over levels by their shares, without its weight.
 */
export function relativeStyleLoss(
  result: readonly Tensor[],
  style: readonly Tensor[],
  { shares, units }: RelativeStyle,
): Tensor {
  const sum = shares.reduce((total, share) => total + share, 0);
  const terms = shares.flatMap((share, index) => {
    if (share === 0) return [];
    const level = index + 1;
    const [own, wanted] = [result, style].map((features) => channelStatistics(featureAt(features, level))) as [
      ReturnType<typeof channelStatistics>,
      ReturnType<typeof channelStatistics>,
    ];
    // Means over the channels of every sample, [N, 1, 1] or [N, 1, 1, 1].
    const overChannels = (values: Tensor) => reduceMean(values, [1], true);
    const error = add(square(subtract(own.mean, wanted.mean)), square(subtract(own.deviation, wanted.deviation)));
    const size = overChannels(add(square(wanted.mean), square(wanted.deviation)));
    const unit = scale(add(size, constant(units[index] ?? 1)), 0.5);
    return [scale(reduceMean(divide(overChannels(error), unit)), share / sum)];
  });
  return addAll(terms);
}

/** L_gs over `levels` (2 to 5 in the released code), without its weight. */
export function globalStyleLoss(
  result: readonly Tensor[],
  style: readonly Tensor[],
  levels: readonly number[] = [2, 3, 4, 5],
): Tensor {
  return addAll(
    levels.flatMap((level) => {
      const [own, wanted] = [channelStatistics(featureAt(result, level)), channelStatistics(featureAt(style, level))];
      return [meanSquaredError(own.mean, wanted.mean), meanSquaredError(own.deviation, wanted.deviation)];
    }),
  );
}

/**
 * The constant target of L_lf at `level`: AdaAttN with f, g and h the identity, by softmax unless
 * another kind is given.
 */
export function localTarget(
  content: readonly Tensor[],
  style: readonly Tensor[],
  level: number,
  { chosen, kind = "softmax" }: { readonly chosen?: Tensor | undefined; readonly kind?: AttentionKind } = {},
): Tensor {
  const keys = attentionKeys(style, level);
  const values = plainStyleValues(keys, flattenPositions(featureAt(style, level)), chosen);
  const queries = transpose(attentionKeys(content, level), [0, 2, 1]);
  const temperature = temperatureOf(level, Number(keys.shape[1]));
  return modulate(normalize(featureAt(content, level)), attendTo(values, queries, kind, temperature));
}

/**
 * L_lf over `levels` (2 to 5 in the released code, 3 to 5 in the paper), without its weight.
 * `choose` may give the style positions (int64 [M]) that a level with so many attends to; all by
 * default. `kind` is the target's kind of attention.
 */
export function localFeatureLoss(
  result: readonly Tensor[],
  content: readonly Tensor[],
  style: readonly Tensor[],
  levels: readonly number[] = [2, 3, 4, 5],
  choose: Choose = () => undefined,
  kind: AttentionKind = "softmax",
): Tensor {
  return addAll(
    levels.map((level) => {
      const target = localTarget(content, style, level, { chosen: choose(positionsOf(featureAt(style, level))), kind });
      return meanSquaredError(featureAt(result, level), target);
    }),
  );
}

/**
 * L_c: the normalized features of the result match the content's; an ablation in the released code,
 * weight 0. `beforeNorm` is put before the Norm of the result's features; nothing by default.
 */
export function contentLoss(
  result: readonly Tensor[],
  content: readonly Tensor[],
  levels: readonly number[] = [2, 3, 4, 5],
  beforeNorm = (x: Tensor) => x,
): Tensor {
  return addAll(
    levels.map((level) =>
      meanSquaredError(normalize(beforeNorm(featureAt(result, level))), normalize(featureAt(content, level))),
    ),
  );
}

/** The frames, or the results, that L_is compares: features of all levels each. */
export type Two = readonly [readonly Tensor[], readonly Tensor[]];

/**
 * L_is (paper, section 3.4) over `levels`, without its weight: the mean difference of how unlike
 * the points of two results and those of the two frames they were painted from are. `choose` may
 * give the positions that are looked at; all by default, which is a matrix of positions times
 * positions.
 */
export function crossSimilarityLoss(
  results: Two,
  frames: Two,
  levels: readonly number[] = [2, 3, 4],
  choose: Choose = () => undefined,
): Tensor {
  return addAll(
    levels.map((level) => {
      const [painted, seen] = [results, frames].map((two) => dissimilarities(...two, level, choose)) as [
        Tensor,
        Tensor,
      ];
      return reduceMean(absolute(subtract(painted, seen)));
    }),
  );
}

/**
 * How steady two results ([N, 3, H, W]) are under a known motion: the mean squared difference of
 * the second and of the first moved along, where the first shows what the second does. `rows` ([N,
 * H, H]) and `columns` ([N, W, W]) move it, see data/motion.ts.
 */
export function temporalLoss([first, second]: readonly [Tensor, Tensor], rows: Tensor, columns: Tensor): Tensor {
  const [samples = 1, , height = 1, width = 1] = first.shape;
  const down = reshape(rows, [samples, 1, height, height]);
  const across = reshape(columns, [samples, 1, width, width]);
  const moved = matmul(matmul(down, first), across, { transposeB: true });
  const inSight = multiply(reduceSum(down, [3], true), transpose(reduceSum(across, [3], true), [0, 1, 3, 2]));
  return meanSquaredError(multiply(second, inSight), moved);
}

/**
 * Total variation (Johnson et al., 2016): the mean absolute difference of neighboring pixels of a
 * picture ([N, 3, H, W]), along rows plus along columns. The loss network does not see patterns as
 * fine as one or two pixels; this does.
 */
export function totalVariation(picture: Tensor): Tensor {
  return addAll(
    [2, 3].map((axis) => {
      const [next, previous] = [slice(picture, [{ axis, start: 1 }]), slice(picture, [{ axis, end: -1 }])];
      return reduceMean(absolute(subtract(next, previous)));
    }),
  );
}

/** Weighted terms, by name. */
export function weightedTerms(terms: Readonly<Record<string, readonly [number, Tensor]>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(terms).map(([name, [weight, term]]) => [name, scale(term, weight)]));
}
