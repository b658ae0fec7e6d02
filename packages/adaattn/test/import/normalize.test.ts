import { input, reduceMean, toOnnx } from "@adaattn/graph";
import { afterAll, describe, expect, test } from "vitest";
import { outputOf } from "../../src/engine/engine.ts";
import { normalizeFilters } from "../../src/import/normalize.ts";
import { encoderParameters, vggEncoder } from "../../src/network/architecture.ts";
import { encode } from "../../src/network/encoder.ts";
import { constantWeights, type WeightValues } from "../../src/network/parameters.ts";
import { NodeEngine } from "../../src/node/engine.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { toTensor } from "../../src/picture/picture.ts";
import { waves } from "../models.ts";
import { generator } from "../numbers.ts";

const engine = new NodeEngine({ device: "cpu", threads: 1 });
afterAll(() => engine.dispose());

const encoder = vggEncoder([4, 5, 6, 7, 8], (block, index) => `${block}_${index}`, "color");
const shapes = encoderParameters(encoder);
const next = generator(3);
const weights = new Map(
  [...shapes].map(([name, shape]) => {
    const count = shape.reduce((product, length) => product * length, 1);
    const scale = name.endsWith(".bias") ? 0.1 : Math.sqrt(6 / (count / (shape[0] ?? 1)));
    return [name, Float32Array.from({ length: count }, () => scale * next())] as const;
  }),
);
const pictures = [waves(48, 32, 1), waves(32, 64, 2)];

/** The mean of every channel of every level, over positions and then pictures. */
async function levelMeans(values: WeightValues, seen: readonly Picture[] = pictures): Promise<number[][]> {
  const sums: number[][] = [];
  for (const picture of seen) {
    const { width, height } = picture;
    const features = encode(input("picture", [1, 3, height, width]), encoder, constantWeights(shapes, values));
    const outputs = Object.fromEntries(features.map((feature, level) => [`${level}`, reduceMean(feature, [2, 3])]));
    const session = await engine.load(toOnnx(outputs, { target: "cpu" }), "levels");
    const results = await session.run({ picture: { shape: [1, 3, height, width], data: toTensor(picture) } });
    for (const level of features.keys()) {
      const { data } = await outputOf(results, `${level}`).read();
      sums[level] = [...data].map((value, channel) => Number(value) / seen.length + (sums[level]?.[channel] ?? 0));
    }
    session.dispose();
  }
  return sums;
}

describe("normalizing an encoder", () => {
  test("brings every filter's mean activation to 1, and each map to a multiple of what it was", async () => {
    const normalized = await normalizeFilters(engine, encoder, weights, pictures);
    const [before, after] = [await levelMeans(weights), await levelMeans(normalized)];
    const alive = before.flat().filter((mean) => mean > 1e-5).length;
    expect(alive).toBeGreaterThan(20);
    before.flat().forEach((mean, filter) => {
      if (mean > 1e-5) expect(after.flat()[filter]).toBeCloseTo(1, 4);
    });
    // On another picture every channel is still what it was, divided by its mean over those two.
    const other = [waves(32, 32, 7)];
    const [old, now] = [(await levelMeans(weights, other)).flat(), (await levelMeans(normalized, other)).flat()];
    before.flat().forEach((mean, filter) => {
      if (mean > 1e-5) expect(now[filter]).toBeCloseTo((old[filter] ?? 0) / mean, 3);
    });
  });

  test("leaves the colors' convolution and other parts alone, and weights that are normalized already", async () => {
    const extra = Float32Array.of(5);
    const once = await normalizeFilters(engine, encoder, new Map([...weights, ["decoder.bias", extra]]), pictures);
    expect(once.get("color.weight")).toBe(weights.get("color.weight"));
    expect(once.get("decoder.bias")).toBe(extra);
    const twice = await normalizeFilters(engine, encoder, once, pictures);
    const difference = Math.max(...[...shapes.keys()].map((name) => furthest(once.get(name), twice.get(name))));
    expect(difference).toBeLessThan(1e-4);
  });

  test("a filter that is silent gets the layer's scale; a layer that is, and no pictures, are refused", async () => {
    const silent = new Map(weights);
    const bias = Float32Array.from(weights.get("1_1.bias") ?? []);
    bias[2] = -1000;
    silent.set("1_1.bias", bias);
    const normalized = await normalizeFilters(engine, encoder, silent, pictures);
    expect(normalized.get("1_1.bias")?.[2]).toBeLessThan(-1);
    expect([...normalized.values()].every((data) => data.every(Number.isFinite))).toBe(true);
    silent.set("1_1.bias", bias.fill(-1000));
    await expect(normalizeFilters(engine, encoder, silent, pictures)).rejects.toThrow(
      "Expected activations of the layer 1_1 but their mean over the pictures is 0.",
    );
    await expect(normalizeFilters(engine, encoder, weights, [])).rejects.toThrow("Expected at least one picture");
  });
});

/** The largest difference between two tensors over the largest value. */
function furthest(a: Float32Array = new Float32Array(), b: Float32Array = new Float32Array()): number {
  const difference = a.reduce((worst, value, at) => Math.max(worst, Math.abs(value - (b[at] ?? Number.NaN))), 0);
  return difference / a.reduce((worst, value) => Math.max(worst, Math.abs(value)), 0);
}
