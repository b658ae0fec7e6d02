import { Random } from "@adaattn/train";
import { expect, test } from "vitest";

test("the numbers are splitmix32's", () => {
  // Worked out apart, with whole numbers of any length.
  const bits = (seed: number, count: number) => {
    const random = new Random(seed);
    return Array.from({ length: count }, () => random.next() * 2 ** 32);
  };
  expect(bits(0, 4)).toEqual([2462723854, 1020716019, 454327756, 1275600319]);
  expect(bits(6666, 2)).toEqual([3080969549, 4132542016]);
  expect(bits(-1, 1)).toEqual([920564995]);
});

test("a generator goes on from the state of another", () => {
  const one = new Random(7);
  for (let at = 0; at < 5; at++) one.normal();
  const other = new Random(one.state);
  expect([other.next(), other.normal(), other.below(100)]).toEqual([one.next(), one.normal(), one.below(100)]);
});

test("whole numbers below a limit are all as frequent", () => {
  const random = new Random(3);
  const counts = [0, 0, 0, 0, 0, 0, 0];
  for (let at = 0; at < 7000; at++) {
    const value = random.below(7);
    counts[value] = (counts[value] ?? Number.NaN) + 1;
  }
  expect(counts).toHaveLength(7);
  // Five deviations of a count whose mean is 1000.
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt((1000 * 6) / 7));
  expect([0, 1, 2, 3].map(() => random.below(1))).toEqual([0, 0, 0, 0]);
});

test("normal numbers have mean 0, deviation 1 and the tails of their distribution", () => {
  const random = new Random(11);
  const values = Array.from({ length: 20_000 }, () => random.normal());
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(values.length));
  expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / values.length));
  const beyond = values.filter((value) => Math.abs(value) > 1.96).length / values.length;
  expect(Math.abs(beyond - 0.05)).toBeLessThan(0.01);
});
