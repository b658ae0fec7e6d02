/**
 * The three objectives that make a model, one after the other:
 *
 *   distil: a narrow encoder learns to give a teacher's features.
 *   invert: merge convolution and decoder learn to paint the picture that features came from; attention is left out.
 *   stylize: everything but the encoder, or the encoder too, learns the style losses, through the whole network.
 */

import {
  add,
  addAll,
  constant,
  convolution,
  input,
  reduceMean,
  scale,
  slice,
  square,
  subtract,
  type Tensor,
} from "@adaattn/graph";
import { type Architecture, decode, encode, evenPositions, type ParameterShapes, type Weights } from "adaattn/network";
import { frozenFeatures, levelWidths, type TrainedEncoder } from "../weights/encoders.ts";
import { featureAt, positionsOf, selfSimilarityLoss, structureLoss, transportLoss } from "./likeness.ts";
import {
  contentLoss,
  crossSimilarityLoss,
  globalStyleLoss,
  localTarget,
  meanSquaredError,
  type RelativeStyle,
  relativeStyleLoss,
  temporalLoss,
  totalVariation,
  weightedTerms,
} from "./losses.ts";
import { supervisionHeads, supervisionLoss } from "./supervision.ts";
import { strokesLoss, weaveLoss } from "./texture.ts";
import { calmNorm, paint, sleepLoss } from "./waking.ts";

type Objective = (weights: Weights) => Record<string, Tensor>;

/** Pictures of one batch; `name` is the input. */
function pictures(name: string, count: number, crop: number): Tensor {
  return input(name, [count, 3, crop, crop]);
}

/**
 * Shapes of the linear readouts, 1x1 convolutions `readout.LEVEL`, through which a student of other
 * widths than its teacher's is compared with it; none for levels that are equally wide.
 */
export function readouts(student: readonly number[], teacher: readonly number[]): ParameterShapes {
  const shapes = new Map<string, readonly number[]>();
  student.forEach((channels, at) => {
    const wanted = teacher[at] ?? channels;
    if (wanted !== channels) shapes.set(`readout.${at + 1}.weight`, [wanted, channels, 1, 1]);
  });
  return shapes;
}

/**
 * Squared distance of every level's features from the teacher's, each in units of the teacher's
 * mean square.
 */
export function distillObjective(
  student: Architecture["encoder"],
  teacher: TrainedEncoder,
  meanSquares: readonly number[],
  count: number,
  crop: number,
): Objective {
  return (weights) => {
    const batch = pictures("pictures", count, crop);
    const wanted = frozenFeatures(teacher, batch);
    const linear = readouts(levelWidths(student), levelWidths(teacher.encoder));
    const terms = encode(batch, student, weights).map((feature, at): [string, Tensor] => {
      const readout = `readout.${at + 1}.weight`;
      const seen = linear.has(readout) ? convolution(feature, weights(readout)) : feature;
      const error = meanSquaredError(seen, wanted[at] ?? feature);
      return [`level${at + 1}`, scale(error, 1 / (meanSquares[at] ?? 1))];
    });
    return Object.fromEntries(terms);
  };
}

/** Pixels and features (by `judge`) of the picture painted from an encoder's own features. */
export function invertObjective(
  architecture: Architecture,
  encoder: TrainedEncoder,
  lossNetwork: TrainedEncoder,
  count: number,
  crop: number,
): Objective {
  return (weights) => {
    const batch = pictures("pictures", count, crop);
    const features = frozenFeatures(encoder, batch);
    const levels = new Map(features.map((feature, at) => [at + 1, feature]));
    const painted = decode(architecture, levels, weights);
    const [seen, wanted] = [frozenFeatures(lossNetwork, painted), frozenFeatures(lossNetwork, batch)];
    const difference = seen.map((feature, at) => meanSquaredError(feature, wanted[at] ?? feature));
    return {
      pixels: scale(reduceMean(square(subtract(painted, batch))), 20),
      ...Object.fromEntries(difference.map((error, at) => [`features${at + 1}`, scale(error, 0.2)])),
    };
  };
}

/** Weights of the terms of the style objective. */
export interface StyleWeights {
  readonly global: number;
  readonly local: number;
  readonly content: number;
  /** Of the relaxed earth mover's distance between the result's details and the painting's. */
  readonly transport: number;
  /** Of how unlike points of the result are, against the photograph's. */
  readonly selfSimilarity: number;
  /** Of 1 - SSIM of result and photograph, its brightness left out. */
  readonly structure: number;
  /** Of how much stronger than their neighbors waves are that upsampling leaves behind. */
  readonly weave: number;
  /** Of how far the strength of the result's details is from that of the painting's. */
  readonly strokes: number;
  /**
   * Of the squared pixel difference to the content of a batch's last sample, whose style must then
   * be the content itself.
   */
  readonly identity: number;
  /** Of the result's total variation. */
  readonly variation: number;
  /** Of the cross-image similarity of two frames. */
  readonly similarity: number;
  /** Of the squared pixel difference of two frames' results, the first one moved along. */
  readonly temporal: number;
  /** Of the fine on channels of the network that hardly any position wakes (waking.ts). */
  readonly sleep: number;
  /**
   * Of what heads make of the deep levels, which must tell what the loss network sees
   * (supervision.ts).
   */
  readonly supervision: number;
}

/** Whether there is a loss that needs a second frame of every content. */
export function needsPairs({ similarity, temporal }: StyleWeights): boolean {
  return similarity > 0 || temporal > 0;
}

/** What the style objective is made of. */
export interface StyleObjective {
  /** The loss network. */
  readonly lossNetwork: TrainedEncoder;
  readonly losses: StyleWeights;
  /** The levels of the global style loss; `relative` goes before them. */
  readonly globalLevels: readonly number[];
  /** What makes the global and the local loss relative. */
  readonly relative?: RelativeStyle | undefined;
  /** The levels of the local feature loss. */
  readonly localLevels: readonly number[];
  /** Whether photographs come with grain, which only the network sees; not by default. */
  readonly grained?: boolean | undefined;
  /**
   * To at most so many style positions, on a regular grid, the target of the local feature loss
   * attends.
   */
  readonly localKeys: number;
  /** Whether gradients are held (waking.ts); not by default. */
  readonly calm?: boolean | undefined;
  /** Samples a step. */
  readonly batch: number;
  readonly crop: number;
}

/**
 * The parameters of the heads that the style objective asks for beside the network's
 * (supervision.ts); none where it has no use for them.
 */
export function styleHeads(
  architecture: Architecture,
  encoder: TrainedEncoder | undefined,
  { lossNetwork, losses }: Pick<StyleObjective, "lossNetwork" | "losses">,
): ParameterShapes {
  if (!(losses.supervision > 0)) return new Map();
  return supervisionHeads(architecture, levelWidths(lossNetwork.encoder), { trainsEncoder: encoder === undefined });
}

/** At how many points of a picture the similarities look. */
const SIMILARITY_POSITIONS = 256;
/** At how many points of result and painting each the transport looks. */
const TRANSPORT_POSITIONS = 1024;

/** An even choice of at most `most` positions of a square map; undefined where it has no more. */
function evenlyChosen(positions: number, most: number): Tensor | undefined {
  if (positions <= most) return undefined;
  const side = Math.round(Math.sqrt(positions));
  const chosen = evenPositions({ width: side, height: side }, most);
  return constant(chosen, [chosen.length]);
}

/**
 * The paper's losses (section 3.3) through the whole network, judged by a loss network. Without an
 * `encoder`, which is frozen, the network's own is trained along. Losses on pairs of frames have a
 * second content, `moved`, and its `rows` and `columns`.
 */
export function styleObjective(
  architecture: Architecture,
  encoder: TrainedEncoder | undefined,
  settings: StyleObjective,
): Objective {
  const { lossNetwork, losses: loss, globalLevels, relative, localLevels, localKeys, batch: count, crop } = settings;
  const atMost = (most: number) => (positions: number) => evenlyChosen(positions, most);
  const heads = styleHeads(architecture, encoder, settings);
  const beforeNorm = settings.calm ? calmNorm : undefined;
  return (weights) => {
    const [content, style] = [pictures("content", count, crop), pictures("style", count, crop)];
    const pairs = needsPairs(loss);
    const moved = pictures("moved", count, crop);
    const grain = input("grain", [count, 1, crop, crop]);
    const shown = (frame: Tensor) => (settings.grained ? add(frame, grain) : frame);
    const painted = paint(architecture, [shown(content), ...(pairs ? [shown(moved)] : [])], style, weights, {
      encoder,
      calm: settings.calm,
    });
    const [result = content, movedResult = result] = painted.results;
    const [seen, contentFeatures, styleFeatures] = [result, content, style].map((picture) =>
      frozenFeatures(lossNetwork, picture),
    ) as [Tensor[], Tensor[], Tensor[]];
    const unitOf = (level: number) => relative?.units[level - 1] ?? 1;
    const targets = new Map<number, Tensor>();
    const targetOf = (level: number) => {
      const { kind } = architecture.attention;
      const chosen = atMost(localKeys)(positionsOf(featureAt(styleFeatures, level)));
      const target = targets.get(level) ?? localTarget(contentFeatures, styleFeatures, level, { chosen, kind });
      targets.set(level, target);
      return target;
    };
    const local = localLevels.map((level) => {
      const term = meanSquaredError(featureAt(seen, level), targetOf(level));
      return relative ? scale(term, 1 / (unitOf(level) * localLevels.length)) : term;
    });
    const terms: Record<string, [number, Tensor]> = {
      global: [
        loss.global,
        relative
          ? relativeStyleLoss(seen, styleFeatures, relative)
          : globalStyleLoss(seen, styleFeatures, globalLevels),
      ],
      local: [loss.local, addAll(local)],
    };
    if (loss.transport > 0) {
      const transport = transportLoss(seen, styleFeatures, [2, 3, 4], atMost(TRANSPORT_POSITIONS));
      terms.transport = [loss.transport, transport];
    }
    if (loss.selfSimilarity > 0) {
      const likeness = selfSimilarityLoss(seen, contentFeatures, [3, 4], atMost(SIMILARITY_POSITIONS));
      terms.selfSimilarity = [loss.selfSimilarity, likeness];
    }
    if (loss.structure > 0) terms.structure = [loss.structure, structureLoss(result, content)];
    if (loss.weave > 0) terms.weave = [loss.weave, weaveLoss(result)];
    if (loss.strokes > 0) terms.strokes = [loss.strokes, strokesLoss(result, style)];
    if (loss.content > 0) terms.content = [loss.content, contentLoss(seen, contentFeatures, [4, 5], beforeNorm)];
    if (loss.variation > 0) terms.variation = [loss.variation, totalVariation(result)];
    if (loss.identity > 0) {
      const last = (picture: Tensor) => slice(picture, [{ axis: 0, start: count - 1 }]);
      terms.identity = [loss.identity, meanSquaredError(last(result), last(content))];
    }
    if (loss.similarity > 0) {
      const [movedSeen, movedFeatures] = [frozenFeatures(lossNetwork, movedResult), frozenFeatures(lossNetwork, moved)];
      const similarity = crossSimilarityLoss(
        [seen, movedSeen],
        [contentFeatures, movedFeatures],
        [2, 3, 4],
        atMost(SIMILARITY_POSITIONS),
      );
      terms.similarity = [loss.similarity, similarity];
    }
    if (loss.temporal > 0) {
      const [rows, columns] = [input("rows", [count, crop, crop]), input("columns", [count, crop, crop])];
      terms.temporal = [loss.temporal, temporalLoss([result, movedResult], rows, columns)];
    }
    if (loss.sleep > 0) terms.sleep = [loss.sleep, sleepLoss(painted.watched)];
    if (heads.size > 0) {
      const judged = { content: contentFeatures, style: styleFeatures };
      const wanted = { ...judged, target: targetOf(4), unit: unitOf(4), beforeNorm };
      terms.supervision = [loss.supervision, supervisionLoss(painted, wanted, heads, weights)];
    }
    return weightedTerms(terms);
  };
}
