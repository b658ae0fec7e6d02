/**
 * The networks in PyTorch are those of packages/adaattn: pictures, gradients and the measure of
 * structure. Losses that both trainers have are the same.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gradients, input, inputsOf, multiply, reduceSum, type Tensor, toOnnx } from "@adaattn/graph";
import {
  calmNorm,
  grayOf,
  paint,
  sleepLoss,
  strokesLoss,
  structuralSimilarity,
  supervisionHeads,
  supervisionLoss,
  weaveLoss,
} from "@adaattn/train";
import {
  architectureNamed,
  constantWeights,
  type EngineTensor,
  outputOf,
  paddedSize,
  parametersOf,
  readSafetensors,
  stylize,
  type TensorData,
  toTensor,
  writeSafetensors,
} from "adaattn/network";
import { loadModel, NodeEngine, type Picture } from "adaattn/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { here, left, PYTHON, run } from "./python.ts";

const PRESETS = ["small", "small-video"] as const;
/**
 * How far a tensor's gradient may be off, as a share of its length, in float32 on both sides.
 * Softmax attention that is nearly one-hot rounds more: of `small` most tensors are 2 to 4 % apart,
 * of `small-video` less than 1 %.
 */
const TOLERANCE = { small: 0.08, "small-video": 0.01 };
const modelOf = (preset: string) =>
  fileURLToPath(new URL(`../../../models/${preset}/model.safetensors`, import.meta.url));

/** Waves, which look more like photographs to a network than noise does. */
function waves(width: number, height: number, phase: number, depth = 100): Picture {
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let at = 0; at < width * height; at++) {
    const [x, y] = [at % width, Math.floor(at / width)];
    for (let channel = 0; channel < 3; channel++) {
      data[4 * at + channel] = 128 + depth * Math.sin(x / (6 + channel) + y / (9 - channel) + phase) * Math.cos(y / 23);
    }
  }
  return { width, height, data };
}

/** A board of single pixels, lighter and darker than the middle by `depth`. */
function board(side: number, depth: number): Picture {
  const data = new Uint8ClampedArray(4 * side * side).fill(255);
  for (let at = 0; at < side * side; at++) {
    const sign = (at + Math.floor(at / side)) % 2 === 0 ? 1 : -1;
    data.fill(128 + sign * depth, 4 * at, 4 * at + 3);
  }
  return { width: side, height: side, data };
}

function tensorOf(picture: Picture, size = paddedSize(picture)) {
  return { shape: [1, 3, size.height, size.width], data: toTensor(picture, size) };
}

// At level 3 the painting has 40 x 36 positions, more than `small` attends to.
const [photograph, painting] = [waves(101, 75, 0), waves(157, 139, 2)];
const [little, other] = [tensorOf(waves(48, 32, 1)), tensorOf(waves(32, 48, 3))];
const probe = { shape: little.shape, data: little.data.map((_, at) => Math.sin(at)) };
const [one, another] = [waves(40, 30, 0), waves(40, 30, 0.4, 60)];

/** Four pictures, the first of them nearly flat. */
function wavesOf(phase: number): TensorData {
  const depths = [2, 40, 100, 80];
  const data = depths.map((depth, at) => tensorOf(waves(48, 48, phase + at, depth)).data);
  return { shape: [4, 3, 48, 48], data: Float32Array.from(data.flatMap((one) => [...one])) };
}

/** Values in no order, from -1 to 1. */
function scattered(shape: readonly number[], seed: number): TensorData {
  const count = shape.reduce((product, length) => product * length, 1);
  return { shape, data: Float32Array.from({ length: count }, (_, at) => Math.sin(at * at + seed * (at + 1))) };
}

/** Of the loss network in the test of training: its channels at levels 1 to 5. */
const JUDGE = [0, 0, 0, 6, 5];

/** What training is asked for: pictures, what a loss network sees at levels 4 and 5, and heads. */
function trainingOf(preset: string): Record<string, TensorData> {
  const heads = supervisionHeads(architectureNamed(preset), JUDGE, { trainsEncoder: true });
  const [contents, styles] = [wavesOf(0), wavesOf(5)];
  const {
    shape,
    data: { length },
  } = contents;
  return {
    contents,
    styles,
    // The second picture has a gradient much longer than the others'.
    probes: {
      shape,
      data: Float32Array.from(
        { length },
        (_, at) => Math.sin(at / 700) * (at * 4 >= length && at * 2 < length ? 20 : 1),
      ),
    },
    judged4: scattered([4, 6, 6, 6], 1),
    judged5: scattered([4, 5, 3, 3], 2),
    judgedStyle4: scattered([4, 6, 6, 6], 3),
    judgedStyle5: scattered([4, 5, 3, 3], 4),
    target: scattered([4, 6, 6, 6], 5),
    ...Object.fromEntries([...heads].map(([name, shape], at) => [name, scattered(shape, 6 + at)])),
  };
}

/** A batch of two pictures with calm and lively places; `grid` is the depth of waves of 4 pixels. */
function batchOf(phase: number, grid: number): TensorData {
  const side = 96;
  const data = Float32Array.from({ length: 2 * 3 * side * side }, (_, at) => {
    const [x, y] = [at % side, Math.floor(at / side) % side];
    const detail = Math.sin(x / 2 + phase * y) * Math.sin(at * at) * (x / side);
    return 0.5 + 0.2 * Math.sin(x / 9 + y / 14 + phase) + 0.1 * detail + grid * Math.cos((Math.PI * y) / 2);
  });
  return { shape: [2, 3, side, side], data };
}
const [result, original] = [batchOf(0, 0.01), batchOf(1, 0)];

/**
 * The gradients of tensors that are further than `tolerance` of their length from what the twin
 * answered under `prefix` and their names, and the length of the longest.
 */
async function compared(
  results: Readonly<Record<string, EngineTensor>>,
  answered: ReadonlyMap<string, { data: unknown }>,
  prefix: string,
  tolerance: number,
) {
  const norms = new Map<string, number>();
  const far: string[] = [];
  for (const name of Object.keys(results)) {
    const own = (await outputOf(results, name).read()).data as Float32Array;
    const twin = values(answered.get(prefix + name));
    const norm = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
    norms.set(name, norm);
    // The bias of g has no gradient with softmax: what stands there is rounding, measured by its
    // weight's.
    const unit = Math.max(norm, name.endsWith(".g.bias") ? (norms.get(name.replace("bias", "weight")) ?? 0) : 1e-6);
    const error = Math.sqrt(own.reduce((sum, value, at) => sum + (value - (twin[at] ?? Number.NaN)) ** 2, 0)) / unit;
    if (!(error < tolerance)) far.push(`${prefix}${name}: ${error}`);
  }
  return { far, largest: Math.max(...norms.values()) };
}

let folder: string;
let outcome: Awaited<ReturnType<typeof run>>;
const answer = async (name: string) =>
  readSafetensors(await readFile(join(folder, `${name}.answer.safetensors`))).tensors;
const values = (tensor: { data: unknown } | undefined) => tensor?.data as Float32Array;

describe.skipIf(left)("in PyTorch", () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "adaattn-twin-"));
    const asked = { content: tensorOf(photograph), style: tensorOf(painting), little, other, probe };
    const alike = { one: tensorOf(one, one), other: tensorOf(another, another) };
    const boards = { board: tensorOf(board(40, 60)), paler: tensorOf(board(40, 20)) };
    const pair = { result, painting: original };
    const write = (name: string, tensors: Record<string, TensorData>) =>
      writeFile(join(folder, `${name}.safetensors`), writeSafetensors(new Map(Object.entries(tensors))));
    await Promise.all([
      ...PRESETS.map((preset) => write(preset, { ...asked, ...trainingOf(preset) })),
      write("similarity", { ...alike, ...boards, ...pair }),
    ]);
    outcome = await run([PYTHON, here("test/twin.py"), folder, ...PRESETS.map((name) => `${name}=${modelOf(name)}`)]);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("the program ends well", () => {
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
  });

  test.each(PRESETS)("%s paints what the library paints, to a level of 255, at odd sizes", async (preset) => {
    await using model = await loadModel(preset, { device: "cpu" });
    using style = await model.style(painting);
    const painted = await model.stylize(photograph, style);
    const picture = (await answer(preset)).get("picture");
    const [, , rows = 0, columns = 0] = picture?.shape ?? [];
    expect([rows, columns]).toEqual([80, 112]);
    const twin = values(picture);
    let [largest, spread] = [0, 0];
    for (let at = 0; at < 75 * 101; at++) {
      const from = Math.floor(at / 101) * columns + (at % 101);
      for (let channel = 0; channel < 3; channel++) {
        const value = Math.round(255 * Math.min(1, Math.max(0, twin[from + channel * rows * columns] ?? Number.NaN)));
        const own = painted.data[4 * at + channel] ?? Number.NaN;
        largest = Math.max(largest, Math.abs(value - own));
        spread = Math.max(spread, Math.abs(own - (painted.data[channel] ?? 0)));
      }
    }
    expect(spread).toBeGreaterThan(30);
    expect(largest).toBeLessThanOrEqual(1);
  });

  test.each(PRESETS)("every tensor of %s has the gradient that the library's graph gives it", async (preset) => {
    const architecture = architectureNamed(preset);
    const shapes = parametersOf(architecture);
    const { tensors } = readSafetensors(await readFile(modelOf(preset)));
    const weights = constantWeights(
      shapes,
      new Map([...tensors].map(([name, { data }]) => [name, Float32Array.from(data as Float32Array)])),
    );
    const inputs = { little, other, probe };
    const [content, style, factor] = Object.entries(inputs).map(([name, { shape }]) => input(name, shape));
    if (content === undefined || style === undefined || factor === undefined) throw new Error("Expected three inputs");
    const { output } = stylize(architecture, content, style, weights);
    const names = [...shapes.keys()];
    const found = gradients(reduceSum(multiply(output, factor)), names.map(weights));
    const engine = new NodeEngine({ device: "cpu" });
    const session = await engine.load(
      toOnnx(Object.fromEntries(names.map((name, at) => [name, found[at] ?? output]))),
      "gradients",
    );
    const results = await session.run(inputs);
    const { far, largest } = await compared(results, await answer(preset), "gradient.", TOLERANCE[preset]);
    await engine.dispose();
    expect(far).toEqual([]);
    expect(largest).toBeGreaterThan(0.1);
  });

  test.each(PRESETS)("training of %s fines sleep, supervises and holds gradients alike", async (preset) => {
    const architecture = architectureNamed(preset);
    const given = trainingOf(preset);
    const heads = supervisionHeads(architecture, JUDGE, { trainsEncoder: true });
    const shapes = new Map([...parametersOf(architecture), ...heads]);
    const { tensors } = readSafetensors(await readFile(modelOf(preset)));
    const all = new Map<string, { data: unknown }>([
      ...tensors,
      ...Object.entries(given).filter(([name]) => heads.has(name)),
    ]);
    const weights = constantWeights(
      shapes,
      new Map([...all].map(([name, { data }]) => [name, Float32Array.from(data as Float32Array)])),
    );
    const names = [...shapes.keys()];
    const inputs = Object.fromEntries(Object.entries(given).map(([name, { shape }]) => [name, input(name, shape)]));
    const { contents, styles, probes, judged4, judged5, judgedStyle4, judgedStyle5, target } = inputs as Record<
      "contents" | "styles" | "probes" | "judged4" | "judged5" | "judgedStyle4" | "judgedStyle5" | "target",
      Tensor
    >;
    const painted = paint(architecture, [contents], styles, weights, { calm: true });
    const [picture = contents] = painted.results;
    const nothing = [contents, contents, contents];
    const wanted = {
      content: [...nothing, judged4, judged5],
      style: [...nothing, judgedStyle4, judgedStyle5],
      target,
      unit: 3,
      beforeNorm: calmNorm,
    };
    const losses = {
      picture: reduceSum(multiply(picture, probes)),
      sleep: sleepLoss(painted.watched),
      supervision: supervisionLoss(painted, wanted, heads, weights),
    };
    const answered = await answer(preset);
    await using engine = new NodeEngine({ device: "cpu" });
    const far: string[] = [];
    for (const [kind, loss] of Object.entries(losses)) {
      const reached = names.filter((name) => answered.has(`${kind}.${name}`));
      const found = gradients(loss, reached.map(weights));
      const terms = { loss, ...Object.fromEntries(reached.map((name, at) => [name, found[at] ?? loss])) };
      const asked = inputsOf(Object.values(terms)).map(({ name }) => [name, given[name] as TensorData]);
      const session = await engine.load(toOnnx(terms), kind);
      const { loss: value, ...results } = await session.run(Object.fromEntries(asked));
      const [own = 0] = ((await value?.read())?.data ?? []) as Float32Array;
      expect(own / (values(answered.get(`loss.${kind}`))[0] ?? Number.NaN)).toBeCloseTo(1, 3);
      const slopes = await compared(results, answered, `${kind}.`, TOLERANCE[preset]);
      expect(slopes.largest).toBeGreaterThan(0.1);
      // Where attention is nearly one-hot, rounding decides which position of a decoder's map the
      // quantile is, and that another gradient altogether.
      if (kind !== "sleep" || architecture.attention.kind === "cosine") far.push(...slopes.far);
      session.dispose();
    }
    expect(far).toEqual([]);
  });

  test("structure is SSIM without its brightness", async () => {
    const [similarity, structure, brighter] = await answer("similarity").then((found) =>
      ["similarity", "structure", "brighter"].map((name) => values(found.get(name))[0] ?? Number.NaN),
    );
    expect(similarity).toBeCloseTo(structuralSimilarity(grayOf(one), grayOf(another)), 4);
    // Boards of one mean brightness differ by structure alone; at half the size they are flat,
    // hence alike.
    const boards = structuralSimilarity(grayOf(board(48, 60)), grayOf(board(48, 20)));
    expect(structure).toBeCloseTo((1 - boards) / 2, 3);
    expect(structure).toBeGreaterThan(0.1);
    expect(brighter).toBeCloseTo(0, 5);
  });

  test("weave and strokes are those of the library's trainer", async () => {
    const answered = await answer("similarity");
    const [painted, painting] = [input("painted", result.shape), input("painting", original.shape)];
    await using engine = new NodeEngine({ device: "cpu" });
    const terms = { weave: weaveLoss(painted), strokes: strokesLoss(painted, painting) };
    const session = await engine.load(toOnnx(terms), "losses");
    const own = await session.run({ painted: result, painting: original });
    for (const name of Object.keys(terms)) {
      const [value = 0] = (await outputOf(own, name).read()).data as Float32Array;
      expect(value).toBeGreaterThan(0.1);
      expect(value / (values(answered.get(name))[0] ?? Number.NaN)).toBeCloseTo(1, 3);
    }
  });
});
