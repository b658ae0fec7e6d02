/**
 * Gray photographs in gray styles come out gray, and colors where there are any stay as they were.
 */

import { afterAll, beforeAll, expect, test } from "vitest";
import { loadModel } from "../../src/node/models.ts";
import type { Picture } from "../../src/picture/picture.ts";
import type { Model } from "../../src/stylize/model.ts";
import type { StylizeOptions } from "../../src/stylize/options.ts";
import { waves } from "../models.ts";

let model: Model;
beforeAll(async () => {
  model = await loadModel("small", { device: "cpu", threads: 1 });
});
afterAll(() => model.dispose());

function gray(picture: Picture): Picture {
  const data = new Uint8ClampedArray(picture.data);
  for (let at = 0; at < data.length; at += 4) data.fill(data[at + 1] as number, at, at + 3);
  return { ...picture, data };
}

/** How far red, green and blue are apart: on average, and at most. */
function spread({ data }: Picture): { mean: number; most: number } {
  let [sum, most] = [0, 0];
  for (let at = 0; at < data.length; at += 4) {
    const colors = data.subarray(at, at + 3);
    const distance = Math.max(...colors) - Math.min(...colors);
    sum += distance;
    most = Math.max(most, distance);
  }
  return { mean: (4 * sum) / data.length, most };
}

async function paint(photo: Picture, painting: Picture, options?: StylizeOptions): Promise<Picture> {
  using style = await model.style(painting);
  return await model.stylize(photo, style, options);
}

test.each<StylizeOptions>([
  {},
  { color: "match" },
  { color: "content" },
  { strength: 0.5 },
  { strength: 2 },
  { tile: 64 },
])("with %j", async (options) => {
  const { mean, most } = spread(await paint(gray(waves(96, 80)), gray(waves(80, 96, 2)), options));
  expect(mean).toBeLessThan(0.5);
  expect(most).toBeLessThanOrEqual(2);
});

test("one of two pictures in colors is enough", async () => {
  expect(spread(await paint(waves(96, 80), gray(waves(80, 96, 2)))).mean).toBeGreaterThan(4);
  expect(spread(await paint(gray(waves(96, 80)), waves(80, 96, 2))).mean).toBeGreaterThan(4);
});

test("a photograph that is gray but for a small balloon keeps it", async () => {
  const photo = gray(waves(96, 80));
  const red = (at: number) => at % 96 >= 40 && at % 96 < 52 && at >= 96 * 30 && at < 96 * 42;
  for (let at = 0; at < 96 * 80; at++) if (red(at)) photo.data.set([220, 20, 20], at * 4);
  const painted = await paint(photo, gray(waves(80, 96, 2)), { strength: 0 });
  const center = 4 * (36 * 96 + 46);
  expect([...painted.data.subarray(center, center + 3)].map((value) => Math.round(value / 40))).toEqual([6, 1, 1]);
});
