/**
 * Operators that move elements without computing: reshape, transpose, slice, concat, gather and its
 * opposite scatterAdd.
 *
 * Gradients, for an arriving dy:
 *   reshape: dy in the old shape.   transpose: dy with the inverse permutation.
 *   slice: dy put back where it came from, zeros elsewhere; a step s first spreads dy with s-1 zeros between elements,
 *   a negative step flips it.   concat: the slices of dy.   gather: dy added at the gathered indices (scatterAdd), and
 *   the other way round.
 */

import { addDimensions, type Dimension, divideDimension, multiplyDimensions, sameDimension } from "../dimension.ts";
import { generate, type NdArray, reader, zeros } from "../ndarray.ts";
import { dimensionAt, formatShape, normalizeAxis, type Shape, sameShape, sizeOf, stridesOf } from "../shape.ts";
import { applyOne, expectRank, expectType, inputOf, type Operator, type Tensor } from "../tensor.ts";
import { pad } from "./pad.ts";

const reshapeOperator: Operator<{ shape: Shape }> = {
  name: "reshape",
  infer([x], { shape }) {
    if (x === undefined) throw new Error("Expected an operand for reshape but received none");
    if (!sameDimension(sizeOf(x.shape), sizeOf(shape))) {
      throw new Error(
        `Expected ${sizeOf(x.shape)} elements for reshape to ${formatShape(shape)} of ${formatShape(x.shape)}`,
      );
    }
    return [{ shape, type: x.type }];
  },
  evaluate: ([x], _, [shape]): readonly NdArray[] => (x && shape ? [{ shape, data: x.data }] : []),
  gradient: (node, _, [dy]) => [dy && reshape(dy, inputOf(node, 0).shape)],
  emit: (emitter, [x], { shape }, node) =>
    emitter.add("Reshape", [x ?? "", emitter.shape(shape, inputOf(node, 0).shape)]),
};

/** The same elements, row-major, in another shape. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : applyOne(reshapeOperator, [x], { shape });
}

const transposeOperator: Operator<{ permutation: readonly number[] }> = {
  name: "transpose",
  infer([x], { permutation }) {
    if (x === undefined) throw new Error("Expected an operand for transpose but received none");
    if (
      [...permutation].sort((a, b) => a - b).some((axis, index) => axis !== index) ||
      permutation.length !== x.shape.length
    ) {
      throw new Error(
        `Expected a permutation of the axes of ${formatShape(x.shape)} but received [${permutation.join(", ")}]`,
      );
    }
    return [{ shape: permutation.map((axis) => dimensionAt(x.shape, axis)), type: x.type }];
  },
  evaluate([x], { permutation }, [shape]) {
    if (x === undefined || shape === undefined) return [];
    const read = reader(x);
    const source = new Array<number>(permutation.length).fill(0);
    return [
      generate(shape, (index) => {
        permutation.forEach((axis, at) => {
          source[axis] = index[at] ?? 0;
        });
        return read(source);
      }),
    ];
  },
  gradient: (_, { permutation }, [dy]) => [
    dy &&
      transpose(
        dy,
        permutation.map((_axis, at) => permutation.indexOf(at)),
      ),
  ],
  emit: (emitter, inputs, { permutation }) => emitter.add("Transpose", inputs, { perm: permutation }),
};

/** x with its axes reordered: axis i of the result is axis `permutation[i]` of x. */
export const transpose = (x: Tensor, permutation: readonly number[]): Tensor =>
  applyOne(transposeOperator, [x], { permutation });

/**
 * Which elements along one axis: from `start` to before `end`, every `step`-th. Negative positions
 * count from the end.
 */
export interface Range {
  readonly axis: number;
  readonly start?: number;
  readonly end?: number;
  readonly step?: number;
}

interface SliceAttributes {
  readonly axis: number;
  readonly start: number;
  readonly end: number | undefined;
  readonly step: number;
}

/** The first position and the number of elements that a slice takes from an axis of `length`. */
function extent(length: Dimension, { start, end, step }: SliceAttributes): { first: Dimension; count: Dimension } {
  if (step < 0) {
    // Only whole-axis flips are allowed; the constructor checks it.
    return { first: addDimensions(length, -1), count: length };
  }
  const first = start < 0 ? addDimensions(length, start) : start;
  const last = end === undefined ? length : end < 0 ? addDimensions(length, end) : end;
  const clipped = typeof last === "number" && typeof length === "number" ? Math.min(last, length) : last;
  const span = addDimensions(clipped, multiplyDimensions(first, -1));
  return { first, count: divideDimension(span, step, "ceil") };
}

const sliceOperator: Operator<SliceAttributes> = {
  name: "slice",
  infer([x], attributes) {
    if (x === undefined) throw new Error("Expected an operand for slice but received none");
    const { first, count } = extent(dimensionAt(x.shape, attributes.axis), attributes);
    if ((typeof count === "number" && count < 0) || (typeof first === "number" && first < 0)) {
      throw new Error(
        `Expected a range inside axis ${attributes.axis} of ${formatShape(x.shape)} but received ${attributes.start} to ${attributes.end ?? "the end"}`,
      );
    }
    return [{ shape: x.shape.map((dimension, axis) => (axis === attributes.axis ? count : dimension)), type: x.type }];
  },
  evaluate([x], attributes, [shape]) {
    if (x === undefined || shape === undefined) return [];
    const { first } = extent(x.shape[attributes.axis] ?? 0, attributes);
    const read = reader(x);
    return [
      generate(shape, (index) => {
        const source = [...index];
        source[attributes.axis] = Number(first) + (index[attributes.axis] ?? 0) * attributes.step;
        return read(source);
      }),
    ];
  },
  gradient(node, attributes, [dy]) {
    if (dy === undefined) return [];
    const { axis, step } = attributes;
    if (step < 0) return [slice(dy, [{ axis, step }])];
    const length = dimensionAt(inputOf(node, 0).shape, axis);
    const { first, count } = extent(length, attributes);
    const spread = step === 1 ? dy : spreadWithZeros(dy, axis, step);
    const covered = step === 1 ? count : multiplyDimensions(count, step);
    const after = addDimensions(addDimensions(length, multiplyDimensions(first, -1)), multiplyDimensions(covered, -1));
    if (typeof first !== "number" || typeof after !== "number") {
      throw new Error(`Expected a static range for the gradient of slice but received an axis of ${length}`);
    }
    const whole = pad(spread, [{ axis, before: first, after: Math.max(after, 0) }], "constant");
    return [after < 0 ? slice(whole, [{ axis, end: after }]) : whole];
  },
  emit(emitter, [x], { axis, start, end, step }) {
    const [from, to] = step < 0 ? [-1, Number.MIN_SAFE_INTEGER] : [start, end ?? Number.MAX_SAFE_INTEGER];
    const values = [[from], [to], [axis], [step]].map((value) => emitter.integers(value));
    return emitter.add("Slice", [x ?? "", ...values]);
  },
};

/** x with `step - 1` zeros after each of its elements along `axis`. */
function spreadWithZeros(x: Tensor, axis: number, step: number): Tensor {
  const split = [...x.shape.slice(0, axis + 1), 1, ...x.shape.slice(axis + 1)];
  const padded = pad(reshape(x, split), [{ axis: axis + 1, before: 0, after: step - 1 }], "constant");
  const joined = x.shape.map((dimension, at) => (at === axis ? multiplyDimensions(dimension, step) : dimension));
  return reshape(padded, joined);
}

/**
 * The elements of x in `ranges`, axis by axis. A negative step is allowed for whole axes only: it
 * flips them.
 */
export function slice(x: Tensor, ranges: readonly Range[]): Tensor {
  return ranges.reduce((result, range) => {
    const axis = normalizeAxis(range.axis, x.shape.length, "slice");
    const { start = 0, end, step = 1 } = range;
    if (!Number.isInteger(step) || step === 0 || step < -1 || (step < 0 && (start !== 0 || end !== undefined))) {
      throw new Error(`Expected a positive step, or -1 for a whole axis, for slice but received ${step}`);
    }
    return applyOne(sliceOperator, [result], { axis, start, end, step });
  }, x);
}

/** x reversed along `axes`. */
export const flip = (x: Tensor, axes: readonly number[]): Tensor =>
  slice(
    x,
    axes.map((axis) => ({ axis, step: -1 })),
  );

const concatOperator: Operator<{ axis: number }> = {
  name: "concat",
  infer(inputs, { axis }) {
    const [first] = inputs;
    if (first === undefined) throw new Error("Expected at least one operand for concat but received none");
    const rest = (shape: Shape) => shape.filter((_, at) => at !== axis);
    let length: Dimension = 0;
    for (const { shape, type } of inputs) {
      if (!sameShape(rest(shape), rest(first.shape)) || type !== first.type) {
        throw new Error(
          `Expected shapes equal but for axis ${axis} for concat but received ${inputs.map((other) => formatShape(other.shape)).join(" and ")}`,
        );
      }
      length = addDimensions(length, dimensionAt(shape, axis));
    }
    return [{ shape: first.shape.map((dimension, at) => (at === axis ? length : dimension)), type: first.type }];
  },
  evaluate(inputs, { axis }, [shape]) {
    const readers = inputs.map(reader);
    return [
      generate(shape ?? [], (index) => {
        const source = [...index];
        let position = index[axis] ?? 0;
        let which = 0;
        while (position >= (inputs[which]?.shape[axis] ?? 0)) position -= inputs[which++]?.shape[axis] ?? 0;
        source[axis] = position;
        return readers[which]?.(source) ?? Number.NaN;
      }),
    ];
  },
  gradient(node, { axis }, [dy]) {
    if (dy === undefined) return [];
    let start: Dimension = 0;
    return node.inputs.map(({ shape }) => {
      const end = addDimensions(start, dimensionAt(shape, axis));
      if (typeof start !== "number" || typeof end !== "number") {
        throw new Error(`Expected a static axis ${axis} for the gradient of concat but received ${formatShape(shape)}`);
      }
      const part = slice(dy, [{ axis, start, end }]);
      start = end;
      return part;
    });
  },
  emit: (emitter, inputs, { axis }) => emitter.add("Concat", inputs, { axis }),
};

/** The operands one after another along `axis`. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const [first] = tensors;
  if (tensors.length === 1 && first !== undefined) return first;
  return applyOne(concatOperator, tensors, { axis: first ? normalizeAxis(axis, first.shape.length, "concat") : axis });
}

const gatherOperator: Operator<{ axis: number }> = {
  name: "gather",
  infer([x, indices], { axis }) {
    if (x === undefined || indices === undefined) throw new Error("Expected an operand and indices for gather");
    expectType(indices, "int64", "the indices of gather");
    expectRank(indices, 1, "the indices of gather");
    const count = dimensionAt(indices.shape, 0);
    return [{ shape: x.shape.map((dimension, at) => (at === axis ? count : dimension)), type: x.type }];
  },
  evaluate([x, indices], { axis }, [shape]) {
    if (x === undefined || indices === undefined || shape === undefined) return [];
    const read = reader(x);
    return [
      generate(shape, (index) => {
        const source = [...index];
        source[axis] = indices.data[index[axis] ?? 0] ?? 0;
        return read(source);
      }),
    ];
  },
  gradient(node, { axis }, [dy]) {
    const length = dimensionAt(inputOf(node, 0).shape, axis);
    return [dy && scatterAdd(dy, inputOf(node, 1), axis, length)];
  },
  emit: (emitter, inputs, { axis }) => emitter.add("Gather", inputs, { axis }),
};

/** The elements of x at `indices` ([n], int64) along `axis`. */
export const gather = (x: Tensor, indices: Tensor, axis: number): Tensor =>
  applyOne(gatherOperator, [x, indices], { axis: normalizeAxis(axis, x.shape.length, "gather") });

const scatterAddOperator: Operator<{ axis: number; length: Dimension }> = {
  name: "scatterAdd",
  infer([x, indices], { axis, length }) {
    if (x === undefined || indices === undefined) throw new Error("Expected an operand and indices for scatterAdd");
    expectType(indices, "int64", "the indices of scatterAdd");
    return [{ shape: x.shape.map((dimension, at) => (at === axis ? length : dimension)), type: x.type }];
  },
  evaluate([x, indices], { axis }, [shape]) {
    if (x === undefined || indices === undefined || shape === undefined) return [];
    const result = zeros(shape);
    const strides = stridesOf(shape);
    let source = 0;
    generate(x.shape, (index) => {
      const at = index.reduce((sum, position, which) => {
        const target = which === axis ? (indices.data[position] ?? 0) : position;
        return sum + target * (strides[which] ?? 0);
      }, 0);
      result.data[at] = (result.data[at] ?? 0) + (x.data[source++] ?? 0);
      return 0;
    });
    return [result];
  },
  gradient: (node, { axis }, [dy]) => [dy && gather(dy, inputOf(node, 1), axis)],
  emit(emitter, [x = "", indices = ""], { axis }, node) {
    const [output] = node.outputs;
    const source = inputOf(node, 0);
    const zero = emitter.floats(Float32Array.of(0), []);
    const target = emitter.one("Expand", [zero, emitter.shape(output?.shape ?? [], [])]);
    const column = emitter.integers(source.shape.map((_, at) => (at === axis ? -1 : 1)));
    const spread = emitter.one("Expand", [emitter.one("Reshape", [indices, column]), emitter.shape(source.shape, [])]);
    return emitter.add("ScatterElements", [target, spread, x], { axis, reduction: "add" });
  },
};

/** Zeros with `length` positions along `axis`, to which x's elements are added at `indices`. */
export const scatterAdd = (x: Tensor, indices: Tensor, axis: number, length: Dimension): Tensor =>
  applyOne(scatterAddOperator, [x, indices], { axis, length });
