/** Encoders that judge or teach: read from a weight file, and brought to features of comparable size. */

import { readFile } from "node:fs/promises";
import { input, reduceMean, square, symbol, type Tensor, toOnnx } from "@adaattn/graph";
import {
  type Architecture,
  constantWeights,
  encode,
  encoderParameters,
  normalisedVgg19,
  type ParameterShapes,
  readSafetensors,
  vggEncoder,
  type WeightValues,
} from "adaattn";
import { type Engine, outputOf } from "adaattn/node";

/** An encoder with its weights. */
export interface TrainedEncoder {
  readonly encoder: Architecture["encoder"];
  readonly shapes: ParameterShapes;
  readonly values: WeightValues;
}

/** Shapes of encoder files: the normalised VGG-19 and its quarter-width distillation. */
const KNOWN: readonly Architecture["encoder"][] = [
  normalisedVgg19(""),
  vggEncoder([16, 32, 64, 128, 128], (block, index) => `conv${block}${index}`, "conv0"),
];

/** Reads an encoder; throws one sentence where the file has the tensors of none that is known. */
export async function readEncoder(path: string): Promise<TrainedEncoder> {
  const { tensors } = readSafetensors(await readFile(path));
  for (const encoder of KNOWN) {
    const shapes = encoderParameters(encoder);
    const values = new Map<string, Float32Array>();
    for (const [name, shape] of shapes) {
      const tensor = tensors.get(name);
      if (tensor?.data instanceof Float32Array && tensor.shape.join() === shape.join()) values.set(name, tensor.data);
    }
    if (values.size === shapes.size) return { encoder, shapes, values };
  }
  throw new Error(`Expected the tensors of a normalised VGG-19 (full or quarter width) in ${path} but found others`);
}

/** The features of `picture` by a frozen encoder. */
export function frozenFeatures({ encoder, shapes, values }: TrainedEncoder, picture: Tensor): Tensor[] {
  return encode(picture, encoder, constantWeights(shapes, values));
}

/** Mean and mean square of each level's features over a batch of pictures ([N, 3, S, S]). */
export async function levelStatistics(engine: Engine, trained: TrainedEncoder, batch: Float32Array, side: number) {
  const pictures = input("pictures", [symbol("n"), 3, side, side]);
  const features = frozenFeatures(trained, pictures);
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
  const count = batch.length / (3 * side * side);
  const results = await session.run({ pictures: { shape: [count, 3, side, side], data: batch } });
  const value = async (name: string) => Number((await outputOf(results, name).read()).data[0]);
  const statistics: { mean: number; square: number }[] = [];
  for (const at of features.keys())
    statistics.push({ mean: await value(`mean${at}`), square: await value(`square${at}`) });
  for (const tensor of Object.values(results)) tensor.dispose();
  session.dispose();
  return statistics;
}

/**
 * The same encoder with each level's features multiplied by a factor: its last convolution is scaled, and the next level's
 * first one by the inverse. ReLU and maxima let positive factors through, so that nothing else changes.
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
