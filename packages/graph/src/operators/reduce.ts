/**
 * Reductions over axes, and their opposite, broadcasting.
 *
 * Gradients, for y reduced over n elements and an arriving dy (stretched back along the reduced
 * axes):
 *   sum: dy.   mean: dy/n.   max: dy where x equals the maximum, shared equally among ties.
 *   kthLargest: dy where x equals the result, shared equally among ties.
 *   broadcastTo: dy summed over the stretched axes.
 */

import { type Dimension, divideExactly } from "../dimension.ts";
import { broadcastReader, generate, type NdArray, zeros } from "../ndarray.ts";
import { broadcastShapes, formatShape, normalizeAxis, type Shape, sameShape, sizeOf, stridesOf } from "../shape.ts";
import { applyOne, type Emitter, expectType, inputOf, type Operator, type Tensor } from "../tensor.ts";
import { divide, equal, multiply, where } from "./elementwise.ts";
import { reshape } from "./layout.ts";
import { constant } from "./leaf.ts";

interface ReduceAttributes {
  readonly axes: readonly number[];
  readonly keepAxes: boolean;
}

function keptShape(shape: Shape, axes: readonly number[]): Dimension[] {
  return shape.map((dimension, axis) => (axes.includes(axis) ? 1 : dimension));
}

function reduction(
  name: string,
  onnx: string,
  start: number,
  combine: (accumulated: number, value: number) => number,
  finish: (accumulated: number, count: number) => number,
  gradient: (dy: Tensor, x: Tensor, y: Tensor, axes: readonly number[]) => Tensor,
): Operator<ReduceAttributes> {
  return {
    name,
    infer([x], { axes, keepAxes }) {
      if (x === undefined) throw new Error(`Expected an operand for ${name} but received none`);
      expectType(x, "float32", name);
      const shape = keptShape(x.shape, axes);
      return [{ shape: keepAxes ? shape : shape.filter((_, axis) => !axes.includes(axis)), type: "float32" }];
    },
    evaluate([x], { axes }, [shape]) {
      if (x === undefined || shape === undefined) return [];
      const kept = x.shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
      const result = zeros(kept);
      result.data.fill(start);
      const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
      let source = 0;
      generate(x.shape, (index) => {
        const at = index.reduce((sum, position, axis) => sum + position * (strides[axis] ?? 0), 0);
        result.data[at] = combine(result.data[at] ?? 0, x.data[source++] ?? 0);
        return 0;
      });
      const count = x.data.length / Math.max(result.data.length, 1);
      return [{ shape, data: result.data.map((value) => finish(value, count)) }];
    },
    gradient(node, { axes }, [dy]) {
      const x = inputOf(node, 0);
      const [y] = node.outputs;
      if (dy === undefined || y === undefined) return [];
      const kept = keptShape(x.shape, axes);
      return [gradient(reshape(dy, kept), x, reshape(y, kept), axes)];
    },
    emit: (emitter, [x = ""], { axes, keepAxes }) => emitReduction(emitter, onnx, x, axes, keepAxes),
  };
}

function emitReduction(
  emitter: Emitter,
  onnx: string,
  x: string,
  axes: readonly number[],
  keepAxes: boolean,
): string[] {
  const keepdims = keepAxes ? 1 : 0;
  // Before opset 18 only sums took their axes as an input.
  return emitter.target === "portable" && onnx !== "ReduceSum"
    ? emitter.add(onnx, [x], { axes, keepdims })
    : emitter.add(onnx, [x, emitter.integers(axes)], { keepdims });
}

const sumOperator = reduction(
  "reduceSum",
  "ReduceSum",
  0,
  (sum, value) => sum + value,
  (sum) => sum,
  (dy, x) => broadcastTo(dy, x.shape),
);
const meanOperator = reduction(
  "reduceMean",
  "ReduceMean",
  0,
  (sum, value) => sum + value,
  (sum, count) => sum / count,
  (dy, x, y) => {
    const count = divideExactly(sizeOf(x.shape), sizeOf(y.shape));
    if (typeof count !== "number") {
      throw new Error(`Expected static dimensions for the gradient of reduceMean but received ${formatShape(x.shape)}`);
    }
    return broadcastTo(multiply(dy, constant(1 / count)), x.shape);
  },
);
const maxOperator = reduction(
  "reduceMax",
  "ReduceMax",
  Number.NEGATIVE_INFINITY,
  Math.max,
  (max) => max,
  sharedAmongTies,
);

/** dy where x equals y, one of its values along `axes`. */
function sharedAmongTies(dy: Tensor, x: Tensor, y: Tensor, axes: readonly number[]): Tensor {
  const ties = where(equal(x, y), constant(1), constant(0));
  return multiply(ties, divide(dy, reduceSum(ties, axes, true)));
}

function reduce(operator: Operator<ReduceAttributes>, x: Tensor, axes?: readonly number[], keepAxes = false): Tensor {
  const rank = x.shape.length;
  const all = axes ?? x.shape.map((_, axis) => axis);
  const normalized = all.map((axis) => normalizeAxis(axis, rank, operator.name)).sort((a, b) => a - b);
  if (normalized.length === 0) return x;
  return applyOne(operator, [x], { axes: normalized, keepAxes });
}

/**
 * The sum over `axes` (all axes by default); reduced axes stay with length 1 where `keepAxes` is
 * true.
 */
export const reduceSum = (x: Tensor, axes?: readonly number[], keepAxes = false): Tensor =>
  reduce(sumOperator, x, axes, keepAxes);
/** The mean over `axes` (all axes by default). */
export const reduceMean = (x: Tensor, axes?: readonly number[], keepAxes = false): Tensor =>
  reduce(meanOperator, x, axes, keepAxes);
/** The maximum over `axes` (all axes by default). */
export const reduceMax = (x: Tensor, axes?: readonly number[], keepAxes = false): Tensor =>
  reduce(maxOperator, x, axes, keepAxes);

const kthLargestOperator: Operator<{ k: number }> = {
  name: "kthLargest",
  infer([x], { k }) {
    if (x === undefined) throw new Error("Expected an operand for kthLargest but received none");
    expectType(x, "float32", "kthLargest");
    const length = x.shape.at(-1);
    if (typeof length !== "number" || !Number.isInteger(k) || k < 1 || k > length) {
      throw new Error(
        `Expected a place along the last axis of ${formatShape(x.shape)} for kthLargest but received ${k}`,
      );
    }
    return [{ shape: [...x.shape.slice(0, -1), 1], type: "float32" }];
  },
  evaluate([x], { k }, [shape]) {
    if (x === undefined || shape === undefined) return [];
    const length = x.shape.at(-1) ?? 1;
    const rows = x.data.length / length;
    const row = (at: number) => Float64Array.from(x.data.subarray(at * length, (at + 1) * length)).sort();
    return [{ shape, data: Float64Array.from({ length: rows }, (_, at) => row(at)[length - k] ?? 0) }];
  },
  gradient(node, _, [dy]) {
    const [y] = node.outputs;
    return [dy && y && sharedAmongTies(dy, inputOf(node, 0), y, [-1])];
  },
  emit(emitter, [x = ""], { k }) {
    // The least of the k largest; to put them in order would take several times as long.
    const [largest = ""] = emitter.add("TopK", [x, emitter.integers([k])], { axis: -1, sorted: 0 }, { outputs: 2 });
    return emitReduction(emitter, "ReduceMin", largest, [-1], true);
  },
};

/** The k-th largest value (1 is the largest) along the last axis, which stays with length 1. */
export const kthLargest = (x: Tensor, k: number): Tensor => applyOne(kthLargestOperator, [x], { k });

const broadcastOperator: Operator<{ shape: Shape }> = {
  name: "broadcastTo",
  infer([x], { shape }) {
    if (x === undefined) throw new Error("Expected an operand for broadcastTo but received none");
    if (!sameShape(broadcastShapes(x.shape, shape, "broadcastTo"), shape)) {
      throw new Error(`Expected a shape that broadcasts to ${formatShape(shape)} but received ${formatShape(x.shape)}`);
    }
    return [{ shape, type: x.type }];
  },
  evaluate: ([x], _, [shape]): readonly NdArray[] =>
    x && shape ? [generate(shape, broadcastReader(x, shape.length))] : [],
  gradient: (node, _, [dy]) => [dy && sumTo(dy, inputOf(node, 0).shape)],
  emit: (emitter, [x], { shape }) => emitter.add("Expand", [x ?? "", emitter.shape(shape, [])]),
};

/** x stretched to `shape` along its axes of length 1. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : applyOne(broadcastOperator, [x], { shape });
}

/** x summed over the axes along which a tensor of `shape` was stretched to become like x. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const added = x.shape.length - shape.length;
  const axes = x.shape.flatMap((dimension, axis) =>
    axis < added || (shape[axis - added] === 1 && dimension !== 1) ? [axis] : [],
  );
  return reshape(reduceSum(x, axes, true), shape);
}
