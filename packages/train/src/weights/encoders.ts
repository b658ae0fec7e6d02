/**
 * Encoders that judge or teach: read from a weight file, and brought to features of comparable
 * size.
 */

import { input, reduceMean, square, type Tensor, toOnnx } from "@adaattn/graph";
import {
  type Architecture,
  architectures,
  constantWeights,
  type Engine,
  encode,
  encoderParameters,
  normalizedVgg19,
  outputOf,
  type ParameterShapes,
  type Safetensors,
  vggEncoder,
  type Weights,
  type WeightValues,
  writeSafetensors,
} from "adaattn/network";
import { pickTensors, readTensorFile } from "./tensorFile.ts";

/** An encoder with its weights. */
export interface TrainedEncoder {
  readonly encoder: Architecture["encoder"];
  readonly shapes: ParameterShapes;
  readonly values: WeightValues;
}

/**
 * The encoders of files that are known: the normalized VGG-19, its quarter-width distillation, and
 * those of presets.
 */
function knownEncoders(): Architecture["encoder"][] {
  return [
    normalizedVgg19(""),
    vggEncoder([16, 32, 64, 128, 128], (block, index) => `conv${block}${index}`, "conv0"),
    ...Object.values(architectures).map(({ encoder }) => encoder),
  ];
}

/**
 * Reads an encoder from a safetensors file, whose tensors say which it is: the normalized VGG-19,
 * its quarter-width distillation, or the encoder of a preset.
 *
 * @throws Error with one sentence naming the file where it cannot be read, holds no encoder that is
 *   known, or lacks a tensor.
 */
export async function readEncoder(path: string): Promise<TrainedEncoder> {
  return encoderAmong(await readTensorFile(path), path);
}

/** The encoder whose tensors, with `prefix` before their names, are in a file. */
export function encoderAmong(file: Safetensors, path: string, prefix = ""): TrainedEncoder {
  const found = knownEncoders().map((encoder) => {
    const shapes = encoderParameters(encoder);
    const fitting = [...shapes].filter(
      ([name, shape]) => file.tensors.get(prefix + name)?.shape.join() === shape.join(),
    );
    return { encoder, shapes, missing: shapes.size - fitting.length, fitting: fitting.length };
  });
  const closest = found.reduce((a, b) => ((b.missing === 0 && a.missing > 0) || b.fitting > a.fitting ? b : a));
  if (closest.fitting === 0) {
    throw new Error(
      `Expected the tensors of a normalized VGG-19 (full or quarter width) or of a preset's encoder in ${path} but found others.`,
    );
  }
  const { encoder, shapes } = closest;
  return { encoder, shapes, values: pickTensors(file, shapes, path, prefix) };
}

/** The bytes of an encoder's file, exact to the last bit. */
export function encoderFile({ shapes, values }: TrainedEncoder): Uint8Array {
  return writeSafetensors(
    new Map([...shapes].map(([name, shape]) => [name, { shape, data: values.get(name) ?? new Float32Array() }])),
  );
}

/**
 * The same weights under the names of another encoder of the same layers, such as those that a
 * preset's files have.
 *
 * @throws Error with one sentence where the layers differ.
 */
export function renamed(trained: TrainedEncoder, encoder: Architecture["encoder"], label: string): TrainedEncoder {
  const shapes = encoderParameters(encoder);
  const own = [...trained.shapes];
  if ([...shapes.values()].some((shape, at) => own[at]?.[1].join() !== shape.join())) {
    throw new Error(
      `Expected an encoder of the widths ${widths(encoder)} for ${label} but received one of ${widths(trained.encoder)}.`,
    );
  }
  const values = [...shapes.keys()].map((name, at): [string, Float32Array] => [
    name,
    trained.values.get(own[at]?.[0] ?? "") ?? new Float32Array(),
  ]);
  return { encoder, shapes, values: new Map(values) };
}

/** The channels of an encoder's levels, to read. */
function widths(encoder: Architecture["encoder"]): string {
  return levelWidths(encoder).join(", ");
}

/** The channels of an encoder's levels, from level 1 on. */
export function levelWidths(encoder: Architecture["encoder"]): number[] {
  return encoder.levels.map(
    (layers) => layers.flatMap((layer) => (layer.kind === "convolution" ? [layer.outputs] : [])).at(-1) ?? 0,
  );
}

/**
 * The weights of frozen encoders as tensors: made once, so that a graph that asks several times
 * holds them once.
 */
const frozen = new WeakMap<TrainedEncoder, Weights>();

/** The weights of an encoder that is not trained. */
export function frozenWeights(trained: TrainedEncoder): Weights {
  const weights = frozen.get(trained) ?? constantWeights(trained.shapes, trained.values);
  frozen.set(trained, weights);
  return weights;
}

/** The features of `picture` by a frozen encoder. */
export function frozenFeatures(trained: TrainedEncoder, picture: Tensor): Tensor[] {
  return encode(picture, trained.encoder, frozenWeights(trained));
}

/**
 * Mean and mean square of each level's features over a batch of pictures ([N, 3, S, S]), which are
 * looked at one after the other.
 */
export async function levelStatistics(engine: Engine, trained: TrainedEncoder, batch: Float32Array, side: number) {
  const shape = [1, 3, side, side];
  const features = frozenFeatures(trained, input("picture", shape));
  const outputs = Object.fromEntries(
    features.flatMap((feature, at) => [
      [`mean${at}`, reduceMean(feature)],
      [`square${at}`, reduceMean(square(feature))],
    ]),
  );
  const session = await engine.load(
    toOnnx(outputs, { target: engine.device, name: "level statistics" }),
    "level statistics",
  );
  const size = 3 * side * side;
  const count = batch.length / size;
  const statistics = features.map(() => ({ mean: 0, square: 0 }));
  for (let start = 0; start < batch.length; start += size) {
    const results = await session.run({ picture: { shape, data: batch.slice(start, start + size) } });
    const value = async (name: string) => Number((await outputOf(results, name).read()).data[0]);
    for (const [at, level] of statistics.entries()) {
      level.mean += (await value(`mean${at}`)) / count;
      level.square += (await value(`square${at}`)) / count;
    }
    for (const tensor of Object.values(results)) tensor.dispose();
  }
  session.dispose();
  return statistics;
}

/**
 * The same encoder with each level's features multiplied by a factor: its last convolution is
 * scaled, and the next level's first one by the inverse. ReLU and maxima let positive factors
 * through, so that nothing else changes.
 */
export function scaleLevels(trained: TrainedEncoder, factors: readonly number[]): TrainedEncoder {
  const values = new Map(trained.values);
  const multiply = (name: string, factor: number) =>
    values.set(
      name,
      (values.get(name) ?? new Float32Array()).map((value) => value * factor),
    );
  trained.encoder.levels.forEach((layers, level) => {
    const convolutions = layers.filter((layer) => layer.kind === "convolution");
    const own = factors[level] ?? 1;
    const before = level === 0 ? 1 : (factors[level - 1] ?? 1);
    convolutions.forEach(({ name }, at) => {
      const entering = at === 0 ? 1 / before : 1;
      const leaving = at === convolutions.length - 1 ? own : 1;
      multiply(`${name}.weight`, entering * leaving);
      multiply(`${name}.bias`, leaving);
    });
  });
  return { ...trained, values };
}

/**
 * The same encoder with every level's mean activation over these pictures ([N, 3, side, side])
 * brought to 1.
 *
 * @throws Error with one sentence where a level is silent.
 */
export async function normalizeLevels(
  engine: Engine,
  trained: TrainedEncoder,
  batch: Float32Array,
  side: number,
): Promise<TrainedEncoder> {
  const statistics = await levelStatistics(engine, trained, batch, side);
  statistics.forEach(({ mean }, at) => {
    if (!(mean > 0 && Number.isFinite(mean)))
      throw new Error(`Expected an encoder with activations at level ${at + 1} but their mean is ${mean}.`);
  });
  return scaleLevels(
    trained,
    statistics.map(({ mean }) => 1 / mean),
  );
}
