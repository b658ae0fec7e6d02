/**
 * One small graph for every operator: the table that runs on the interpreter, the CPU and WebGPU
 * alike.
 */

import {
  absolute,
  add,
  addAll,
  attendMoments,
  attendMomentsLinear,
  averagePool,
  broadcastTo,
  concat,
  constant,
  convolution,
  deviationOf,
  divide,
  equal,
  exp,
  flip,
  gather,
  greater,
  kthLargest,
  linearSums,
  log,
  matmul,
  maximum,
  maxPool,
  minimum,
  moments,
  multiply,
  type NdArray,
  ndarray,
  negate,
  pad,
  pad2d,
  reciprocal,
  reduceMax,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  resize,
  scale,
  scatterAdd,
  sign,
  slice,
  softmax,
  sqrt,
  square,
  subtract,
  type Tensor,
  transpose,
  turnGradient,
  unitLength,
  upsample,
  wakingRelu,
  where,
} from "@adaattn/graph";

export interface Case {
  readonly name: string;
  /** Shapes of the inputs x0, x1, ... */
  readonly shapes: readonly (readonly number[])[];
  readonly build: (...inputs: Tensor[]) => Tensor;
  /** Lowest and highest value of the inputs; -1 and 1 by default. */
  readonly range?: readonly [number, number];
  /**
   * False where the operator has no gradient, or one that is meant to differ from its slope:
   * gradient.test.ts says of those what it is.
   */
  readonly differentiable?: false;
}

/**
 * Repeatable values, well apart from one another so that maxima and comparisons are not at their
 * corners.
 */
export function values(
  shape: readonly number[],
  seed: number,
  [low, high]: readonly [number, number] = [-1, 1],
): NdArray {
  const count = shape.reduce((product, length) => product * length, 1);
  const order = Array.from({ length: count }, (_, at) => at);
  let state = seed * 2654435761 + 12345;
  for (let at = count - 1; at > 0; at--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = state % (at + 1);
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
  return ndarray(
    order.map((place) => Math.fround(low + ((place + 0.37) / count) * (high - low))),
    shape,
  );
}

const indices = (...list: number[]) => constant(BigInt64Array.from(list, BigInt), [list.length]);
const positive = [0.3, 2] as const;
const stacked = ({ mean, second }: { mean: Tensor; second: Tensor }) => concat([mean, second], -1);

export const cases: readonly Case[] = [
  { name: "negate", shapes: [[2, 3]], build: negate },
  { name: "exp", shapes: [[2, 3]], build: exp },
  { name: "log", shapes: [[2, 3]], build: log, range: positive },
  { name: "sqrt", shapes: [[2, 3]], build: sqrt, range: positive },
  { name: "reciprocal", shapes: [[2, 3]], build: reciprocal, range: positive },
  { name: "absolute", shapes: [[2, 4]], build: absolute },
  { name: "relu", shapes: [[2, 4]], build: relu },
  { name: "wakingRelu", shapes: [[2, 4]], build: wakingRelu, differentiable: false },
  { name: "sign", shapes: [[2, 4]], build: sign, differentiable: false },
  { name: "square and scale", shapes: [[2, 4]], build: (x) => scale(square(x), 0.5) },
  {
    name: "add, broadcast both ways",
    shapes: [
      [2, 1, 3],
      [4, 1],
    ],
    build: add,
  },
  { name: "subtract, scalar", shapes: [[2, 3], []], build: subtract },
  { name: "multiply, broadcast", shapes: [[2, 3], [3]], build: multiply },
  { name: "divide, broadcast", shapes: [[3], [2, 3]], build: divide, range: positive },
  {
    name: "maximum",
    shapes: [
      [3, 3],
      [3, 1],
    ],
    build: maximum,
  },
  {
    name: "minimum",
    shapes: [
      [3, 3],
      [3, 1],
    ],
    build: minimum,
  },
  {
    name: "addAll",
    shapes: [
      [2, 2],
      [2, 2],
      [2, 2],
    ],
    build: (...all) => addAll(all),
  },
  { name: "where greater", shapes: [[2, 3], [3], [2, 1]], build: (a, b, c) => where(greater(a, b), multiply(a, c), b) },
  {
    name: "where equal",
    shapes: [
      [2, 3],
      [2, 3],
    ],
    build: (a, b) => where(equal(a, a), a, b),
  },
  { name: "reduceSum, all axes", shapes: [[2, 3]], build: (x) => reduceSum(x) },
  { name: "reduceSum, kept axes", shapes: [[2, 3, 2]], build: (x) => reduceSum(x, [0, 2], true) },
  { name: "reduceMean", shapes: [[2, 3, 4]], build: (x) => reduceMean(square(x), [1]) },
  { name: "reduceMax", shapes: [[2, 5]], build: (x) => reduceMax(x, [1]) },
  { name: "kthLargest", shapes: [[2, 3, 5]], build: (x) => kthLargest(square(x), 2) },
  { name: "kthLargest, the least", shapes: [[3, 4]], build: (x) => kthLargest(x, 4) },
  {
    name: "turnGradient",
    shapes: [[2, 3]],
    build: (x) => square(turnGradient(x, (dy) => scale(dy, 3))),
    differentiable: false,
  },
  { name: "broadcastTo", shapes: [[3, 1]], build: (x) => multiply(broadcastTo(x, [2, 3, 4]), constant(2)) },
  { name: "reshape", shapes: [[2, 6]], build: (x) => square(reshape(x, [3, 4])) },
  { name: "transpose", shapes: [[2, 3, 4]], build: (x) => transpose(x, [2, 0, 1]) },
  {
    name: "slice",
    shapes: [[4, 5]],
    build: (x) =>
      slice(x, [
        { axis: 0, start: 1, end: -1 },
        { axis: 1, start: -3 },
      ]),
  },
  { name: "slice, strided", shapes: [[2, 7]], build: (x) => slice(x, [{ axis: 1, start: 1, step: 3 }]) },
  { name: "slice, strided past the end", shapes: [[2, 8]], build: (x) => slice(x, [{ axis: 1, step: 3 }]) },
  { name: "flip", shapes: [[2, 3]], build: (x) => flip(x, [0, 1]) },
  {
    name: "concat",
    shapes: [
      [2, 1],
      [2, 3],
    ],
    build: (a, b) => square(concat([a, b], 1)),
  },
  { name: "gather", shapes: [[2, 4]], build: (x) => square(gather(x, indices(3, 0, 3), 1)) },
  { name: "scatterAdd", shapes: [[2, 3]], build: (x) => square(scatterAdd(x, indices(3, 0, 3), 1, 5)) },
  { name: "pad, zeros", shapes: [[1, 2, 2, 3]], build: (x) => pad(x, [{ axis: 3, before: 1, after: 2 }], "constant") },
  { name: "pad, reflected", shapes: [[1, 2, 5, 5]], build: (x) => square(pad2d(x, 1, "reflect")) },
  { name: "pad, reflected on a 2x2 picture", shapes: [[1, 1, 2, 2]], build: (x) => square(pad2d(x, 1, "reflect")) },
  {
    name: "pad, reflected by 2 and 3",
    shapes: [[1, 1, 4, 2]],
    build: (x) => square(pad(x, [{ axis: 2, before: 2, after: 3 }], "reflect")),
  },
  { name: "pad, edge", shapes: [[1, 2, 3, 4]], build: (x) => square(pad2d(x, 2, "edge")) },
  {
    name: "convolution 3x3",
    shapes: [[2, 3, 5, 6], [4, 3, 3, 3], [4]],
    build: (x, w, bias) => convolution(x, w, { bias }),
  },
  {
    name: "convolution 3x3, padded",
    shapes: [
      [1, 2, 4, 4],
      [3, 2, 3, 3],
    ],
    build: (x, w) => convolution(x, w, { padding: 1 }),
  },
  {
    name: "convolution 1x1",
    shapes: [[2, 3, 3, 3], [4, 3, 1, 1], [4]],
    build: (x, w, bias) => convolution(x, w, { bias }),
  },
  {
    name: "convolution 3x3, 6 channels",
    shapes: [
      [1, 6, 5, 5],
      [4, 6, 3, 3],
    ],
    build: (x, w) => convolution(x, w),
  },
  {
    name: "convolution 3x3, 9 channels of 2 samples",
    shapes: [
      [2, 9, 5, 5],
      [6, 9, 3, 3],
    ],
    build: (x, w) => convolution(x, w),
  },
  {
    name: "convolution 3x3, 256 channels, by minimal filtering",
    shapes: [[2, 256, 4, 7], [256, 256, 3, 3], [256]],
    build: (x, w, bias) => convolution(x, w, { bias }),
    differentiable: false,
  },
  {
    name: "convolution, stride 2",
    shapes: [
      [1, 2, 6, 6],
      [2, 2, 3, 3],
    ],
    build: (x, w) => convolution(x, w, { stride: 2, padding: 1 }),
    differentiable: false,
  },
  { name: "maxPool", shapes: [[1, 2, 4, 6]], build: (x) => square(maxPool(x, 2)) },
  { name: "maxPool, ceil", shapes: [[1, 2, 5, 3]], build: (x) => square(maxPool(x, 2, true)) },
  { name: "maxPool, floor", shapes: [[1, 2, 5, 3]], build: (x) => square(maxPool(x, 2, false)) },
  { name: "averagePool", shapes: [[1, 2, 4, 4]], build: (x) => square(averagePool(x, 2)) },
  { name: "averagePool, ceil", shapes: [[1, 1, 5, 3]], build: (x) => square(averagePool(x, 2, true)) },
  { name: "upsample", shapes: [[1, 2, 2, 3]], build: (x) => square(upsample(x, 2)) },
  { name: "resize, nearest, down by 2", shapes: [[1, 2, 4, 4]], build: (x) => resize(x, 2, 2, "nearest") },
  { name: "resize, nearest, any size", shapes: [[1, 2, 5, 4]], build: (x) => square(resize(x, 3, 7, "nearest")) },
  { name: "resize, bilinear, up", shapes: [[1, 2, 3, 4]], build: (x) => square(resize(x, 5, 7, "bilinear")) },
  { name: "resize, bilinear, down", shapes: [[1, 2, 6, 5]], build: (x) => square(resize(x, 4, 3, "bilinear")) },
  {
    name: "matmul",
    shapes: [
      [2, 3],
      [3, 4],
    ],
    build: (a, b) => matmul(a, b),
  },
  {
    name: "matmul, batches broadcast",
    shapes: [
      [2, 3, 2],
      [2, 4],
    ],
    build: (a, b) => matmul(a, b),
  },
  {
    name: "matmul, first transposed",
    shapes: [
      [2, 3, 2],
      [2, 3, 4],
    ],
    build: (a, b) => matmul(a, b, { transposeA: true }),
  },
  {
    name: "matmul, second transposed",
    shapes: [
      [2, 3, 2],
      [2, 4, 2],
    ],
    build: (a, b) => matmul(a, b, { transposeB: true }),
  },
  {
    name: "matmul, both transposed",
    shapes: [
      [3, 2],
      [4, 3],
    ],
    build: (a, b) => matmul(a, b, { transposeA: true, transposeB: true }),
  },
  { name: "softmax", shapes: [[2, 5]], build: (x) => softmax(scale(x, 3)) },
  {
    name: "attention",
    shapes: [
      [2, 5, 3],
      [2, 4, 3],
      [2, 4, 2],
    ],
    build: (q, k, v) => stacked(attendMoments(q, k, v, 2)),
  },
  {
    name: "attention, wide values",
    shapes: [
      [1, 3, 2],
      [1, 6, 2],
      [1, 6, 8],
    ],
    build: (q, k, v) => stacked(attendMoments(q, k, v)),
  },
  {
    name: "attention, linear",
    shapes: [
      [1, 3, 4],
      [1, 5, 4],
      [1, 5, 2],
    ],
    build: (q, k, v) => stacked(attendMomentsLinear(unitLength(q, 1e-5), linearSums(unitLength(k, 1e-5), v, 1e-5))),
  },
  {
    name: "normalization",
    shapes: [[2, 2, 3, 3]],
    build: (x) => {
      const { mean, variance } = moments(x, [2, 3]);
      return divide(subtract(x, mean), sqrt(add(variance, constant(1e-5))));
    },
  },
  {
    name: "deviation",
    shapes: [
      [2, 3],
      [2, 3],
    ],
    build: (mean, second) => deviationOf(mean, add(second, constant(3))),
  },
  {
    name: "deviation of equal values",
    shapes: [[2, 3]],
    build: (mean) => deviationOf(mean, subtract(square(mean), constant(1))),
  },
];
