import { describe, expect, test } from "vitest";
import { fromOklab, toOklab } from "../../src/picture/oklab.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { keepChroma, matchColors } from "../../src/picture/recolor.ts";
import { waves } from "../models.ts";
import { meanColor, painted } from "../similarity.ts";

describe("OKLab", () => {
  test("has the published values of white and of red", () => {
    for (const [color, expected] of [
      [toOklab(255, 255, 255), [1, 0, 0]],
      [toOklab(255, 0, 0), [0.628, 0.2249, 0.1258]],
      [toOklab(0, 0, 255), [0.452, -0.0324, -0.3115]],
    ] as const) {
      for (const [at, value] of color.entries()) expect(value).toBeCloseTo(expected[at] ?? Number.NaN, 3);
    }
  });

  test("leads there and back", () => {
    for (const [r, g, b] of [
      [0, 0, 0],
      [255, 255, 255],
      [255, 0, 0],
      [12, 200, 77],
      [3, 9, 250],
    ] as const) {
      expect(fromOklab(toOklab(r, g, b)).map(Math.round)).toEqual([r, g, b]);
    }
  });

  test("keeps the lightness of what no screen shows", () => {
    for (const color of [
      [0.5, 0.4, 0],
      [0.9, 0, -0.3],
      [0.2, 0, 0.4],
    ] as const) {
      const [r, g, b] = fromOklab(color).map(Math.round);
      expect(toOklab(r ?? 0, g ?? 0, b ?? 0)[0]).toBeCloseTo(color[0], 2);
    }
  });
});

/** Mean and covariance of red, green and blue. */
function statistics(picture: Picture, counts: (at: number) => boolean = () => true) {
  const pixels: number[][] = [];
  for (let at = 0; at < picture.data.length; at += 4)
    if (counts(at / 4)) pixels.push([...picture.data.subarray(at, at + 3)]);
  const mean = [0, 1, 2].map((i) => pixels.reduce((sum, pixel) => sum + (pixel[i] ?? 0), 0) / pixels.length);
  const covariance = [0, 1, 2].flatMap((i) =>
    [0, 1, 2].map(
      (j) =>
        pixels.reduce((sum, p) => sum + ((p[i] ?? 0) - (mean[i] ?? 0)) * ((p[j] ?? 0) - (mean[j] ?? 0)), 0) /
        pixels.length,
    ),
  );
  return { mean, covariance };
}

/**
 * Colors along one slant, so that their covariance is far from a multiple of the identity, and none
 * is clamped.
 */
const slanted = (seed: number, shift: number): Picture => {
  const picture = waves(60, 40, seed);
  for (let at = 0; at < picture.data.length; at += 4) {
    const [r = 0, g = 0, b = 0] = picture.data.subarray(at, at + 3);
    picture.data.set([90 + shift + 0.25 * r, 100 + 0.15 * r + 0.1 * g, 120 - shift + 0.05 * g + 0.15 * b], at);
  }
  return picture;
};

describe("matching colors", () => {
  const [painting, photo] = [waves(50, 30, 4), slanted(2, 20)];

  test("gives the painting the mean and the covariance of the photograph", () => {
    const [matched, wanted] = [statistics(matchColors(painting, photo)), statistics(photo)];
    for (const [at, mean] of matched.mean.entries()) expect(Math.abs(mean - (wanted.mean[at] ?? 0))).toBeLessThan(0.5);
    const scale = Math.max(...wanted.covariance);
    for (const [at, value] of matched.covariance.entries()) {
      expect(Math.abs(value - (wanted.covariance[at] ?? 0)) / scale).toBeLessThan(0.05);
    }
  });

  test("changes nothing where the colors match already", () => {
    const same = matchColors(painting, painting);
    expect(Math.max(...same.data.map((value, at) => Math.abs(value - (painting.data[at] ?? 0))))).toBeLessThanOrEqual(
      1,
    );
  });

  test("takes the colors of a region, and of what is not transparent", () => {
    const half = painted(40, 20, (x) => (x < 20 ? [200, 30, 30] : [20, 20, 220]));
    const weights = Float32Array.from({ length: 800 }, (_, at) => (at % 40 < 20 ? 1 : 0));
    const [r, , b] = meanColor(matchColors(painting, half, weights));
    expect([Math.round(r), Math.round(b)]).toEqual([200, 30]);
    const hidden = painted(40, 20, (x) => (x < 20 ? [200, 30, 30, 0] : [20, 20, 220]));
    expect(meanColor(matchColors(painting, hidden)).map(Math.round)).toEqual([20, 20, 220]);
  });

  test("works with pictures of one color", () => {
    const flat = painted(20, 20, () => [50, 100, 150]);
    expect(meanColor(matchColors(painting, flat)).map(Math.round)).toEqual([50, 100, 150]);
    expect(matchColors(flat, photo).data.every(Number.isFinite)).toBe(true);
  });
});

test("keeping chroma takes lightness from one picture, and a and b from the other", () => {
  const [stylized, photo] = [slanted(3, -10), slanted(5, 10)];
  stylized.data[3] = 7;
  const kept = keepChroma(stylized, photo);
  expect(kept.data[3]).toBe(7);
  for (let at = 0; at < kept.data.length; at += 4) {
    const lab = ({ data }: Picture) => toOklab(data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0);
    const [own, one, other] = [lab(kept), lab(stylized), lab(photo)];
    expect(Math.abs(own[0] - one[0])).toBeLessThan(0.01);
    expect(Math.hypot(own[1] - other[1], own[2] - other[2])).toBeLessThan(0.01);
  }
});
