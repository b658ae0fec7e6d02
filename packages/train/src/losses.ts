/**
 * Training losses (paper, section 3.3; released code, `compute_losses`). All are means of squared differences over features of
 * a loss network, the lists of features going from level 1 to level 5.
 *
 *   L_gs, global style: mean and deviation of every channel of the result match those of the style.
 *   L_lf, local feature: the result's features match AdaAttN with f, g and h the identity, point by point.
 */

import { absolute, addAll, reduceMean, scale, slice, square, subtract, type Tensor, transpose } from "@adaattn/graph";
import {
  attendTo,
  attentionKeys,
  channelStatistics,
  flattenPositions,
  modulate,
  normalise,
  plainStyleValues,
} from "adaattn";

/** Channels of the keys at levels 1 to 5 of the full-width VGG-19. */
const FULL_KEY_CHANNELS = [64, 192, 448, 960, 1472];

/**
 * What the scores of a network with `channels` key channels are multiplied by, so that its attention is as peaked as the full
 * network's: scores are sums over channels.
 */
export function temperatureOf(level: number, channels: number): number {
  return (FULL_KEY_CHANNELS[level - 1] ?? channels) / channels;
}

/** The mean over all elements of (a - b)^2. */
export function meanSquaredError(a: Tensor, b: Tensor): Tensor {
  return reduceMean(square(subtract(a, b)));
}

function at(features: readonly Tensor[], level: number): Tensor {
  const feature = features[level - 1];
  if (feature === undefined) throw new Error(`Expected a level from 1 to ${features.length} but received ${level}`);
  return feature;
}

/** L_gs over `levels` (2 to 5 in the released code), without its weight. */
export function globalStyleLoss(
  result: readonly Tensor[],
  style: readonly Tensor[],
  levels: readonly number[] = [2, 3, 4, 5],
): Tensor {
  return addAll(
    levels.flatMap((level) => {
      const [own, wanted] = [channelStatistics(at(result, level)), channelStatistics(at(style, level))];
      return [meanSquaredError(own.mean, wanted.mean), meanSquaredError(own.deviation, wanted.deviation)];
    }),
  );
}

/** The constant target of L_lf at `level`: AdaAttN with f, g and h the identity. */
export function localTarget(
  content: readonly Tensor[],
  style: readonly Tensor[],
  level: number,
  chosen?: Tensor,
): Tensor {
  const keys = attentionKeys(style, level);
  const values = plainStyleValues(keys, flattenPositions(at(style, level)), chosen);
  const queries = transpose(attentionKeys(content, level), [0, 2, 1]);
  const temperature = temperatureOf(level, Number(keys.shape[1]));
  return modulate(at(content, level), attendTo(values, queries, "softmax", temperature));
}

/**
 * L_lf over `levels` (2 to 5 in the released code, 3 to 5 in the paper), without its weight. `choose` may give the style
 * positions (int64 [M]) that a level with so many attends to; all by default.
 */
export function localFeatureLoss(
  result: readonly Tensor[],
  content: readonly Tensor[],
  style: readonly Tensor[],
  levels: readonly number[] = [2, 3, 4, 5],
  choose: (positions: number) => Tensor | undefined = () => undefined,
): Tensor {
  return addAll(
    levels.map((level) => {
      const [, , height = 1, width = 1] = at(style, level).shape;
      const target = localTarget(content, style, level, choose(Number(height) * Number(width)));
      return meanSquaredError(at(result, level), target);
    }),
  );
}

/** L_c: the normalised features of the result match the content's; an ablation in the released code, weight 0. */
export function contentLoss(
  result: readonly Tensor[],
  content: readonly Tensor[],
  levels: readonly number[] = [2, 3, 4, 5],
): Tensor {
  return addAll(levels.map((level) => meanSquaredError(normalise(at(result, level)), normalise(at(content, level)))));
}

/**
 * Total variation (Johnson et al., 2016): the mean absolute difference of neighbouring pixels of a picture ([N, 3, H, W]), along
 * rows plus along columns. The loss network does not see patterns as fine as one or two pixels; this does.
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
