/**
 * Compares our networks, losses and gradients with recorded outputs of the released PyTorch code. A
 * fixture is a safetensors file of the network's inputs and of what it made of them, with generated
 * weights (weights/generated.ts).
 */

import { readFile } from "node:fs/promises";
import {
  addAll,
  constant,
  gradients,
  input,
  reduceSum,
  reshape,
  scale,
  sizeOf,
  slice,
  sqrt,
  square,
  type Tensor,
  toOnnx,
} from "@adaattn/graph";
import { DEFAULT_SEED } from "adaattn/internal";
import {
  type AttendOptions,
  architectureNamed,
  attendCosineQuadratic,
  constantWeights,
  type Engine,
  encode,
  mergeLevels,
  outputOf,
  parametersOf,
  randomPositions,
  readSafetensors,
  stylize,
  stylizingParameters,
} from "adaattn/network";
import { globalStyleLoss, localFeatureLoss } from "./step/losses.ts";
import { generateWeights } from "./weights/generated.ts";

/** How many keys the released code keeps in the local loss. */
const LOCAL_KEYS = 4096;

/** One compared tensor. */
export interface Comparison {
  readonly name: string;
  /** The largest absolute difference. */
  readonly difference: number;
  /** That over the largest expected value. */
  readonly relative: number;
  /** The largest relative difference that passes. */
  readonly tolerance: number;
  readonly passed: boolean;
}

interface Fixture {
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
  readonly metadata: Readonly<Record<string, string>>;
}

async function readFixture(path: string): Promise<Fixture> {
  const { tensors, metadata } = readSafetensors(await readFile(path));
  const floats = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const [name, { shape, data }] of tensors) if (data instanceof Float32Array) floats.set(name, { shape, data });
  return { tensors: floats, metadata };
}

/** The names of a fixture's pictures. */
const PICTURES = ["content", "style", "frame0", "frame1"];

/**
 * A fixture's pictures as inputs: of constants the engine would work out everything at once, on the
 * CPU whatever its device.
 */
function picturesOf({ tensors }: Fixture): (name: string) => Tensor {
  const inputs = new Map<string, Tensor>();
  for (const name of PICTURES) {
    const tensor = tensors.get(name);
    if (tensor) inputs.set(name, input(name, tensor.shape));
  }
  return (name) => {
    const tensor = inputs.get(name);
    if (tensor === undefined) throw new Error(`Expected the tensor ${name} in the fixture but it is missing`);
    return tensor;
  };
}

/** The positions that the released code samples of `count`, where those are more than `most`. */
function sampled(count: number, most: number): Tensor | undefined {
  return count > most ? constant(randomPositions(count, most, DEFAULT_SEED), [most]) : undefined;
}

/** Everything that an image fixture may hold. */
function imageOutputs(fixture: Fixture): Record<string, Tensor> {
  const architecture = architectureNamed("vgg19-image");
  const shapes = parametersOf(architecture);
  const weights = constantWeights(shapes, generateWeights(shapes));
  const picture = picturesOf(fixture);
  const [content, style] = [picture("content"), picture("style")];
  const chosen = new Map<number, Tensor>();
  for (const { level, maxKeys } of architecture.attention.modules) {
    const [, , height = 1, width = 1] = style.shape;
    const positions = sampled((Number(height) / 2 ** (level - 1)) * (Number(width) / 2 ** (level - 1)), maxKeys);
    if (positions) chosen.set(level, positions);
  }
  const { contentFeatures, styleFeatures, attended, output } = stylize(architecture, content, style, weights, {
    chosen,
  });
  const result = encode(output, architecture.encoder, weights);
  const global = scale(globalStyleLoss(result, styleFeatures), 10);
  const local = scale(
    localFeatureLoss(result, contentFeatures, styleFeatures, [2, 3, 4, 5], (count) => sampled(count, LOCAL_KEYS)),
    3,
  );

  const outputs: Record<string, Tensor> = { transformer: mergeLevels(architecture, attended, weights), output };
  contentFeatures.forEach((feature, at) => {
    outputs[`content.relu${at + 1}_1`] = feature;
  });
  const three = attended.get(3);
  if (three) outputs.adaattn_3 = three;
  outputs.loss_global = global;
  outputs.loss_local = local;
  const trained = [...stylizingParameters(architecture).keys()];
  gradients(addAll([global, local]), trained.map(weights)).forEach((gradient, at) => {
    const flat = reshape(gradient, [sizeOf(gradient.shape)]);
    outputs[`grad_norm.${trained[at]}`] = sqrt(reduceSum(square(flat)));
    outputs[`grad_head.${trained[at]}`] = slice(flat, [{ axis: 0, end: 16 }]);
  });
  return outputs;
}

/** Everything that a video fixture may hold, through one form of cosine attention. */
function videoOutputs(fixture: Fixture, form: AttendOptions["form"]): Record<string, Tensor> {
  const architecture = architectureNamed("vgg19-video");
  const shapes = parametersOf(architecture);
  const weights = constantWeights(shapes, generateWeights(shapes));
  const picture = picturesOf(fixture);
  const outputs: Record<string, Tensor> = {};
  for (const frame of [0, 1]) {
    const { attended, output } = stylize(architecture, picture(`frame${frame}`), picture("style"), weights, { form });
    const three = attended.get(3);
    if (three) outputs[`attended${frame}`] = three;
    outputs[`output${frame}`] = output;
  }
  return outputs;
}

/** Expected values by name: the fixture's tensors, and the losses of its metadata. */
function expectedValues({ tensors, metadata }: Fixture): Map<string, Float32Array> {
  const expected = new Map<string, Float32Array>();
  for (const [name, { data }] of tensors) expected.set(name, data);
  for (const name of ["loss_global", "loss_local"]) {
    const value = metadata[name];
    if (value !== undefined) expected.set(name, Float32Array.of(Number(value)));
  }
  return expected;
}

function toleranceOf(name: string, engine: Engine): number {
  if (engine.device === "webgpu") return 5e-3;
  return name.startsWith("loss_") ? 1e-4 : 1e-3;
}

/**
 * Runs the network of a fixture on `engine` and compares every tensor that it holds; inputs are
 * left out.
 */
export async function parity(path: string, engine: Engine): Promise<Comparison[]> {
  const fixture = await readFixture(path);
  const expected = expectedValues(fixture);
  const comparisons: Comparison[] = [];
  const pictures = Object.fromEntries([...fixture.tensors].filter(([name]) => PICTURES.includes(name)));
  const runs = expected.has("frame0")
    ? [
        { suffix: " (quadratic)", outputs: videoOutputs(fixture, attendCosineQuadratic) },
        { suffix: " (linear)", outputs: videoOutputs(fixture, undefined) },
      ]
    : [{ suffix: "", outputs: imageOutputs(fixture) }];
  for (const { suffix, outputs } of runs) {
    const wanted = Object.fromEntries(Object.entries(outputs).filter(([name]) => expected.has(name)));
    const session = await engine.load(toOnnx(wanted, { target: engine.device, name: "parity" }), path);
    const results = await session.run(pictures);
    for (const name of Object.keys(wanted)) {
      const [{ data }, values] = [await outputOf(results, name).read(), expected.get(name)];
      if (values === undefined) continue;
      const scale = Math.max(largestOf(values), leastScale(name, expected));
      comparisons.push(compare(name + suffix, data as Float32Array, values, scale, toleranceOf(name, engine)));
    }
    for (const tensor of Object.values(results)) tensor.dispose();
    session.dispose();
  }
  for (const name of expected.keys()) {
    if (PICTURES.includes(name) || comparisons.some((comparison) => comparison.name.split(" ")[0] === name)) continue;
    comparisons.push({ name, difference: Number.NaN, relative: Number.NaN, tolerance: 0, passed: false });
  }
  return comparisons;
}

function largestOf(values: Float32Array): number {
  return values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

/**
 * What a tensor's differences are measured by, if that is more than its own largest value. Of a
 * gradient, a fixture holds the norm and the first values: the whole gradient's largest value is
 * not known, but at least its root mean square. The gradient of a bias of g is zero in exact
 * arithmetic (it shifts all scores of a query alike, so that the softmax does not change) and
 * rounding in the fixture: it is measured by a thousandth of its weight's gradient.
 */
function leastScale(name: string, expected: ReadonlyMap<string, Float32Array>): number {
  const match = /^grad_(norm|head)\.((.*)\.(?:weight|bias))$/.exec(name);
  if (match === null) return 0;
  const [, part, parameter = "", layer] = match;
  const norm = (tensor: string) => largestOf(expected.get(`grad_norm.${tensor}`) ?? new Float32Array());
  if (parameter.endsWith(".g.bias")) return 1e-3 * norm(`${layer}.weight`);
  if (part === "norm") return 0;
  const shape = parametersOf(architectureNamed("vgg19-image")).get(parameter) ?? [1];
  return norm(parameter) / Math.sqrt(shape.reduce((product, length) => product * length, 1));
}

function compare(
  name: string,
  actual: Float32Array,
  expected: Float32Array,
  scale: number,
  tolerance: number,
): Comparison {
  let difference = actual.length === expected.length ? 0 : Number.POSITIVE_INFINITY;
  expected.forEach((value, at) => {
    const off = Math.abs((actual[at] ?? Number.NaN) - value);
    difference = Number.isNaN(off) ? Number.POSITIVE_INFINITY : Math.max(difference, off);
  });
  const relative = difference / (scale || 1);
  return { name, difference, relative, tolerance, passed: relative <= tolerance };
}
