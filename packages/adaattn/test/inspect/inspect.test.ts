import { evaluate, input, ndarray } from "@adaattn/graph";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AdaattnError } from "../../src/error.ts";
import type { Attention, AttentionMap } from "../../src/inspect/attention.ts";
import { drawEntropy, drawHeat, drawMarks, drawSources, heatColor } from "../../src/inspect/draw.ts";
import { attentionRows } from "../../src/network/rows.ts";
import { NodeEngine } from "../../src/node/engine.ts";
import { toOklab } from "../../src/picture/oklab.ts";
import { Model } from "../../src/stylize/model.ts";
import type { Style } from "../../src/stylize/style.ts";
import { generatedWeights, tiny, tinyVideo, waves } from "../models.ts";
import { numbers } from "../numbers.ts";
import { observe } from "../observed.ts";
import { grayMask, painted } from "../similarity.ts";

test.each(["softmax", "cosine"] as const)("rows by %s are the probabilities whose mean is the mean map", (kind) => {
  const [queries, keys] = [numbers([1, 3, 4], 1), numbers([1, 5, 4], 2)];
  const rows = attentionRows(input("queries", [1, 3, 4]), input("keys", [1, 5, 4]), kind);
  const [{ data, shape } = ndarray([], [0])] = evaluate([rows], { queries, keys });
  expect(shape).toEqual([1, 3, 5]);
  for (let q = 0; q < 3; q++) {
    const scores = Array.from({ length: 5 }, (_, k) => {
      const [a, b] = [queries.data.slice(q * 4, q * 4 + 4), keys.data.slice(k * 4, k * 4 + 4)];
      const dot = a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);
      return kind === "softmax" ? Math.exp(dot) : 1 + dot / (Math.hypot(...a) * Math.hypot(...b));
    });
    const total = scores.reduce((sum, score) => sum + score, 0);
    for (const [k, score] of scores.entries()) expect(data[q * 5 + k]).toBeCloseTo(score / total, 4);
  }
});

describe("the attention of a model", () => {
  let model: Model;
  let style: Style;
  const photo = waves(70, 54, 2);
  const painting = waves(90, 70, 3);
  beforeAll(async () => {
    model = await Model.load("tiny", tiny, generatedWeights(tiny), new NodeEngine());
    style = await model.style(painting);
  });
  afterAll(() => model.dispose());

  test("is a row of probabilities for each point, over keys that lie in the painting", async () => {
    const points = [
      { x: 0, y: 0 },
      { x: 69.9, y: 53.9 },
    ];
    for (const level of [3, 4, 5] as const) {
      const attention = await model.attention(photo, style, points, { level });
      expect([attention.level, attention.cell]).toEqual([level, 2 ** (level - 1)]);
      expect(attention.rows.map(({ point }) => point)).toEqual(points);
      expect(attention.keys.length).toBe(style.positions.get(level)?.length);
      for (const { x, y } of attention.keys) expect(x > 0 && y > 0 && x < 90 && y < 70).toBe(true);
      for (const { probabilities, best, entropy } of attention.rows) {
        expect(probabilities.length).toBe(attention.keys.length);
        expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 4);
        expect(probabilities[best]).toBe(Math.max(...probabilities));
        expect(entropy).toBeCloseTo(-probabilities.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0), 4);
      }
    }
  });

  test("is at the finest level unless another is asked for, and refuses one that there is not", async () => {
    expect((await model.attention(photo, style, [])).level).toBe(3);
    await using video = await Model.load("video", tinyVideo, generatedWeights(tinyVideo), new NodeEngine());
    using own = await video.style(painting);
    expect((await video.attention(photo, own, [{ x: 1, y: 1 }])).rows).toHaveLength(1);
    await expect(video.attention(photo, own, [], { level: 4 })).rejects.toThrow(
      new AdaattnError("option", "Expected one of 3 for level, as video has them, but received 4."),
    );
    await expect(model.attention(photo, own, [])).rejects.toThrow(/^Expected a style that this model, tiny, made/);
    await expect(model.attention(photo, style, [{ x: 70, y: 3 }])).rejects.toThrow(
      new AdaattnError("option", "Expected a point within the photograph of 70 x 54 pixels but received 70,3."),
    );
  });

  test("in a map is that of every point, however many blocks it takes", async () => {
    const map = await model.attentionMap(photo, style, { level: 4 });
    expect([map.width, map.height]).toEqual([10, 8]);
    for (const [column, row] of [
      [0, 0],
      [3, 5],
      [8, 6],
    ] as const) {
      const point = { x: column * 8 + 2, y: row * 8 + 2 };
      const { rows } = await model.attention(photo, style, [point], { level: 4 });
      expect(map.best[row * 10 + column]).toBe(rows[0]?.best);
      expect(map.entropy[row * 10 + column]).toBeCloseTo(rows[0]?.entropy ?? -1, 3);
    }
  });

  test("never reads the whole matrix at once", async () => {
    const observed = observe(new NodeEngine());
    const wide = {
      ...tiny,
      attention: { ...tiny.attention, modules: tiny.attention.modules.map((m) => ({ ...m, maxKeys: 5000 })) },
    };
    await using large = await Model.load("wide", wide, generatedWeights(wide), observed.engine);
    using own = await large.style(waves(208, 208, 4));
    await large.attentionMap(waves(160, 160, 5), own);
    const rows = observed.read.map(({ shape }) => shape);
    expect(rows.length).toBeGreaterThan(3);
    for (const [, queries = 0, keys = 0] of rows) expect(queries * keys).toBeLessThanOrEqual(1 << 20);
    expect(rows.reduce((sum, [, queries = 0]) => sum + queries, 0)).toBe(40 * 40);
  });

  test("stays within a style's mask", async () => {
    using masked = await model.style(painting, { mask: grayMask(90, 70, (x) => (x < 40 ? 1 : 0)) });
    const { keys } = await model.attention(photo, masked, [{ x: 5, y: 5 }]);
    expect(keys.length).toBeGreaterThan(10);
    for (const { x } of keys) expect(x).toBeLessThan(40);
  });
});

describe("pictures of attention:", () => {
  const keys = [
    { x: 10, y: 10 },
    { x: 30, y: 10 },
    { x: 10, y: 30 },
    { x: 30, y: 30 },
  ];
  const painting = painted(40, 40, (x, y) => [x < 20 ? 200 : 20, y < 20 ? 200 : 20, 90]);
  const at = (picture: { width: number; data: ArrayLike<number> }, x: number, y: number) =>
    [0, 1, 2].map((channel) => picture.data[(y * picture.width + x) * 4 + channel] ?? Number.NaN);

  test("the colors of heat grow evenly lighter", () => {
    const lightness = Array.from({ length: 11 }, (_, step) => {
      const [r, g, b] = heatColor(step / 10).map(Math.round);
      return toOklab(r ?? 0, g ?? 0, b ?? 0)[0];
    });
    for (let step = 1; step < 11; step++) {
      expect((lightness[step] ?? 0) - (lightness[step - 1] ?? 0)).toBeCloseTo(0.082, 2);
    }
  });

  test("heat is hot at the best key, cold at the median, and marked", () => {
    const row = {
      point: { x: 0, y: 0 },
      probabilities: Float32Array.of(0.001, 0.001, 0.001, 0.997),
      best: 3,
      entropy: 0.02,
    };
    const attention: Attention = { level: 3, cell: 4, keys, rows: [row] };
    const heat = drawHeat(painting, attention);
    const light = (x: number, y: number) => at(heat, x, y).reduce((sum, value) => sum + value, 0);
    expect(light(30, 30)).toBeGreaterThan(2 * light(10, 10));
    expect(at(heat, 30, 26)).toEqual([255, 255, 255]);
    // The painting shows through where it is cold, gray and darker.
    const [r, g, b] = at(heat, 5, 5);
    expect([r === g && g === b, (r ?? 0) > 20 && (r ?? 0) < 100]).toEqual([true, true]);
  });

  test("heat of probabilities glows where they are, in its point's color, however else the scores are", () => {
    const rows = [Float32Array.of(0.008, 0.001, 0.001, 0.99), Float32Array.of(0.495, 0.005, 0.5, 0)].map(
      (probabilities, index) => ({ point: { x: 0, y: 0 }, probabilities, best: 3 - index, entropy: 0 }),
    );
    const [red, blue] = [[255, 0, 0] as const, [0, 0, 255] as const];
    const drawn = (shown: typeof rows) =>
      drawHeat(
        painting,
        { level: 3, cell: 4, keys, rows: shown },
        { scale: "probabilities", colors: shown.map((row) => (row === rows[0] ? red : blue)) },
      );
    const alone = drawn(rows.slice(0, 1));
    // By scores the first key, at twice the median's logarithm, would glow; its probability does
    // not.
    const [r = 0, g = 0] = at(alone, 10, 10);
    expect(r - g).toBeLessThan(20);
    expect(at(alone, 30, 30)).toEqual(red);
    const both = drawn(rows);
    expect([at(both, 30, 30), at(both, 10, 30), at(both, 10, 10)]).toEqual([red, blue, blue]);
    // The ring of each has its color, too.
    expect([at(both, 30, 26), at(both, 10, 26)]).toEqual([red, blue]);
  });

  test("sources are patches of the painting, and entropy is lighter where it is larger", () => {
    const map: AttentionMap = {
      level: 3,
      cell: 4,
      width: 8,
      height: 8,
      keys,
      best: Uint32Array.from({ length: 64 }, (_, position) => position % 4),
      entropy: Float32Array.from({ length: 64 }, (_, position) => (position < 32 ? 0.01 : 1)),
    };
    const photo = { width: 30, height: 27 };
    const sources = drawSources(painting, map, photo);
    expect([sources.width, sources.height]).toEqual([30, 27]);
    expect([0, 4, 8, 12].map((x) => at(sources, x, 20))).toEqual([
      [200, 200, 90],
      [20, 200, 90],
      [200, 20, 90],
      [20, 20, 90],
    ]);
    const entropy = drawEntropy(map, photo);
    expect(at(entropy, 3, 20)[0]).toBeGreaterThan((at(entropy, 3, 3)[0] ?? 0) + 100);
  });

  test("marks are rings, cut off at the edge", () => {
    const marked = drawMarks(painting, [{ x: 0, y: 0 }, keys[3] ?? { x: 0, y: 0 }]);
    expect(at(marked, 30, 26)).toEqual([255, 255, 255]);
    expect(at(marked, 30, 30)).toEqual([20, 20, 90]);
    expect(at(marked, 4, 0)).toEqual([255, 255, 255]);
  });
});
