/**
 * Dense arrays in float64, what the interpreter computes with. Booleans are 0 and 1, indices are
 * whole numbers.
 */

import { stridesOf } from "./shape.ts";

export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function zeros(shape: readonly number[]): NdArray {
  return { shape, data: new Float64Array(shape.reduce((product, length) => product * length, 1)) };
}

export function ndarray(data: ArrayLike<number>, shape: readonly number[]): NdArray {
  const array = zeros(shape);
  if (array.data.length !== data.length) {
    throw new Error(
      `Expected ${array.data.length} values for the shape [${shape.join(", ")}] but received ${data.length}`,
    );
  }
  array.data.set(data);
  return array;
}

/**
 * Fills an array by calling `value` with every index, outermost axis first; the index array is
 * reused between calls.
 */
export function generate(shape: readonly number[], value: (index: number[]) => number): NdArray {
  const array = zeros(shape);
  const index = new Array<number>(shape.length).fill(0);
  for (let at = 0; at < array.data.length; at++) {
    array.data[at] = value(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next;
        break;
      }
      index[axis] = 0;
    }
  }
  return array;
}

/** A function that reads `array` at an index of a shape that it broadcasts to. */
export function broadcastReader(array: NdArray, rank: number): (index: readonly number[]) => number {
  const strides = stridesOf(array.shape).map((stride, axis) => (array.shape[axis] === 1 ? 0 : stride));
  const skipped = rank - array.shape.length;
  return (index) => {
    let at = 0;
    for (let axis = 0; axis < strides.length; axis++) at += (strides[axis] ?? 0) * (index[axis + skipped] ?? 0);
    return array.data[at] ?? Number.NaN;
  };
}

/** Reads `array` at a full index. */
export function reader(array: NdArray): (index: readonly number[]) => number {
  return broadcastReader(array, array.shape.length);
}
