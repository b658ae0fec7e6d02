import { Random } from "@adaattn/train";
import { describe, expect, test } from "vitest";
import { cutPair, drawPositions, FARTHEST, marginOf, resamplingMatrix } from "../src/data/motion.ts";

describe("a motion", () => {
  test.each([32, 100, 128])("keeps every row within reach of a frame of %i pixels, and moves most of them", (side) => {
    let moved = 0;
    for (let seed = 0; seed < 100; seed++) {
      const random = new Random(seed);
      const positions = drawPositions(random, side, seed % 2 === 0 ? 0.95 : 1.05);
      const distances = [...positions].map((position, at) => Math.abs(position - at));
      expect(Math.max(...distances)).toBeLessThanOrEqual(FARTHEST * side);
      moved += distances.filter((distance) => distance > 1).length / side / 100;
      // Rows stay in order: nothing folds over.
      for (let at = 1; at < side; at++) expect(positions[at]).toBeGreaterThan(positions[at - 1] ?? Number.NaN);
    }
    expect(moved).toBeGreaterThan(0.3);
  });

  test("becomes a matrix that reads between two pixels, and nothing beyond the frame", () => {
    const matrix = resamplingMatrix(Float64Array.of(-0.25, 0, 1.25, 3, 3.1), 4);
    const rows = [0, 1, 2, 3, 4].map((row) => [...matrix.subarray(row * 4, row * 4 + 4)]);
    expect(rows).toEqual([
      [0, 0, 0, 0],
      [1, 0, 0, 0],
      [0, 0.75, 0.25, 0],
      [0, 0, 0, 1],
      [0, 0, 0, 0],
    ]);
  });
});

/** A pair cut out of a picture of smooth waves. */
function pairOf(seed: number, side: number) {
  const wide = side + 2 * marginOf(side);
  const picture = Float32Array.from({ length: 3 * wide * wide }, (_, at) => {
    const [channel, y, x] = [Math.floor(at / wide / wide), Math.floor(at / wide) % wide, at % wide];
    return 0.5 + 0.2 * Math.sin((x + 3 * channel) / 9) + 0.2 * Math.cos((y - channel) / 11);
  });
  const frame = () => new Float32Array(3 * side * side);
  const matrix = () => new Float32Array(side * side);
  const pair = { first: frame(), second: frame(), rows: matrix(), columns: matrix() };
  cutPair(picture, new Random(seed), side, pair);
  return { ...pair, picture, wide };
}

/** The first frame moved, R x C^T, NaN where the second frame sees beyond it. */
function moved({ first, rows, columns }: ReturnType<typeof pairOf>, side: number): number[] {
  const sum = (count: number, term: (at: number) => number) =>
    Array.from({ length: count }, (_, at) => term(at)).reduce((a, b) => a + b, 0);
  return Array.from({ length: 3 * side * side }, (_, at) => {
    const [channel, y, x] = [Math.floor(at / side / side), Math.floor(at / side) % side, at % side];
    const seen = sum(side, (row) => rows[y * side + row] ?? 0) * sum(side, (column) => columns[x * side + column] ?? 0);
    if (seen < 0.5) return Number.NaN;
    return sum(side, (row) => {
      const share = rows[y * side + row] ?? 0;
      const line = (channel * side + row) * side;
      return share === 0
        ? 0
        : share * sum(side, (column) => (first[line + column] ?? 0) * (columns[x * side + column] ?? 0));
    });
  });
}

describe("a pair of frames", () => {
  test("begins with the middle of its picture", () => {
    const side = 16;
    const { first, picture, wide } = pairOf(1, side);
    const margin = marginOf(side);
    for (const [channel, y, x] of [
      [0, 0, 0],
      [1, 3, 15],
      [2, 15, 8],
    ] as const) {
      expect(first[(channel * side + y) * side + x]).toBe(picture[(channel * wide + y + margin) * wide + x + margin]);
    }
  });

  test("ends with the same moved by its matrices, but for brightness and noise", () => {
    const side = 24;
    const gains: number[] = [];
    const noises: number[] = [];
    const stills: number[] = [];
    for (let seed = 1; seed <= 25; seed++) {
      const pair = pairOf(seed, side);
      const expected = moved(pair, side);
      const inSight = [...expected.keys()].filter((at) => !Number.isNaN(expected[at]));
      expect(inSight.length).toBeGreaterThan(0.6 * expected.length);
      const total = (values: ArrayLike<number>) => inSight.reduce((sum, at) => sum + (values[at] ?? 0), 0);
      const gain = total(pair.second) / total(expected);
      const errors = inSight.map((at) => (pair.second[at] ?? 0) - gain * (expected[at] ?? 0));
      gains.push(gain);
      noises.push(Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length));
      stills.push(Math.max(...inSight.map((at) => Math.abs((pair.first[at] ?? 0) - (expected[at] ?? 0)))));
    }
    expect(Math.min(...gains)).toBeGreaterThan(0.945);
    expect(Math.max(...gains)).toBeLessThan(1.055);
    expect(Math.max(...gains) - Math.min(...gains)).toBeGreaterThan(0.05);
    expect(Math.max(...noises)).toBeLessThan(0.025);
    expect(Math.max(...noises) - Math.min(...noises)).toBeGreaterThan(0.01);
    // They do move.
    expect(stills.filter((change) => change > 0.02).length).toBeGreaterThan(15);
  });
});
