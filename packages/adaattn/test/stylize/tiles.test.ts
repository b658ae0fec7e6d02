/**
 * Large pictures in tiles: the geometry, the statistics, and that tiles together are the picture
 * painted whole.
 */

import { constant, evaluate, input, matmul, ndarray, type Tensor } from "@adaattn/graph";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AdaattnError } from "../../src/error.ts";
import { type Architecture, architectureNamed } from "../../src/network/architecture.ts";
import { contentQueries, styleValues, tokens } from "../../src/network/attention.ts";
import { foldedQueries, foldKeys, normalizeFoldedKeys } from "../../src/network/folding.ts";
import { channelStatistics, flattenPositions, normalize } from "../../src/network/keys.ts";
import { constantWeights } from "../../src/network/parameters.ts";
import { NodeEngine } from "../../src/node/engine.ts";
import { type Area, clipped, cropPicture, sourceOf, withMargin } from "../../src/picture/area.ts";
import type { Picture } from "../../src/picture/picture.ts";
import type { TileControls } from "../../src/stylize/controls.ts";
import { bytesPerPixel, leastMemory, tileSide } from "../../src/stylize/memory.ts";
import { Model } from "../../src/stylize/model.ts";
import type { PaintedTile, StylizeOptions } from "../../src/stylize/options.ts";
import { joinStatistics, type PictureStatistics, RunningStatistics } from "../../src/stylize/statistics.ts";
import { marginsOf, planTiles } from "../../src/stylize/tiles.ts";
import { generatedWeights, tiny, tinyVideo, waves } from "../models.ts";
import { distance, numbers } from "../numbers.ts";
import { grayMask } from "../similarity.ts";

describe("geometry", () => {
  test("tiles are as even as multiples of 16 allow, row by row", () => {
    expect(planTiles({ width: 160, height: 48 }, 64)).toEqual([
      { left: 0, top: 0, width: 48, height: 48 },
      { left: 48, top: 0, width: 48, height: 48 },
      { left: 96, top: 0, width: 64, height: 48 },
    ]);
    expect(planTiles({ width: 32, height: 32 }, 32)).toEqual([{ left: 0, top: 0, width: 32, height: 32 }]);
    expect(planTiles({ width: 32, height: 64 }, 40)).toEqual([
      { left: 0, top: 0, width: 32, height: 32 },
      { left: 0, top: 32, width: 32, height: 32 },
    ]);
  });

  test("a margin ends where the picture does", () => {
    const tile = { left: 64, top: 0, width: 64, height: 64 };
    expect(withMargin(tile, 32, { width: 140, height: 300 })).toEqual({ left: 32, top: 0, width: 108, height: 96 });
    expect(clipped(tile, { width: 100, height: 300 })).toEqual({ left: 64, top: 0, width: 36, height: 64 });
  });

  test("margins are as wide as the network sees", () => {
    // conv1_1, conv1_2: 2 pixels; then 1 + 2 = 3 of 2; 2 + 4 = 6 of 4; 3 + 4 = 7 of 8; and 4 + 1 =
    // 5 of 16. Backwards: merge and 4_1: 2 of 8 are 4 of 4, and 4 more; 16 of 2, and 2 more; 36 of
    // 1, and 2 more.
    for (const name of ["vgg19-image", "small"]) {
      expect(marginsOf(architectureNamed(name))).toEqual({ encoder: 80, decoder: 48 });
    }
    expect(marginsOf(architectureNamed("vgg19-video"))).toEqual({ encoder: 16, decoder: 32 });
  });

  test("an area of a picture is its pixels", () => {
    const picture = waves(5, 4);
    const { data } = cropPicture(picture, { left: 1, top: 2, width: 3, height: 2 });
    const row = (y: number) => [...picture.data.subarray((y * 5 + 1) * 4, (y * 5 + 4) * 4)];
    expect([...data]).toEqual([...row(2), ...row(3)]);
  });

  test.each([false, true])("auto takes the whole picture where it fits, then what fits; buffers kept: %s", (kept) => {
    const size = { width: 4096, height: 2048 };
    const [small, margins] = [architectureNamed("small"), marginsOf(architectureNamed("small"))];
    const tile = (controls: TileControls) => tileSide(small, margins, size, controls, kept);
    const pixels = size.width * size.height * bytesPerPixel(small, kept);
    expect(tile({ memory: 2e8 + pixels })).toBe(4096);
    const side = tile({ memory: 2e8 + pixels / 4 });
    expect((side + 256) ** 2).toBeLessThanOrEqual((4096 * 2048) / 4);
    expect(side).toBeGreaterThan(1100);
    expect(tile({ memory: leastMemory(small, margins, kept) })).toBe(64);
    expect(tile({ memory: 1e6, tile: 128 })).toBe(128);
    expect(tile({ memory: 1e6, tile: "off" })).toBe(4096);
    expect(() => tile({ memory: 1e6 })).toThrow(
      /^Expected at least \d+ MB of memory to paint with small in tiles but received 1 MB\.$/,
    );
  });
});

describe("statistics", () => {
  const of = (values: readonly number[]): PictureStatistics => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const variance = values.length > 1 ? squares / (values.length - 1) : 0;
    return new Map([[3, { count: values.length, mean: Float64Array.of(mean), variance: Float64Array.of(variance) }]]);
  };

  test("of parts, joined, are those of the whole", () => {
    const parts = [[1, 5, 2], [1000], [-3, 0.5, 7, 7]];
    const joined = parts.map(of).reduce(joinStatistics).get(3);
    const whole = of(parts.flat()).get(3);
    expect(joined?.count).toBe(8);
    expect(joined?.mean[0]).toBeCloseTo(whole?.mean[0] ?? Number.NaN, 9);
    expect(joined?.variance[0]).toBeCloseTo(whole?.variance[0] ?? Number.NaN, 6);
  });

  test("that run are the average of the last 24 pictures", () => {
    const running = new RunningStatistics();
    const next = (mean: number, spread = 1) => running.next(of([mean - spread, mean + spread])).get(3);
    expect([0, 6, 3].map((mean) => next(mean)?.mean[0])).toEqual([0, 3, 3]);
    for (let n = 0; n < 23; n++) next(8);
    expect(next(32, 5)).toEqual({ count: 2, mean: Float64Array.of(9), variance: Float64Array.of(2 + 48 / 24) });
  });
});

test("keys with f and Norm folded into them score as queries and keys do, but for a constant a query", () => {
  const channels = 5;
  const module = { level: 3, name: "a", keyChannels: channels, valueChannels: channels, maxKeys: 100 } as const;
  const shapes = new Map<string, readonly number[]>();
  for (const part of ["f", "g", "h"]) {
    shapes.set(`a.${part}.weight`, [channels, channels, 1, 1]).set(`a.${part}.bias`, [channels]);
  }
  const values = new Map([...shapes].map(([name, shape], at) => [name, Float32Array.from(numbers(shape, at).data)]));
  const weights = constantWeights(shapes, values);
  const [x, y] = [
    constant(
      Float32Array.from(numbers([1, channels, 3, 4], 20).data, (v) => 3 * v + 2),
      [1, channels, 3, 4],
    ),
    input("y", [1, channels, 7]),
  ];
  const score = (queries: Tensor, keys: Tensor) => matmul(queries, keys, { transposeB: true });
  const [plain, folded] = evaluate(
    [
      score(
        tokens(contentQueries(module, flattenPositions(normalize(x)), weights)),
        styleValues(module, y, y, weights).keys,
      ),
      score(foldedQueries(x), normalizeFoldedKeys(module, foldKeys(module, y, weights), channelStatistics(x))),
    ],
    { y: numbers([1, channels, 7], 30) },
  );
  const withoutConstant = (scores = ndarray([], [0])) =>
    ndarray(
      scores.data.map((value, at) => value - (scores.data[at - (at % 7)] ?? 0)),
      [1, 12, 7],
    );
  expect(distance(withoutConstant(plain), withoutConstant(folded))).toBeLessThan(1e-6);
  expect(distance(withoutConstant(plain), ndarray(new Float64Array(84), [1, 12, 7]))).toBeGreaterThan(1);
});

describe.each([tiny, tinyVideo])("tiles of $name", (architecture: Architecture) => {
  let model: Model;
  const photo = waves(325, 203, 4, (at) => (at % 7) * 40);
  const mask = grayMask(60, 40, (x, y) => (x + y) / 100);

  beforeAll(async () => {
    model = await Model.load(architecture.name, architecture, generatedWeights(architecture), new NodeEngine());
  });
  afterAll(() => model.dispose());

  const worst = (a: Picture, b: Picture) => {
    let most = 0;
    for (const [at, value] of a.data.entries()) most = Math.max(most, Math.abs(value - (b.data[at] ?? 999)));
    return most;
  };

  /** Of green. */
  const variance = ({ data }: Picture) => {
    const values = Array.from(data).filter((_, at) => at % 4 === 1);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  };

  test.each<[string, StylizeOptions]>([
    ["plain", {}],
    ["at half strength", { strength: 0.5 }],
    ["with the photograph's chroma", { color: "content" }],
    ["with a recolored painting", { color: "match" }],
    ["with grain", { grain: 0.7 }],
  ])("are the picture painted whole: %s", async (_, options) => {
    using style = await model.style(waves(90, 70, 3));
    const shares = [
      { style, mask },
      { style: await model.style(waves(64, 80, 5)), weight: 2 },
    ];
    const whole = await model.stylize(photo, shares, { ...options, tile: "off" });
    const tiled = await model.stylize(photo, shares, { ...options, tile: 96 });
    expect([whole.tiles, tiled.tiles]).toEqual([1, 12]);
    expect(worst(whole, tiled)).toBeLessThanOrEqual(1);
    const other = await model.stylize(photo, shares, { ...options, strength: 0.7, tile: "off" });
    expect(worst(whole, other)).toBeGreaterThan(4);
  });

  test("of a photograph that is nearly flat are it too, and it comes out calmer than one that is not", async () => {
    using style = await model.style(waves(90, 70, 3));
    const faint = { ...photo, data: photo.data.map((value, at) => (at % 4 === 3 ? value : 128 + (value - 128) / 40)) };
    const whole = await model.stylize(faint, style, { tile: "off" });
    const tiled = await model.stylize(faint, style, { tile: 96 });
    expect(tiled.tiles).toBeGreaterThan(1);
    expect(worst(whole, tiled)).toBeLessThanOrEqual(1);
    expect(variance(whole)).toBeLessThan(variance(await model.stylize(photo, style)) / 20);
    const shared = await model.stylize(faint, style, { statistics: new RunningStatistics() });
    expect(worst(whole, shared)).toBeLessThanOrEqual(1);
  });

  test("are read with margins, written row by row, and together cover the photograph once", async () => {
    using style = await model.style(waves(90, 70, 3));
    const whole = await model.stylize(photo, style, { tile: "off" });
    const read: Area[] = [];
    const source = sourceOf(photo);
    const watched = {
      ...source,
      read(area: Area) {
        read.push(area);
        return source.read(area);
      },
    };
    const written: PaintedTile[] = [];
    const report = await model.stylizeTiles(watched, style, (tile) => void written.push(tile), { tile: 128 });
    expect(report.tiles).toBe(6);
    expect(written.map(({ left, top }) => [left, top])).toEqual(
      [...written.map(({ left, top }) => [left, top])].sort(
        (a, b) => (a[1] ?? 0) - (b[1] ?? 0) || (a[0] ?? 0) - (b[0] ?? 0),
      ),
    );
    const covered = new Uint8Array(photo.width * photo.height);
    for (const { left, top, picture } of written) {
      for (let y = 0; y < picture.height; y++) {
        for (let x = 0; x < picture.width; x++) {
          const at = (top + y) * photo.width + left + x;
          covered[at] = (covered[at] ?? 0) + 1;
          for (let c = 0; c < 4; c++) {
            const difference = (whole.data[at * 4 + c] ?? 999) - (picture.data[(y * picture.width + x) * 4 + c] ?? 0);
            if (Math.abs(difference) > 1)
              throw new Error(`Pixel ${x},${y} of the tile at ${left},${top} differs by ${difference}.`);
          }
        }
      }
    }
    expect(covered.every((times) => times === 1)).toBe(true);
    expect(read.every((area) => area.left + area.width <= photo.width && area.top + area.height <= photo.height)).toBe(
      true,
    );
  });

  test("tell how far they are, and end at once when they are stopped", async () => {
    using style = await model.style(waves(90, 70, 3));
    const stages: string[] = [];
    const controller = new AbortController();
    const reason = new Error("Enough.");
    const done = model.stylize(photo, style, {
      tile: 128,
      signal: controller.signal,
      onProgress({ stage, fraction }) {
        stages.push(`${stage} ${fraction.toFixed(2)}`);
        if (stage === "paint" && fraction > 0.4) controller.abort(reason);
      },
    });
    await expect(done).rejects.toBe(reason);
    expect(stages).toEqual(
      ["encode 0.00", "encode 0.17", "encode 0.33", "encode 0.50", "encode 0.67", "encode 0.83", "encode 1.00"].concat([
        "paint 0.00",
        "paint 0.17",
        "paint 0.33",
        "paint 0.50",
      ]),
    );
  });

  test("refuse a size that cannot be meant", async () => {
    using style = await model.style(waves(90, 70, 3));
    await expect(model.stylize(photo, style, { tile: 8 })).rejects.toThrow(
      new AdaattnError("option", "Expected auto, off or a whole number from 64 to 65536 for tile but received 8."),
    );
  });

  test("of frames that share statistics differ from frames on their own", async () => {
    using style = await model.style(waves(90, 70, 3));
    const dark = { ...photo, data: photo.data.map((value, at) => (at % 4 === 3 ? value : value / 3)) };
    const alone = await model.stylize(dark, style);
    const statistics = new RunningStatistics();
    await model.stylize(photo, style, { statistics });
    const shared = await model.stylize(dark, style, { statistics });
    expect(worst(alone, shared)).toBeGreaterThan(4);
    const first = await model.stylize(dark, style, { statistics: new RunningStatistics() });
    expect(worst(alone, first)).toBeLessThanOrEqual(1);
    const observed = new RunningStatistics();
    await model.observe(photo, observed);
    expect(worst(shared, await model.stylize(dark, style, { statistics: observed }))).toBe(0);
  });
});
