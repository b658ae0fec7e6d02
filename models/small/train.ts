/**
 * Trains `small`, one stage at a time (see train.sh, which runs them all, and NOTES.md):
 *
 *   node ... models/small/train.ts STAGE --content DIR --style DIR --teacher FILE --out RUN [--from RUN] [--steps N] ...
 */

import { readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { input, type Tensor, toOnnx } from "@adaattn/graph";
import {
  Dataset,
  distilObjective,
  initialiseAttention,
  initialiseConvolutions,
  initialiseEncoder,
  invertObjective,
  levelStatistics,
  Random,
  readAverage,
  readEncoder,
  scaleLevels,
  styleObjective,
  type TrainedEncoder,
  train,
  trainingStep,
} from "@adaattn/train";
import {
  architectureNamed,
  constantWeights,
  countParameters,
  decode,
  encode,
  encoderParameters,
  type ParameterShapes,
  type Picture,
  splitVector,
  stylise,
  stylisingParameters,
  tensorWeights,
  toPicture,
  toTensor,
  type Weights,
} from "adaattn";
import { type Engine, type EngineTensor, NodeEngine, outputOf, readPicture, writePicture } from "adaattn/node";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    content: { type: "string" },
    style: { type: "string" },
    test: { type: "string" },
    teacher: { type: "string" },
    out: { type: "string" },
    encoder: { type: "string" },
    from: { type: "string" },
    start: { type: "string" },
    steps: { type: "string", default: "1000" },
    batch: { type: "string", default: "8" },
    crop: { type: "string", default: "128" },
    side: { type: "string", default: "208" },
    rate: { type: "string", default: "3e-4" },
    warmup: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    device: { type: "string", default: "cpu" },
    limit: { type: "string" },
    global: { type: "string", default: "10" },
    local: { type: "string", default: "3" },
    identity: { type: "string", default: "20" },
    variation: { type: "string", default: "0" },
    "content-loss": { type: "string", default: "0" },
    clip: { type: "string", default: "1" },
    "sample-every": { type: "string", default: "500" },
    "checkpoint-every": { type: "string", default: "250" },
  },
});

function text(name: "content" | "style" | "test" | "teacher" | "out" | "encoder"): string {
  const value = options[name];
  if (value === undefined) throw new Error(`Expected --${name}`);
  return value;
}

const [stage] = positionals;
const [steps, count, crop] = [Number(options.steps), Number(options.batch), Number(options.crop)];
const seed = Number(options.seed);
const architecture = architectureNamed("small");
const device = options.device === "webgpu" ? "webgpu" : "cpu";
const engine: Engine = new NodeEngine({ device });

const readFolder = (folder: string) =>
  Dataset.open(folder, {
    shorterSide: Number(options.side),
    ...(options.limit && { limit: Number(options.limit) }),
    onBadFile: (path, reason) => console.warn(`left out ${path}: ${reason}`),
  });
/** What a run was made with, but for where things lie on this machine. */
const settings = Object.fromEntries(
  (["steps", "batch", "crop", "side", "rate", "warmup", "clip", "seed"] as const).map((name) => [
    name,
    Number(options[name]),
  ]),
);
const lossWeights = {
  global: Number(options.global),
  local: Number(options.local),
  content: Number(options["content-loss"]),
  identity: Number(options.identity),
  variation: Number(options.variation),
};
await mkdir(text("out"), { recursive: true });
const config = { stage, device, ...settings, ...(stage === "stylise" && { lossWeights }) };
await writeFile(join(text("out"), "config.json"), `${JSON.stringify(config, null, 2)}\n`);

const [contents, styles] = await Promise.all([readFolder(text("content")), readFolder(text("style"))]);
console.log(`${contents.size} photographs, ${styles.size} artworks`);

/** Every step draws from a generator of its own, so that a resumed run sees what an unbroken one would have seen. */
const randomAt = (step: number) => new Random((seed * 1_000_003 + step * 7919) >>> 0);
/** Half photographs, half artworks. */
function mixed(step: number): Float32Array {
  const random = randomAt(step);
  const half = count >> 1;
  const batch = new Float32Array(count * 3 * crop * crop);
  batch.set(contents.batch(random, half, crop));
  batch.set(styles.batch(random, count - half, crop), half * 3 * crop * crop);
  return batch;
}
const shape = [count, 3, crop, crop];

/** A linear warm-up, then half a cosine down to a twentieth. */
function rate(step: number): number {
  const warm = Math.min(1, step / Number(options.warmup));
  return Number(options.rate) * warm * (0.05 + 0.95 * (0.5 + 0.5 * Math.cos((Math.PI * step) / steps)));
}

/** An encoder with every level's mean activation brought to 1. */
async function normalised(trained: TrainedEncoder): Promise<TrainedEncoder> {
  const statistics = await levelStatistics(engine, trained, mixed(0), crop);
  return scaleLevels(
    trained,
    statistics.map(({ mean }) => 1 / mean),
  );
}

const judge = await normalised(await readEncoder(text("teacher")));

async function ownEncoder(): Promise<TrainedEncoder> {
  const shapes = encoderParameters(architecture.encoder);
  return { encoder: architecture.encoder, shapes, values: await readAverage(text("encoder"), shapes) };
}

/** Eight fixed test pairs at 192 pixels. */
async function testPictures(): Promise<{ contents: Picture[]; styles: Picture[] }> {
  const pick = async (folder: string) => {
    const names = readdirSync(folder).sort();
    return Promise.all(
      [1, 4, 7, 10, 13, 16, 19, 22].map(async (at) => square(await readPicture(join(folder, names[at] ?? "")))),
    );
  };
  return { contents: await pick(join(text("test"), "content")), styles: await pick(join(text("test"), "style")) };
}

const SHEET = 192;
async function square(picture: Picture): Promise<Picture> {
  const { default: sharp } = await import("sharp");
  const data = await sharp(picture.data, { raw: { width: picture.width, height: picture.height, channels: 4 } })
    .resize(SHEET, SHEET, { fit: "cover" })
    .raw()
    .toBuffer();
  return { width: SHEET, height: SHEET, data };
}

/** Rows of pictures as one picture. */
function sheet(rows: Picture[][]): Picture {
  const columns = rows[0]?.length ?? 0;
  const data = new Uint8Array(columns * SHEET * rows.length * SHEET * 4);
  rows.forEach((row, y) => {
    row.forEach((picture, x) => {
      for (let line = 0; line < SHEET; line++) {
        const source = picture.data.subarray(line * SHEET * 4, (line + 1) * SHEET * 4);
        data.set(source, ((y * SHEET + line) * columns + x) * SHEET * 4);
      }
    });
  });
  return { width: columns * SHEET, height: rows.length * SHEET, data };
}

/** A function that paints the test pairs with the weights being trained. */
async function sampler(
  parameters: ParameterShapes,
  paint: (content: Tensor, style: Tensor, weights: Weights) => Tensor,
) {
  const pairs = await testPictures();
  const batch = (pictures: Picture[]) => {
    const data = new Float32Array(pictures.length * 3 * SHEET * SHEET);
    for (const [at, picture] of pictures.entries()) data.set(toTensor(picture), at * 3 * SHEET * SHEET);
    return { shape: [pictures.length, 3, SHEET, SHEET], data };
  };
  const [content, style] = ["content", "style"].map((name) => input(name, [8, 3, SHEET, SHEET]));
  const vector = input("average", [countParameters(parameters)]);
  if (!content || !style) throw new Error("no inputs");
  const weights = tensorWeights(splitVector(parameters, vector));
  const session = await engine.load(
    toOnnx({ painted: paint(content, style, weights) }, { target: device }),
    "the sample sheet",
  );
  return async (average: EngineTensor, path: string) => {
    const feeds = {
      average,
      content: batch(pairs.contents),
      ...(stage === "stylise" && { style: batch(pairs.styles) }),
    };
    const results = await session.run(feeds);
    const { data } = await outputOf(results, "painted").read();
    outputOf(results, "painted").dispose();
    const size = 3 * SHEET * SHEET;
    const painted = pairs.contents.map((picture, at) =>
      toPicture((data as Float32Array).subarray(at * size, (at + 1) * size), picture, picture),
    );
    await writePicture(
      path,
      sheet(stage === "stylise" ? [pairs.contents, pairs.styles, painted] : [pairs.contents, painted]),
    );
  };
}

const common = {
  engine,
  folder: text("out"),
  steps,
  rate,
  batchSize: count,
  sampleEvery: Number(options["sample-every"]),
  checkpointEvery: Number(options["checkpoint-every"]),
  onLog: (line: Readonly<Record<string, number>>) =>
    console.log(
      Object.entries(line)
        .map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`)
        .join("  "),
    ),
};

if (stage === "distil") {
  const parameters = encoderParameters(architecture.encoder);
  // relu1_1's edge filters would need weights of 5 at unit activation, which Adam reaches late: a quarter of it will do.
  const teacher = scaleLevels(judge, [0.25, 1, 1, 1, 1]);
  const statistics = await levelStatistics(engine, teacher, mixed(0), crop);
  const objective = distilObjective(
    architecture.encoder,
    teacher,
    statistics.map((level) => level.square),
    count,
    crop,
  );
  await train({
    ...common,
    parameters,
    step: trainingStep({ parameters, objective, clip: Number(options.clip) }),
    initial: initialiseEncoder(parameters, new Random(seed)),
    batch: (step) => ({ pictures: { shape, data: mixed(step) } }),
  });
} else if (stage === "invert") {
  const encoder = await ownEncoder();
  const parameters = new Map([...stylisingParameters(architecture)].filter(([name]) => !name.startsWith("attention.")));
  const objective = invertObjective(architecture, encoder, judge, count, crop);
  const paint = (content: Tensor, _: Tensor, weights: Weights) => {
    const features = encode(content, encoder.encoder, constantWeights(encoder.shapes, encoder.values));
    return decode(architecture, new Map(features.map((feature, at) => [at + 1, feature])), weights);
  };
  await train({
    ...common,
    parameters,
    step: trainingStep({ parameters, objective, clip: Number(options.clip) }),
    initial: initialiseConvolutions(parameters, new Random(seed)),
    batch: (step) => ({ pictures: { shape, data: mixed(step) } }),
    sample: await sampler(parameters, paint),
  });
} else if (stage === "stylise") {
  const encoder = await ownEncoder();
  const parameters = stylisingParameters(architecture);
  const decoderShapes = new Map([...parameters].filter(([name]) => !name.startsWith("attention.")));
  // --start goes on from another run of this stage; --from starts from a decoder and the parameter-free attention.
  const initial = options.start
    ? await readAverage(options.start, parameters)
    : new Map([
        ...initialiseAttention(architecture, new Random(seed)),
        ...(await readAverage(options.from ?? "", decoderShapes)),
      ]);
  const objective = styleObjective(architecture, encoder, judge, lossWeights, [3, 4, 5], count, crop);
  const frozen = constantWeights(encoder.shapes, encoder.values);
  const paint = (content: Tensor, style: Tensor, weights: Weights) =>
    stylise(architecture, content, style, (name) => (encoder.shapes.has(name) ? frozen(name) : weights(name))).output;
  await train({
    ...common,
    parameters,
    step: trainingStep({ parameters, objective, clip: Number(options.clip) }),
    initial,
    batch: (step) => {
      const random = randomAt(step);
      const [content, style] = [contents.batch(random, count, crop), styles.batch(random, count, crop)];
      // The last sample's style is its content, for the identity term.
      const size = content.length / count;
      if (lossWeights.identity > 0) style.set(content.subarray(content.length - size), style.length - size);
      return { content: { shape, data: content }, style: { shape, data: style } };
    },
    sample: await sampler(parameters, paint),
  });
} else throw new Error(`Expected the stage distil, invert or stylise but received "${stage}"`);
await engine.dispose();
