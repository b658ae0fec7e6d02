/**
 * Operators on single elements, with NumPy's broadcasting.
 *
 * Gradients, for y = f(x) and an arriving dy:
 *   negate: -dy.   exp: dy*y.   log: dy/x.   absolute: dy*sign(x).   reciprocal: -dy*y*y.
 *   relu: dy*sign(y), which passes dy where x > 0 and nothing elsewhere.
 *   wakingRelu: dy where x > 0, a hundredth of it elsewhere; that is not its slope.
 *   sqrt: dy/(2*y) where y > 0 and 0 at y = 0: selected, since 0 times the infinite slope would be NaN.
 *   add: dy, dy.   subtract: dy, -dy.   multiply: dy*b, dy*a.   divide: dy/b, -dy*y/b.
 *   maximum, minimum: dy where the operand is the larger (smaller) one; b gets it at a tie.
 *   where: dy where the condition chose the operand.
 * A broadcast operand gets the sum over the axes along which it was stretched.
 */

import { broadcastReader, generate, type NdArray } from "../ndarray.ts";
import { broadcastShapes, sameShape } from "../shape.ts";
import { applyOne, type DataType, expectType, inputOf, type Operator, type Tensor } from "../tensor.ts";
import { constant } from "./leaf.ts";
import { sumTo } from "./reduce.ts";

function unary(
  name: string,
  onnx: string,
  compute: (x: number) => number,
  gradient: "zero" | ((dy: Tensor, x: Tensor, y: Tensor) => Tensor),
): Operator<null> {
  return {
    name,
    infer([x]) {
      if (x === undefined) throw new Error(`Expected an operand for ${name} but received none`);
      expectType(x, "float32", name);
      return [x];
    },
    evaluate: ([x]) => [{ shape: x?.shape ?? [], data: Float64Array.from(x?.data ?? [], compute) }],
    gradient:
      gradient === "zero"
        ? gradient
        : (node, _, [dy]) => {
            const [y] = node.outputs;
            return [dy && y && gradient(dy, inputOf(node, 0), y)];
          },
    emit: (emitter, inputs) => emitter.add(onnx, inputs),
  };
}

const negateOperator = unary(
  "negate",
  "Neg",
  (x) => -x,
  (dy) => negate(dy),
);
const expOperator = unary("exp", "Exp", Math.exp, (dy, _, y) => multiply(dy, y));
const logOperator = unary("log", "Log", Math.log, (dy, x) => divide(dy, x));
const signOperator = unary("sign", "Sign", Math.sign, "zero");
const absoluteOperator = unary("absolute", "Abs", Math.abs, (dy, x) => multiply(dy, sign(x)));
const reciprocalOperator = unary(
  "reciprocal",
  "Reciprocal",
  (x) => 1 / x,
  (dy, _, y) => negate(multiply(dy, multiply(y, y))),
);
const reluOperator = unary(
  "relu",
  "Relu",
  (x) => Math.max(x, 0),
  (dy, _, y) => multiply(dy, sign(y)),
);
const wakingReluOperator = unary(
  "wakingRelu",
  "Relu",
  (x) => Math.max(x, 0),
  (dy, _, y) => multiply(dy, maximum(sign(y), constant(0.01))),
);
const sqrtOperator = unary("sqrt", "Sqrt", Math.sqrt, (dy, _, y) =>
  where(greater(y, constant(0)), divide(dy, multiply(y, constant(2))), constant(0)),
);

export const negate = (x: Tensor): Tensor => applyOne(negateOperator, [x], null);
export const exp = (x: Tensor): Tensor => applyOne(expOperator, [x], null);
export const log = (x: Tensor): Tensor => applyOne(logOperator, [x], null);
/** -1, 0 or 1. Its gradient is zero everywhere, so none flows. */
export const sign = (x: Tensor): Tensor => applyOne(signOperator, [x], null);
export const absolute = (x: Tensor): Tensor => applyOne(absoluteOperator, [x], null);
export const reciprocal = (x: Tensor): Tensor => applyOne(reciprocalOperator, [x], null);
export const relu = (x: Tensor): Tensor => applyOne(reluOperator, [x], null);
/**
 * As relu, with a gradient that leaks: a hundredth flows where x is at most 0, so that training can
 * wake what is always there.
 */
export const wakingRelu = (x: Tensor): Tensor => applyOne(wakingReluOperator, [x], null);
export const sqrt = (x: Tensor): Tensor => applyOne(sqrtOperator, [x], null);
export const square = (x: Tensor): Tensor => multiply(x, x);

function binary(
  name: string,
  onnx: string,
  compute: (a: number, b: number) => number,
  gradient: (dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => readonly [Tensor, Tensor],
): Operator<null> {
  return {
    ...broadcasting(name, onnx, compute, "float32"),
    gradient(node, _, [dy]) {
      const [y] = node.outputs;
      if (dy === undefined || y === undefined) return [];
      const [a, b] = [inputOf(node, 0), inputOf(node, 1)];
      const [da, db] = gradient(dy, a, b, y);
      return [sumTo(da, a.shape), sumTo(db, b.shape)];
    },
  };
}

/** An operator that compares two operands: it gives booleans, and nothing flows back through it. */
function comparison(name: string, onnx: string, compare: (a: number, b: number) => boolean): Operator<null> {
  return { ...broadcasting(name, onnx, (a, b) => Number(compare(a, b)), "bool"), gradient: "zero" };
}

/** What operators on two broadcast operands have in common. */
function broadcasting(
  name: string,
  onnx: string,
  compute: (a: number, b: number) => number,
  type: DataType,
): Omit<Operator<null>, "gradient"> {
  return {
    name,
    infer([a, b]) {
      if (a === undefined || b === undefined) throw new Error(`Expected two operands for ${name} but received fewer`);
      expectType(a, "float32", name);
      expectType(b, "float32", name);
      return [{ shape: broadcastShapes(a.shape, b.shape, name), type }];
    },
    evaluate: ([a, b], _, [shape]) => [combine([a, b], shape, ([left, right]) => compute(left ?? 0, right ?? 0))],
    emit: (emitter, inputs) => emitter.add(onnx, inputs),
  };
}

/** Evaluates a function of broadcast operands. */
function combine(
  operands: readonly (NdArray | undefined)[],
  shape: readonly number[] | undefined,
  compute: (values: readonly number[]) => number,
): NdArray {
  const rank = shape?.length ?? 0;
  const readers = operands.map((operand) => broadcastReader(operand ?? { shape: [], data: new Float64Array(1) }, rank));
  return generate(shape ?? [], (index) => compute(readers.map((read) => read(index))));
}

const addOperator = binary(
  "add",
  "Add",
  (a, b) => a + b,
  (dy) => [dy, dy],
);
const subtractOperator = binary(
  "subtract",
  "Sub",
  (a, b) => a - b,
  (dy) => [dy, negate(dy)],
);
const multiplyOperator = binary(
  "multiply",
  "Mul",
  (a, b) => a * b,
  (dy, a, b) => [multiply(dy, b), multiply(dy, a)],
);
const divideOperator = binary(
  "divide",
  "Div",
  (a, b) => a / b,
  (dy, _, b, y) => {
    const da = divide(dy, b);
    return [da, negate(multiply(da, y))];
  },
);
const maximumOperator = binary("maximum", "Max", Math.max, (dy, a, b) => chosen(greater(a, b), dy));
const minimumOperator = binary("minimum", "Min", Math.min, (dy, a, b) => chosen(greater(b, a), dy));
const greaterOperator = comparison("greater", "Greater", (a, b) => a > b);
const equalOperator = comparison("equal", "Equal", (a, b) => a === b);

/** dy split between two operands by which of them was chosen. */
function chosen(first: Tensor, dy: Tensor): readonly [Tensor, Tensor] {
  const zero = constant(0);
  return [where(first, dy, zero), where(first, zero, dy)];
}

export const add = (a: Tensor, b: Tensor): Tensor => applyOne(addOperator, [a, b], null);
export const subtract = (a: Tensor, b: Tensor): Tensor => applyOne(subtractOperator, [a, b], null);
export const multiply = (a: Tensor, b: Tensor): Tensor => applyOne(multiplyOperator, [a, b], null);
export const divide = (a: Tensor, b: Tensor): Tensor => applyOne(divideOperator, [a, b], null);
export const maximum = (a: Tensor, b: Tensor): Tensor => applyOne(maximumOperator, [a, b], null);
export const minimum = (a: Tensor, b: Tensor): Tensor => applyOne(minimumOperator, [a, b], null);
/** a > b, as booleans. */
export const greater = (a: Tensor, b: Tensor): Tensor => applyOne(greaterOperator, [a, b], null);
/** a = b, as booleans. */
export const equal = (a: Tensor, b: Tensor): Tensor => applyOne(equalOperator, [a, b], null);
/** `x * factor` for a plain number. */
export const scale = (x: Tensor, factor: number): Tensor => (factor === 1 ? x : multiply(x, constant(factor)));

const whereOperator: Operator<null> = {
  name: "where",
  infer([condition, a, b]) {
    if (condition === undefined || a === undefined || b === undefined) {
      throw new Error("Expected a condition and two operands for where but received fewer");
    }
    expectType(condition, "bool", "the condition of where");
    expectType(a, "float32", "where");
    expectType(b, "float32", "where");
    const shape = broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape, "where"), "where");
    return [{ shape, type: "float32" }];
  },
  evaluate: (inputs, _, [shape]) => [combine(inputs, shape, ([c, a, b]) => (c ? (a ?? 0) : (b ?? 0)))],
  gradient(node, _, [dy]) {
    if (dy === undefined) return [];
    const [da, db] = chosen(inputOf(node, 0), dy);
    return [undefined, sumTo(da, inputOf(node, 1).shape), sumTo(db, inputOf(node, 2).shape)];
  },
  emit: (emitter, inputs) => emitter.add("Where", inputs),
};

/** a where `condition` holds, else b. */
export const where = (condition: Tensor, a: Tensor, b: Tensor): Tensor =>
  applyOne(whereOperator, [condition, a, b], null);

/** The sum of several tensors of one shape. */
export function addAll(tensors: readonly Tensor[]): Tensor {
  const [first, ...rest] = tensors;
  if (first === undefined) throw new Error("Expected at least one tensor to add but received none");
  return rest.reduce((sum, tensor) => {
    if (!sameShape(sum.shape, tensor.shape)) broadcastShapes(sum.shape, tensor.shape, "addAll");
    return add(sum, tensor);
  }, first);
}
