import { architectureNamed } from "adaattn/network";
import { describe, expect, test } from "vitest";
import { arithmeticOf, attentionOf } from "../arithmetic.ts";
import { allCases, type Case, stylizeCase } from "../cases.ts";
import { drawChart, logTicks } from "../chart.ts";
import { digits, reportFiles } from "../report.ts";
import { type Entry, entryOf } from "../results.ts";
import { Bench } from "../sides.ts";
import { isMet, targetsOf } from "../targets.ts";

const square = (side: number) => ({ width: side, height: side });

describe("arithmetic", () => {
  test("of the released network is what its paper's layers give, in 10^9 multiply-accumulates", () => {
    const { encode, attend, decode } = arithmeticOf(architectureNamed("vgg19-image"), square(512), square(512));
    // Level 3: 16384 queries, 4096 keys; level 4: 4096 and 4096; level 5: 1024 and 1024.
    const attention = 16384 * 4096 * (448 + 512) + 4096 * 4096 * (960 + 1024) + 1024 * 1024 * (1472 + 1024);
    expect(attend).toBe(attention);
    expect(encode / 1e9).toBeCloseTo(94.7, 1);
    expect(decode / 1e9).toBeCloseTo(72.9 + 9.7, 1);
  });

  test("of convolutions grows with pixels, and odd sizes are padded", () => {
    const small = architectureNamed("small");
    const [one, four] = [arithmeticOf(small, square(64), square(64)), arithmeticOf(small, square(128), square(64))];
    expect(four.encode).toBe(4 * one.encode);
    expect(four.decode).toBe(4 * one.decode);
    expect(four.style).toBe(one.style);
    expect(arithmeticOf(small, { width: 50, height: 63 }, square(64))).toEqual(one);
  });

  test("of linear attention is a fiftieth of the quadratic one's at 512 x 512", () => {
    const [three, four] = architectureNamed("small-video").attention.modules.map((module, index) => {
      const count = 16384 / 4 ** index;
      return {
        linear: attentionOf(module, "cosine", count, count),
        all: attentionOf(module, "quadratic", count, count),
      };
    });
    expect(three?.linear).toBe(16384 * 112 * 129);
    expect(((three?.all ?? 0) + (four?.all ?? 0)) / ((three?.linear ?? 0) + (four?.linear ?? 0))).toBeGreaterThan(50);
  });
});

/** An entry of a case as if its sides had taken these seconds, cached seconds and bytes. */
function made(id: string, sides: Record<string, readonly [number, number, number]>): Entry {
  const found = allCases(["cpu"]).find((one) => one.id === id) as Case;
  const readings = Object.entries(sides).map(([name, [seconds, cachedSeconds, peakRssBytes]]) => {
    const own = name === "ours" ? { roofGflops: 200, tiles: 1 } : {};
    return [name, [{ seconds, cachedSeconds, peakRssBytes, ...own }]] as const;
  });
  return entryOf(found, { machine: "a machine", threads: 2, skipped: {} }, Object.fromEntries(readings));
}

describe("results", () => {
  test("are medians of the rounds, the largest memory, and medians of the rounds' ratios", () => {
    const one = stylizeCase("small", 256, "cpu");
    const rounds = (...seconds: number[]) => seconds.map((time) => ({ seconds: time, peakRssBytes: time * 100 }));
    const facts = { machine: "a machine", threads: 2, skipped: {} };
    const { sides, rounds: count } = entryOf(one, facts, { ours: rounds(1, 2, 9), pytorch: rounds(10, 4, 10) });
    expect(count).toBe(3);
    expect(sides.ours).toEqual({ seconds: 2, peakRssBytes: 900 });
    expect(sides.pytorch?.ratio).toEqual({ seconds: 0.5, range: [0.1, 0.9], peakRssBytes: 0.5 });
  });

  test("are held against the targets unrounded, and printed rounded against them", () => {
    const entries = [
      made("stylize/vgg19-image/512/cpu", { ours: [5.001, 4, 4e8], pytorch: [10, 8, 8e8] }),
      made("stylize/small/256/cpu", { ours: [0.2, 0.125, 2e8] }),
    ];
    const targets = targetsOf(entries);
    expect(targets.map(isMet).slice(0, 7)).toEqual([false, undefined, true, undefined, undefined, true, undefined]);
    const { "benchmarks.md": text = "" } = reportFiles(entries);
    expect(text).toContain("| at most 0.5 x | 0.501 x | **not met** |");
    expect(text).toContain("| at least 8 a second | 8.00 a second | met |");
    expect(text).toContain("| not measured |");
  });

  test("come without charts and tables where nothing is measured", () => {
    expect(Object.keys(reportFiles([]))).toEqual(["benchmarks.md"]);
    expect(reportFiles([])["benchmarks.md"]).toContain("Nothing has been measured yet.");
  });

  test.each([
    [0.50001, "up", "0.501"],
    [0.5, "up", "0.500"],
    [0.07, "up", "0.0700"],
    [7.999, "down", "7.99"],
    [14909, "nearest", "14900"],
    [999.9, "up", "1000"],
  ] as const)("%d rounded %s is %s", (value, towards, text) => {
    expect(digits(value, towards)).toBe(text);
  });
});

describe("a chart", () => {
  test("has marks at 1, 2 and 5 of every power of ten around its values", () => {
    expect(logTicks([0.3, 4])).toEqual([0.2, 0.5, 1, 2, 5]);
    expect(logTicks([1, 1])).toEqual([1, 2]);
  });

  test("is straight and even where values grow by a power of the pixels", () => {
    const points = [256, 512, 1024].map((side) => [side * side, side / 256] as const);
    const svg = drawChart({
      title: "a < b",
      xLabel: "x",
      yLabel: "y",
      xTicks: [],
      lines: [{ name: "one & two", points }],
    });
    const [, path = ""] = /<g class="c0"><path class="line" d="([^"]+)"/.exec(svg) ?? [];
    const places = path
      .slice(1)
      .split("L")
      .map((pair) => pair.split(" ").map(Number));
    const [first, second, third] = places as [[number, number], [number, number], [number, number]];
    expect(third[0] - second[0]).toBeCloseTo(second[0] - first[0], 0);
    expect(third[1] - second[1]).toBeCloseTo(second[1] - first[1], 0);
    expect(second[1]).toBeLessThan(first[1]);
    expect(svg).toContain("one &#38; two");
    expect(svg).not.toContain("a < b");
    expect(svg).toContain("prefers-color-scheme:dark");
  });

  test("names every preset once, and PyTorch", () => {
    const entries = [256, 512].map((side) =>
      made(`stylize/vgg19-image/${side}/cpu`, { ours: [side, side, side], pytorch: [side, side, side] }),
    );
    const svg = reportFiles(entries)["benchmarks/time.svg"] ?? "";
    expect(svg.match(/vgg19-image, cpu/g)).toHaveLength(1);
    expect(svg.match(/PyTorch, cpu/g)).toHaveLength(1);
    expect(svg).toContain("512²");
  });
});

test("cases have names of their own", () => {
  const names = allCases(["cpu", "webgpu"]).map(({ id }) => id);
  expect(new Set(names).size).toBe(names.length);
});

test("a process measures itself", () => {
  using bench = new Bench({ python: "there-is-no-python", threads: 1 });
  const { ours, pytorch } = stylizeCase("small", 64, "cpu").sides;
  expect(pytorch && bench.obstacle(pytorch)).toBe("PyTorch is not installed");
  const reading = bench.run({
    program: "ours",
    args: [...(ours?.args ?? []).filter((arg) => arg !== "--roof"), "--repeat", "1"],
  });
  expect(reading.seconds).toBeGreaterThan(reading.cachedSeconds ?? Number.POSITIVE_INFINITY);
  expect(reading.peakRssBytes).toBeGreaterThan(5e7);
  expect(reading.tiles).toBe(1);
  expect(() => bench.run({ program: "ours", args: ["nothing"] })).toThrow("for the task but received nothing");
});

test.each([
  ["attention", "--preset", "small", "--size", "64"],
  ["attention", "--preset", "small-video", "--size", "64"],
  ["attention", "--preset", "small-video", "--size", "64", "--quadratic"],
  ["convolutions", "--preset", "small", "--size", "64"],
  ["step", "--preset", "small", "--batch", "2", "--crop", "32"],
])("every task of ours runs: %s %s %s", (...args) => {
  using bench = new Bench({ python: "there-is-no-python", threads: 1 });
  expect(bench.run({ program: "ours", args: [...args, "--repeat", "1"] }).seconds).toBeGreaterThan(0);
});
