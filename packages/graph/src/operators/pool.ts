/**
 * Pooling in windows that do not overlap (kernel = stride).
 *
 * Gradients, for an arriving dy:
 *   maxPool: dy spread over its window, kept where x equals the maximum, shared equally among ties.
 *   averagePool: dy spread over its window, divided by the number of elements.
 */

import { divideDimension } from "../dimension.ts";
import { generate, reader } from "../ndarray.ts";
import { dimensionAt, formatShape, sameShape } from "../shape.ts";
import { applyOne, expectRank, inputOf, type Operator, type Tensor } from "../tensor.ts";
import { divide, equal, multiply, scale, where } from "./elementwise.ts";
import { slice } from "./layout.ts";
import { constant } from "./leaf.ts";
import { pad } from "./pad.ts";
import { upsample } from "./resize.ts";

interface PoolAttributes {
  readonly kernel: number;
  /**
   * Whether windows that stick out at the bottom and right edges count (`ceil_mode`) or are
   * dropped.
   */
  readonly ceil: boolean;
}

function pooling(
  name: string,
  onnx: string,
  compute: (values: readonly number[]) => number,
  gradient: (dy: Tensor, x: Tensor, y: Tensor, attributes: PoolAttributes) => Tensor,
): Operator<PoolAttributes> {
  return {
    name,
    infer([x], { kernel, ceil }) {
      if (x === undefined) throw new Error(`Expected an operand for ${name} but received none`);
      expectRank(x, 4, name);
      const sides = [2, 3].map((axis) => divideDimension(dimensionAt(x.shape, axis), kernel, ceil ? "ceil" : "floor"));
      return [{ shape: [...x.shape.slice(0, 2), ...sides], type: "float32" }];
    },
    evaluate([x], { kernel }, [shape]) {
      if (x === undefined || shape === undefined) return [];
      const read = reader(x);
      const [, , height = 1, width = 1] = x.shape;
      return [
        generate(shape, ([n = 0, c = 0, row = 0, column = 0]) => {
          const values: number[] = [];
          for (let i = row * kernel; i < Math.min((row + 1) * kernel, height); i++) {
            for (let j = column * kernel; j < Math.min((column + 1) * kernel, width); j++)
              values.push(read([n, c, i, j]));
          }
          return compute(values);
        }),
      ];
    },
    gradient(node, attributes, [dy]) {
      const [y] = node.outputs;
      return [dy && y && gradient(dy, inputOf(node, 0), y, attributes)];
    },
    emit: (emitter, inputs, { kernel, ceil }) =>
      emitter.add(onnx, inputs, {
        kernel_shape: [kernel, kernel],
        strides: [kernel, kernel],
        ceil_mode: ceil ? 1 : 0,
        ...(onnx === "AveragePool" && { count_include_pad: 0 }),
      }),
  };
}

/** A pooled tensor spread over the windows of x: cut or filled with zeros to x's size. */
function spread(pooled: Tensor, x: Tensor, kernel: number): Tensor {
  const wide = upsample(pooled, kernel);
  if (sameShape(wide.shape, x.shape)) return wide;
  return [2, 3].reduce((result, axis) => {
    const [own, wanted] = [dimensionAt(result.shape, axis), dimensionAt(x.shape, axis)];
    if (typeof own !== "number" || typeof wanted !== "number") {
      throw new Error(`Expected static dimensions for the gradient of pooling but received ${formatShape(x.shape)}`);
    }
    return own > wanted
      ? slice(result, [{ axis, end: wanted }])
      : pad(result, [{ axis, before: 0, after: wanted - own }], "constant");
  }, wide);
}

const maxOperator = pooling(
  "maxPool",
  "MaxPool",
  (values) => Math.max(...values),
  (dy, x, y, { kernel, ceil }) => {
    const ties = where(equal(x, spread(y, x, kernel)), constant(1), constant(0));
    // The average over a cut window is over fewer elements; both ways the count is average times
    // elements, and padding with zeros makes every window whole.
    const count = scale(averagePool(padToWindows(ties, y, kernel), kernel, ceil), kernel * kernel);
    return multiply(ties, spread(divide(dy, count), x, kernel));
  },
);

const averageOperator = pooling(
  "averagePool",
  "AveragePool",
  (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  (dy, x, y, { kernel }) => {
    const ones = constant(new Float32Array(1).fill(1), [1, 1, 1, 1]);
    const sizes = [2, 3].map((axis) => windowShare(x, y, axis, kernel)).reduce(multiply, ones);
    return multiply(spread(dy, x, kernel), sizes);
  },
);

/**
 * [.., length] of 1 / (elements of the window that position belongs to) along `axis`, for
 * broadcasting.
 */
function windowShare(x: Tensor, y: Tensor, axis: number, kernel: number): Tensor {
  const [length, windows] = [dimensionAt(x.shape, axis), dimensionAt(y.shape, axis)];
  const shape = [1, 1, 1, 1];
  if (typeof length !== "number" || typeof windows !== "number" || length === windows * kernel) {
    return constant(Float32Array.of(1 / kernel), shape);
  }
  shape[axis] = length;
  const share = Float32Array.from({ length }, (_, at) => {
    const start = Math.floor(at / kernel) * kernel;
    return Math.floor(at / kernel) < windows ? 1 / (Math.min(start + kernel, length) - start) : 0;
  });
  return constant(share, shape);
}

function padToWindows(x: Tensor, pooled: Tensor, kernel: number): Tensor {
  const margins = [2, 3].map((axis) => {
    const missing = Number(dimensionAt(pooled.shape, axis)) * kernel - Number(dimensionAt(x.shape, axis));
    return { axis, before: 0, after: Math.max(missing, 0) };
  });
  return pad(x, margins, "constant");
}

/** The maximum of each `kernel` x `kernel` window of x ([N, C, H, W]). */
export const maxPool = (x: Tensor, kernel: number, ceil = false): Tensor =>
  applyOne(maxOperator, [x], { kernel, ceil });
/**
 * The mean of each `kernel` x `kernel` window of x; windows cut by the edge average what they have.
 */
export const averagePool = (x: Tensor, kernel: number, ceil = false): Tensor =>
  applyOne(averageOperator, [x], { kernel, ceil });
