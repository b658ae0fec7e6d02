/**
 * The leaves of a graph: inputs, which are fed, and constants, which are baked into the ONNX file
 * as initializers.
 */

import { type NdArray, ndarray } from "../ndarray.ts";
import { formatShape, type Shape, sizeOf } from "../shape.ts";
import { applyOne, type DataType, type Operator, type Tensor, topologicalOrder } from "../tensor.ts";

/** What is fed: a name, and what tensors go by it. */
export interface InputAttributes {
  readonly name: string;
  readonly shape: Shape;
  readonly type: DataType;
}

export interface ConstantAttributes {
  readonly data: Float32Array | BigInt64Array;
  readonly shape: readonly number[];
}

const unreachable = (what: string) => (): never => {
  throw new Error(`Expected the caller to provide ${what}`);
};

export const inputOperator: Operator<InputAttributes> = {
  name: "input",
  infer: (_, { shape, type }) => [{ shape, type }],
  evaluate: unreachable("the values of inputs"),
  gradient: "none",
  emit: unreachable("the names of inputs"),
};

export const constantOperator: Operator<ConstantAttributes> = {
  name: "constant",
  infer: (_, { data, shape }) => [{ shape, type: data instanceof Float32Array ? "float32" : "int64" }],
  evaluate: (_, { data, shape }): readonly NdArray[] => [ndarray(Array.from(data, Number), shape)],
  gradient: "none",
  emit: unreachable("the names of constants"),
};

/** A tensor that is fed under `name` when the graph runs. */
export function input(name: string, shape: Shape, type: DataType = "float32"): Tensor {
  return applyOne(inputOperator, [], { name, shape, type });
}

/** The inputs that `outputs` need. */
export function inputsOf(outputs: readonly Tensor[]): InputAttributes[] {
  return topologicalOrder(outputs)
    .filter(({ operator }) => operator === (inputOperator as Operator))
    .map(({ attributes }) => attributes as InputAttributes);
}

/** A tensor with fixed values, row-major. A plain number is a scalar of shape []. */
export function constant(data: Float32Array | BigInt64Array | number, shape: readonly number[] = []): Tensor {
  const values = typeof data === "number" ? Float32Array.of(data) : data;
  if (values.length !== sizeOf(shape)) {
    throw new Error(
      `Expected ${sizeOf(shape)} values for a constant of ${formatShape(shape)} but received ${values.length}`,
    );
  }
  return applyOne(constantOperator, [], { data: values, shape });
}
