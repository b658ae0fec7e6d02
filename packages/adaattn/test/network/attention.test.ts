import { constant, evaluate, gather, input, type NdArray, ndarray, type Tensor } from "@adaattn/graph";
import { describe, expect, test } from "vitest";
import type { AttentionModule } from "../../src/network/architecture.ts";
import {
  type AttentionKind,
  attendCosineQuadratic,
  attendTo,
  contentQueries,
  modulate,
  plainStyleValues,
  type StyleMaps,
  styleValues,
  tokens,
} from "../../src/network/attention.ts";
import { attentionKeys, flattenPositions, normalize } from "../../src/network/keys.ts";
import { constantWeights } from "../../src/network/parameters.ts";
import { distance, generator, numbers } from "../numbers.ts";

/**
 * The kinds of attention, and the reference that the linear form of cosine attention is held
 * against.
 */
type Form = AttentionKind | "quadratic";
const kinds: readonly Form[] = ["softmax", "cosine", "quadratic"];

interface Operands {
  /** [1, N, C] */
  readonly queries: NdArray;
  /** [1, C, M] */
  readonly keys: NdArray;
  /** [1, D, M] */
  readonly features: NdArray;
}

function operands(queries: number, keys: number, channels: number, depth: number, seed: number): Operands {
  return {
    queries: numbers([1, queries, channels], seed),
    keys: numbers([1, channels, keys], seed + 1),
    features: numbers([1, depth, keys], seed + 2),
  };
}

/** The mean and deviation maps of attention without f, g and h, by the interpreter. */
function maps(
  { queries, keys, features }: Operands,
  kind: Form,
  options: { temperature?: number; chosen?: readonly number[] } = {},
): { mean: NdArray; deviation: NdArray } {
  const chosen = options.chosen && constant(BigInt64Array.from(options.chosen, BigInt), [options.chosen.length]);
  const style = plainStyleValues(input("keys", keys.shape), input("features", features.shape), chosen);
  const asked = input("queries", queries.shape);
  const attended =
    kind === "quadratic" ? attendCosineQuadratic(style, asked) : attendTo(style, asked, kind, options.temperature);
  return evaluated(attended, { queries, keys, features });
}

function evaluated({ mean, deviation }: StyleMaps, feeds: Record<string, NdArray>) {
  const [first, second] = evaluate([mean, deviation], feeds);
  if (first === undefined || second === undefined) throw new Error("no maps");
  return { mean: first, deviation: second };
}

describe("linear cosine attention", () => {
  test("is its quadratic form, at any size", () => {
    const next = generator(11);
    const size = (most: number) => 1 + Math.floor(((next() + 1) / 2) * most);
    for (let round = 0; round < 25; round++) {
      const sizes = [size(12), size(12), size(9), size(7)] as const;
      const given = operands(...sizes, round);
      const [linear, quadratic] = [maps(given, "cosine"), maps(given, "quadratic")];
      expect(distance(linear.mean, quadratic.mean), `sizes ${sizes}`).toBeLessThan(1e-5);
      // A deviation is the root of a difference that may be 0: it is compared before the root.
      const squared = ({ shape, data }: NdArray) => ({ shape, data: data.map((value) => value ** 2) });
      expect(distance(squared(linear.deviation), squared(quadratic.deviation)), `sizes ${sizes}`).toBeLessThan(1e-5);
    }
  });

  test("weighs by the cosine plus one", () => {
    const given = {
      queries: ndarray([2, 0], [1, 1, 2]),
      // Along the query, across it and against it.
      keys: ndarray([3, 0, -0.5, 0, 1, 0], [1, 2, 3]),
      features: ndarray([9, 3, 5], [1, 1, 3]),
    };
    for (const kind of ["cosine", "quadratic"] as const) {
      const { mean, deviation } = maps(given, kind);
      // Weights 2, 1 and 0 over 3: (18 + 3) / 3 = 7, and the root of (2 * 4 + 16) / 3.
      expect(mean.data[0]).toBeCloseTo(7, 2);
      expect(deviation.data[0]).toBeCloseTo(Math.sqrt(8), 2);
    }
  });
});

describe("softmax attention", () => {
  test("is the weighted mean and deviation, by hand", () => {
    const given = {
      queries: ndarray([1, 0, 0, Math.log(3)], [1, 2, 2]),
      keys: ndarray([0, Math.log(3), 1, 0], [1, 2, 2]),
      features: ndarray([4, 8, -1, 1], [1, 2, 2]),
    };
    // Shares 1/4 and 3/4 for the first query, 3/4 and 1/4 for the second.
    const { mean, deviation } = maps(given, "softmax");
    const spread = Math.sqrt(3 / 16);
    expect(distance(mean, ndarray([7, 5, 0.5, -0.5], [1, 2, 2]))).toBeLessThan(1e-12);
    expect(
      distance(
        deviation,
        ndarray(
          [4, 4, 2, 2].map((gap) => gap * spread),
          [1, 2, 2],
        ),
      ),
    ).toBeLessThan(1e-12);
  });

  test("of a temperature is that of multiplied queries", () => {
    const given = operands(4, 6, 3, 2, 5);
    const louder = {
      ...given,
      queries: ndarray(
        given.queries.data.map((value) => 3 * value),
        [1, 4, 3],
      ),
    };
    expect(distance(maps(given, "softmax", { temperature: 3 }).mean, maps(louder, "softmax").mean)).toBeLessThan(1e-12);
  });
});

describe.each(kinds)("%s attention", (kind) => {
  const given = operands(5, 7, 4, 3, 21);

  test("to one key gives that key's value, without deviation", () => {
    const one = operands(4, 1, 3, 2, 8);
    const { mean, deviation } = maps(one, kind);
    const [first = 0, second = 0] = one.features.data;
    expect(
      distance(mean, ndarray([first, first, first, first, second, second, second, second], [1, 2, 4])),
    ).toBeLessThan(1e-12);
    expect(Math.max(...deviation.data)).toBe(0);
  });

  test("moves its mean with the values, and its deviation not at all", () => {
    const shift = [1000, -50, 0.25];
    const shifted = given.features.data.map((value, at) => value + (shift[Math.floor(at / 7)] ?? 0));
    const [still, moved] = [maps(given, kind), maps({ ...given, features: ndarray(shifted, [1, 3, 7]) }, kind)];
    expect(distance(moved.deviation, still.deviation)).toBeLessThan(1e-9);
    const expected = still.mean.data.map((value, at) => value + (shift[Math.floor(at / 5)] ?? 0));
    expect(distance(moved.mean, ndarray(expected, [1, 3, 5]))).toBeLessThan(1e-9);
  });

  test("does not mind the order of the style's positions", () => {
    const ordered = maps(given, kind);
    const { mean, deviation } = maps(given, kind, { chosen: [3, 0, 6, 2, 5, 1, 4] });
    expect(distance(mean, ordered.mean)).toBeLessThan(1e-12);
    expect(distance(deviation, ordered.deviation)).toBeLessThan(1e-9);
  });

  test("sees the chosen positions only", () => {
    const chosen = [1, 5, 6];
    const kept = (array: NdArray) => {
      const [, channels = 1] = array.shape;
      const [picked] = evaluate(
        [gather(input("x", array.shape), constant(BigInt64Array.from(chosen, BigInt), [3]), 2)],
        {
          x: array,
        },
      );
      return picked ?? ndarray([], [1, channels, 0]);
    };
    const fewer = { ...given, keys: kept(given.keys), features: kept(given.features) };
    const [left, right] = [maps(given, kind, { chosen }), maps(fewer, kind)];
    expect(distance(left.mean, right.mean)).toBeLessThan(1e-12);
    expect(distance(left.deviation, right.deviation)).toBeLessThan(1e-9);
  });
});

describe("an attention module", () => {
  const [channels, height, width] = [3, 2, 4];
  const features = numbers([1, channels, height, width], 3);
  const module: AttentionModule = {
    level: 1,
    name: "module",
    keyChannels: channels,
    valueChannels: channels,
    maxKeys: 100,
  };
  const shapes = new Map(
    ["f", "g", "h"].flatMap((part): [string, number[]][] => [
      [`module.${part}.weight`, [channels, channels, 1, 1]],
      [`module.${part}.bias`, [channels]],
    ]),
  );
  /**
   * f, g and h as multiples of the identity, f and g so large that every query finds its own key.
   */
  const weightsOf = (sharpness: number) =>
    constantWeights(
      shapes,
      new Map(
        [...shapes].map(([name, shape]) => [
          name,
          shape.length === 1
            ? new Float32Array(channels)
            : Float32Array.from({ length: channels ** 2 }, (_, at) =>
                at % (channels + 1) === 0 ? (name.includes(".h.") ? 1 : sharpness) : 0,
              ),
        ]),
      ),
    );
  /** Keys of unit length: a query's best match is then the key that equals it. */
  const keys = (() => {
    const data = Float64Array.from(features.data);
    for (let position = 0; position < height * width; position++) {
      const length = Math.hypot(...[0, 1, 2].map((channel) => data[channel * 8 + position] ?? 0));
      for (const channel of [0, 1, 2]) data[channel * 8 + position] = (data[channel * 8 + position] ?? 0) / length;
    }
    return ndarray(data, [1, channels, height * width]);
  })();

  function attended(sharpness: number, x: Tensor): StyleMaps {
    const weights = weightsOf(sharpness);
    const k = input("k", keys.shape);
    return attendTo(
      styleValues(module, k, flattenPositions(x), weights),
      tokens(contentQueries(module, k, weights)),
      "softmax",
    );
  }

  test("that finds every position itself gives the features back, without deviation", () => {
    const x = input("x", features.shape);
    const feeds = { x: features, k: keys };
    const { mean, deviation } = evaluated(attended(100, x), feeds);
    expect(distance(mean, ndarray(features.data, [1, channels, height * width]))).toBeLessThan(1e-9);
    expect(Math.max(...deviation.data)).toBeLessThan(1e-4);
    const [painted] = evaluate([modulate(normalize(x), attended(100, x))], feeds);
    expect(distance(painted, features)).toBeLessThan(1e-4);
  });

  test("whose f, g and h are the identity is the attention without them", () => {
    const x = input("x", features.shape);
    const k = input("k", keys.shape);
    const plain = attendTo(plainStyleValues(k, flattenPositions(x)), input("q", [1, 8, 3]), "softmax");
    const queries = ndarray(
      Array.from({ length: 24 }, (_, at) => keys.data[(at % 3) * 8 + Math.floor(at / 3)] ?? 0),
      [1, 8, 3],
    );
    const expected = evaluated(plain, { x: features, k: keys, q: queries });
    const actual = evaluated(attended(1, x), { x: features, k: keys });
    expect(distance(actual.mean, expected.mean)).toBeLessThan(1e-12);
    expect(distance(actual.deviation, expected.deviation)).toBeLessThan(1e-12);
    expect(Math.max(...actual.deviation.data)).toBeGreaterThan(0.1);
  });

  test("projects queries by f, keys by g and values by h, each with its bias", () => {
    const flat = numbers([1, channels, 5], 4);
    const values = new Map([...shapes].map(([name, shape], at) => [name, Float32Array.from(numbers(shape, at).data)]));
    const weights = constantWeights(shapes, values);
    const x = input("x", flat.shape);
    const style = styleValues(module, x, x, weights);
    const [queries, keys, centered, mean] = evaluate(
      [tokens(contentQueries(module, x, weights)), style.keys, style.values, style.mean],
      { x: flat },
    );
    const projected = (part: string) =>
      ndarray(
        Array.from({ length: 5 * channels }, (_, at) => {
          const [position, output] = [Math.floor(at / channels), at % channels];
          let sum = values.get(`module.${part}.bias`)?.[output] ?? 0;
          for (let channel = 0; channel < channels; channel++) {
            sum +=
              (values.get(`module.${part}.weight`)?.[output * channels + channel] ?? 0) *
              (flat.data[channel * 5 + position] ?? 0);
          }
          return sum;
        }),
        [1, 5, channels],
      );
    expect(distance(queries, projected("f"))).toBeLessThan(1e-12);
    expect(distance(keys, projected("g"))).toBeLessThan(1e-12);
    const whole = ndarray(
      (centered?.data ?? new Float64Array()).map((value, at) => value + (mean?.data[at % channels] ?? 0)),
      [1, 5, channels],
    );
    expect(distance(whole, projected("h"))).toBeLessThan(1e-12);
    for (const channel of [0, 1, 2]) {
      const sum = [0, 1, 2, 3, 4].reduce(
        (total, position) => total + (centered?.data[position * channels + channel] ?? 1),
        0,
      );
      expect(Math.abs(sum)).toBeLessThan(1e-12);
    }
  });

  test("modulates the normalized feature: times the deviation, plus the mean", () => {
    const x = input("x", [1, 1, 2, 2]);
    const maps = { mean: input("m", [1, 1, 4]), deviation: input("s", [1, 1, 4]) };
    const [modulated] = evaluate([modulate(normalize(x), maps)], {
      x: ndarray([1, 3, 1, 3], [1, 1, 2, 2]),
      m: ndarray([10, 20, 30, 40], [1, 1, 4]),
      s: ndarray([0, 1, 2, 3], [1, 1, 4]),
    });
    // Mean 2, unbiased variance 4/3.
    const unit = 1 / Math.sqrt(4 / 3 + 1e-5);
    expect(distance(modulated, ndarray([10, 20 + unit, 30 - 2 * unit, 40 + 3 * unit], [1, 1, 2, 2]))).toBeLessThan(
      1e-9,
    );
  });
});

describe("keys", () => {
  test("are the normalized features of all levels up to their own, resized by taking the first of each block", () => {
    const shapes = [
      [1, 2, 4, 4],
      [1, 1, 2, 2],
    ];
    const [one, two] = [numbers(shapes[0] ?? [], 1), numbers(shapes[1] ?? [], 2)];
    const features = [input("one", one.shape), input("two", two.shape)];
    const corners = ndarray(
      [0, 2, 8, 10, 16, 18, 24, 26].map((at) => one.data[at] ?? 0),
      [1, 2, 2, 2],
    );
    const [keys, shallow, deep, whole] = evaluate(
      [
        attentionKeys(features, 2),
        normalize(input("corners", corners.shape)),
        normalize(features[1] as Tensor),
        attentionKeys(features, 1),
      ],
      { one, two, corners },
    );
    expect(distance(keys, ndarray([...(shallow?.data ?? []), ...(deep?.data ?? [])], [1, 3, 4]))).toBeLessThan(1e-12);
    expect(whole?.shape).toEqual([1, 2, 16]);
  });

  test("of one position are 0 rather than not a number", () => {
    const [keys] = evaluate([normalize(input("x", [1, 2, 1, 1]))], { x: ndarray([5, -7], [1, 2, 1, 1]) });
    expect([...(keys?.data ?? [])].map(Math.abs)).toEqual([0, 0]);
  });

  test("of a level that is not there are refused", () => {
    expect(() => attentionKeys([input("x", [1, 2, 4, 4])], 2)).toThrow(
      new Error("Expected a level from 1 to 1 but received 2"),
    );
  });
});
