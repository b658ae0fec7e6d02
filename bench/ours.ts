/**
 * One measurement of ours, in a process of its own, as the peer in peers/ measures itself: a JSON
 * object on stdout with `medianSeconds` and `peakRssBytes`, and with `roofGflops` where asked for
 * `--roof` (taken last, outside the other two).
 *
 *   ours.ts stylize --preset small --size 512 [--repeat 5] [--device webgpu] [--tile off] [--roof]
 *   ours.ts attention --preset vgg19-image --size 512 [--quadratic]
 *   ours.ts convolutions --preset vgg19-image --size 512
 *   ours.ts step --preset small --batch 4 --crop 128
 *   ours.ts files --photo photo.jpg --painting painting.jpg --output out.jpg
 *   ours.ts device                                            which device `auto` takes
 *   ours.ts photo --photo in.jpg --output out.jpg --width 3840 --height 2160    a photograph made so large
 */

import { parseArgs } from "node:util";
import { attendMoments, concat, input, matmul, softmax, square, toOnnx } from "@adaattn/graph";
import { generateWeights, STATE, stepScalars, styleObjective, type TrainedEncoder, trainingStep } from "@adaattn/train";
import {
  type Architecture,
  type AttentionModule,
  architectureNamed,
  attendCosineQuadratic,
  attendToSums,
  constantWeights,
  cosineSums,
  type EngineTensor,
  encoderParameters,
  flatten,
  outputOf,
  parametersOf,
  stylizingParameters,
  type TensorData,
  vggEncoder,
} from "adaattn/network";
import { loadModel, Model, NodeEngine, readModel, readPicture, writePicture } from "adaattn/node";
import sharp from "sharp";
import { decodePart, encodePart, type Part } from "../packages/adaattn/src/network/parts.ts";
import { positionsAt } from "./arithmetic.ts";
import { hold, noise, numbers, profile, repeat, roofOf } from "./measure.ts";
import { median } from "./median.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    preset: { type: "string", default: "small" },
    size: { type: "string", default: "512" },
    repeat: { type: "string", default: "5" },
    device: { type: "string", default: "cpu" },
    threads: { type: "string", default: "2" },
    tile: { type: "string", default: "auto" },
    roof: { type: "boolean", default: false },
    quadratic: { type: "boolean", default: false },
    batch: { type: "string", default: "4" },
    crop: { type: "string", default: "128" },
    photo: { type: "string", default: "" },
    painting: { type: "string", default: "" },
    output: { type: "string", default: "" },
    width: { type: "string", default: "512" },
    height: { type: "string", default: "512" },
  },
});
const architecture = architectureNamed(options.preset);
const [size, times, threads] = [Number(options.size), Number(options.repeat), Number(options.threads)];
const engine = new NodeEngine({ device: options.device === "webgpu" ? "webgpu" : "cpu", threads });

/**
 * Sides beyond which a painting is no longer as large as the photograph, and a photograph is not
 * its own warm-up.
 */
const [LARGEST_PAINTING, LARGEST_WARM] = [1024, 1024];

/** What a task gives: seconds of each run, and whatever else there is to say. */
interface Result {
  readonly seconds: readonly number[];
  readonly [fact: string]: unknown;
}

async function stylize(): Promise<Result> {
  const model = await Model.load(options.preset, architecture, generateWeights(parametersOf(architecture)), engine);
  const [photo, painting] = [noise(size), noise(Math.min(size, LARGEST_PAINTING))];
  const tile = options.tile === "off" ? "off" : "auto";
  const cached: number[] = [];
  let tiles = 0;
  const paint = async (picture: typeof photo) => {
    using style = await model.style(painting, { size: painting.width });
    const begun = performance.now();
    ({ tiles } = await model.stylize(picture, style, { size: "full", tile, strokeBy: "pixels" }));
    cached.push((performance.now() - begun) / 1000);
  };
  await paint(size > LARGEST_WARM ? noise(LARGEST_WARM) : photo);
  cached.length = 0;
  const seconds = await repeat(() => paint(photo), 0, times);
  return { seconds, cachedSeconds: median(cached), tiles };
}

/**
 * Attention proper at every level to all positions of a painting as large as the photograph: ours,
 * or with the whole matrix.
 */
async function attention(): Promise<Result> {
  const { kind, modules } = architecture.attention;
  const runs: (() => Promise<void>)[] = [];
  for (const module of modules) {
    const count = positionsAt(module.level, { width: size, height: size });
    const [k, v] = [module.keyChannels, module.valueChannels];
    // Scores of about 1, so that no share of attention vanishes.
    const isBySums = kind === "cosine" && !options.quadratic;
    const queries = numbers(isBySums ? [1, k, count] : [1, count, k], Math.sqrt(3 / Math.sqrt(k)));
    const keys = numbers([1, count, k], Math.sqrt(3 / Math.sqrt(k)));
    let painting: Record<string, TensorData> = { keys, values: numbers([1, count, v]) };
    if (kind === "cosine") {
      if (isBySums) painting = { sums: await sumsOf(module, painting) };
      painting.center = numbers([1, 1, v]);
    }
    const held = await hold(engine, { queries, ...painting });
    const outputs = options.quadratic ? quadraticPart(module, count) : attentionPart(module, count);
    const session = await engine.load(toOnnx(outputs, { target: engine.device }), `attention ${module.level}`);
    runs.push(async () => {
      for (const output of Object.values(await session.run(held))) output.dispose();
    });
  }
  const all = async () => {
    for (const run of runs) await run();
  };
  return { seconds: await repeat(all, 1, times) };
}

function operands({ keyChannels, valueChannels }: AttentionModule, count: number) {
  return {
    queries: input("queries", [1, count, keyChannels]),
    style: {
      keys: input("keys", [1, count, keyChannels]),
      values: input("values", [1, count, valueChannels]),
      mean: input("center", [1, 1, valueChannels]),
    },
  };
}

/** Our attention: streamed, or for cosines by the painting's sums. */
function attentionPart(module: AttentionModule, count: number): Part {
  const { queries, style } = operands(module, count);
  if (architecture.attention.kind === "softmax") return { ...attendMoments(queries, style.keys, style.values) };
  const sums = input("sums", [1, module.keyChannels + 1, 2 * module.valueChannels + 1]);
  return { ...attendToSums(sums, style.mean, input("queries", [1, module.keyChannels, count])) };
}

/** The same with the whole matrix of scores at once. */
function quadraticPart(module: AttentionModule, count: number): Part {
  const { queries, style } = operands(module, count);
  if (architecture.attention.kind === "cosine") return { ...attendCosineQuadratic(style, queries) };
  const shares = softmax(matmul(queries, style.keys, { transposeB: true }));
  return { both: matmul(shares, concat([style.values, square(style.values)], 2)) };
}

/** All that linear attention needs of a painting. */
async function sumsOf(module: AttentionModule, painting: Readonly<Record<string, TensorData>>): Promise<TensorData> {
  const { style } = operands(module, Number(painting.keys?.shape[1]));
  const session = await engine.load(toOnnx({ sums: cosineSums(style) }), "sums");
  return outputOf(await session.run(painting), "sums").read();
}

/** The parts that are all convolutions but for what is between them. */
async function convolutions(): Promise<Result> {
  const weights = constantWeights(parametersOf(architecture), generateWeights(parametersOf(architecture)));
  const features: Record<string, ReturnType<typeof numbers>> = {};
  for (const { level, keyChannels, valueChannels } of architecture.attention.modules) {
    const side = size / 2 ** (level - 1);
    features[`stacked${level}`] = numbers([1, keyChannels, side, side]);
    features[`normMean${level}`] = numbers([1, keyChannels, 1, 1]);
    features[`normDeviation${level}`] = { shape: [1, keyChannels, 1, 1], data: new Float32Array(keyChannels).fill(1) };
    for (const map of ["mean", "deviation"]) features[`${map}${level}`] = numbers([1, valueChannels, side * side]);
  }
  const measured = (outputs: Part, inputs: typeof features) =>
    profile(toOnnx(outputs, { target: "cpu", minimalFiltering: true }), inputs, { threads, times });
  const encode = await measured(encodePart(architecture, weights), { picture: numbers([1, 3, size, size]) });
  const decode = await measured(decodePart(architecture, weights), features);
  const seconds = encode.seconds + decode.seconds;
  const shares: Record<string, number> = {};
  for (const part of [encode, decode]) {
    for (const [kernel, share] of Object.entries(part.shares)) {
      shares[kernel] = (shares[kernel] ?? 0) + (share * part.seconds) / seconds;
    }
  }
  return { seconds: [seconds], shares };
}

/** What the command does with one picture, in a process that is warm. */
async function files(): Promise<Result> {
  const { name, weights } = await readModel(options.preset);
  const model = await Model.load(name, architecture, weights, engine);
  const run = async () => {
    const [photo, painting] = [await readPicture(options.photo), await readPicture(options.painting)];
    using style = await model.style(painting);
    await writePicture(options.output, await model.stylize(photo, style));
  };
  return { seconds: await repeat(run, 1, times) };
}

async function device(): Promise<Result> {
  await using model = await loadModel("small", { device: "auto" });
  return { seconds: [], device: model.device };
}

async function photo(): Promise<Result> {
  const [width, height] = [Number(options.width), Number(options.height)];
  await sharp(options.photo).resize(width, height, { fit: "cover" }).jpeg({ quality: 90 }).toFile(options.output);
  return { seconds: [] };
}

function generated(encoder: Architecture["encoder"]): TrainedEncoder {
  const shapes = encoderParameters(encoder);
  return { encoder, shapes, values: generateWeights(shapes) };
}

async function step(): Promise<Result> {
  const [count, crop] = [Number(options.batch), Number(options.crop)];
  const parameters = stylizingParameters(architecture);
  const lossNetwork = generated(
    vggEncoder([16, 32, 64, 128, 128], (block, index) => `judge.${block}_${index}`, "judge.color"),
  );
  const video = { similarity: 0, temporal: 0 };
  const further = { content: 0, transport: 0, selfSimilarity: 0, structure: 0, identity: 0, variation: 0 };
  const texture = { weave: 0, strokes: 0, sleep: 0, supervision: 0 };
  const objective = styleObjective(architecture, generated(architecture.encoder), {
    lossNetwork,
    losses: { global: 10, local: 3, ...further, ...texture, ...video },
    globalLevels: [2, 3, 4, 5],
    localLevels: [2, 3, 4, 5],
    localKeys: 4096,
    batch: count,
    crop,
  });
  const session = await engine.load(toOnnx(trainingStep({ parameters, objective })), "the training step", {
    fixedSizes: true,
  });
  const start = flatten(parameters, generateWeights(parameters));
  let state: Record<string, TensorData | EngineTensor> = Object.fromEntries(
    STATE.map((name) => [
      name,
      { shape: [start.length], data: /first|second/.test(name) ? new Float32Array(start.length) : start },
    ]),
  );
  const pictures = () => {
    const { shape, data } = numbers([count, 3, crop, crop], 0.5);
    return { shape, data: data.map((value) => value + 0.5) };
  };
  const [content, style] = [pictures(), pictures()];
  let time = 0;
  const seconds = await repeat(
    async () => {
      const results = await session.run({ ...state, content, style, ...stepScalars(++time, 2e-4) });
      const total = Number((await outputOf(results, "loss.global").read()).data[0]);
      if (!Number.isFinite(total)) throw new Error(`The loss is ${total}.`);
      for (const value of Object.values(state)) if ("dispose" in value) value.dispose();
      state = Object.fromEntries(STATE.map((name) => [name, outputOf(results, `${name}.next`)]));
    },
    2,
    times,
  );
  return { seconds };
}

const tasks: Readonly<Record<string, () => Promise<Result>>> = {
  stylize,
  attention,
  convolutions,
  step,
  files,
  device,
  photo,
};
const task = tasks[positionals[0] ?? ""];
if (task === undefined) {
  throw new Error(`Expected one of ${Object.keys(tasks).join(", ")} for the task but received ${positionals[0]}.`);
}
const result = await task();
const peakRssBytes = process.resourceUsage().maxRSS * 1024;
const roof = options.roof ? { roofGflops: await roofOf(engine) } : {};
console.log(JSON.stringify({ ...result, medianSeconds: median(result.seconds), peakRssBytes, ...roof }));
await engine.dispose();
