import { describe, expect, test } from "vitest";
import { evenPositions, randomPositions } from "../../src/stylize/sampling.ts";

describe("random positions", () => {
  test("are those of torch.randperm", () => {
    expect([...randomPositions(10, 10, 0)].map(Number)).toEqual([4, 1, 7, 5, 3, 9, 0, 8, 6, 2]);
  });

  test("are the first of the whole permutation", () => {
    const all = randomPositions(1000, 1000, 6666);
    expect([...randomPositions(1000, 300, 6666)]).toEqual([...all.subarray(0, 300)]);
    expect(new Set(all).size).toBe(1000);
  });

  test("differ from seed to seed, over more numbers than the generator makes at a time", () => {
    const [one, two] = [randomPositions(5000, 5000, 1), randomPositions(5000, 5000, 2)];
    expect(new Set(one).size).toBe(5000);
    expect([...one].filter((position, at) => position === two[at]).length).toBeLessThan(10);
  });

  test("are as many as there are, where more are asked for", () => {
    expect([...randomPositions(3, 5, 0)].sort()).toEqual([0n, 1n, 2n]);
    expect([...randomPositions(1, 1, 0)]).toEqual([0n]);
  });
});

describe("even positions", () => {
  const listed = (width: number, height: number, count: number) =>
    [...evenPositions({ width, height }, count)].map(Number);

  test("lie on a grid that starts half a step from the edge", () => {
    expect(listed(6, 4, 6)).toEqual([0, 2, 4, 12, 14, 16]);
    expect(listed(9, 9, 9)).toEqual([10, 13, 16, 37, 40, 43, 64, 67, 70]);
    expect(listed(5, 1, 2)).toEqual([1, 4]);
    expect(listed(7, 5, 1)).toEqual([17]);
  });

  test("are all positions where they fit", () => {
    expect(listed(4, 3, 12)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(listed(46, 44, 2048)).toHaveLength(46 * 44);
  });

  test("never exceed the count, see every quarter, and lie nearly as far apart down as across", () => {
    for (const count of [4, 9, 64, 2048]) {
      for (let width = 3; width <= 260; width += count > 64 ? 13 : 7) {
        for (let height = Math.ceil(width / 1.9); height <= 1.9 * width; height += 5) {
          const positions = listed(width, height, count);
          const rows = [...new Set(positions.map((position) => Math.floor(position / width)))];
          const columns = [...new Set(positions.map((position) => position % width))];
          const label = `${width} x ${height} for ${count}`;
          expect(positions.length, label).toBeLessThanOrEqual(count);
          expect(positions.length, label).toBe(rows.length * columns.length);
          expect(Math.min(...positions), label).toBeGreaterThanOrEqual(0);
          expect(Math.max(...positions), label).toBeLessThan(width * height);
          // A middle row or column of an odd number of them counts as both halves.
          for (const [lines, length] of [
            [rows, height],
            [columns, width],
          ] as const) {
            expect(Math.min(...lines), label).toBeLessThan(length / 2);
            expect(Math.max(...lines), label).toBeGreaterThanOrEqual((length - 1) / 2);
          }
          if (rows.length > 2 && columns.length > 2) {
            const [down, across] = [rows, columns].map(([first = 0, second = 0]) => second - first) as [number, number];
            expect(Math.max(down / across, across / down), label).toBeLessThanOrEqual(2);
          }
          if (width * height > 4 * count && count > 9) {
            expect(positions.length, label).toBeGreaterThan(count / 2);
          }
        }
      }
    }
  });
});
