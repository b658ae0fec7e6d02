/**
 * The networks in PyTorch are those of packages/adaattn: pictures, gradients and the measure of
 * structure. Losses that both trainers have are the same.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gradients, input, multiply, reduceSum, toOnnx } from "@adaattn/graph";
import { grayOf, strokesLoss, structuralSimilarity, weaveLoss } from "@adaattn/train";
import {
  architectureNamed,
  constantWeights,
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
      ...PRESETS.map((preset) => write(preset, asked)),
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
    const answered = await answer(preset);
    const norms = new Map<string, number>();
    const far: string[] = [];
    for (const name of names) {
      const own = (await outputOf(results, name).read()).data as Float32Array;
      const twin = values(answered.get(`gradient.${name}`));
      const norm = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
      norms.set(name, norm);
      // The bias of g has no gradient with softmax: what stands there is rounding, measured by its
      // weight's.
      const unit = Math.max(norm, name.endsWith(".g.bias") ? (norms.get(name.replace("bias", "weight")) ?? 0) : 1e-6);
      const error = Math.sqrt(own.reduce((sum, value, at) => sum + (value - (twin[at] ?? Number.NaN)) ** 2, 0)) / unit;
      if (!(error < TOLERANCE[preset])) far.push(`${name}: ${error}`);
    }
    await engine.dispose();
    expect(far).toEqual([]);
    expect(Math.max(...norms.values())).toBeGreaterThan(0.1);
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
