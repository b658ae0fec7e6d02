/**
 * Softmax along the last axis: exp(x - max) over its sum.
 *
 * Gradient, for y = softmax(x) and an arriving dy: dx = y * (dy - sum(dy * y)).
 */

import { applyOne, type Operator, type Tensor } from "../tensor.ts";
import { multiply, subtract } from "./elementwise.ts";
import { reduceSum } from "./reduce.ts";

const softmaxOperator: Operator<null> = {
  name: "softmax",
  infer([x]) {
    if (x === undefined || x.shape.length === 0) throw new Error("Expected an operand with an axis for softmax");
    return [x];
  },
  evaluate([x]) {
    if (x === undefined) return [];
    const length = x.shape.at(-1) ?? 1;
    const data = Float64Array.from(x.data);
    for (let start = 0; start < data.length; start += length) {
      const row = data.subarray(start, start + length);
      const max = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      row.forEach((value, at) => {
        row[at] = Math.exp(value - max);
      });
      const sum = row.reduce((a, b) => a + b, 0);
      row.forEach((value, at) => {
        row[at] = value / sum;
      });
    }
    return [{ shape: x.shape, data }];
  },
  gradient(node, _, [dy]) {
    const [y] = node.outputs;
    if (dy === undefined || y === undefined) return [];
    return [multiply(y, subtract(dy, reduceSum(multiply(dy, y), [-1], true)))];
  },
  emit: (emitter, inputs) => emitter.add("Softmax", inputs, { axis: -1 }),
};

/** Softmax of x along its last axis. */
export const softmax = (x: Tensor): Tensor => applyOne(softmaxOperator, [x], null);
