import {
  constant,
  evaluate,
  input,
  multiply,
  type NdArray,
  ndarray,
  reduceSum,
  scale,
  square,
  subtract,
  type Tensor,
} from "@adaattn/graph";
import {
  distillObjective,
  initializeConvolutions,
  initializeEncoder,
  invertObjective,
  Random,
  readouts,
  STATE,
  stepScalars,
  styleHeads,
  styleObjective,
  trainingStep,
} from "@adaattn/train";
import {
  encoderParameters,
  type ParameterShapes,
  parametersOf,
  stylizingParameters,
  type TensorData,
  unflatten,
  vggEncoder,
  type Weights,
} from "adaattn/network";
import { NodeEngine } from "adaattn/node";
import { describe, expect, test } from "vitest";
import { topologicalOrder } from "../../graph/src/tensor.ts";
import { targets } from "../../graph/test/engines.ts";
import { drawGrain } from "../src/data/grain.ts";
import { resamplingMatrix } from "../src/data/motion.ts";
import { firstWeights, follow, miniature, pictures, randomEncoder } from "./miniature.ts";

/** Two parameters: 2 (a - 3)^2 + (a b)^2, with b in a shape of its own. */
const parameters: ParameterShapes = new Map([
  ["a", [1]],
  ["b", [1, 1]],
]);
const objective = (weights: Weights): Record<string, Tensor> => ({
  distance: reduceSum(scale(square(subtract(weights("a"), constant(3))), 2)),
  product: reduceSum(square(multiply(weights("a"), weights("b")))),
});
const initial = new Map([
  ["a", Float32Array.of(1)],
  ["b", Float32Array.of(-0.5)],
]);

/**
 * Adam (Kingma and Ba, 2015, algorithm 1) on that problem, its gradient shortened to `clip`, in
 * float64.
 */
function adamByHand(count: number, rate: number, clip: number) {
  let [a, b] = [1, -0.5];
  let [averageA, averageB] = [a, b];
  const [first, second] = [
    [0, 0],
    [0, 0],
  ];
  const lengths: number[] = [];
  const losses: number[] = [];
  for (let step = 1; step <= count; step++) {
    losses.push(2 * (a - 3) ** 2, (a * b) ** 2);
    const raw = [4 * (a - 3) + 2 * a * b * b, 2 * a * a * b];
    const length = Math.hypot(...raw);
    lengths.push(length);
    const [moveA = 0, moveB = 0] = raw.map((value, at) => {
      const gradient = value * Math.min(1, clip / (length + 1e-6));
      first[at] = 0.9 * (first[at] ?? 0) + 0.1 * gradient;
      second[at] = 0.999 * (second[at] ?? 0) + 0.001 * gradient ** 2;
      const [mean, deviation] = [
        (first[at] ?? 0) / (1 - 0.9 ** step),
        Math.sqrt((second[at] ?? 0) / (1 - 0.999 ** step)),
      ];
      return (rate * mean) / (deviation + 1e-8);
    });
    [a, b] = [a - moveA, b - moveB];
    const keep = Math.min(0.999, (1 + step) / (10 + step));
    [averageA, averageB] = [keep * averageA + (1 - keep) * a, keep * averageB + (1 - keep) * b];
  }
  return { lengths, losses, state: { parameters: [a, b], first, second, average: [averageA, averageB] } };
}

describe("five steps on two parameters", () => {
  const [rate, clip] = [0.4, 4];
  const outputs = trainingStep({ parameters, objective, clip });
  const expected = adamByHand(5, rate, clip);

  test("meet gradients longer and shorter than the limit", () => {
    expect(Math.max(...expected.lengths)).toBeGreaterThan(1.5 * clip);
    expect(Math.min(...expected.lengths)).toBeLessThan(clip / 1.5);
  });

  test("are Adam's, by the interpreter", () => {
    let state: Record<string, NdArray> = {
      parameters: ndarray([1, -0.5], [2]),
      first: ndarray([0, 0], [2]),
      second: ndarray([0, 0], [2]),
      average: ndarray([1, -0.5], [2]),
    };
    const [lengths, losses]: [number[], number[]] = [[], []];
    for (let step = 1; step <= 5; step++) {
      const scalars = Object.entries(stepScalars(step, rate)).map(([name, { data }]) => [
        name,
        ndarray([Number(data[0])], []),
      ]);
      const results = evaluate(Object.values(outputs), { ...state, ...Object.fromEntries(scalars) });
      const named = Object.fromEntries(Object.keys(outputs).map((name, at) => [name, results[at] ?? ndarray([], [0])]));
      const scalar = (name: string) => named[name]?.data[0] ?? Number.NaN;
      lengths.push(scalar("gradient.length"));
      losses.push(scalar("loss.distance"), scalar("loss.product"));
      state = Object.fromEntries(STATE.map((name) => [name, named[`${name}.next`] ?? ndarray([], [0])]));
    }
    // The three scalars that a step is fed with are float32.
    expectNear(lengths, expected.lengths, 1e-6);
    expectNear(losses, expected.losses, 1e-6);
    for (const name of STATE) expectNear([...(state[name]?.data ?? [])], expected.state[name], 1e-6);
  });

  test.each(targets)("are Adam's on %s", async (device) => {
    await using engine = new NodeEngine({ device, threads: 1 });
    const { steps, state } = await follow(engine, outputs, parameters, initial, { count: 5, rate, inputs: {} });
    expectNear(
      steps.map((step) => step["gradient.length"] ?? Number.NaN),
      expected.lengths,
      1e-5,
    );
    expectNear(
      steps.flatMap((step) => [step["loss.distance"] ?? Number.NaN, step["loss.product"] ?? Number.NaN]),
      expected.losses,
      1e-5,
    );
    for (const name of STATE) expectNear([...state[name]], expected.state[name], 1e-5);
  });

  test("without a limit leave the gradient as it is", async () => {
    await using engine = new NodeEngine({ threads: 1 });
    const unlimited = trainingStep({ parameters, objective });
    const { state } = await follow(engine, unlimited, parameters, initial, { count: 5, rate, inputs: {} });
    const free = adamByHand(5, rate, Number.POSITIVE_INFINITY);
    for (const name of STATE) expectNear([...state[name]], free.state[name], 1e-5);
    expect(Math.abs((free.state.second[0] ?? 0) - (expected.state.second[0] ?? 0))).toBeGreaterThan(0.01);
  });
});

test("heads step by Adam at a rate of their own, unclipped, whatever the others do", async () => {
  // (a - 3)^2 + (a h - 1)^2, h being a head: the gradient of a is far longer than the limit.
  const heads: ParameterShapes = new Map([["h", [1, 1]]]);
  const outputs = trainingStep({
    parameters: new Map([["a", [1, 1]]]),
    heads,
    objective: (weights) => ({
      distance: reduceSum(square(subtract(weights("a"), constant(3)))),
      told: reduceSum(square(subtract(multiply(weights("a"), weights("h")), constant(1)))),
    }),
    clip: 0.5,
    optimizer: "muon",
    rateShare: () => 0.5,
  });
  await using engine = new NodeEngine({ threads: 1 });
  const both = new Map([["a", [1, 1]], ...heads]);
  const start = new Map([
    ["a", Float32Array.of(1)],
    ["h", Float32Array.of(0)],
  ]);
  const { steps, state } = await follow(engine, outputs, both, start, { count: 2, rate: 0.1, inputs: {} });
  // Muon of one number is near its sign, at 0.2 of the rate, whose share is a half.
  const [slopeA, slopeH] = [-4, -2];
  expect(steps[0]?.["gradient.length"]).toBeCloseTo(Math.abs(slopeA), 5);
  const h = state.parameters[1] ?? Number.NaN;
  const a = 1 + 0.01;
  expect(state.parameters[0]).toBeGreaterThan(a);
  expect(state.parameters[0]).toBeLessThan(1 + 0.025);
  // The first step of Adam is the rate, 0.001, and the second nearly.
  expect(h).toBeGreaterThan(0.0019);
  expect(h).toBeLessThan(0.0021);
  const second = 0.001 * slopeH ** 2;
  expect(state.second[1]).toBeGreaterThan(1.9 * second);
  expect(state.second[1]).toBeLessThan(2.1 * second);
  expect(state.average[1]).toBeGreaterThan(0);
});

function expectNear(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, at) => {
    expect(Math.abs(value - (expected[at] ?? Number.NaN))).toBeLessThanOrEqual(
      tolerance * Math.max(1, Math.abs(expected[at] ?? 0)),
    );
  });
}

test("a step needs the objective's inputs, and gives every term", () => {
  const x = input("x", [3]);
  const outputs = trainingStep({
    parameters: new Map([["w", [3]]]),
    objective: (weights) => ({
      error: reduceSum(square(subtract(weights("w"), x))),
      size: reduceSum(square(weights("w"))),
    }),
  });
  expect(Object.keys(outputs)).toEqual([
    ...STATE.map((name) => `${name}.next`),
    "gradient.length",
    "loss.error",
    "loss.size",
  ]);
});

/** The style objective's terms in these tests. */
const terms = {
  losses: {
    global: 10,
    local: 3,
    content: 0,
    transport: 0,
    selfSimilarity: 0,
    structure: 0,
    weave: 0,
    strokes: 0,
    identity: 20,
    variation: 0,
    similarity: 0,
    temporal: 0,
    sleep: 0,
    supervision: 0,
  },
  globalLevels: [2, 3, 4, 5],
  localLevels: [3, 4, 5],
  localKeys: 1024,
};
const total = (step: Readonly<Record<string, number>> | undefined) =>
  Object.entries(step ?? {}).reduce((sum, [name, value]) => sum + (name.startsWith("loss.") ? value : 0), 0);

describe("a few steps lower the loss", () => {
  const [count, crop] = [2, 32];
  const [encoder, lossNetwork] = [randomEncoder(1), randomEncoder(2)];
  const content = pictures(count, crop, 1);
  const stylizing = stylizingParameters(miniature);
  const decoding: ParameterShapes = new Map([...stylizing].filter(([name]) => !name.startsWith("attention.")));

  test("of an encoder that learns from another", async () => {
    await using engine = new NodeEngine({ threads: 1 });
    const outputs = trainingStep({
      parameters: encoder.shapes,
      objective: distillObjective(miniature.encoder, lossNetwork, [1, 1, 1, 1, 1], count, crop),
    });
    const { steps } = await follow(engine, outputs, encoder.shapes, encoder.values, {
      count: 12,
      rate: 0.01,
      inputs: { pictures: content },
    });
    expect(Object.keys(steps[0] ?? {})).toEqual([
      "gradient.length",
      ...[1, 2, 3, 4, 5].map((level) => `loss.level${level}`),
    ]);
    expect(total(steps.at(-1))).toBeLessThan(0.9 * total(steps[0]));
  });

  test("of an encoder that learns from one of other widths, through readouts", async () => {
    await using engine = new NodeEngine({ threads: 1 });
    const wider = vggEncoder([3, 2, 5, 4, 6], (block, index) => `wider.${block}_${index}`);
    const shapes = encoderParameters(wider);
    const teacher = { encoder: wider, shapes, values: initializeEncoder(shapes, new Random(3)) };
    const linear = readouts([2, 2, 4, 4, 4], [3, 2, 5, 4, 6]);
    expect([...linear]).toEqual([
      ["readout.1.weight", [3, 2, 1, 1]],
      ["readout.3.weight", [5, 4, 1, 1]],
      ["readout.5.weight", [6, 4, 1, 1]],
    ]);
    const parameters = new Map([...encoder.shapes, ...linear]);
    const objective = distillObjective(miniature.encoder, teacher, [1, 1, 1, 1, 1], count, crop);
    const start = new Map([...encoder.values, ...initializeConvolutions(linear, new Random(4))]);
    const { steps } = await follow(engine, trainingStep({ parameters, objective }), parameters, start, {
      count: 12,
      rate: 0.01,
      inputs: { pictures: content },
    });
    expect(total(steps.at(-1))).toBeLessThan(0.9 * total(steps[0]));
  });

  test("of a decoder that learns to paint what was encoded", async () => {
    await using engine = new NodeEngine({ threads: 1 });
    const outputs = trainingStep({
      parameters: decoding,
      objective: invertObjective(miniature, encoder, lossNetwork, count, crop),
    });
    const { steps } = await follow(engine, outputs, decoding, firstWeights(3), {
      count: 12,
      rate: 0.01,
      inputs: { pictures: content },
    });
    expect(total(steps.at(-1))).toBeLessThan(0.8 * total(steps[0]));
  });

  const inputs: Record<string, TensorData> = { content, style: pictures(count, crop, 2) };

  test.each([
    ["of a network that learns to stylize", { sleep: 0, supervision: 0 }],
    ["whose deep levels are kept awake", { sleep: 1, supervision: 1 }],
  ] as const)("%s, on every engine alike", { timeout: 120_000 }, async (_, further) => {
    const awake = further.sleep > 0;
    const settings = { ...terms, losses: { ...terms.losses, ...further }, lossNetwork, calm: awake };
    const objective = styleObjective(miniature, encoder, { ...settings, batch: count, crop });
    const heads = styleHeads(miniature, encoder, settings);
    const outputs = trainingStep({ parameters: stylizing, heads, objective, clip: 10 });
    const all = new Map([...stylizing, ...heads]);
    const initial = new Map([...firstWeights(4), ...initializeConvolutions(heads, new Random(5))]);
    const runs = [];
    for (const device of targets) {
      await using engine = new NodeEngine({ device, threads: 1 });
      runs.push(await follow(engine, outputs, all, initial, { count: 5, rate: 0.003, inputs }));
    }
    const [reference, ...others] = runs;
    expect(Object.keys(reference?.steps[0] ?? {})).toEqual([
      "gradient.length",
      ...["global", "local", "identity", ...(awake ? Object.keys(further) : [])].map((name) => `loss.${name}`),
    ]);
    expect(total(reference?.steps.at(-1))).toBeLessThan(0.8 * total(reference?.steps[0]));
    for (const { steps } of others) {
      steps.forEach((step, at) => {
        for (const [name, value] of Object.entries(step)) {
          // Adam's first steps go by the signs of gradients, however small: what was rounding
          // before decides them.
          if (at > 0 && name === "gradient.length") continue;
          const expected = reference?.steps[at]?.[name] ?? Number.NaN;
          const tolerance = at === 0 ? 1e-3 : 1e-2;
          expect(Math.abs(value - expected), `${name} of step ${at + 1}`).toBeLessThanOrEqual(tolerance * expected);
        }
      });
    }
  });
});

test("losses on pairs of frames take the second frames and the motion, and fall", async () => {
  await using engine = new NodeEngine({ device: "cpu", threads: 1 });
  const [count, crop] = [2, 32];
  const shapes = stylizingParameters(miniature);
  const losses = { ...terms.losses, global: 0, local: 0, identity: 0, similarity: 1, temporal: 100 };
  const objective = styleObjective(miniature, randomEncoder(1), {
    lossNetwork: randomEncoder(2),
    ...terms,
    losses,
    batch: count,
    crop,
  });
  const shift = resamplingMatrix(
    Float64Array.from({ length: crop }, (_, at) => at + 1.5),
    crop,
  );
  const motion = { shape: [count, crop, crop], data: Float32Array.from([...shift, ...shift]) };
  const content = pictures(count, crop, 1);
  const inputs = {
    content,
    moved: pictures(count, crop, 3),
    style: pictures(count, crop, 2),
    rows: motion,
    columns: motion,
  };
  const outputs = trainingStep({ parameters: shapes, objective, clip: 1 });
  const { steps } = await follow(engine, outputs, shapes, firstWeights(4), { count: 12, rate: 0.003, inputs });
  for (const name of ["loss.similarity", "loss.temporal"]) expect(steps[0]?.[name]).toBeGreaterThan(0.001);
  expect(total(steps.at(-1))).toBeLessThan(0.8 * total(steps[0]));
});

test("further losses, shares of levels and grain are part of a step, and fall", async () => {
  await using engine = new NodeEngine({ device: "cpu", threads: 1 });
  const [count, crop] = [2, 32];
  const shapes = stylizingParameters(miniature);
  const texture = { structure: 7, weave: 0.35, strokes: 0.5 };
  const further = { content: 1, transport: 6, selfSimilarity: 4, ...texture, sleep: 10, supervision: 2 };
  const settings = {
    ...terms,
    lossNetwork: randomEncoder(2),
    losses: { ...terms.losses, ...further },
    relative: { shares: [1, 2, 3, 3, 2], units: [1, 1, 1, 1, 1] },
    grained: true,
    calm: true,
    batch: count,
    crop,
  };
  const objective = styleObjective(miniature, randomEncoder(1), settings);
  const heads = styleHeads(miniature, randomEncoder(1), settings);
  const all = new Map([...shapes, ...heads]);
  const initial = new Map([
    ...firstWeights(4),
    ["supervision.decoder.weight", new Float32Array(16)] as const,
    ["supervision.decoder.bias", new Float32Array(4)] as const,
  ]);
  const inputs = { content: pictures(count, crop, 1), style: pictures(count, crop, 2) };
  const grain = (depth: number) => ({
    shape: [count, 1, crop, crop],
    data: drawGrain(1, 2, { count, crop, depth }),
  });
  const outputs = trainingStep({ parameters: shapes, heads, objective, clip: 1 });
  const run = (depth: number, steps: number) =>
    follow(engine, outputs, all, initial, {
      count: steps,
      rate: 0.003,
      inputs: { ...inputs, grain: grain(depth) },
    });
  const [{ steps }, still] = [await run(0.5, 20), await run(0, 1)];
  expect(Object.keys(steps[0] ?? {}).sort()).toEqual(
    [
      "gradient.length",
      ...["global", "local", "identity", ...Object.keys(further)].map((name) => `loss.${name}`),
    ].sort(),
  );
  expect(total(steps.at(-1))).toBeLessThan(0.9 * total(steps[0]));
  expect(steps[0]?.["loss.global"]).not.toBe(still.steps[0]?.["loss.global"]);
});

test("grain is drawn for half of the photographs, up to its depth, and is a function of seed and step", () => {
  const drawn = { count: 64, crop: 32, depth: 0.2 };
  const values = drawGrain(3, 4, drawn);
  expect(drawGrain(3, 4, drawn)).toEqual(values);
  expect(drawGrain(3, 5, drawn)).not.toEqual(values);
  const deviations = Array.from({ length: 64 }, (_, sample) => {
    const part = values.subarray(sample * 1024, (sample + 1) * 1024);
    return Math.sqrt(part.reduce((sum, value) => sum + value ** 2, 0) / 1024);
  });
  const without = deviations.filter((deviation) => deviation === 0).length;
  expect(without).toBeGreaterThan(20);
  expect(without).toBeLessThan(44);
  expect(Math.max(...deviations)).toBeGreaterThan(0.12);
  expect(Math.max(...deviations)).toBeLessThan(0.35);
});

test("a frozen encoder is written once, however often a step asks it", () => {
  const [encoder, lossNetwork] = [randomEncoder(1), randomEncoder(2)];
  const objective = styleObjective(miniature, encoder, { lossNetwork, ...terms, batch: 2, crop: 32 });
  const outputs = trainingStep({ parameters: stylizingParameters(miniature), objective });
  const weights = [...encoder.values.values(), ...lossNetwork.values.values()];
  const written = topologicalOrder(Object.values(outputs)).filter(({ operator, attributes }) => {
    const data = (attributes as { data?: unknown } | null)?.data;
    return operator.name === "constant" && weights.some((values) => values === data);
  });
  expect(written).toHaveLength(weights.length);
});

test("without a frozen encoder, the network's own learns along; the local loss may attend to fewer positions", async () => {
  await using engine = new NodeEngine({ device: "cpu", threads: 1 });
  const shapes = parametersOf(miniature);
  const [own, lossNetwork] = [randomEncoder(1), randomEncoder(2)];
  const random = new Random(3);
  const initial = new Map([...initializeConvolutions(shapes, random), ...firstWeights(3), ...own.values]);
  const inputs = { content: pictures(2, 32, 1), style: pictures(2, 32, 2) };
  const local: number[] = [];
  for (const localKeys of [1024, 4]) {
    const objective = styleObjective(miniature, undefined, { lossNetwork, ...terms, localKeys, batch: 2, crop: 32 });
    const outputs = trainingStep({ parameters: shapes, objective });
    const { steps, state } = await follow(engine, outputs, shapes, initial, { count: 1, rate: 0.001, inputs });
    local.push(steps[0]?.["loss.local"] ?? Number.NaN);
    const trained = unflatten(shapes, Float32Array.from(state.parameters));
    for (const [name, values] of own.values) expect(trained.get(name), name).not.toEqual(values);
  }
  const [all = 0, four = 0] = local;
  expect(Math.abs(four - all)).toBeGreaterThan(0.01 * all);
});
