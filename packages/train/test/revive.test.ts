/** Channels that were killed are woken, and the picture stays. */
import { gradients, input, multiply, reduceSum, toOnnx } from "@adaattn/graph";
import type { Picture } from "adaattn";
import { constantWeights, outputOf, parametersOf, stylize, toTensor, type WeightValues } from "adaattn/network";
import { Model, NodeEngine } from "adaattn/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { revive } from "../src/run/revive.ts";
import { firstWeights, miniature, randomEncoder } from "./miniature.ts";

const SIDE = 64;

/** Waves of a color each. */
function waves(phase: number): Picture {
  const data = new Uint8ClampedArray(4 * SIDE * SIDE).fill(255);
  for (let at = 0; at < SIDE * SIDE; at++) {
    const [x, y] = [at % SIDE, Math.floor(at / SIDE)];
    for (let channel = 0; channel < 3; channel++) {
      data[4 * at + channel] = 128 + 110 * Math.sin(x / (3 + channel + phase) + y / (7 - channel)) * Math.cos(x / 23);
    }
  }
  return { width: SIDE, height: SIDE, data };
}

const pairs = [0, 1, 2].map((phase) => ({ content: waves(phase), style: waves(phase + 4) }));
const shapes = parametersOf(miniature);

/** The weights with these channels of a layer never above 0 again. */
function kill(weights: Map<string, Float32Array>, layer: string, channels: readonly number[]): void {
  const [weight, bias] = [weights.get(`${layer}.weight`), weights.get(`${layer}.bias`)];
  const length = (weight?.length ?? 0) / (bias?.length ?? 1);
  for (const channel of channels) {
    weight?.fill(0, channel * length, (channel + 1) * length);
    bias?.fill(-1, channel, channel + 1);
  }
}

/** A network of random weights above 0, which leave every channel awake. */
function lively(): Map<string, Float32Array> {
  const weights = new Map([...randomEncoder(3).values, ...firstWeights(5)]);
  for (const [name, values] of weights) {
    if (name.startsWith("attention.")) continue;
    for (const [at, value] of values.entries()) values[at] = name.endsWith(".bias") ? 0.1 : 0.3 * Math.abs(value);
  }
  return weights;
}

const healthOf = async (weights: WeightValues) => {
  await using model = await Model.load("miniature", miniature, weights, new NodeEngine({ device: "cpu", threads: 1 }));
  return await model.health(pairs.map(({ content, style }) => ({ photo: content, painting: style })));
};
const dead = (health: Awaited<ReturnType<typeof healthOf>>) =>
  Object.fromEntries(health.layers.filter((layer) => layer.dead > 0).map((layer) => [layer.name, layer.dead]));

/** Of the first pair: the picture, and the gradient of each tensor. */
async function examine(engine: NodeEngine, weights: WeightValues) {
  const shape = [1, 3, SIDE, SIDE];
  const [content, style, probe] = ["content", "style", "probe"].map((name) => input(name, shape));
  if (content === undefined || style === undefined || probe === undefined) throw new Error("Expected three inputs");
  const named = constantWeights(shapes, weights);
  const { output } = stylize(miniature, content, style, named);
  const names = [...shapes.keys()];
  const found = gradients(reduceSum(multiply(output, probe)), names.map(named));
  const outputs = { output, ...Object.fromEntries(names.map((name, at) => [name, found[at] ?? output])) };
  const session = await engine.load(toOnnx(outputs), "pictures and gradients");
  const [pair] = pairs;
  if (pair === undefined) throw new Error("Expected a pair");
  const results = await session.run({
    content: { shape, data: toTensor(pair.content) },
    style: { shape, data: toTensor(pair.style) },
    probe: { shape, data: Float32Array.from({ length: 3 * SIDE * SIDE }, (_, at) => Math.sin(at * at)) },
  });
  const values = async (name: string) => (await outputOf(results, name).read()).data as Float32Array;
  return { picture: await values("output"), gradient: values };
}

/** How far a picture is from another, as a share of how bright that is. */
function movement(before: Float32Array, after: Float32Array): number {
  const brightness = before.reduce((sum, value) => sum + Math.abs(value), 0);
  return before.reduce((sum, value, at) => sum + Math.abs(value - (after[at] ?? Number.NaN)), 0) / brightness;
}

/** The largest gradient of what hears a channel. */
function heard(gradient: Float32Array, [outputs, inputs]: readonly [number, number], channel: number): number {
  const rows = Array.from({ length: outputs }, (_, output) => (output * inputs + channel) * 9);
  return Math.max(...rows.flatMap((start) => [...gradient.subarray(start, start + 9)].map(Math.abs)));
}

describe("waking", () => {
  let engine: NodeEngine;
  beforeAll(() => {
    engine = new NodeEngine({ device: "cpu", threads: 1 });
  });
  afterAll(() => engine.dispose());
  const options = { trainsEncoder: true, seed: 1 };

  test("a network that is alive keeps its picture and hears that nothing was dead", async () => {
    const weights = lively();
    const woken = await revive(engine, miniature, weights, pairs, options);
    expect(woken.layers).toEqual([]);
    const [before, after] = [await examine(engine, weights), await examine(engine, woken.weights)];
    expect(movement(before.picture, after.picture)).toBeLessThan(1e-4);
  });

  test("dead channels wake, the picture stays, and a gradient reaches what hears them", async () => {
    const weights = lively();
    kill(weights, "decoder.3_1", [1, 2]);
    kill(weights, "encoder.3_2", [0]);
    const original = new Map([...weights].map(([name, values]) => [name, values.slice()]));
    const woken = await revive(engine, miniature, weights, pairs, options);
    expect(weights).toEqual(original);
    expect(woken.layers).toEqual([
      { name: "encoder.3_2", channels: 4, dead: 1, left: 0 },
      { name: "decoder.3_1", channels: 4, dead: 2, left: 0 },
    ]);
    expect(dead(await healthOf(woken.weights))).toEqual({});
    const [before, after] = [await examine(engine, weights), await examine(engine, woken.weights)];
    expect(movement(before.picture, after.picture)).toBeLessThan(1e-4);
    for (const [following, shape, channel] of [
      ["decoder.2_1.weight", [4, 4], 1],
      ["decoder.2_1.weight", [4, 4], 2],
      ["encoder.3_3.weight", [4, 4], 0],
    ] as const) {
      expect(heard(await before.gradient(following), shape, channel)).toBe(0);
      expect(heard(await after.gradient(following), shape, channel)).toBeGreaterThan(1e-4);
      // Nothing of it is heard yet.
      expect(heard(woken.weights.get(following) ?? new Float32Array(), shape, channel)).toBe(0);
    }
  });

  test("where nobody hears the deep levels, they are mended with their attention", async () => {
    const weights = lively();
    kill(weights, "decoder.4_1", [0, 1, 2, 3]);
    kill(weights, "encoder.4_1", [3]);
    kill(weights, "encoder.3_1", [2]);
    const peaked = weights.get("attention.5.f.weight");
    for (const at of peaked?.keys() ?? []) if (peaked) peaked[at] = 300 * (peaked[at] ?? 0);
    const perplexity = async (of: WeightValues) =>
      (await healthOf(of)).levels.find(({ level }) => level === 5)?.perplexity ?? 0;
    expect(await perplexity(weights)).toBeLessThan(2);
    const woken = await revive(engine, miniature, weights, pairs, options);
    expect(woken.layers).toEqual([
      // Level 3 is heard through its skip connection.
      { name: "encoder.3_1", channels: 4, dead: 1, left: 1 },
      { name: "encoder.4_1", channels: 4, dead: 1, left: 0 },
      { name: "decoder.4_1", channels: 4, dead: 4, left: 0 },
    ]);
    expect(await perplexity(woken.weights)).toBeGreaterThan(2);
    const [before, after] = [await examine(engine, weights), await examine(engine, woken.weights)];
    expect(movement(before.picture, after.picture)).toBeLessThan(1e-4);
    for (const channel of [0, 1, 2, 3])
      expect(heard(await after.gradient("decoder.3_1.weight"), [4, 8], channel)).toBeGreaterThan(1e-4);
  });

  test("a frozen encoder stays as it is", async () => {
    const weights = lively();
    kill(weights, "encoder.3_2", [0]);
    const woken = await revive(engine, miniature, weights, pairs, { trainsEncoder: false, seed: 1 });
    expect(woken.layers).toEqual([{ name: "encoder.3_2", channels: 4, dead: 1, left: 1 }]);
    for (const [name, values] of woken.weights) {
      if (name.startsWith("encoder.")) expect(values).toEqual(weights.get(name));
    }
  });
});
