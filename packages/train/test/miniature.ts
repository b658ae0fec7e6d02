/**
 * A network small enough to be trained in a test, encoders and pictures for it, and a plain loop of
 * steps.
 */

import { type Tensor, toOnnx } from "@adaattn/graph";
import {
  initializeAttention,
  initializeConvolutions,
  initializeEncoder,
  Random,
  STATE,
  stepScalars,
  type TrainedEncoder,
} from "@adaattn/train";
import {
  type Architecture,
  type ConvolutionLayer,
  countParameters,
  type Engine,
  encoderParameters,
  flatten,
  outputOf,
  type ParameterShapes,
  stylizingParameters,
  type TensorData,
  vggEncoder,
  type WeightValues,
} from "adaattn/network";

function convolution(name: string, inputs: number, outputs: number, relu = true): ConvolutionLayer {
  return { kind: "convolution", name, inputs, outputs, kernel: 3, relu };
}

/** A network like `small`, with two to four channels. */
export const miniature: Architecture = {
  name: "miniature",
  encoder: vggEncoder([2, 2, 4, 4, 4], (block, index) => `encoder.${block}_${index}`),
  attention: {
    kind: "softmax",
    sampling: "even",
    modules: [
      { level: 3, name: "attention.3", keyChannels: 8, valueChannels: 4, maxKeys: 1000 },
      { level: 4, name: "attention.4", keyChannels: 12, valueChannels: 4, maxKeys: 1000 },
      { level: 5, name: "attention.5", keyChannels: 16, valueChannels: 4, maxKeys: 1000 },
    ],
  },
  merge: convolution("merge", 4, 4, false),
  decoder: [
    convolution("decoder.4_1", 4, 4),
    { kind: "upsample" },
    { kind: "skip", level: 3 },
    convolution("decoder.3_1", 8, 4),
    { kind: "upsample" },
    convolution("decoder.2_1", 4, 4),
    { kind: "upsample" },
    convolution("decoder.1_1", 4, 3, false),
  ],
};

/** An encoder of the miniature's build with its own random weights. */
export function randomEncoder(seed: number): TrainedEncoder {
  const shapes = encoderParameters(miniature.encoder);
  return { encoder: miniature.encoder, shapes, values: initializeEncoder(shapes, new Random(seed)) };
}

/** First weights of what stylizing trains. */
export function firstWeights(seed: number): Map<string, Float32Array> {
  const random = new Random(seed);
  return new Map([
    ...initializeConvolutions(stylizingParameters(miniature), random),
    ...initializeAttention(miniature, random),
  ]);
}

/** Smooth pictures [count, 3, crop, crop]. */
export function pictures(count: number, crop: number, seed: number): TensorData {
  const random = new Random(seed);
  const data = new Float32Array(count * 3 * crop * crop);
  for (let plane = 0; plane < count * 3; plane++) {
    const [across, down, phase] = [1 + random.below(5), 1 + random.below(5), 6 * random.next()];
    for (let at = 0; at < crop * crop; at++) {
      const [x, y] = [(at % crop) / crop, Math.floor(at / crop) / crop];
      data[plane * crop * crop + at] =
        0.5 + 0.4 * Math.sin(6.28 * (across * x + down * y) + phase) + 0.1 * (random.next() - 0.5);
    }
  }
  return { shape: [count, 3, crop, crop], data };
}

export interface Followed {
  /** The outputs of each step that are no vectors: losses and the gradient's length. */
  readonly steps: readonly Readonly<Record<string, number>>[];
  readonly state: Readonly<Record<(typeof STATE)[number], Float32Array>>;
}

/** Runs a training step `count` times, its state going through this side. */
export async function follow(
  engine: Engine,
  outputs: Readonly<Record<string, Tensor>>,
  parameters: ParameterShapes,
  initial: WeightValues,
  { count, rate, inputs }: { count: number; rate: number; inputs: Readonly<Record<string, TensorData>> },
): Promise<Followed> {
  const shape = [countParameters(parameters)];
  const start = flatten(parameters, initial);
  const zeros = () => new Float32Array(start.length);
  let state: Followed["state"] = { parameters: start, first: zeros(), second: zeros(), average: start };
  const session = await engine.load(toOnnx(outputs, { target: engine.device }), "the training step");
  const steps: Record<string, number>[] = [];
  for (let step = 1; step <= count; step++) {
    const vectors = Object.fromEntries(STATE.map((name) => [name, { shape, data: state[name] }]));
    const results = await session.run({ ...vectors, ...inputs, ...stepScalars(step, rate) });
    const read = async (name: string) => (await outputOf(results, name).read()).data as Float32Array;
    const [next = start, first = start, second = start, average = start] = await Promise.all(
      STATE.map((name) => read(`${name}.next`)),
    );
    state = { parameters: next, first, second, average };
    const scalars = Object.keys(outputs).filter((name) => !name.endsWith(".next"));
    const values = await Promise.all(scalars.map(async (name) => [name, (await read(name))[0] ?? Number.NaN] as const));
    steps.push(Object.fromEntries(values));
    for (const tensor of Object.values(results)) tensor.dispose();
  }
  session.dispose();
  return { steps, state };
}
