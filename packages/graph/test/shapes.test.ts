import {
  attendMoments,
  broadcastTo,
  concat,
  constant,
  convolution,
  evaluate,
  evaluateDimension,
  formatShape,
  gather,
  gradients,
  greater,
  input,
  matmul,
  maxPool,
  multiplyDimensions,
  ndarray,
  pad,
  pad2d,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  resize,
  type Shape,
  sizeOf,
  slice,
  softmax,
  square,
  symbol,
  type Tensor,
  toOnnx,
  transpose,
  upsample,
  where,
} from "@adaattn/graph";
import { describe, expect, test } from "vitest";
import { addDimensions, type Dimension, divideDimension, divideExactly, sameDimension } from "../src/dimension.ts";

const [h, w] = [symbol("h"), symbol("w")];
const times = multiplyDimensions;
const plus = addDimensions;

describe("dimensions", () => {
  test.each<[Dimension, string]>([
    [h, "h"],
    [times(16, h), "16*h"],
    [times(times(2, w), times(2, h)), "4*h*w"],
    [times(h, h), "h*h"],
    [plus(times(16, h), -3), "16*h-3"],
    [plus(plus(1, w), times(4, times(w, h))), "4*h*w+w+1"],
    [times(plus(h, 1), plus(w, -2)), "h*w-2*h+w-2"],
    [times(0, h), "0"],
    [plus(times(3, h), times(-3, h)), "0"],
    [plus(plus(h, 4), times(-1, h)), "4"],
    [times(6, 7), "42"],
  ])("are printed in one form: %s", (dimension, text) => {
    expect(String(dimension)).toBe(text);
  });

  test("are plain numbers again where no symbol is left", () => {
    expect(plus(plus(h, 4), times(-1, h))).toBe(4);
    expect(times(0, h)).toBe(0);
  });

  test("are equal however they were worked out", () => {
    expect(sameDimension(times(plus(h, w), plus(h, w)), plus(plus(times(h, h), times(w, w)), times(2, times(w, h))))).toBe(
      true,
    );
    expect(sameDimension(times(2, h), times(2, w))).toBe(false);
    expect(sameDimension(h, 1)).toBe(false);
  });

  test.each<[Dimension, number, "floor" | "ceil", string]>([
    [7, 2, "floor", "3"],
    [7, 2, "ceil", "4"],
    [-1, 2, "floor", "-1"],
    [times(16, h), 2, "floor", "8*h"],
    [plus(times(16, h), 1), 2, "floor", "8*h"],
    [plus(times(16, h), 1), 2, "ceil", "8*h+1"],
    [plus(times(16, h), -1), 2, "floor", "8*h-1"],
    [plus(times(16, h), -1), 2, "ceil", "8*h"],
    [times(4, times(h, w)), 4, "floor", "h*w"],
  ])("%s over %i, to the %s, is %s", (dimension, divisor, rounding, text) => {
    expect(String(divideDimension(dimension, divisor, rounding))).toBe(text);
  });

  test("are not divided where the rounding would depend on a symbol", () => {
    expect(() => divideDimension(plus(times(3, h), 4), 2)).toThrow(
      new Error("Expected a multiple of 2 for a dimension to divide but received 3*h+4"),
    );
  });

  test.each<[Dimension, Dimension, string]>([
    [12, 4, "3"],
    [12, 5, "undefined"],
    [12, 0, "undefined"],
    [times(16, times(h, w)), times(4, h), "4*w"],
    [times(16, times(h, w)), times(3, h), "undefined"],
    [h, w, "undefined"],
    [h, times(h, h), "undefined"],
    [plus(times(4, h), 2), 2, "2*h+1"],
    [plus(h, 1), plus(1, h), "1"],
    [plus(h, 1), plus(w, 1), "undefined"],
  ])("%s is divided by %s exactly: %s", (a, b, text) => {
    expect(String(divideExactly(a, b))).toBe(text);
  });

  test("have a value once every symbol has one", () => {
    const dimension = plus(times(4, times(h, w)), -3);
    const bindings = new Map([["h", 5]]);
    expect(evaluateDimension(7, bindings)).toBe(7);
    expect(evaluateDimension(dimension, new Map([...bindings, ["w", 2]]))).toBe(37);
    expect(() => evaluateDimension(dimension, bindings)).toThrow(
      new Error("Expected a value for the symbol w but received none"),
    );
  });

  test.each(["", "2h", "h*w", "a b"])("have symbols that are identifiers, not %j", (name) => {
    expect(() => symbol(name)).toThrow(new Error(`Expected an identifier for a symbol but received "${name}"`));
  });
});

const weight = (outputs: number, inputs: number, kernel: number) =>
  constant(new Float32Array(outputs * inputs * kernel * kernel), [outputs, inputs, kernel, kernel]);
const picture = (...shape: Shape) => input("x", shape);
const shapeOf = (tensor: Tensor) => `${tensor.type}${formatShape(tensor.shape)}`;

test("shapes follow a picture of 16*h x 16*w through convolutions, pools, attention and back", () => {
  const x = picture(1, 3, times(16, h), times(16, w));
  const padded = pad2d(x, 1, "reflect");
  const features = relu(convolution(padded, weight(8, 3, 3)));
  const strided = convolution(pad2d(features, 1, "reflect"), weight(8, 8, 3), { stride: 2 });
  const pooled = maxPool(features, 2, true);
  const deep = maxPool(maxPool(maxPool(pooled, 2, true), 2, true), 2);
  const flat = reshape(deep, [1, 8, sizeOf(deep.shape.slice(2))]);
  const tokens = transpose(flat, [0, 2, 1]);
  const keys = input("keys", [1, symbol("m"), 8]);
  const scores = matmul(tokens, keys, { transposeB: true });
  const { mean } = attendMoments(tokens, keys, input("values", [1, symbol("m"), 5]));
  const map = reshape(transpose(mean, [0, 2, 1]), [1, 5, h, w]);
  const joined = concat([resize(map, times(8, h), times(8, w), "nearest"), resize(features, times(8, h), times(8, w), "nearest")], 1);
  expect(
    [x, padded, features, strided, pooled, deep, flat, tokens, scores, softmax(scores), mean, map, joined, upsample(joined, 2), reduceMean(joined, [2, 3], true), reduceSum(joined), slice(joined, [{ axis: 2, start: 1, end: -1 }]), greater(flat, mean.shape.length > 0 ? constant(0) : flat)].map(
      shapeOf,
    ),
  ).toEqual([
    "float32[1, 3, 16*h, 16*w]",
    "float32[1, 3, 16*h+2, 16*w+2]",
    "float32[1, 8, 16*h, 16*w]",
    "float32[1, 8, 8*h, 8*w]",
    "float32[1, 8, 8*h, 8*w]",
    "float32[1, 8, h, w]",
    "float32[1, 8, h*w]",
    "float32[1, h*w, 8]",
    "float32[1, h*w, m]",
    "float32[1, h*w, m]",
    "float32[1, h*w, 5]",
    "float32[1, 5, h, w]",
    "float32[1, 13, 8*h, 8*w]",
    "float32[1, 13, 16*h, 16*w]",
    "float32[1, 13, 1, 1]",
    "float32[]",
    "float32[1, 13, 8*h-2, 8*w]",
    "bool[1, 8, h*w]",
  ]);
});
