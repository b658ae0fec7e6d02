/** Grain: its strength, that it depends on position alone, and what it does to a picture. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NodeEngine } from "../../src/node/engine.ts";
import type { Area } from "../../src/picture/area.ts";
import { addGrain } from "../../src/picture/grain.ts";
import { Model } from "../../src/stylize/model.ts";
import { generatedWeights, tiny, waves } from "../models.ts";

const grainOf = (area: Area, scale = 1, depth = 1) => {
  const planes = new Float32Array(area.width * area.height);
  addGrain(planes, area, { depth, scale });
  return planes;
};

test("is the same on every machine", () => {
  const [one, two, three] = grainOf({ left: 0, top: 0, width: 3, height: 1 });
  expect([one, two, three].map((value) => value?.toFixed(4))).toEqual(["-1.0954", "-1.2210", "-1.3537"]);
});

test.each([0.5, 1, 1.41, 2])("has the deviation that is asked for and no mean, in cells %s times as large", (scale) => {
  const values = grainOf({ left: 0, top: 0, width: 600, height: 600 }, scale, 0.05);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  expect(Math.abs(mean)).toBeLessThan(0.002);
  expect(deviation / 0.05).toBeGreaterThan(0.95);
  expect(deviation / 0.05).toBeLessThan(1.05);
});

test("of an area is that of the whole there, on each channel", () => {
  const whole = grainOf({ left: 0, top: 0, width: 90, height: 70 }, 1.41);
  const area = { left: 37, top: 21, width: 30, height: 17 };
  const planes = new Float32Array(3 * 30 * 17).fill(0.5);
  addGrain(planes, area, { depth: 1, scale: 1.41 });
  for (const [at, value] of planes.entries()) {
    const [x, y] = [at % 30, Math.floor(at / 30) % 17];
    expect(value).toBeCloseTo(0.5 + (whole[(21 + y) * 90 + 37 + x] ?? Number.NaN), 5);
  }
});

describe("a picture", () => {
  let model: Model;
  beforeAll(async () => {
    model = await Model.load("tiny", tiny, generatedWeights(tiny), new NodeEngine());
  });
  afterAll(() => model.dispose());

  const photo = waves(64, 48);
  const difference = (a: { data: Uint8ClampedArray }, b: { data: ArrayLike<number> }) =>
    a.data.reduce((sum, value, at) => sum + Math.abs(value - (b.data[at] ?? 999)), 0) / a.data.length;

  test("is the plain one with grain 0, another with more, the same again, and the photograph at strength 0", async () => {
    using style = await model.style(waves(64, 64, 3));
    const plain = await model.stylize(photo, style);
    const grained = await model.stylize(photo, style, { grain: 0.5 });
    expect(plain.controls.grain).toBe(0);
    expect(difference(await model.stylize(photo, style, { grain: 0 }), plain)).toBe(0);
    expect(difference(grained, plain)).toBeGreaterThan(1);
    expect(difference(await model.stylize(photo, style, { grain: 0.5 }), grained)).toBe(0);
    expect(difference(await model.stylize(photo, style, { grain: 0.5, strength: 0 }), photo)).toBeLessThan(0.01);
  });

  test("has larger grain where strokes are larger", async () => {
    using style = await model.style(waves(64, 64, 3));
    // The same painting, told to be of half the size and enlarged to its own.
    using larger = await model.style(waves(64, 64, 3), { size: 32, stroke: 2 });
    const [one, two] = [await model.stylize(photo, style), await model.stylize(photo, larger)];
    expect(difference(one, two)).toBe(0);
    const grained = await model.stylize(photo, style, { grain: 0.5 });
    expect(difference(await model.stylize(photo, larger, { grain: 0.5 }), grained)).toBeGreaterThan(1);
  });
});
