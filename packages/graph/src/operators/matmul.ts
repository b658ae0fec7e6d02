/**
 * Matrix products over the last two axes, with the leading axes broadcast.
 *
 * Gradients, for y = a b and an arriving dy: da = dy b^T, db = a^T dy; each summed over broadcast
 * leading axes. Where an operand is read transposed, so is its gradient: for y = a b^T, db = dy^T
 * a.
 */

import { sameDimension } from "../dimension.ts";
import { broadcastReader, generate } from "../ndarray.ts";
import { broadcastShapes, dimensionAt, formatShape } from "../shape.ts";
import { applyOne, expectType, inputOf, type Operator, type Tensor, type TensorType } from "../tensor.ts";
import { sumTo } from "./reduce.ts";

export interface MatmulOptions {
  /** Whether the last two axes of the first operand are read swapped; false by default. */
  readonly transposeA?: boolean;
  /** Whether the last two axes of the second operand are read swapped; false by default. */
  readonly transposeB?: boolean;
}

function matrixOf({ shape }: TensorType, transposed: boolean) {
  const [rows, columns] = [dimensionAt(shape, shape.length - 2), dimensionAt(shape, shape.length - 1)];
  return transposed ? ([columns, rows] as const) : ([rows, columns] as const);
}

const matmulOperator: Operator<Required<MatmulOptions>> = {
  name: "matmul",
  infer([a, b], { transposeA, transposeB }) {
    if (a === undefined || b === undefined) throw new Error("Expected two operands for matmul but received fewer");
    expectType(a, "float32", "matmul");
    expectType(b, "float32", "matmul");
    if (a.shape.length < 2 || b.shape.length < 2) {
      throw new Error(
        `Expected at least 2 axes for matmul but received ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      );
    }
    const [rows, inner] = matrixOf(a, transposeA);
    const [shared, columns] = matrixOf(b, transposeB);
    if (!sameDimension(inner, shared)) {
      throw new Error(
        `Expected equal inner dimensions for matmul but received ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      );
    }
    const leading = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), "matmul");
    return [{ shape: [...leading, rows, columns], type: "float32" }];
  },
  evaluate([a, b], { transposeA, transposeB }, [shape]) {
    if (a === undefined || b === undefined || shape === undefined) return [];
    const rank = shape.length;
    const [readA, readB] = [broadcastReader(a, rank), broadcastReader(b, rank)];
    const inner = a.shape.at(transposeA ? -2 : -1) ?? 1;
    return [
      generate(shape, (index) => {
        const leading = index.slice(0, -2);
        const [row = 0, column = 0] = index.slice(-2);
        let sum = 0;
        for (let k = 0; k < inner; k++) {
          sum +=
            readA([...leading, ...(transposeA ? [k, row] : [row, k])]) *
            readB([...leading, ...(transposeB ? [column, k] : [k, column])]);
        }
        return sum;
      }),
    ];
  },
  gradient(node, { transposeA, transposeB }, [dy]) {
    if (dy === undefined) return [];
    const [a, b] = [inputOf(node, 0), inputOf(node, 1)];
    const da = transposeA
      ? matmul(b, dy, { transposeA: transposeB, transposeB: true })
      : matmul(dy, b, { transposeB: !transposeB });
    const db = transposeB
      ? matmul(dy, a, { transposeA: true, transposeB: transposeA })
      : matmul(a, dy, { transposeA: !transposeA });
    return [sumTo(da, a.shape), sumTo(db, b.shape)];
  },
  emit(emitter, inputs, { transposeA, transposeB }, node) {
    if (!transposeA && !transposeB) return emitter.add("MatMul", inputs);
    if (emitter.target === "cpu") {
      const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
      return emitter.add("FusedMatMul", inputs, attributes, { domain: "com.microsoft" });
    }
    const operands = inputs.map((name, which) => {
      if (!(which === 0 ? transposeA : transposeB)) return name;
      const rank = inputOf(node, which).shape.length;
      const axes = Array.from({ length: rank }, (_, axis) => axis);
      return emitter.one("Transpose", [name], { perm: [...axes.slice(0, -2), rank - 1, rank - 2] });
    });
    return emitter.add("MatMul", operands);
  },
};

/** The matrix product of the last two axes of a and b. */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false } = options;
  return applyOne(matmulOperator, [a, b], { transposeA, transposeB });
}
