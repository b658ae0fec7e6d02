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
  kthLargest,
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
    expect(
      sameDimension(times(plus(h, w), plus(h, w)), plus(plus(times(h, h), times(w, w)), times(2, times(w, h)))),
    ).toBe(true);
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
  const joined = concat(
    [resize(map, times(8, h), times(8, w), "nearest"), resize(features, times(8, h), times(8, w), "nearest")],
    1,
  );
  expect(
    [
      x,
      padded,
      features,
      strided,
      pooled,
      deep,
      flat,
      tokens,
      scores,
      softmax(scores),
      mean,
      map,
      joined,
      upsample(joined, 2),
      reduceMean(joined, [2, 3], true),
      reduceSum(joined),
      slice(joined, [{ axis: 2, start: 1, end: -1 }]),
      greater(flat, constant(0)),
    ].map(shapeOf),
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

test("a slice may name an end past the axis, counted from either side", () => {
  const x = input("x", [5]);
  const lengths = [
    { end: 9 },
    { start: 2, end: 9 },
    { start: -2 },
    { start: 1, end: -1 },
    { step: 2 },
    { start: 5 },
  ].map((range) => slice(x, [{ axis: 0, ...range }]).shape);
  expect(lengths).toEqual([[5], [3], [2], [3], [3], [0]]);
});

describe("operators refuse what does not fit, in one sentence:", () => {
  const x = input("x", [2, 3, 8, 6]);
  const row = input("row", [4]);
  const positions = input("positions", [2], "int64");
  const [q, k, v] = [input("q", [1, 5, 3]), input("k", [1, 4, 3]), input("v", [1, 4, 2])];
  const tall = input("tall", [1, 3, times(3, h), w]);

  test.each<[string, () => Tensor, string]>([
    [
      "a constant of too few values",
      () => constant(new Float32Array(5), [2, 3]),
      "Expected 6 values for a constant of [2, 3] but received 5",
    ],
    ["a sum of indices", () => square(positions), "Expected float32 for multiply but received int64"],
    ["the relu of indices", () => relu(positions), "Expected float32 for relu but received int64"],
    [
      "the fifth of four values",
      () => kthLargest(row, 5),
      "Expected a place along the last axis of [4] for kthLargest but received 5",
    ],
    [
      "shapes that do not broadcast",
      () => greater(x, row),
      "Expected shapes that broadcast for greater but received [2, 3, 8, 6] and [4]",
    ],
    [
      "symbols that do not broadcast",
      () => greater(tall, input("other", [1, 3, h, w])),
      "Expected shapes that broadcast for greater but received [1, 3, 3*h, w] and [1, 3, h, w]",
    ],
    [
      "a condition that is a number",
      () => where(row, row, row),
      "Expected bool for the condition of where but received float32",
    ],
    [
      "a convolution of a row",
      () => convolution(row, weight(4, 3, 3)),
      "Expected 4 axes for the picture of convolution but received [4]",
    ],
    [
      "a convolution of indices",
      () => convolution(positions, row),
      "Expected float32 for convolution but received int64",
    ],
    [
      "a convolution by a row",
      () => convolution(x, row),
      "Expected 4 axes for the weight of convolution but received [4]",
    ],
    [
      "a convolution of other channels",
      () => convolution(x, weight(4, 6, 3)),
      "Expected a weight for 3 channels for convolution of [2, 3, 8, 6] but received [4, 6, 3, 3]",
    ],
    [
      "a convolution with another bias",
      () => convolution(x, weight(5, 3, 3), { bias: row }),
      "Expected a bias of [5] for convolution but received [4]",
    ],
    [
      "a convolution larger than its picture",
      () => convolution(x, weight(4, 3, 9), { padding: 1 }),
      "Expected at least 9 elements a side for convolution but received [2, 3, 8, 6]",
    ],
    [
      "a convolution whose steps do not divide a symbol",
      () => convolution(tall, weight(4, 3, 1), { stride: 2 }),
      "Expected a multiple of 2 for a dimension to divide but received 3*h-1",
    ],
    ["a pool of a row", () => maxPool(row, 2), "Expected 4 axes for maxPool but received [4]"],
    [
      "a pool of a symbol that it does not divide",
      () => maxPool(tall, 2),
      "Expected a multiple of 2 for a dimension to divide but received 3*h",
    ],
    ["upsampling a row", () => upsample(row, 2), "Expected 4 axes for upsample but received [4]"],
    [
      "resizing to a symbol by no whole factor",
      () => resize(tall, times(2, h), w, "nearest"),
      "Expected static sizes, or a whole factor, for resize but received [1, 3, 3*h, w] to [1, 3, 2*h, w]",
    ],
    [
      "a matrix product of rows",
      () => matmul(row, row),
      "Expected at least 2 axes for matmul but received [4] and [4]",
    ],
    [
      "a matrix product whose inner dimensions differ",
      () => matmul(q, k),
      "Expected equal inner dimensions for matmul but received [1, 5, 3] and [1, 4, 3]",
    ],
    [
      "a matrix product whose batches differ",
      () => matmul(input("a", [2, 4, 3]), input("b", [3, 3, 4])),
      "Expected shapes that broadcast for matmul but received [2] and [3]",
    ],
    [
      "queries without samples",
      () => attendMoments(row, k, v).mean,
      "Expected 3 axes for an operand of attention but received [4]",
    ],
    [
      "queries of other channels than keys",
      () => attendMoments(v, k, v).mean,
      "Expected as many channels in queries as in keys but received [1, 4, 2] and [1, 4, 3]",
    ],
    [
      "more values than keys",
      () => attendMoments(q, k, q).mean,
      "Expected as many keys as values but received [1, 4, 3] and [1, 5, 3]",
    ],
    ["the softmax of a scalar", () => softmax(constant(1)), "Expected an operand with an axis for softmax"],
    [
      "a reshape to more elements",
      () => reshape(x, [2, 3, 7, 7]),
      "Expected 288 elements for reshape to [2, 3, 7, 7] of [2, 3, 8, 6]",
    ],
    [
      "a reshape to other symbols",
      () => reshape(tall, [3, times(h, h)]),
      "Expected 9*h*w elements for reshape to [3, h*h] of [1, 3, 3*h, w]",
    ],
    [
      "a permutation that repeats an axis",
      () => transpose(q, [0, 1, 1]),
      "Expected a permutation of the axes of [1, 5, 3] but received [0, 1, 1]",
    ],
    [
      "a permutation of fewer axes",
      () => transpose(q, [0, 1]),
      "Expected a permutation of the axes of [1, 5, 3] but received [0, 1]",
    ],
    [
      "a slice past the end",
      () => slice(row, [{ axis: 0, start: 5 }]),
      "Expected a range inside axis 0 of [4] but received 5 to the end",
    ],
    [
      "a slice before the begin",
      () => slice(row, [{ axis: 0, start: -5, end: 2 }]),
      "Expected a range inside axis 0 of [4] but received -5 to 2",
    ],
    [
      "a slice of another axis",
      () => slice(row, [{ axis: 1 }]),
      "Expected an axis from -1 to 0 for slice but received 1",
    ],
    [
      "a slice backwards in steps",
      () => slice(row, [{ axis: 0, step: -2 }]),
      "Expected a positive step, or -1 for a whole axis, for slice but received -2",
    ],
    [
      "a part of an axis flipped",
      () => slice(row, [{ axis: 0, start: 1, step: -1 }]),
      "Expected a positive step, or -1 for a whole axis, for slice but received -1",
    ],
    ["nothing to concatenate", () => concat([], 0), "Expected at least one operand for concat but received none"],
    [
      "operands that differ on another axis",
      () => concat([q, v], 1),
      "Expected shapes equal but for axis 1 for concat but received [1, 5, 3] and [1, 4, 2]",
    ],
    [
      "indices that are numbers",
      () => gather(x, row, 1),
      "Expected int64 for the indices of gather but received float32",
    ],
    [
      "a table of indices",
      () => gather(x, input("i", [2, 2], "int64"), 1),
      "Expected 1 axes for the indices of gather but received [2, 2]",
    ],
    [
      "a reflection longer than the axis",
      () => pad2d(x, 6, "reflect"),
      "Expected an axis longer than the margin for reflecting pad but received 6 in [2, 3, 8, 6]",
    ],
    [
      "a negative margin",
      () => pad(row, [{ axis: 0, before: -1, after: 2 }], "constant"),
      "Expected margins of at least 0 for pad but received -1 and 2",
    ],
    [
      "a reduction over another axis",
      () => reduceSum(row, [-2]),
      "Expected an axis from -1 to 0 for reduceSum but received -2",
    ],
    [
      "a broadcast to a smaller shape",
      () => broadcastTo(x, [6]),
      "Expected a shape that broadcasts to [6] but received [2, 3, 8, 6]",
    ],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(new Error(message));
  });
});

describe("gradients refuse, in one sentence,", () => {
  const x = input("x", [1, 2, 4, 4]);

  test.each<[string, () => unknown, string]>([
    [
      "a loss of several elements",
      () => gradients(x, [x]),
      "Expected one element for the loss but received [1, 2, 4, 4]",
    ],
    [
      "a tensor that the loss does not depend on",
      () => gradients(reduceSum(x), [input("other", [])]),
      "Expected a loss that depends on every wanted tensor but one does not reach it",
    ],
    [
      "a tensor that reaches the loss through comparisons only",
      () => gradients(reduceSum(where(greater(x, constant(0)), constant(1), constant(0))), [x]),
      "Expected a loss that depends on every wanted tensor but one does not reach it",
    ],
    [
      "a second derivative of a convolution's weight",
      () => {
        const kernel = input("kernel", [2, 2, 3, 3]);
        const [first] = gradients(reduceSum(square(convolution(x, kernel))), [kernel]);
        return gradients(reduceSum(first ?? x), [x]);
      },
      "Expected a differentiable operator on the way to the loss but received convolutionWeightGradient",
    ],
    [
      "a convolution in steps",
      () => gradients(reduceSum(convolution(x, weight(1, 2, 2), { stride: 2 })), [x]),
      "Expected stride 1 for the gradient of convolution but received 2",
    ],
    [
      "a convolution by an oblong kernel",
      () => gradients(reduceSum(convolution(x, constant(new Float32Array(6), [1, 2, 1, 3]))), [x]),
      "Expected a square kernel for the gradient of convolution but received [1, 2, 1, 3]",
    ],
    ...(
      [
        ["pad", (y) => pad2d(y, 1, "reflect"), "the gradient of pad but received [1, 2, 2*h, 2*w+2]"],
        ["reduceMean", (y) => reduceMean(y), "the gradient of reduceMean but received [1, 2, 2*h, 2*w]"],
        [
          "attention",
          (y) => {
            const tokens = transpose(reshape(y, [1, 2, times(4, times(h, w))]), [0, 2, 1]);
            return attendMoments(tokens, tokens, tokens).mean;
          },
          "the gradient of attention but received [1, 4*h*w, 2]",
        ],
      ] as [string, (y: Tensor) => Tensor, string][]
    ).map(([name, build, end]): [string, () => unknown, string] => [
      `${name} of a size not known yet`,
      () => {
        const y = input("y", [1, 2, times(2, h), times(2, w)]);
        return gradients(reduceSum(build(y)), [y]);
      },
      `Expected static dimensions for ${end}`,
    ]),
  ])("%s", (_, build, message) => {
    expect(build).toThrow(new Error(message));
  });
});

describe("graphs refuse, in one sentence,", () => {
  const x = input("x", [1, times(16, h), times(16, h)]);
  const y = reduceSum(x);
  const feed = (...shape: number[]) => ({ x: ndarray(new Array(shape.reduce((a, b) => a * b)).fill(0), shape) });

  test.each<[string, () => unknown, string]>([
    ["an input that is not fed", () => evaluate([y]), "Expected a value for the input x but received none"],
    [
      "a fed shape of another rank",
      () => evaluate([y], feed(16, 16)),
      "Expected [1, 16*h, 16*h] for the input x but received [16, 16]",
    ],
    [
      "a fed length of another number",
      () => evaluate([y], feed(2, 16, 16)),
      "Expected [1, 16*h, 16*h] for the input x but received [2, 16, 16]",
    ],
    [
      "a fed length that is no multiple",
      () => evaluate([y], feed(1, 24, 24)),
      "Expected [1, 16*h, 16*h] for the input x but received [1, 24, 24]",
    ],
    [
      "a symbol fed with two values",
      () => evaluate([y], feed(1, 16, 32)),
      "Expected [1, 16*h, 16*h] for the input x but received [1, 16, 32]",
    ],
    [
      "values that do not fill their shape",
      () => ndarray([1, 2], [3]),
      "Expected 3 values for the shape [3] but received 2",
    ],
    [
      "two inputs of one name",
      () => toOnnx({ sum: matmul(input("a", [2, 2]), input("a", [2, 2])) }),
      'Expected a name of its own for every input but received "a"',
    ],
    [
      "an input named as the writer names its own values",
      () => toOnnx({ sum: relu(input("v7", [2])) }),
      'Expected a name of its own for every input but received "v7"',
    ],
    [
      "an output named as an input",
      () => toOnnx({ x: y }),
      'Expected a name of its own for every output but received "x"',
    ],
    [
      "a size that no input tells",
      () => toOnnx({ all: broadcastTo(constant(1), [w, 2]) }),
      "Expected an input whose shape gives w, needed for the dimension w",
    ],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(new Error(message));
  });
});
