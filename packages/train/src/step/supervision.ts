/**
 * Deep supervision, after training/torch/losses.py: heads that are trained along and thrown away.
 * What the encoder's levels 4 and 5 hold must tell what the loss network sees there, and the
 * decoder's first layer the target of the local feature loss. Without them level 3 alone lowers the
 * losses faster, and what is deeper dies.
 */

import {
  add,
  addAll,
  constant,
  convolution,
  detach,
  divide,
  reduceMean,
  reduceSum,
  scale,
  sizeOf,
  sqrt,
  square,
  subtract,
  type Tensor,
} from "@adaattn/graph";
import { type Architecture, normalize, type ParameterShapes, type Weights } from "adaattn/network";
import { levelWidths } from "../weights/encoders.ts";
import { featureAt } from "./likeness.ts";
import { meanSquaredError } from "./losses.ts";
import type { Painted } from "./waking.ts";

/** The level that the decoder starts at where it has deep levels, counted from 1. */
const START = 4;

/** The levels of attention that lie deeper than those that the decoder could do with. */
function deepLevels({ attention }: Architecture): number[] {
  return attention.modules.map(({ level }) => level as number).filter((level) => level >= START);
}

const headOf = (level: number) => `supervision.${level}.weight`;
const DECODER = "supervision.decoder";

/**
 * Shapes of the heads, 1x1 convolutions: `supervision.LEVEL` for the deep levels of an encoder that
 * is trained, `supervision.decoder` for the decoder; none for a network without deep levels.
 *
 * @param judge The channels of the loss network's levels, from level 1 on.
 */
export function supervisionHeads(
  architecture: Architecture,
  judge: readonly number[],
  { trainsEncoder }: { readonly trainsEncoder: boolean },
): ParameterShapes {
  const shapes = new Map<string, readonly number[]>();
  const levels = deepLevels(architecture);
  const own = levelWidths(architecture.encoder);
  const [first] = architecture.decoder.flatMap((layer) => (layer.kind === "convolution" ? [layer] : []));
  if (levels.length === 0 || first === undefined) return shapes;
  if (trainsEncoder)
    for (const level of levels) shapes.set(headOf(level), [judge[level - 1] ?? 0, own[level - 1] ?? 0, 1, 1]);
  shapes.set(`${DECODER}.weight`, [judge[START - 1] ?? 0, first.outputs, 1, 1]);
  shapes.set(`${DECODER}.bias`, [judge[START - 1] ?? 0]);
  return shapes;
}

/** What heads are asked for. */
export interface Wanted {
  /** The loss network's features of content and style, level 1 first. */
  readonly content: readonly Tensor[];
  readonly style: readonly Tensor[];
  /** The target of the local feature loss at level 4, and the mean square of features there. */
  readonly target: Tensor;
  readonly unit: number;
  /** Put before the Norm of the network's features; nothing by default. */
  readonly beforeNorm?: ((x: Tensor) => Tensor) | undefined;
}

/**
 * The squared distance of what the heads tell from what they are asked for: Norm of the loss
 * network's features, a quarter of each; and the local target in units of its level's features.
 *
 * @param heads What {@link supervisionHeads} gave; not empty.
 */
export function supervisionLoss(painted: Painted, wanted: Wanted, heads: ParameterShapes, weights: Weights): Tensor {
  const { beforeNorm = (x) => x } = wanted;
  const terms = [4, 5]
    .filter((level) => heads.has(headOf(level)))
    .flatMap((level) =>
      (["content", "style"] as const).map((kind) => {
        const told = convolution(normalize(beforeNorm(featureAt(painted[kind], level))), weights(headOf(level)));
        return scale(meanSquaredError(told, normalize(featureAt(wanted[kind], level))), 1 / 4);
      }),
    );
  const { deep } = painted;
  const size = divide(deep, add(deviation(detach(deep)), constant(1e-6)));
  const told = convolution(size, weights(`${DECODER}.weight`), { bias: weights(`${DECODER}.bias`) });
  return addAll([...terms, scale(meanSquaredError(told, wanted.target), 1 / wanted.unit)]);
}

/** The deviation of all values of a tensor, from their unbiased variance. */
function deviation(x: Tensor): Tensor {
  return sqrt(scale(reduceSum(square(subtract(x, reduceMean(x)))), 1 / (Number(sizeOf(x.shape)) - 1)));
}
