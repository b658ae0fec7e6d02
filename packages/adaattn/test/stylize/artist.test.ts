/**
 * Controls on bundled pictures with the shipped weights: that each does what its name says. What
 * counts as an effect is measured against grain, which a photograph may have more or less of
 * without anybody calling it another picture.
 */

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadModel } from "../../src/node/models.ts";
import { readPicture } from "../../src/node/pictures.ts";
import { toOklab } from "../../src/picture/oklab.ts";
import type { Picture } from "../../src/picture/picture.ts";
import type { Model } from "../../src/stylize/model.ts";
import type { StyleOptions, StylizedPicture, StylizeOptions } from "../../src/stylize/options.ts";
import type { Style } from "../../src/stylize/style.ts";
import { generator } from "../numbers.ts";
import { grayMask, meanColor, meanDifference, ssim } from "../similarity.ts";

const asset = (path: string) => fileURLToPath(new URL(`../../../../assets/${path}.jpg`, import.meta.url));

let model: Model;
let photo: Picture;
let painting: Picture;
let style: Style;
let plain: StylizedPicture;
/** How far a photograph with a little grain leads from the plain result. */
let grain: number;

beforeAll(async () => {
  model = await loadModel("small", { device: "cpu" });
  photo = await readPicture(asset("contents/castle"), { longerSide: 192 });
  painting = await readPicture(asset("paintings/van-gogh-meadow"), { longerSide: 256 });
  style = await model.style(painting);
  plain = await model.stylize(photo, style);
  const next = generator(1);
  const grainy = {
    ...photo,
    data: Uint8ClampedArray.from(photo.data, (value, at) => (at % 4 === 3 ? value : value + next())),
  };
  grain = meanDifference(await model.stylize(grainy, style), plain);
});
afterAll(() => model.dispose());

const paint = (options: StylizeOptions) => model.stylize(photo, style, options);
async function paintFrom(source: Picture, options: StyleOptions): Promise<StylizedPicture> {
  using other = await model.style(source, options);
  return await model.stylize(photo, other);
}

describe("strength", () => {
  test.each(["castle", "portrait", "tiger"])("0 gives the photograph %s back", async (name) => {
    const content = await readPicture(asset(`contents/${name}`), { longerSide: 160 });
    expect(ssim(await model.stylize(content, style, { strength: 0 }), content)).toBeGreaterThan(0.99);
  });

  test("leads steadily from the photograph to the style and beyond", async () => {
    const results: Picture[] = [];
    for (const strength of [0, 0.2, 0.4, 0.6, 0.8, 1, 1.4]) results.push(await paint({ strength }));
    const [likeness, distance] = [
      results.map((result) => ssim(result, photo)),
      results.map((result) => meanDifference(result, plain)),
    ];
    for (let step = 1; step < results.length; step++)
      expect(likeness[step]).toBeLessThan((likeness[step - 1] ?? 0) - 0.01);
    for (let step = 1; step < 6; step++) expect(distance[step]).toBeLessThan((distance[step - 1] ?? 0) - 1);
    expect(distance[5]).toBe(0);
    expect(distance[6]).toBeGreaterThan(2 * grain);
  });
});

describe("color", () => {
  const labs = ({ data }: Picture) =>
    Array.from({ length: data.length / 4 }, (_, at) =>
      toOklab(data[4 * at] ?? 0, data[4 * at + 1] ?? 0, data[4 * at + 2] ?? 0),
    );
  const distances = (a: Picture, b: Picture) => {
    const [one, other] = [labs(a), labs(b)];
    const mean = (value: (at: number) => number) => one.reduce((sum, _, at) => sum + value(at), 0) / one.length;
    return {
      lightness: mean((at) => Math.abs((one[at]?.[0] ?? 0) - (other[at]?.[0] ?? 0))),
      chroma: mean((at) =>
        Math.hypot((one[at]?.[1] ?? 0) - (other[at]?.[1] ?? 0), (one[at]?.[2] ?? 0) - (other[at]?.[2] ?? 0)),
      ),
    };
  };

  test("content has the lightness of the painted picture and the chroma of the photograph", async () => {
    const kept = await paint({ color: "content" });
    expect(distances(kept, plain).lightness).toBeLessThan(0.005);
    expect(distances(kept, photo).chroma).toBeLessThan(0.25 * distances(plain, photo).chroma);
    expect(distances(kept, photo).lightness).toBeGreaterThan(0.03);
  });

  test("match brings the colors of the whole to the photograph's", async () => {
    const tiger = await readPicture(asset("contents/tiger"), { longerSide: 192 });
    using night = await model.style(await readPicture(asset("paintings/van-gogh-starry-night"), { longerSide: 256 }));
    const [unmatched, matched] = [
      await model.stylize(tiger, night),
      await model.stylize(tiger, night, { color: "match" }),
    ];
    const away = (picture: Picture) =>
      Math.hypot(...meanColor(picture).map((value, channel) => value - (meanColor(tiger)[channel] ?? 0)));
    expect(away(matched)).toBeLessThan(0.5 * away(unmatched));
    expect(distances(matched, tiger).chroma).toBeLessThan(0.8 * distances(unmatched, tiger).chroma);
  });
});

describe("the painting", () => {
  test.each<[string, StyleOptions]>([
    ["with larger strokes", { stroke: 2 }],
    ["with smaller strokes", { stroke: 0.5 }],
    ["at another size", { size: 160 }],
    ["turned by a quarter", { rotate: 90 }],
    ["turned by 30 degrees", { rotate: 30 }],
  ])("%s gives another picture", async (_, options) => {
    expect(meanDifference(await paintFrom(painting, options), plain)).toBeGreaterThan(2 * grain);
  });

  test("with a mask lends only what the mask leaves", async () => {
    const plums = await readPicture(asset("paintings/hiroshige-plum-orchard"), { longerSide: 256 });
    const sky = grayMask(100, 100, (_, y) => (y < 20 ? 1 : 0));
    const mist = grayMask(100, 100, (_, y) => (y > 42 && y < 58 ? 1 : 0));
    const redness = (picture: Picture) => {
      const [red, green, blue] = meanColor(picture);
      return red - (green + blue) / 2;
    };
    const [whole, red, pale] = [
      await paintFrom(plums, {}),
      await paintFrom(plums, { mask: sky }),
      await paintFrom(plums, { mask: mist }),
    ];
    expect(redness(red)).toBeGreaterThan(redness(whole) + 30);
    expect(redness(pale)).toBeLessThan(redness(red) - 30);
  });
});

test("two styles in two regions look like each of them, and at the soft edge like neither", async () => {
  using other = await model.style(await readPicture(asset("paintings/hiroshige-plum-orchard"), { longerSide: 256 }));
  const second = await model.stylize(photo, other);
  const soft = (x: number) => Math.min(1, Math.max(0, (x - 70) / 50));
  const both = await model.stylize(photo, [
    { style, mask: grayMask(192, 128, (x) => 1 - soft(x)) },
    { style: other, mask: grayMask(192, 128, soft) },
  ]);
  const [left, right] = [(x: number) => x < 40, (x: number) => x > 150];
  expect(meanDifference(both, plain, left)).toBeLessThan(1);
  expect(meanDifference(both, second, right)).toBeLessThan(1);
  expect(meanDifference(both, plain, right)).toBeGreaterThan(2 * grain);
  const middle = (x: number) => x > 90 && x < 100;
  expect(meanDifference(both, plain, middle)).toBeGreaterThan(2 * grain);
  expect(meanDifference(both, second, middle)).toBeGreaterThan(2 * grain);
});

test("a photograph of three grays stays calm", async () => {
  const [width, height] = [160, 120];
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let at = 0; at < width * height; at++) {
    const level = 128 + Math.round(Math.sin((at % width) / 20) + Math.sin(Math.floor(at / width) / 15)) / 2;
    data.fill(level, at * 4, at * 4 + 3);
  }
  const result = await model.stylize({ width, height, data }, style);
  for (let channel = 0; channel < 3; channel++) {
    const values = Array.from(result.data).filter((_, at) => at % 4 === channel);
    expect(Math.max(...values) - Math.min(...values)).toBeLessThanOrEqual(10);
  }
});
