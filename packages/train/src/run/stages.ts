/**
 * The stages that make a model, one after the other (step/objectives.ts has what each minimises):
 * an encoder is distilled, a decoder learns to invert it, and attention and decoder learn the style
 * losses. A stage says what is trained, from where and on what.
 */

import type { Tensor } from "@adaattn/graph";
import type { Engine } from "adaattn/network";
import {
  type Architecture,
  decode,
  encoderParameters,
  type ParameterShapes,
  parametersOf,
  stylizingParameters,
  type Weights,
  type WeightValues,
} from "adaattn/network";
import type { Dataset } from "../data/dataset.ts";
import { drawGrain } from "../data/grain.ts";
import { Random } from "../data/random.ts";
import {
  distillObjective,
  invertObjective,
  needsPairs,
  readouts,
  type StyleObjective,
  styleHeads,
  styleObjective,
} from "../step/objectives.ts";
import { paint } from "../step/waking.ts";
import { frozenFeatures, levelStatistics, levelWidths, scaleLevels, type TrainedEncoder } from "../weights/encoders.ts";
import { initializeAttention, initializeConvolutions, initializeEncoder } from "./initialize.ts";
import type { TrainSettings, Turn } from "./settings.ts";
import type { StepInputs } from "./trainer.ts";

/** Photographs and paintings. */
export interface Data {
  readonly contents: Dataset;
  readonly styles: Dataset;
}

/** Paints pictures ([1, 3, H, W]) with the weights being trained. */
export interface Paint {
  /** Whether it looks at a style at all. */
  readonly styled: boolean;
  readonly graph: (content: Tensor, style: Tensor, weights: Weights) => Tensor;
}

/** What one run trains. */
export interface Stage {
  readonly parameters: ParameterShapes;
  /** Parameters of heads that are trained along, from 0 on, and thrown away. */
  readonly heads?: ParameterShapes;
  /** First values of the parameters, without the heads'. */
  readonly initial: WeightValues;
  /** The weighted loss terms. */
  readonly objective: (weights: Weights) => Readonly<Record<string, Tensor>>;
  readonly batch: (step: number) => Promise<StepInputs>;
  /** How a picture is painted for the contact sheet. */
  readonly paint?: Paint;
}

/** Half photographs, half paintings, in one batch. */
async function mixedBatch({ contents, styles }: Data, step: number, count: number): Promise<Float32Array> {
  const half = count >> 1;
  const [photographs, paintings] = await Promise.all([contents.batch(step, half), styles.batch(step, count - half)]);
  const batch = new Float32Array(photographs.length + paintings.length);
  batch.set(photographs);
  batch.set(paintings, photographs.length);
  return batch;
}

/**
 * How many pictures an encoder is measured by. With four, the scale of its features, which the
 * losses are squares of, would differ from seed to seed by as much as two.
 */
const MEASURED = 32;

/** The mean square of every level's features over paintings that no step trains on. */
export async function styleUnits(
  engine: Engine,
  lossNetwork: TrainedEncoder,
  { styles }: Data,
  crop: number,
): Promise<number[]> {
  const statistics = await levelStatistics(engine, lossNetwork, await styles.batch(0, MEASURED), crop);
  return statistics.map((level) => level.square);
}

/** A mixed batch that no step trains on, for measuring an encoder. */
export function measuringBatch(data: Data): Promise<Float32Array> {
  return mixedBatch(data, 0, MEASURED);
}

/**
 * An encoder learns to give a teacher's features, whose levels must have a mean activation of 1. A
 * teacher of other widths is seen through a linear readout a level, which is learnt along and
 * thrown away.
 */
export async function distillStage(
  engine: Engine,
  architecture: Architecture,
  lossNetwork: TrainedEncoder,
  data: Data,
  { batch: count, crop, seed }: Turn & { readonly seed: number },
): Promise<Stage> {
  const student = architecture.encoder;
  // relu1_1's edge filters would need weights of 5 at unit activation, which Adam reaches late: a
  // quarter of it will do.
  const teacher = scaleLevels(lossNetwork, [0.25, 1, 1, 1, 1]);
  const statistics = await levelStatistics(engine, teacher, await measuringBatch(data), crop);
  const meanSquares = statistics.map((level) => level.square);
  const random = new Random(seed);
  const own = encoderParameters(student);
  const linear = readouts(levelWidths(student), levelWidths(teacher.encoder));
  return {
    parameters: new Map([...own, ...linear]),
    initial: new Map([...initializeEncoder(own, random), ...initializeConvolutions(linear, random)]),
    objective: distillObjective(student, teacher, meanSquares, count, crop),
    batch: async (step) => ({
      pictures: { shape: [count, 3, crop, crop], data: await mixedBatch(data, step, count) },
    }),
  };
}

/** The parameters that a decoder stage trains: all that make pictures but the attention. */
export function decoderParameters(architecture: Architecture): ParameterShapes {
  const attention = architecture.attention.modules.map(({ name }) => `${name}.`);
  const others = [...stylizingParameters(architecture)].filter(
    ([name]) => !attention.some((prefix) => name.startsWith(prefix)),
  );
  return new Map(others);
}

/**
 * The first weights of everything but the encoder: He's convolutions, and attention that needs no
 * training to begin with.
 */
export function firstWeights(architecture: Architecture, seed: number): Map<string, Float32Array> {
  return new Map([
    ...initializeAttention(architecture, new Random(seed)),
    ...initializeConvolutions(decoderParameters(architecture), new Random(seed)),
  ]);
}

/**
 * Merge convolution and decoder learn to paint the picture that an encoder's features came from.
 */
export function decoderStage(
  architecture: Architecture,
  encoder: TrainedEncoder,
  lossNetwork: TrainedEncoder,
  initial: WeightValues,
  data: Data,
  { batch: count, crop }: Turn,
): Stage {
  return {
    parameters: decoderParameters(architecture),
    initial,
    objective: invertObjective(architecture, encoder, lossNetwork, count, crop),
    batch: async (step) => ({
      pictures: { shape: [count, 3, crop, crop], data: await mixedBatch(data, step, count) },
    }),
    paint: {
      styled: false,
      graph: (content, _, weights) => {
        const features = frozenFeatures(encoder, content);
        return decode(architecture, new Map(features.map((feature, at) => [at + 1, feature])), weights);
      },
    },
  };
}

/**
 * The contents of a step, where a loss needs them with a second frame each and where its pixels lie
 * in the first.
 */
async function contentBatch(
  contents: Dataset,
  step: number,
  { batch: count, crop, losses }: Pick<StyleObjective, "batch" | "crop" | "losses">,
): Promise<{ readonly content: Float32Array; readonly others: StepInputs }> {
  if (!needsPairs(losses)) return { content: await contents.batch(step, count, crop), others: {} };
  const { first, second } = await contents.framePairs(step, count, crop);
  const square = [count, crop, crop];
  const motion = { rows: { shape: square, data: second.rows }, columns: { shape: square, data: second.columns } };
  const moved = { shape: [count, 3, crop, crop], data: second.values };
  return { content: first, others: { moved, ...(losses.temporal > 0 && motion) } };
}

type StyleStageSettings = Pick<TrainSettings, "trainEncoder" | "seed" | "grain"> &
  Omit<StyleObjective, "lossNetwork" | "grained">;

/**
 * Attention, merge convolution and decoder, and the encoder where `trainEncoder` says so, learn the
 * style losses.
 */
export function styleStage(
  architecture: Architecture,
  encoder: TrainedEncoder,
  lossNetwork: TrainedEncoder,
  initial: WeightValues,
  { contents, styles }: Data,
  settings: StyleStageSettings,
): Stage {
  const { batch: count, crop, losses, trainEncoder, seed, grain: depth } = settings;
  const shape = [count, 3, crop, crop];
  const frozen = trainEncoder ? undefined : encoder;
  return {
    parameters: trainEncoder ? parametersOf(architecture) : stylizingParameters(architecture),
    heads: styleHeads(architecture, frozen, { lossNetwork, losses }),
    initial: trainEncoder ? new Map([...encoder.values, ...initial]) : initial,
    objective: styleObjective(architecture, frozen, { ...settings, lossNetwork, grained: depth > 0 }),
    batch: async (step) => {
      const [{ content, others }, style] = await Promise.all([
        contentBatch(contents, step, settings),
        styles.batch(step, count, crop),
      ]);
      // The last sample's style is its content, for the identity term.
      const size = content.length / count;
      if (losses.identity > 0) style.set(content.subarray(content.length - size), style.length - size);
      const grain = { shape: [count, 1, crop, crop], data: drawGrain(seed, step, { count, crop, depth }) };
      return {
        ...others,
        ...(depth > 0 && { grain }),
        content: { shape, data: content },
        style: { shape, data: style },
      };
    },
    paint: {
      styled: true,
      graph: (content, style, weights) =>
        paint(architecture, [content], style, weights, { encoder: frozen }).results[0] ?? content,
    },
  };
}
