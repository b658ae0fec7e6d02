/** Shapes: lists of dimensions, outermost first, and the arithmetic that shape inference needs. */

import { type Dimension, multiplyDimensions, sameDimension } from "./dimension.ts";

export type Shape = readonly Dimension[];

export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, axis) => sameDimension(dimension, b[axis] ?? -1));
}

export function sizeOf(shape: Shape): Dimension {
  return shape.reduce<Dimension>((product, dimension) => multiplyDimensions(product, dimension), 1);
}

/** The dimension at `axis`, which the caller knows to exist. */
export function dimensionAt(shape: Shape, axis: number): Dimension {
  const dimension = shape[axis];
  if (dimension === undefined) throw new Error(`Expected an axis of ${formatShape(shape)} but received ${axis}`);
  return dimension;
}

/** The shape as plain numbers; `what` names it in the error when a dimension is symbolic. */
export function staticShape(shape: Shape, what: string): number[] {
  return shape.map((dimension) => {
    if (typeof dimension !== "number") {
      throw new Error(`Expected static dimensions for ${what} but received ${formatShape(shape)}`);
    }
    return dimension;
  });
}

/**
 * NumPy's broadcasting: shapes are aligned at their last axis, and an axis of length 1 stretches.
 */
export function broadcastShapes(a: Shape, b: Shape, what: string): Shape {
  const rank = Math.max(a.length, b.length);
  const shape: Dimension[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (!sameDimension(left, right) && left !== 1 && right !== 1) {
      throw new Error(
        `Expected shapes that broadcast for ${what} but received ${formatShape(a)} and ${formatShape(b)}`,
      );
    }
    shape.push(left === 1 ? right : left);
  }
  return shape;
}

/** A possibly negative axis as an index into a shape of `rank` axes. */
export function normalizeAxis(axis: number, rank: number, what: string): number {
  const index = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || index < 0 || index >= rank) {
    throw new Error(`Expected an axis from ${-rank} to ${rank - 1} for ${what} but received ${axis}`);
  }
  return index;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--)
    strides[axis] = (strides[axis + 1] ?? 1) * (shape[axis + 1] ?? 1);
  return strides;
}
