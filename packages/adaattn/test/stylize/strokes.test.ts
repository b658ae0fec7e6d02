/** Strokes that grow with the picture: the same composition at every size, in tiles as whole. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NodeEngine } from "../../src/node/engine.ts";
import { sourceOf } from "../../src/picture/area.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { readAtSize } from "../../src/picture/reduce.ts";
import { resizePicture } from "../../src/picture/resize.ts";
import { Model } from "../../src/stylize/model.ts";
import type { PaintedTile, Progress, StylizeOptions } from "../../src/stylize/options.ts";
import { paintedSizes } from "../../src/stylize/sizes.ts";
import { RunningStatistics } from "../../src/stylize/statistics.ts";
import { generatedWeights, tiny } from "../models.ts";
import { grayMask, meanDifference, painted } from "../similarity.ts";

test("larger pictures are painted at 512 before, and from there about twofold", () => {
  const longer = (width: number) => paintedSizes({ width, height: width / 4 }).map((size) => size.width);
  expect(longer(512)).toEqual([512]);
  expect(longer(516)).toEqual([512, 516]);
  expect(longer(1280)).toEqual([512, 1280]);
  expect(longer(2560)).toEqual([512, 1024, 2560]);
  expect(longer(12_000)).toEqual([512, 1024, 2048, 12_000]);
  expect(paintedSizes({ width: 300, height: 1200 })[0]).toEqual({ width: 128, height: 512 });
});

describe("strokes", () => {
  let model: Model;
  const soft = (x: number, y: number) => 128 + 100 * Math.sin(x / 23) * Math.cos(y / 31) + 20 * Math.sin((x + y) / 3);
  const photo = painted(608, 160, (x, y) => [soft(x, y), soft(y, x), soft(x + 40, y), (x * y) % 97 === 0 ? 0 : 255]);
  const painting = painted(70, 60, (x, y) => [(x * 7) % 256, (y * 9) % 256, (x * y) % 256]);
  const mask = grayMask(60, 16, (x) => (x < 30 ? 1 : 0));

  beforeAll(async () => {
    model = await Model.load("tiny", tiny, generatedWeights(tiny), new NodeEngine());
  });
  afterAll(() => model.dispose());

  const worst = (a: Picture, b: Picture) => {
    expect([a.width, a.height]).toEqual([b.width, b.height]);
    let most = 0;
    for (const [at, value] of a.data.entries()) most = Math.max(most, Math.abs(value - (b.data[at] ?? 999)));
    return most;
  };

  test("up to 512 pixels are those of the network", async () => {
    using style = await model.style(painting);
    const [grown, plain] = [
      await model.stylize(photo, style, { size: 512 }),
      await model.stylize(photo, style, { size: 512, strokeBy: "pixels" }),
    ];
    expect(worst(grown, plain)).toBe(0);
  });

  test.each<[string, StylizeOptions]>([
    ["plain", {}],
    ["at half strength", { strength: 0.5 }],
    ["with the photograph's chroma", { color: "content" }],
    ["with grain", { grain: 0.7 }],
  ])("make the same composition at every size, and not by pixels: %s", async (_, options) => {
    using style = await model.style(painting);
    const shares = [
      { style, mask },
      { style: await model.style(photo), weight: 2, mask: grayMask(60, 16, () => 0.6) },
    ];
    const reference = await model.stylize(photo, shares, { ...options, size: 512 });
    const apart = async (strokeBy: "picture" | "pixels") => {
      const large = await model.stylize(photo, shares, { ...options, size: 1200, strokeBy });
      return meanDifference(resizePicture(large, reference), reference);
    };
    const [grown, plain] = [await apart("picture"), await apart("pixels")];
    expect(grown).toBeLessThan(0.6 * plain);
  });

  test.each<[string, StylizeOptions]>([
    ["plain", {}],
    ["at half strength", { strength: 0.5 }],
    ["beyond the style", { strength: 1.8 }],
    ["with a recolored painting", { color: "match" }],
    ["with grain", { grain: 0.7 }],
  ])("are the same in tiles: %s", async (_, options) => {
    using style = await model.style(painting);
    const shares = [
      { style, mask },
      { style: await model.style(painting, { rotate: 40 }), weight: 2 },
    ];
    const whole = await model.stylize(photo, shares, { ...options, tile: "off" });
    const tiled = await model.stylize(photo, shares, { ...options, tile: 128 });
    expect([whole.tiles, tiled.tiles]).toEqual([1, 10]);
    // Each of the two paintings rounds to bytes.
    expect(worst(whole, tiled)).toBeLessThanOrEqual(2);
    expect(meanDifference(whole, tiled)).toBeLessThan(0.01);
  });

  test("leave the photograph as sharp as it is at strength 0 and outside masks", async () => {
    using style = await model.style(painting);
    const same = await model.stylize(photo, style, { strength: 0 });
    for (const [at, value] of photo.data.entries()) {
      const isSeen = photo.data[at | 3] === 255;
      if (isSeen && Math.abs(value - (same.data[at] ?? 999)) > 2) throw new Error(`${at}: ${value}, ${same.data[at]}`);
    }
    const half = await model.stylize(photo, [{ style, mask }]);
    const beyond = (x: number) => x > 420;
    expect(meanDifference(half, photo, (x, y) => beyond(x) && photo.data[(y * 608 + x) * 4 + 3] === 255)).toBeLessThan(
      0.5,
    );
    expect(meanDifference(half, photo, (x) => x < 200)).toBeGreaterThan(10);
  });

  test("of frames that share statistics go by pixels", async () => {
    using style = await model.style(painting);
    const frame = await model.stylize(photo, style, { statistics: new RunningStatistics() });
    expect(worst(frame, await model.stylize(photo, style, { strokeBy: "pixels" }))).toBeLessThanOrEqual(1);
  });

  test("tell how far they are from 0 to 1, and refuse what is no measure", async () => {
    using style = await model.style(painting);
    const told: Progress[] = [];
    await model.stylize(photo, style, { tile: 256, onProgress: (progress) => told.push(progress) });
    const fractions = told.map(({ fraction }) => fraction);
    expect(new Set(told.map(({ stage }) => stage))).toEqual(new Set(["paint"]));
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect([fractions[0], fractions.at(-1)]).toEqual([0, 1]);
    const wrong = { strokeBy: "inches" } as unknown as StylizeOptions;
    await expect(model.stylize(photo, style, wrong)).rejects.toThrow(
      "Expected one of picture, pixels for strokeBy but received inches.",
    );
  });

  test("of a photograph that is read part by part need no more of it at once than a strip", async () => {
    using style = await model.style(painting);
    let most = 0;
    const source = sourceOf(photo);
    const watched: typeof source = {
      ...source,
      read: (area) => {
        most = Math.max(most, area.width * area.height);
        return source.read(area);
      },
    };
    const written: PaintedTile[] = [];
    await model.stylizeTiles(watched, style, (tile) => void written.push(tile), { tile: 64 });
    expect(written.reduce((sum, { picture }) => sum + picture.width * picture.height, 0)).toBe(608 * 160);
    expect(most).toBeLessThan(608 * 160);
    const small = { width: 304, height: 80 };
    expect(worst(await readAtSize(source, small), resizePicture(photo, small))).toBe(0);
  });
});
