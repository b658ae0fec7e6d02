import { evaluate, input, ndarray } from "@adaattn/graph";
import {
  colorHistogram,
  featuresBytes,
  frozenFeatures,
  grayOf,
  histogramDistance,
  METRICS,
  Meter,
  Random,
  resizePicture,
  structuralSimilarity,
  summarize,
} from "@adaattn/train";
import type { Picture } from "adaattn";
import { toTensor } from "adaattn/network";
import { NodeEngine } from "adaattn/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { patchPositions, patchSimilarityGraph } from "../src/metrics/patches.ts";
import { randomEncoder } from "./miniature.ts";

/** A picture whose pixel `at` has the color that `color` gives. */
function picture(width: number, height: number, color: (at: number) => readonly number[]): Picture {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let at = 0; at < width * height; at++) data.set([...color(at), 255].slice(0, 4), at * 4);
  return { width, height, data };
}

function noise(width: number, height: number, seed: number): Picture {
  const random = new Random(seed);
  return picture(width, height, () => [random.below(256), random.below(256), random.below(256)]);
}

describe("structural similarity", () => {
  const flat = (level: number) => grayOf(picture(16, 12, () => [level, level, level]));

  test("of flat pictures is that of their brightness", () => {
    const constant = (0.01 * 255) ** 2;
    const expected = (2 * 100 * 150 + constant) / (100 ** 2 + 150 ** 2 + constant);
    expect(structuralSimilarity(flat(100), flat(150))).toBeCloseTo(expected, 6);
  });

  test("is 1 for equal pictures, and negative for a negative", () => {
    const [photo, negative] = [noise(20, 15, 1), noise(20, 15, 1)];
    negative.data.forEach((value, at) => {
      if (at % 4 < 3) negative.data[at] = 255 - value;
    });
    expect(structuralSimilarity(grayOf(photo), grayOf(photo))).toBe(1);
    expect(structuralSimilarity(grayOf(photo), grayOf(negative))).toBeLessThan(-0.5);
  });

  test("is the mean over the windows within the picture, written out in two dimensions", () => {
    const [width, height] = [14, 12];
    const [x, y] = [grayOf(noise(width, height, 2)).data, grayOf(noise(width, height, 3)).data];
    const windows: number[] = [];
    for (let top = 0; top + 11 <= height; top++) {
      for (let left = 0; left + 11 <= width; left++) {
        const cells = Array.from({ length: 121 }, (_, at) => [Math.floor(at / 11), at % 11] as const);
        const raw = cells.map(([row, column]) => Math.exp(-((row - 5) ** 2 + (column - 5) ** 2) / (2 * 1.5 ** 2)));
        const total = raw.reduce((a, b) => a + b);
        const mean = (value: (at: number) => number) =>
          cells.reduce((sum, [row, column], at) => {
            return sum + ((raw[at] ?? 0) / total) * value((top + row) * width + left + column);
          }, 0);
        const [mx, my] = [mean((at) => x[at] ?? 0), mean((at) => y[at] ?? 0)];
        const vx = mean((at) => ((x[at] ?? 0) - mx) ** 2);
        const vy = mean((at) => ((y[at] ?? 0) - my) ** 2);
        const cov = mean((at) => ((x[at] ?? 0) - mx) * ((y[at] ?? 0) - my));
        const [c1, c2] = [6.5025, 58.5225];
        windows.push(((2 * mx * my + c1) * (2 * cov + c2)) / ((mx ** 2 + my ** 2 + c1) * (vx + vy + c2)));
      }
    }
    expect(windows).toHaveLength(4 * 2);
    const expected = windows.reduce((a, b) => a + b) / windows.length;
    expect(structuralSimilarity({ width, height, data: x }, { width, height, data: y })).toBeCloseTo(expected, 10);
  });

  test("looks at luma", () => {
    expect(grayOf(picture(1, 1, () => [200, 100, 50])).data[0]).toBeCloseTo(0.299 * 200 + 0.587 * 100 + 0.114 * 50, 4);
  });
});

describe("the histogram distance", () => {
  const histogram = (...colors: (readonly number[])[]) =>
    colorHistogram(picture(colors.length, 1, (at) => colors[at] ?? []));

  test.each([
    ["black and white", [[0, 0, 0]], [[255, 255, 255]], 1],
    ["a shift of one channel by 30", [[10, 20, 30]], [[40, 20, 30]], 30 / 255 / 3],
    [
      "half of the pixels moved by 8",
      [
        [0, 0, 0],
        [9, 9, 9],
      ],
      [
        [8, 8, 8],
        [9, 9, 9],
      ],
      4 / 255,
    ],
    [
      "the same colors elsewhere",
      [
        [1, 2, 3],
        [250, 9, 7],
      ],
      [
        [250, 9, 7],
        [1, 2, 3],
      ],
      0,
    ],
  ])("of %s", (_, a, b, expected) => {
    expect(histogramDistance(histogram(...a), histogram(...b))).toBeCloseTo(expected, 12);
  });
});

describe("patch similarity", () => {
  /** The definition, loop by loop, for features [1, C, H, W] as nested arrays are flat. */
  function expectedSimilarity(
    a: Float64Array,
    b: Float64Array,
    channels: number,
    sides: readonly (readonly number[])[],
  ) {
    const patchesOf = (data: Float64Array, [height = 0, width = 0]: readonly number[]) => {
      const patches: number[][] = [];
      for (let row = 0; row + 3 <= height; row++) {
        for (let column = 0; column + 3 <= width; column++) {
          patches.push(
            Array.from({ length: channels * 9 }, (_, at) => {
              const [channel, y, x] = [Math.floor(at / 9), row + (Math.floor(at / 3) % 3), column + (at % 3)];
              return data[(channel * height + y) * width + x] ?? Number.NaN;
            }),
          );
        }
      }
      return patches;
    };
    const dot = (p: readonly number[], q: readonly number[]) =>
      p.reduce((sum, value, at) => sum + value * (q[at] ?? 0), 0);
    const best = patchesOf(a, sides[0] ?? []).map((p) =>
      Math.max(...patchesOf(b, sides[1] ?? []).map((q) => dot(p, q) / Math.sqrt(dot(p, p) * dot(q, q)))),
    );
    return best.reduce((sum, value) => sum + value, 0) / best.length;
  }

  test("is the mean cosine of each patch's best match", () => {
    const sides = [
      [4, 5],
      [5, 3],
    ];
    const [a, b] = sides.map((side, at) => {
      const random = new Random(at + 1);
      const shape = [1, 2, ...side];
      return ndarray(
        Array.from({ length: 2 * (side[0] ?? 0) * (side[1] ?? 0) }, () => random.normal()),
        shape,
      );
    });
    if (a === undefined || b === undefined) throw new Error("Expected two arrays");
    const positions = (shape: readonly number[]) => {
      const { data, shape: own } = patchPositions(shape, 1000);
      return ndarray(Array.from(data, Number), own);
    };
    const { similarity } = patchSimilarityGraph(2);
    if (similarity === undefined) throw new Error("Expected a graph");
    const feeds = { result: a, style: b, resultAt: positions(a.shape), styleAt: positions(b.shape) };
    const [value] = evaluate([similarity], feeds);
    expect(value?.data[0]).toBeCloseTo(expectedSimilarity(a.data, b.data, 2, sides), 7);
  });

  test("takes patches that lie wholly within, corner by corner", () => {
    const { shape, data } = patchPositions([1, 1, 3, 4], 10);
    expect(shape).toEqual([18]);
    expect(Array.from(data, Number)).toEqual([0, 1, 1, 2, 2, 3, 4, 5, 5, 6, 6, 7, 8, 9, 9, 10, 10, 11]);
  });

  test("takes no more patches than it may, from all over", () => {
    const { shape, data } = patchPositions([1, 1, 34, 66], 100);
    expect(shape[0]).toBeGreaterThan(9 * 50);
    expect(shape[0]).toBeLessThanOrEqual(900);
    const rows = Array.from(data, Number).map((at) => Math.floor(at / 66));
    expect([Math.min(...rows) < 5, Math.max(...rows) > 28]).toEqual([true, true]);
  });
});

describe("a meter", () => {
  const lossNetwork = randomEncoder(5);
  let meter: Meter;
  beforeAll(async () => {
    meter = await Meter.load(lossNetwork, new NodeEngine({ threads: 1 }));
  });
  afterAll(() => meter.dispose());

  test("sees what the encoder gives", async () => {
    const photo = noise(48, 32, 7);
    const seen = await meter.look(photo);
    const features = evaluate(frozenFeatures(lossNetwork, input("picture", [1, 3, 32, 48])), {
      picture: ndarray(toTensor(photo), [1, 3, 32, 48]),
    });
    for (const [at, { shape, data }] of features.entries()) {
      const [, channels = 0, height = 0, width = 0] = shape;
      const count = height * width;
      for (let channel = 0; channel < channels; channel++) {
        const own = data.subarray(channel * count, (channel + 1) * count);
        const mean = own.reduce((sum, value) => sum + value, 0) / count;
        const variance = own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
        expect(seen.statistics[at]?.mean[channel]).toBeCloseTo(mean, 5);
        expect(seen.statistics[at]?.deviation[channel]).toBeCloseTo(Math.sqrt(variance + 1e-5), 5);
        const normalized = seen.normalized[at - 3]?.[channel * count];
        if (at >= 3) expect(normalized).toBeCloseTo(((own[0] ?? 0) - mean) / Math.sqrt(variance + 1e-5), 3);
      }
    }
    expect(seen.patches.shape).toEqual([1, 4, 8, 12]);
  });

  test("sees only positions of the picture where the network needs a larger one", async () => {
    const seen = await meter.look(noise(40, 23, 8));
    expect(seen.patches.shape).toEqual([1, 4, 6, 10]);
    expect(seen.normalized.map(({ length }) => length)).toEqual([4 * 3 * 5, 4 * 2 * 3]);
    const bytes = seen.patches.data.byteLength + seen.normalized.reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(bytes + seen.gray.data.byteLength).toBeLessThanOrEqual(featuresBytes(lossNetwork, 40));
    expect(featuresBytes(lossNetwork, 64)).toBe(4 * (4 * 16 ** 2 + 4 * 8 ** 2 + 4 * 4 ** 2 + 64 ** 2));
  });

  test("finds the content at its content, the style at its style, and others away from both", async () => {
    const [content, style, other] = await Promise.all([
      meter.look(noise(32, 48, 1)),
      meter.look(noise(48, 32, 2)),
      meter.look(picture(32, 48, (at) => [at % 256, 128, 20])),
    ]);
    expect(await meter.compare(content, content, style)).toMatchObject({
      contentDistance: 0,
      structuralSimilarity: 1,
    });
    const own = await meter.compare(style, style, style);
    expect([own.styleDistance, own.histogramDistance]).toEqual([0, 0]);
    expect(own.patchSimilarity).toBeCloseTo(1, 5);
    const metrics = await meter.compare(other, content, style);
    expect(Object.keys(metrics)).toEqual([...METRICS]);
    expect(metrics.contentDistance).toBeGreaterThan(0.1);
    expect(metrics.styleDistance).toBeGreaterThan(0.001);
    expect(metrics.patchSimilarity).toBeLessThan(0.9999);
    expect(metrics.structuralSimilarity).toBeLessThan(0.5);
    expect(metrics.histogramDistance).toBeGreaterThan(0.1);
  });

  test("wants results of the content's size", async () => {
    const [small, large] = [await meter.look(noise(32, 32, 1)), await meter.look(noise(48, 32, 2))];
    await expect(meter.compare(small, large, large)).rejects.toThrow(
      "Expected 48 x 32 pixels, as the content has, for the result but received 32 x 32.",
    );
  });

  test("takes transparent parts for white", async () => {
    const glass = { ...picture(32, 32, () => [9, 9, 9]), data: new Uint8ClampedArray(32 * 32 * 4) };
    const white = await meter.look(picture(32, 32, () => [255, 255, 255]));
    expect(histogramDistance((await meter.look(glass)).histogram, white.histogram)).toBe(0);
  });
});

test("a summary interpolates between values", () => {
  expect(summarize([10, 1, 3, 2])).toEqual({
    count: 4,
    mean: 4,
    least: 1,
    lowerQuartile: 1.75,
    median: 2.5,
    upperQuartile: 4.75,
    most: 10,
  });
  expect(summarize([7])).toMatchObject({ median: 7, lowerQuartile: 7, upperQuartile: 7 });
});

test("a picture is stretched to a size, and left alone where it has it", async () => {
  const red = picture(20, 10, () => [200, 10, 30]);
  expect(await resizePicture(red, { width: 20, height: 10 })).toBe(red);
  const { width, height, data } = await resizePicture(red, { width: 7, height: 16 });
  expect([width, height, data.length, [...data.subarray(40, 44)]]).toEqual([7, 16, 448, [200, 10, 30, 255]]);
});
