/**
 * Padding: zeros, the edge repeated, or the interior reflected without repeating the edge.
 *
 * Gradients, for an arriving dy and one axis after another (an axis at a time, since reflected
 * corners come from both):
 *   constant: the interior of dy.
 *   reflect: the interior of dy, to which the two margins are added, flipped, where they were read: next to the edges.
 *   edge: the interior, to whose first and last element the sum of each margin is added.
 */

import { addDimensions } from "../dimension.ts";
import { generate, reader } from "../ndarray.ts";
import { dimensionAt, formatShape } from "../shape.ts";
import { applyOne, inputOf, type Operator, type Tensor } from "../tensor.ts";
import { add } from "./elementwise.ts";
import { concat, flip, slice } from "./layout.ts";
import { reduceSum } from "./reduce.ts";

export type PadMode = "constant" | "reflect" | "edge";

/** Elements added before and after an axis. */
export interface Margin {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
}

interface PadAttributes {
  readonly margins: readonly Margin[];
  readonly mode: PadMode;
}

const padOperator: Operator<PadAttributes> = {
  name: "pad",
  infer([x], { margins, mode }) {
    if (x === undefined) throw new Error("Expected an operand for pad but received none");
    const shape = [...x.shape];
    for (const { axis, before, after } of margins) {
      const length = dimensionAt(x.shape, axis);
      if (before < 0 || after < 0)
        throw new Error(`Expected margins of at least 0 for pad but received ${before} and ${after}`);
      if (mode === "reflect" && typeof length === "number" && Math.max(before, after) >= length) {
        throw new Error(
          `Expected an axis longer than the margin for reflecting pad but received ${length} in ${formatShape(x.shape)}`,
        );
      }
      shape[axis] = addDimensions(length, before + after);
    }
    return [{ shape, type: x.type }];
  },
  evaluate([x], { margins, mode }, [shape]) {
    if (x === undefined || shape === undefined) return [];
    const read = reader(x);
    return [
      generate(shape, (index) => {
        const source = [...index];
        for (const { axis, before } of margins) {
          const length = x.shape[axis] ?? 1;
          let position = (index[axis] ?? 0) - before;
          if (position < 0 || position >= length) {
            if (mode === "constant") return 0;
            if (mode === "edge") position = position < 0 ? 0 : length - 1;
            else position = position < 0 ? -position : 2 * (length - 1) - position;
          }
          source[axis] = position;
        }
        return read(source);
      }),
    ];
  },
  gradient(_, { margins, mode }, [dy]) {
    if (dy === undefined) return [];
    return [margins.reduce((gradient, margin) => fold(gradient, margin, mode), dy)];
  },
  emit(emitter, [x = ""], { margins, mode }, node) {
    const rank = inputOf(node, 0).shape.length;
    const pads = new Array<number>(2 * rank).fill(0);
    for (const { axis, before, after } of margins) {
      pads[axis] = before;
      pads[rank + axis] = after;
    }
    return emitter.add("Pad", [x, emitter.integers(pads)], { mode });
  },
};

/**
 * The gradient of padding one axis: the interior of dy, with the margins added where their elements
 * came from.
 */
function fold(dy: Tensor, { axis, before, after }: Margin, mode: PadMode): Tensor {
  const interior = slice(dy, [{ axis, start: before, ...(after > 0 && { end: -after }) }]);
  if (mode === "constant") return interior;
  const length = dimensionAt(interior.shape, axis);
  if (typeof length !== "number") {
    throw new Error(`Expected static dimensions for the gradient of pad but received ${formatShape(interior.shape)}`);
  }
  // What each margin adds, and to which positions of the interior: [start, strip].
  const strips: [number, Tensor][] = [];
  if (before > 0) {
    const front = slice(dy, [{ axis, end: before }]);
    strips.push(mode === "edge" ? [0, reduceSum(front, [axis], true)] : [1, flip(front, [axis])]);
  }
  if (after > 0) {
    const back = slice(dy, [{ axis, start: -after }]);
    strips.push(
      mode === "edge" ? [length - 1, reduceSum(back, [axis], true)] : [length - 1 - after, flip(back, [axis])],
    );
  }
  // One copy a strip, or a single one for both where they do not overlap.
  const [first, second] = strips;
  const disjoint = first && second && first[0] + Number(dimensionAt(first[1].shape, axis)) <= second[0];
  return disjoint
    ? addStrips(interior, axis, strips)
    : strips.reduce((sum, strip) => addStrips(sum, axis, [strip]), interior);
}

/** x with each strip added at its start along `axis`; strips are sorted and disjoint. */
function addStrips(x: Tensor, axis: number, strips: readonly (readonly [number, Tensor])[]): Tensor {
  const pieces: Tensor[] = [];
  let position = 0;
  for (const [start, strip] of strips) {
    const end = start + Number(dimensionAt(strip.shape, axis));
    if (start > position) pieces.push(slice(x, [{ axis, start: position, end: start }]));
    pieces.push(add(slice(x, [{ axis, start, end }]), strip));
    position = end;
  }
  if (position < Number(dimensionAt(x.shape, axis))) pieces.push(slice(x, [{ axis, start: position }]));
  return concat(pieces, axis);
}

/**
 * x with `margins` around it. Reflection never repeats the edge itself, as PyTorch's
 * ReflectionPad2d.
 */
export function pad(x: Tensor, margins: readonly Margin[], mode: PadMode): Tensor {
  const wanted = margins.filter(({ before, after }) => before !== 0 || after !== 0);
  return wanted.length === 0 ? x : applyOne(padOperator, [x], { margins: wanted, mode });
}

/** A picture [N, C, H, W] with the same margin on its four sides. */
export const pad2d = (x: Tensor, margin: number, mode: PadMode): Tensor =>
  pad(
    x,
    [2, 3].map((axis) => ({ axis, before: margin, after: margin })),
    mode,
  );
