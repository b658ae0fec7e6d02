/**
 * What lies under alpha 0: it is kept in files and results, and decides nothing about what is
 * visible.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NodeEngine } from "../../src/node/engine.ts";
import { LargePicture } from "../../src/node/largePictures.ts";
import { readPicture } from "../../src/node/pictures.ts";
import { type Area, sourceOf } from "../../src/picture/area.ts";
import { withoutHiddenColors } from "../../src/picture/hidden.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { Model } from "../../src/stylize/model.ts";
import type { StylizeOptions } from "../../src/stylize/options.ts";
import { RunningStatistics } from "../../src/stylize/statistics.ts";
import type { Style } from "../../src/stylize/style.ts";
import { generatedWeights, tiny, waves } from "../models.ts";
import { painted } from "../similarity.ts";

const WIDTH = 150;
const HEIGHT = 110;

/** A disk with a soft edge, a third of the picture. */
function alphaAt(at: number): number {
  const distance = Math.hypot((at % WIDTH) - 60, Math.floor(at / WIDTH) - 50);
  return Math.round(255 * Math.min(1, Math.max(0, 42 - distance)));
}

const noise = waves(WIDTH, HEIGHT, 9);
const fills: Record<string, (at: number) => readonly number[] | Uint8ClampedArray> = {
  black: () => [0, 0, 0],
  white: () => [255, 255, 255],
  green: () => [0, 255, 0],
  noise: (at) => noise.data.subarray(at * 4, at * 4 + 3) as Uint8ClampedArray,
};
const names = Object.keys(fills);

/** The cut-out with these colors under alpha 0. */
function cutOut(name: string): Picture {
  const picture = waves(WIDTH, HEIGHT, 2, alphaAt);
  for (let at = 0; at < WIDTH * HEIGHT; at++) if (alphaAt(at) === 0) picture.data.set(fills[name]?.(at) ?? [], at * 4);
  return picture;
}

/** The largest difference of two pictures where the first is visible. */
function worst(a: Picture, b: Picture): number {
  expect([a.width, a.height]).toEqual([b.width, b.height]);
  let largest = 0;
  for (let at = 0; at < a.data.length; at++) {
    if (a.data[at | 3] === 0) continue;
    largest = Math.max(largest, Math.abs((a.data[at] as number) - (b.data[at] as number)));
  }
  return largest;
}

const bytes = ({ data }: Picture) => Buffer.from(data);
const whole = ({ width, height }: Picture): Area => ({ left: 0, top: 0, width, height });
const seen = async (picture: Picture) => (await withoutHiddenColors(sourceOf(picture))).read(whole(picture));

describe("colors under alpha 0", () => {
  test("become the same whatever they were, and visible pixels and alpha stay", async () => {
    const first = await seen(cutOut("black"));
    for (const name of names) {
      const picture = cutOut(name);
      const other = await seen(picture);
      expect(bytes(other).equals(bytes(first))).toBe(true);
      expect(worst(picture, other)).toBe(0);
      expect(other.data.filter((_, at) => at % 4 === 3)).toEqual(picture.data.filter((_, at) => at % 4 === 3));
    }
  });

  test("continue what is visible on each side", async () => {
    const halves = painted(90, 40, (x, y) => (y < 8 ? [x < 45 ? 200 : 20, 60, 100] : [0, 255, 0, 0]));
    const { data } = await seen(halves);
    const pixel = (x: number, y: number) => [...data.subarray((y * 90 + x) * 4, (y * 90 + x) * 4 + 4)];
    for (const y of [8, 20, 39]) expect(pixel(2, y)).toEqual([200, 60, 100, 0]);
    for (const y of [8, 20, 39]) expect(pixel(88, y)).toEqual([20, 60, 100, 0]);
  });

  test("count by their alpha where they are nearly hidden", async () => {
    const fringe = painted(16, 16, (x) => (x < 4 ? [10, 10, 10] : x < 8 ? [250, 250, 250, 1] : [0, 0, 0, 0]));
    expect((await seen(fringe)).data[(3 * 16 + 15) * 4]).toBe(11);
  });

  test("are gray where nothing is visible", async () => {
    const { data } = await seen(painted(20, 30, (x) => [x, 200, 0, 0]));
    for (let at = 0; at < data.length; at += 4) expect([...data.subarray(at, at + 4)]).toEqual([128, 128, 128, 0]);
  });

  test("are the same in an area as in the whole", async () => {
    const picture = cutOut("green");
    const source = await withoutHiddenColors(sourceOf(picture));
    const area = { left: 61, top: 47, width: 80, height: 33 };
    const [part, all] = [await source.read(area), await source.read(whole(picture))];
    for (let y = 0; y < area.height; y++) {
      const start = ((area.top + y) * WIDTH + area.left) * 4;
      expect(part.data.subarray(y * area.width * 4, (y + 1) * area.width * 4)).toEqual(
        all.data.subarray(start, start + area.width * 4),
      );
    }
  });

  test("are not looked for where a source says that it has no alpha, and leave an opaque source as it is", async () => {
    const opaque = sourceOf(waves(40, 30, 3));
    expect(opaque.hasAlpha).toBe(false);
    expect(await withoutHiddenColors(opaque)).toBe(opaque);
    const silent = { ...opaque, hasAlpha: undefined };
    expect(await withoutHiddenColors(silent)).toBe(silent);
    const translucent = sourceOf(waves(40, 30, 3, (at) => 1 + (at % 255)));
    expect(await withoutHiddenColors(translucent)).toBe(translucent);
  });
});

describe("a model", () => {
  let model: Model;
  let style: Style;
  let folder: string;
  beforeAll(async () => {
    model = await Model.load("tiny", tiny, generatedWeights(tiny), new NodeEngine());
    style = await model.style(waves(90, 70, 3));
    folder = await mkdtemp(join(tmpdir(), "adaattn-hidden-"));
    for (const name of names) {
      const { width, height, data } = cutOut(name);
      const file = sharp(data, { raw: { width, height, channels: 4 } }).png();
      await writeFile(join(folder, `${name}.png`), await file.toBuffer());
    }
  });
  afterAll(async () => {
    await model.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  /** Checks that what is made of the four cut-outs is the same wherever it is visible. */
  async function expectAlike(make: (name: string) => Promise<Picture>): Promise<void> {
    const first = await make("black");
    for (const name of names) expect(worst(first, await make(name)), name).toBe(0);
  }

  test.each<[string, StylizeOptions]>([
    ["plainly", {}],
    ["in tiles", { tile: 64 }],
    ["with matched colors", { color: "match" }],
    ["with its own colors", { color: "content" }],
    ["at half strength", { strength: 0.5 }],
  ])("paints visible pixels %s whatever lies under alpha 0", async (_, options) => {
    await expectAlike((name) => model.stylize(cutOut(name), style, options));
  });

  test.each([
    ["as it is", {}],
    ["made smaller", { longerSide: 100 }],
    ["made larger", { longerSide: 220 }],
  ])("paints a file %s alike whatever lies under alpha 0", async (_, reading) => {
    await expectAlike(async (name) => model.stylize(await readPicture(join(folder, `${name}.png`), reading), style));
  });

  test.each([
    ["as it is", {}],
    ["made smaller", { longerSide: 100 }],
  ])("paints a picture on disk %s as one in memory", async (_, reading) => {
    const expected = await model.stylize(await readPicture(join(folder, "noise.png"), reading), style, { tile: 64 });
    await expectAlike(async (name) => {
      await using photo = await LargePicture.open(join(folder, `${name}.png`), join(folder, "out.png"), reading);
      const data = new Uint8ClampedArray(photo.width * photo.height * 4);
      const write = ({ left, top, picture }: { left: number; top: number; picture: Picture }) => {
        for (let y = 0; y < picture.height; y++) {
          const row = picture.data.subarray(y * picture.width * 4, (y + 1) * picture.width * 4);
          data.set(row, ((top + y) * photo.width + left) * 4);
        }
      };
      await model.stylizeTiles(photo, style, write, { tile: 64 });
      const result = { width: photo.width, height: photo.height, data };
      expect(bytes(result).equals(bytes(expected))).toBe(true);
      return result;
    });
  });

  test.each([
    ["as it is", {}],
    ["resized and turned", { size: 100, rotate: 30 }],
  ])("takes the same style of a painting %s", async (_, options) => {
    const photo = waves(50, 36, 4);
    await expectAlike(async (name) => {
      using own = await model.style(cutOut(name), options);
      return await model.stylize(photo, own);
    });
  });

  test("shares the same statistics between frames", async () => {
    await expectAlike(async (name) => {
      const statistics = new RunningStatistics();
      await model.observe(cutOut(name), statistics);
      return model.stylize(waves(64, 48, 4), style, { statistics });
    });
  });

  test("looks at the same places", async () => {
    const maps = [];
    for (const name of names) maps.push(await model.attentionMap(cutOut(name), style));
    for (const map of maps) expect(map).toEqual(maps[0]);
  });
});
