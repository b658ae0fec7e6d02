import { describe, expect, test } from "vitest";
import type { Picture } from "../../src/picture/picture.ts";
import { averageWithin, resizePicture } from "../../src/picture/resize.ts";
import { rotatePicture } from "../../src/picture/rotate.ts";
import { waves } from "../models.ts";
import { meanDifference, painted } from "../similarity.ts";

const plane = (width: number, height: number, ...data: number[]) => ({ width, height, data: Float32Array.from(data) });

describe("the average within a grid", () => {
  test("counts pixels that are cut in proportion", () => {
    const row = plane(3, 1, 0, 3, 9);
    expect([...averageWithin(row, [0, 1.5, 3], [0, 1]).data]).toEqual([1, 7]);
    expect([...averageWithin(row, [0, 0.5, 1, 1.5], [0, 0.5]).data]).toEqual([0, 0, 3]);
    expect([...averageWithin(plane(2, 2, 1, 2, 3, 6), [0, 2], [0, 2]).data]).toEqual([3]);
  });

  test("gives the edge beyond it", () => {
    expect([...averageWithin(plane(2, 1, 4, 8), [0, 1, 2, 2, 2], [0, 1, 1]).data]).toEqual([4, 8, 8, 8, 4, 8, 8, 8]);
  });

  test("keeps ones exactly", () => {
    const ones = { width: 37, height: 23, data: new Float32Array(37 * 23).fill(1) };
    const lines = Array.from({ length: 12 }, (_, i) => (i * 37) / 11);
    const rows = Array.from({ length: 8 }, (_, i) => (i * 23) / 7);
    expect(averageWithin(ones, lines, rows).data.every((value) => Math.abs(value - 1) < 1e-6)).toBe(true);
  });
});

describe("a picture at another size", () => {
  test("is itself at its own", () => {
    const picture = waves(30, 20);
    expect(resizePicture(picture, { width: 30, height: 20 })).toBe(picture);
  });

  test.each([
    [60, 48],
    [15, 12],
    [41, 9],
  ])("keeps a slope of color at %i x %i", (width, height) => {
    const slope = (w: number, h: number) => painted(w, h, (x, y) => [(200 * (x + 0.5)) / w, (200 * (y + 0.5)) / h, 99]);
    const resized = resizePicture(slope(30, 24), { width, height });
    expect([resized.width, resized.height]).toEqual([width, height]);
    const inside = (x: number, y: number) =>
      x > width / 8 && x < (width * 7) / 8 && y > height / 8 && y < (height * 7) / 8;
    expect(meanDifference(resized, slope(width, height), inside)).toBeLessThan(1);
    expect(resized.data.every((value, at) => at % 4 !== 2 || value === 99)).toBe(true);
  });

  test("blurs what it has no room for, rather than to pick pixels", () => {
    const board = painted(64, 64, (x, y) => ((x + y) % 2 === 0 ? [255, 255, 255] : [0, 0, 0]));
    const small = resizePicture(board, { width: 16, height: 16 });
    for (const value of small.data.filter((_, at) => at % 4 === 0)) expect(Math.abs(value - 127.5)).toBeLessThan(8);
  });
});

test("colors of transparent pixels do not show in their neighbors", () => {
  const data = new Uint8Array(64 * 64 * 4);
  for (let at = 0; at < 64 * 64; at++) data.set(at % 64 < 32 ? [0, 255, 0, 0] : [200, 40, 90, 255], at * 4);
  const small = resizePicture({ width: 64, height: 64, data }, { width: 21, height: 21 });
  const alphas = new Set(small.data.filter((_, at) => at % 4 === 3));
  expect(alphas.has(0) && alphas.has(255)).toBe(true);
  for (let at = 0; at < small.data.length; at += 4) {
    const [red = 0, green = 0, , alpha = 0] = small.data.subarray(at, at + 4);
    if (alpha > 16) expect([Math.abs(red - 200) < 8, Math.abs(green - 40) < 8]).toEqual([true, true]);
  }
});

describe("a picture that is turned", () => {
  const two = painted(2, 1, (x) => (x === 0 ? [10, 20, 30] : [40, 50, 60]));
  const reds = ({ data }: Picture) => [...data.filter((_, at) => at % 4 === 0)];

  test.each([
    [90, 1, 2, [10, 40]],
    [180, 2, 1, [40, 10]],
    [270, 1, 2, [40, 10]],
    [-90, 1, 2, [40, 10]],
    [360, 2, 1, [10, 40]],
  ])("by %i degrees has the same pixels elsewhere", (degrees, width, height, expected) => {
    const turned = rotatePicture(two, degrees);
    expect([turned.width, turned.height, reds(turned)]).toEqual([width, height, expected]);
  });

  test("four times by a quarter is itself", () => {
    const picture = waves(31, 18);
    let turned: Picture = picture;
    for (let turn = 0; turn < 4; turn++) turned = rotatePicture(turned, 90);
    expect(turned).toEqual(picture);
  });

  test.each([
    [100, 100, 45, 70, 70],
    [200, 100, 30, 100, 57],
    [100, 200, 30, 57, 100],
    [200, 100, 5, 193, 83],
    [200, 100, 175, 193, 83],
    [100, 200, 95, 193, 83],
  ])("of %i x %i by %i degrees is the rectangle inside, %i x %i", (width, height, degrees, across, down) => {
    const turned = rotatePicture(
      painted(width, height, () => [7, 8, 9]),
      degrees,
    );
    expect([turned.width, turned.height]).toEqual([across, down]);
    expect(reds(turned).every((value) => value === 7)).toBe(true);
    // Its corners, turned back, lie in the painting.
    const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    for (const [x, y] of [
      [across / 2, down / 2],
      [across / 2, -down / 2],
    ] as const) {
      expect(Math.abs(cos * x + sin * y)).toBeLessThanOrEqual(width / 2 + 1e-6);
      expect(Math.abs(cos * y - sin * x)).toBeLessThanOrEqual(height / 2 + 1e-6);
    }
  });

  test("goes clockwise at any angle", () => {
    // Light above and dark below; turned by 30 degrees, the border falls from the left to the
    // right.
    const turned = rotatePicture(
      painted(120, 120, (_, y) => (y < 60 ? [200, 0, 0] : [0, 0, 0])),
      30,
    );
    const at = (x: number, y: number) => turned.data[(y * turned.width + x) * 4];
    const middle = turned.height >> 1;
    expect([at(4, middle), at(turned.width - 5, middle)]).toEqual([0, 200]);
  });
});
