import { constant, evaluate, gradients, input, type NdArray, ndarray, type Tensor } from "@adaattn/graph";
import {
  contentLoss,
  crossSimilarityLoss,
  globalStyleLoss,
  localFeatureLoss,
  localTarget,
  meanSquaredError,
  Random,
  relativeStyleLoss,
  selfSimilarityLoss,
  strokesLoss,
  structureLoss,
  temperatureOf,
  temporalLoss,
  totalVariation,
  transportLoss,
  weaveLoss,
  weightedTerms,
} from "@adaattn/train";
import { describe, expect, test } from "vitest";
import { drawPositions, resamplingMatrix } from "../src/data/motion.ts";

function numbers(shape: readonly number[], seed: number): NdArray {
  const random = new Random(seed);
  return ndarray(
    Array.from({ length: shape.reduce((product, length) => product * length, 1) }, () => random.normal()),
    shape,
  );
}

/** Features of two levels, called `name`1 and `name`2, and values for them. */
function levels(name: string, seed: number, side = 4, channels: readonly [number, number] = [2, 3]) {
  const shapes = [
    [1, channels[0], side, side],
    [1, channels[1], side / 2, side / 2],
  ];
  return {
    tensors: shapes.map((shape, at) => input(`${name}${at + 1}`, shape)),
    feeds: Object.fromEntries(shapes.map((shape, at) => [`${name}${at + 1}`, numbers(shape, seed + at)])),
  };
}

const value = (loss: Tensor, feeds: Record<string, NdArray>) => evaluate([loss], feeds)[0]?.data[0] ?? Number.NaN;

/** Values with `change` applied to them, under the names of another set of features. */
function renamed(feeds: Record<string, NdArray>, name: string, change: (value: number, at: number) => number) {
  return Object.fromEntries(
    Object.entries(feeds).map(([key, { shape, data }]) => [name + key.slice(-1), { shape, data: data.map(change) }]),
  );
}

test("the mean squared error is the mean over all elements", () => {
  const [a, b] = [input("a", [1, 1, 2, 2]), input("b", [1, 1, 2, 2])];
  const feeds = { a: ndarray([1, 2, 3, 4], [1, 1, 2, 2]), b: ndarray([1, 0, 6, 4], [1, 1, 2, 2]) };
  expect(value(meanSquaredError(a, b), feeds)).toBe(13 / 4);
});

describe("the global style loss", () => {
  test("is that of means and deviations, by hand", () => {
    const [result, style] = [input("result", [1, 2, 2, 2]), input("style", [1, 2, 1, 2])];
    const feeds = {
      result: ndarray([1, 3, 1, 3, 0, 0, 0, 0], [1, 2, 2, 2]),
      style: ndarray([5, 7, 1, 1], [1, 2, 1, 2]),
    };
    // Means 2 and 0 against 6 and 1; unbiased variances 4/3 and 0 against 2 and 0.
    const means = (16 + 1) / 2;
    const deviations = (Math.sqrt(4 / 3 + 1e-5) - Math.sqrt(2 + 1e-5)) ** 2 / 2;
    expect(value(globalStyleLoss([result], [style], [1]), feeds)).toBeCloseTo(means + deviations, 12);
  });

  test("is zero for equal features, and for the same ones in another order", () => {
    const [result, style] = [levels("result", 1), levels("style", 1)];
    const loss = globalStyleLoss(result.tensors, style.tensors, [1, 2]);
    expect(value(loss, { ...style.feeds, ...renamed(style.feeds, "result", (x) => x) })).toBe(0);
    const turned = Object.fromEntries(
      Object.entries(style.feeds).map(([key, { shape, data }]) => {
        const positions = (shape[2] ?? 1) * (shape[3] ?? 1);
        return [
          `result${key.slice(-1)}`,
          ndarray(
            data.map((_, at) => data[Math.floor(at / positions) * positions + ((at + 1) % positions)] ?? 0),
            shape,
          ),
        ];
      }),
    );
    expect(value(loss, { ...style.feeds, ...turned })).toBeLessThan(1e-20);
    expect(value(loss, { ...style.feeds, ...levels("result", 5).feeds })).toBeGreaterThan(0.01);
  });

  test("is the sum over its levels, 2 to 5 unless others are given", () => {
    const deep = (name: string) => [1, 2, 3, 4, 5].map((level) => input(`${name}${level}`, [1, 1, 2, 2]));
    const feeds = Object.fromEntries(
      ["result", "style"].flatMap((name, which) =>
        [1, 2, 3, 4, 5].map((level) => [
          `${name}${level}`,
          ndarray(Array(4).fill(which * 10 ** (level - 1)), [1, 1, 2, 2]),
        ]),
      ),
    );
    // Differences of the means of 1, 10, 100 ... at the levels.
    const [result, style] = [deep("result"), deep("style")];
    expect(value(globalStyleLoss(result, style), feeds)).toBeCloseTo(1e2 + 1e4 + 1e6 + 1e8, 4);
    expect(value(globalStyleLoss(result, style, [1, 3]), feeds)).toBeCloseTo(1 + 1e4, 6);
    expect(() => globalStyleLoss(result, style, [6])).toThrow(new Error("Expected a level from 1 to 5 but received 6"));
  });
});

describe("the local feature loss", () => {
  const [content, style] = [levels("content", 11), levels("style", 21, 6)];
  const result = [input("result1", [1, 2, 4, 4]), input("result2", [1, 3, 2, 2])];
  const feeds = { ...content.feeds, ...style.feeds };
  const targets = evaluate(
    [1, 2].map((level) => localTarget(content.tensors, style.tensors, level)),
    feeds,
  ) as [NdArray, NdArray];
  const [, second] = targets;

  test("is zero where the result is the target, and the squared distance elsewhere", () => {
    const loss = localFeatureLoss(result, content.tensors, style.tensors, [1, 2]);
    const [first, second] = targets;
    expect(value(loss, { ...feeds, result1: first, result2: second })).toBeLessThan(1e-20);
    const moved = { shape: second.shape, data: second.data.map((x, at) => x + (at === 5 ? 0.3 : 0)) };
    expect(value(loss, { ...feeds, result1: first, result2: moved })).toBeCloseTo(0.09 / 12, 12);
  });

  test("has a target with the content's sharpness and the style's colors", () => {
    // A style of one value has no deviation: whatever the content, the target is that value.
    const flat = { ...feeds, ...renamed(style.feeds, "style", () => 4) };
    const [one, two] = evaluate(
      [1, 2].map((level) => localTarget(content.tensors, style.tensors, level)),
      flat,
    );
    for (const target of [one, two])
      expect(Math.max(...(target?.data ?? [Number.NaN]).map((x) => Math.abs(x - 4)))).toBe(0);
  });

  test("has a target of another kind of attention where that is asked for", () => {
    const [plain, cosine] = evaluate(
      (["softmax", "cosine"] as const).map((kind) => localTarget(content.tensors, style.tensors, 2, { kind })),
      feeds,
    );
    expect(cosine?.shape).toEqual(plain?.shape);
    const [loss, other] = (["softmax", "cosine"] as const).map((kind) =>
      value(localFeatureLoss(result, content.tensors, style.tensors, [2], undefined, kind), {
        ...feeds,
        result2: cosine ?? second,
      }),
    );
    expect(other).toBeLessThan(1e-20);
    expect(loss).toBeGreaterThan(0.01);
  });

  test("attends to the chosen positions where a level has many", () => {
    const asked: number[] = [];
    const choose = (positions: number) => {
      asked.push(positions);
      return positions > 9 ? constant(BigInt64Array.of(3n), [1]) : undefined;
    };
    const loss = localFeatureLoss(result, content.tensors, style.tensors, [1, 2], choose);
    expect(asked).toEqual([36, 9]);
    // One position only: its value everywhere.
    const only = [0, 1].map((channel) => style.feeds.style1?.data[channel * 36 + 3] ?? 0);
    const first = ndarray(
      Array.from({ length: 32 }, (_, at) => only[Math.floor(at / 16)] ?? 0),
      [1, 2, 4, 4],
    );
    expect(value(loss, { ...feeds, result1: first, result2: targets[1] })).toBeLessThan(1e-20);
  });

  test("attends with a narrow network's features as sharply as with the full one's", () => {
    // The full network's 64 and 128 channels, every 16 of them alike, are the narrow network's 4
    // and 8.
    const [narrow, wide] = [[4, 8] as const, [64, 128] as const];
    const own = { content: levels("content", 31, 4, narrow), style: levels("style", 41, 4, narrow) };
    const repeated = (original: Record<string, NdArray>) =>
      Object.fromEntries(
        Object.entries(original).map(([key, { shape, data }]) => {
          const [, channels = 1, height = 1, width = 1] = shape;
          const positions = height * width;
          const spread = Array.from({ length: data.length * 16 }, (_, at) => {
            const channel = Math.floor(at / positions / 16);
            return data[channel * positions + (at % positions)] ?? 0;
          });
          return [key, ndarray(spread, [1, channels * 16, height, width])];
        }),
      );
    const full = { content: levels("content", 0, 4, wide), style: levels("style", 0, 4, wide) };
    const [small] = evaluate([localTarget(own.content.tensors, own.style.tensors, 2)], {
      ...own.content.feeds,
      ...own.style.feeds,
    });
    const [large] = evaluate([localTarget(full.content.tensors, full.style.tensors, 2)], {
      ...repeated(own.content.feeds),
      ...repeated(own.style.feeds),
    });
    expect(small?.shape).toEqual([1, 8, 2, 2]);
    small?.data.forEach((x, at) => {
      expect(large?.data[Math.floor(at / 4) * 64 + (at % 4)]).toBeCloseTo(x, 9);
    });
  });

  test.each([
    [1, 64, 1],
    [3, 448, 1],
    [3, 112, 4],
    [4, 240, 4],
    [5, 368, 4],
  ])("at level %i with %i key channels has the temperature %i", (level, channels, temperature) => {
    expect(temperatureOf(level, channels)).toBe(temperature);
  });
});

test("the content loss does not see a channel's contrast and brightness", () => {
  const [result, content] = [levels("result", 51), levels("content", 61)];
  const loss = contentLoss(result.tensors, content.tensors, [1, 2]);
  const brighter = renamed(content.feeds, "result", (x) => 3 * x + 2);
  expect(value(loss, { ...content.feeds, ...brighter })).toBeLessThan(1e-8);
  expect(value(loss, { ...content.feeds, ...result.feeds })).toBeGreaterThan(0.1);
});

/** The slope of a loss along elements of an input, from the loss a little to either side. */
function slopes(
  loss: Tensor,
  feeds: Record<string, NdArray>,
  name: string,
  elements: Iterable<number> = (feeds[name]?.data ?? []).keys(),
): number[] {
  const { shape, data } = feeds[name] ?? ndarray([], [0]);
  return Array.from(elements, (at) => {
    const [above = 0, below = 0] = [1e-5, -1e-5].map((step) =>
      value(loss, { ...feeds, [name]: { shape, data: data.map((x, index) => (index === at ? x + step : x)) } }),
    );
    return (above - below) / 2e-5;
  });
}

/** Expects the gradients of a loss to be its slopes. */
function expectGradients(
  loss: Tensor,
  feeds: Record<string, NdArray>,
  inputs: readonly Tensor[],
  names: readonly string[],
) {
  evaluate(gradients(loss, inputs), feeds).forEach(({ data }, at) => {
    const wanted = slopes(loss, feeds, names[at] ?? "");
    const largest = Math.max(...wanted.map(Math.abs));
    expect(largest).toBeGreaterThan(0);
    data.forEach((slope, index) => {
      expect(Math.abs(slope - (wanted[index] ?? 0)), `${names[at]}[${index}]`).toBeLessThan(1e-5 * largest);
    });
  });
}

describe("the relative style loss", () => {
  test("is in units of the painting's own mean square and the usual one, by hand", () => {
    const [result, style] = [input("result", [2, 1, 1, 2]), input("style", [2, 1, 1, 2])];
    const feeds = {
      result: ndarray([3, 3, 0, 0], [2, 1, 1, 2]),
      style: ndarray([1, 1, 0, 0], [2, 1, 1, 2]),
    };
    // The means differ by 2 in one of two samples, whose own square is 1 (and deviation
    // sqrt(1e-5)); the usual one is 3.
    const loss = relativeStyleLoss([result], [style], { shares: [2], units: [3] });
    expect(value(loss, feeds)).toBeCloseTo(4 / (0.5 * (1 + 1e-5) + 0.5 * 3) / 2, 6);
    const same = relativeStyleLoss([result, result], [style, style], { shares: [1, 3], units: [3, 7] });
    const second = 4 / (0.5 * (1 + 1e-5) + 0.5 * 7) / 2;
    expect(value(same, feeds)).toBeCloseTo((value(loss, feeds) + 3 * second) / 4, 6);
    const without = relativeStyleLoss([result, result], [style, style], { shares: [1, 0], units: [3, 7] });
    expect(value(without, feeds)).toBeCloseTo(value(loss, feeds), 12);
  });

  test("has the slopes that its gradients say", () => {
    const [result, style] = [levels("result", 3), levels("style", 5)];
    const loss = relativeStyleLoss(result.tensors, style.tensors, { shares: [1, 2], units: [0.5, 2] });
    expectGradients(loss, { ...result.feeds, ...style.feeds }, result.tensors, ["result1", "result2"]);
  });
});

describe("the transport loss", () => {
  test("is 1 - cosine to the most similar point, both ways, by hand", () => {
    const [result, style] = [input("result", [1, 2, 1, 2]), input("style", [1, 2, 1, 1])];
    // The result's points are (1, 0) and (0, 2), the painting's only one (3, 3): cosines of
    // 1/sqrt(2) each.
    const feeds = { result: ndarray([1, 0, 0, 2], [1, 2, 1, 2]), style: ndarray([3, 3], [1, 2, 1, 1]) };
    expect(value(transportLoss([result], [style], [1]), feeds)).toBeCloseTo(1 - Math.SQRT1_2, 4);
    // (3, 0) has a like one, yet is not like (0, 2): half of one way is lost and none of the other.
    expect(
      value(transportLoss([result], [style], [1]), { ...feeds, style: ndarray([3, 0], [1, 2, 1, 1]) }),
    ).toBeCloseTo((0.5 + 0) / 2, 4);
  });

  test("has the slopes that its gradients say", () => {
    const [result, style] = [levels("result", 7), levels("style", 9)];
    const loss = transportLoss(result.tensors, style.tensors, [1, 2]);
    expectGradients(loss, { ...result.feeds, ...style.feeds }, result.tensors, ["result1", "result2"]);
  });
});

describe("the self-similarity loss", () => {
  test("is that of dissimilarities whose columns sum to 1, by hand", () => {
    const [result, content] = [input("result", [1, 2, 1, 3]), input("content", [1, 2, 1, 3])];
    // Points (1, 0), (0, 1), (-1, 0): 1 - cosine is 0 1 2, 1 0 1, 2 1 0, the columns' sums 3, 2, 3.
    // Points (1, 0), (1, 0), (0, 1): 0 0 1, 0 0 1, 1 1 0, the columns' sums 1, 1, 2.
    const feeds = {
      result: ndarray([1, 0, -1, 0, 1, 0], [1, 2, 1, 3]),
      content: ndarray([1, 1, 0, 0, 0, 1], [1, 2, 1, 3]),
    };
    const columns = [1 / 3 + 1 / 3, 1 / 2 + 1 / 2, 2 / 3 - 1 / 2 + (1 / 2 - 1 / 3)];
    const wanted = columns.reduce((sum, column) => sum + column) / 3;
    expect(value(selfSimilarityLoss([result], [content], [1]), feeds)).toBeCloseTo(wanted, 4);
  });

  test("has the slopes that its gradients say", () => {
    const [result, content] = [levels("result", 13), levels("content", 15)];
    const loss = selfSimilarityLoss(result.tensors, content.tensors, [1, 2]);
    expectGradients(loss, { ...result.feeds, ...content.feeds }, result.tensors, ["result1", "result2"]);
  });
});

describe("losses of texture", () => {
  /** A picture [1, 3, side, side] from what stands at x, y and a channel. */
  const picture = (side: number, color: (x: number, y: number, channel: number) => number) =>
    ndarray(
      Array.from({ length: 3 * side * side }, (_, at) =>
        color(at % side, Math.floor(at / side) % side, Math.floor(at / side / side)),
      ),
      [1, 3, side, side],
    );
  const { sin, cos, PI } = Math;
  const woven = (x: number, y: number, channel: number) =>
    0.5 +
    0.2 * sin(x / (5 + channel) + y / 9) * cos(y / 13) * (x / 64) +
    0.02 * cos((PI * x) / 2) +
    0.01 * cos(PI * (x + y));
  const brushed = (x: number, y: number, channel: number) =>
    0.4 + 0.1 * sin(x / 3 - y / (4 + channel)) * (y / 64) + 0.2 * sin(x / 11);
  const [result, style] = [input("result", [1, 3, 64, 64]), input("style", [1, 3, 64, 64])];
  const feeds = { result: picture(64, woven), style: picture(64, brushed) };

  // What training/torch's losses give for the same pictures.
  test("have the values of the trainer in PyTorch", () => {
    expect(value(weaveLoss(result), feeds)).toBeCloseTo(17.4581, 3);
    expect(value(weaveLoss(style), feeds)).toBeCloseTo(0, 9);
    expect(value(strokesLoss(result, style), feeds)).toBeCloseTo(0.939696, 4);
    expect(value(strokesLoss(style, result), feeds)).toBeCloseTo(0.939696, 4);
    const corners = [input("result", [1, 3, 32, 32]), input("style", [1, 3, 32, 32])] as const;
    const little = { result: picture(32, woven), style: picture(32, brushed) };
    expect(value(strokesLoss(...corners), little)).toBeCloseTo(1.66017, 4);
  });

  test("have the slopes that their gradients say", () => {
    const pixels = [0, 700, 2113, 4096 + 1300, 8192 + 3333];
    for (const loss of [weaveLoss(result), strokesLoss(result, style)]) {
      const [gradient] = evaluate(gradients(loss, [result]), feeds);
      const wanted = slopes(loss, feeds, "result", pixels);
      const largest = Math.max(...wanted.map(Math.abs));
      expect(largest).toBeGreaterThan(0.001);
      pixels.forEach((pixel, at) => {
        expect(Math.abs((gradient?.data[pixel] ?? 0) - (wanted[at] ?? 0))).toBeLessThan(1e-3 * largest);
      });
    }
  });

  test("find a grid in a calm place beside lively ones, and say nothing of long waves", () => {
    const random = new Random(7);
    const noise = Array.from({ length: 64 * 64 }, () => random.normal());
    const lively = (x: number, y: number) => 0.5 + (x < 40 ? 0 : 0.15 * (noise[y * 64 + x] ?? 0));
    const loss = weaveLoss(input("result", [1, 3, 64, 64]));
    const without = value(loss, { result: picture(64, lively) });
    const gridded = value(loss, { result: picture(64, (x, y) => lively(x, y) + (x < 40 ? 0.01 * cos(PI * x) : 0)) });
    expect(gridded).toBeGreaterThan(without + 0.5);
    expect(value(loss, { result: picture(64, (x, y) => 0.5 + 0.3 * sin((x + y) / 15)) })).toBeLessThan(0.05);
  });

  test("compare calm places with calm places, wherever they lie", () => {
    const mirrored = (x: number, y: number, channel: number) => brushed(63 - x, y, channel);
    const loss = strokesLoss(result, style);
    expect(value(loss, { result: picture(64, mirrored), style: feeds.style })).toBeLessThan(1e-9);
    const flat = picture(64, (x, y, channel) => 0.5 * brushed(x, y, channel));
    // Half of the contrast is a quarter of the energy, but for the floor.
    expect(value(loss, { result: flat, style: feeds.style })).toBeGreaterThan(0.8);
    expect(value(loss, { result: flat, style: feeds.style })).toBeLessThan(Math.log(4) + 1e-9);
  });
});

describe("the structure loss", () => {
  const [result, content] = [input("result", [1, 3, 24, 24]), input("content", [1, 3, 24, 24])];
  const photograph = numbers([1, 3, 24, 24], 17).data.map((x) => 0.5 + 0.1 * x);
  const feeds = (change: (value: number, at: number) => number) => ({
    content: ndarray(photograph, [1, 3, 24, 24]),
    result: ndarray(photograph.map(change), [1, 3, 24, 24]),
  });
  const loss = structureLoss(result, content);

  test("is 0 for the photograph itself, brighter or darker, 1 without any structure and above for a negative", () => {
    expect(
      value(
        loss,
        feeds((x) => x),
      ),
    ).toBeCloseTo(0, 12);
    expect(
      value(
        loss,
        feeds((x) => x + 0.2),
      ),
    ).toBeCloseTo(0, 6);
    const gray = value(
      loss,
      feeds(() => 0.5),
    );
    expect(gray).toBeGreaterThan(0.5);
    expect(gray).toBeLessThan(1);
    expect(
      value(
        loss,
        feeds((x) => 1 - x),
      ),
    ).toBeGreaterThan(1);
  });

  test("has the slopes that its gradients say", () => {
    const changed = feeds((x, at) => x + 0.05 * Math.sin(at));
    const [slope] = evaluate(gradients(loss, [result]), changed);
    for (const at of [0, 300, 575, 900, 1700]) {
      const { shape, data } = changed.result;
      const [above = 0, below = 0] = [1e-5, -1e-5].map((step) =>
        value(loss, { ...changed, result: { shape, data: data.map((x, index) => (index === at ? x + step : x)) } }),
      );
      const wanted = (above - below) / 2e-5;
      expect(Math.abs((slope?.data[at] ?? 0) - wanted), String(at)).toBeLessThan(1e-4 * Math.abs(wanted) + 1e-9);
    }
  });
});

describe("the cross-image similarity loss", () => {
  const names = ["painted", "repainted", "frame", "next"] as const;
  const sets = names.map((name, at) => levels(name, 71 + 10 * at));
  const feeds = Object.assign({}, ...sets.map((set) => set.feeds)) as Record<string, NdArray>;
  const [painted = [], repainted = [], frame = [], next = []] = sets.map((set) => set.tensors);

  test("is that of dissimilarities whose columns sum to 1, by hand", () => {
    const inputs = names.map((name) => input(name, [1, 2, 1, 2]));
    const [a, b, c, d] = inputs as [Tensor, Tensor, Tensor, Tensor];
    // Channels first: the points of a are (1, 0) and (0, 1), those of b (2, 0) and (-1, 0), and so
    // on.
    const values = {
      painted: ndarray([1, 0, 0, 1], [1, 2, 1, 2]),
      repainted: ndarray([2, -1, 0, 0], [1, 2, 1, 2]),
      frame: ndarray([1, 0, 0, 1], [1, 2, 1, 2]),
      next: ndarray([0, 3, 1, 0], [1, 2, 1, 2]),
    };
    // 1 - cosine: [[0, 2], [1, 1]] with columns [0, 1], [2/3, 1/3]; [[1, 0], [0, 1]], whose columns
    // sum to 1.
    const difference = (Math.abs(0 - 1) + Math.abs(2 / 3 - 0) + Math.abs(1 - 0) + Math.abs(1 / 3 - 1)) / 4;
    expect(value(crossSimilarityLoss([[a], [b]], [[c], [d]], [1]), values)).toBeCloseTo(difference, 4);
  });

  test("is 0 for the frames themselves, however bright, and only then", () => {
    const loss = crossSimilarityLoss([painted, repainted], [frame, next], [1, 2]);
    const same = {
      ...feeds,
      ...renamed(sets[2]?.feeds ?? {}, "painted", (x) => 5 * x),
      ...renamed(sets[3]?.feeds ?? {}, "repainted", (x) => 0.5 * x),
    };
    expect(value(loss, same)).toBeLessThan(1e-5);
    expect(value(loss, feeds)).toBeGreaterThan(0.01);
  });

  test("looks at the chosen positions of both frames", () => {
    const asked: number[] = [];
    const choose = (positions: number) => {
      asked.push(positions);
      return positions > 4 ? constant(BigInt64Array.of(3n, 9n), [2]) : undefined;
    };
    const loss = crossSimilarityLoss([painted, repainted], [frame, next], [1, 2], choose);
    expect(new Set(asked)).toEqual(new Set([16, 4]));
    const changedAt = (position: number) => {
      const { shape, data } = feeds.painted1 ?? ndarray([], [0]);
      return { ...feeds, painted1: { shape, data: data.map((x, at) => (at % 16 === position ? x + 9 : x)) } };
    };
    expect(value(loss, changedAt(5))).toBe(value(loss, feeds));
    expect(value(loss, changedAt(9))).not.toBe(value(loss, feeds));
  });

  test("has the gradients of finite differences", () => {
    const loss = crossSimilarityLoss([painted, repainted], [frame, next], [1, 2]);
    expectGradients(loss, feeds, [...painted, ...repainted], ["painted1", "painted2", "repainted1", "repainted2"]);
  });
});

describe("the temporal loss", () => {
  const shape = [2, 3, 6, 6];
  const [first, second] = [input("first", shape), input("second", shape)];
  const [rows, columns] = [input("rows", [2, 6, 6]), input("columns", [2, 6, 6])];
  const matrix = (shift: number) =>
    resamplingMatrix(
      Float64Array.from({ length: 6 }, (_, at) => at + shift),
      6,
    );
  const matrices = (...shifts: readonly number[]) =>
    ndarray(
      shifts.flatMap((shift) => [...matrix(shift)]),
      [2, 6, 6],
    );
  const loss = temporalLoss([first, second], rows, columns);
  const data = numbers(shape, 81);

  test("is 0 where the second result is the first one moved, whatever comes into sight", () => {
    const at = (n: number, c: number, y: number, x: number) => data.data[((n * 3 + c) * 6 + y) * 6 + x] ?? 7;
    const moved = ndarray(
      Array.from({ length: 216 }, (_, index) => {
        const [n, c, y, x] = [
          Math.floor(index / 108),
          Math.floor(index / 36) % 3,
          Math.floor(index / 6) % 6,
          index % 6,
        ];
        // The first sample moves by two rows up and a column to the right, the second by half a
        // column.
        if (n === 0) return y + 2 > 5 || x - 1 < 0 ? 99 : at(0, c, y + 2, x - 1);
        return x + 0.5 > 5 ? 99 : (at(1, c, y, x) + at(1, c, y, x + 1)) / 2;
      }),
      shape,
    );
    const feeds = { first: data, second: moved, rows: matrices(2, 0), columns: matrices(-1, 0.5) };
    expect(value(loss, feeds)).toBeLessThan(1e-20);
    expect(value(loss, { ...feeds, second: data })).toBeGreaterThan(0.1);
    // One value in sight that is off by 0.5.
    const off = { shape, data: moved.data.map((x, index) => (index === 2 ? x + 0.5 : x)) };
    expect(value(loss, { ...feeds, second: off })).toBeCloseTo(0.25 / 216, 12);
  });

  test("has the gradients of finite differences", () => {
    const random = new Random(5);
    const drawn = () =>
      ndarray(
        [1, 2].flatMap(() => [...resamplingMatrix(drawPositions(random, 6, 1.03), 6)]),
        [2, 6, 6],
      );
    const feeds = { first: data, second: numbers(shape, 82), rows: drawn(), columns: drawn() };
    expectGradients(loss, feeds, [first, second], ["first", "second"]);
  });
});

test("the total variation is the mean step along rows plus that along columns", () => {
  const picture = input("picture", [1, 1, 2, 3]);
  const feeds = { picture: ndarray([0, 1, -2, 2, 6, -4], [1, 1, 2, 3]) };
  const [rows, columns] = [(1 + 3 + 4 + 10) / 4, (2 + 5 + 2) / 3];
  expect(value(totalVariation(picture), feeds)).toBeCloseTo(rows + columns, 12);
});

test("terms keep their names and are multiplied by their weights", () => {
  const terms = weightedTerms({ global: [10, constant(0.5)], local: [3, constant(2)] });
  expect(Object.keys(terms)).toEqual(["global", "local"]);
  expect(evaluate(Object.values(terms)).map(({ data }) => data[0])).toEqual([5, 6]);
});
