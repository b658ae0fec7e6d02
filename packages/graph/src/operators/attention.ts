/**
 * Attention that gives the mean and the second moment of the values, without ever holding the score
 * matrix.
 *
 *   P = softmax(scale * Q K^T),  mean = P V,  second = P (V*V)
 *
 * for Q [B, N, C], K [B, M, C], V [B, M, D] (AdaAttN, section 3.2: the weighted mean and, with the
 * second moment, the weighted standard deviation of the style features). Both moments come from one
 * pass over [V, V*V]. On a CPU a fused operator streams over narrow keys; wide ones are faster in
 * plain products, a block of queries at a time. On WebGPU the queries are cut into parts.
 *
 * Gradient, with arriving dM (of mean) and dE (of second). Scores are recomputed for a chunk of
 * queries at a time:
 *   dP = dM V^T + dE (V*V)^T,  dS = P * (dP - r),  r = sum over D of (dM * mean + dE * second),  since sum(dP * P) = r
 *   dQ = scale * dS K,  dK = scale * dS^T Q,  dV = P^T dM + 2 V * (P^T dE)
 */

import { multiplyDimensions, sameDimension } from "../dimension.ts";
import { type NdArray, reader, zeros } from "../ndarray.ts";
import { dimensionAt, formatShape, sizeOf, staticShape } from "../shape.ts";
import { apply, type Emitter, expectRank, inputOf, type Node, type Operator, type Tensor } from "../tensor.ts";
import { addAll, multiply, scale as scaleBy, square, subtract } from "./elementwise.ts";
import { concat, slice } from "./layout.ts";
import { matmul } from "./matmul.ts";
import { reduceSum } from "./reduce.ts";
import { softmax } from "./softmax.ts";

/** The gradient recomputes at most this many scores of one sample at a time: 16 MiB in float32. */
const SCORES_PER_CHUNK = 1 << 22;

const attentionOperator: Operator<{ scale: number }> = {
  name: "attendMoments",
  infer([q, k, v]) {
    if (q === undefined || k === undefined || v === undefined) {
      throw new Error("Expected queries, keys and values for attention but received fewer");
    }
    for (const operand of [q, k, v]) expectRank(operand, 3, "an operand of attention");
    if (!sameDimension(dimensionAt(q.shape, 2), dimensionAt(k.shape, 2))) {
      throw new Error(
        `Expected as many channels in queries as in keys but received ${formatShape(q.shape)} and ${formatShape(k.shape)}`,
      );
    }
    if (!sameDimension(dimensionAt(k.shape, 1), dimensionAt(v.shape, 1))) {
      throw new Error(
        `Expected as many keys as values but received ${formatShape(k.shape)} and ${formatShape(v.shape)}`,
      );
    }
    const shape = [dimensionAt(q.shape, 0), dimensionAt(q.shape, 1), dimensionAt(v.shape, 2)];
    return [
      { shape, type: "float32" },
      { shape, type: "float32" },
    ];
  },
  evaluate([q, k, v], { scale }, [shape]): readonly NdArray[] {
    if (q === undefined || k === undefined || v === undefined || shape === undefined) return [];
    const [samples = 1, queries = 1, depth = 1] = shape;
    const [, keys = 1, channels = 1] = k.shape;
    const [readQ, readK, readV] = [reader(q), reader(k), reader(v)];
    const [mean, second] = [zeros(shape), zeros(shape)];
    for (let b = 0; b < samples; b++) {
      for (let n = 0; n < queries; n++) {
        const scores = Array.from({ length: keys }, (_, m) => {
          let sum = 0;
          for (let c = 0; c < channels; c++) sum += readQ([b, n, c]) * readK([b, m, c]);
          return sum * scale;
        });
        const max = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - max));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (let d = 0; d < depth; d++) {
          const at = (b * queries + n) * depth + d;
          weights.forEach((weight, m) => {
            const value = readV([b, m, d]);
            mean.data[at] = (mean.data[at] ?? 0) + (weight / total) * value;
            second.data[at] = (second.data[at] ?? 0) + (weight / total) * value * value;
          });
        }
      }
    }
    return [mean, second];
  },
  gradient(node, { scale }, [dMean, dSecond]) {
    const [q, k, v] = [inputOf(node, 0), inputOf(node, 1), inputOf(node, 2)];
    const [mean, second] = node.outputs;
    if (mean === undefined || second === undefined || (dMean === undefined && dSecond === undefined)) return [];
    const [, queries = 1] = staticShape(q.shape, "the gradient of attention");
    const [, keys = 1] = staticShape(k.shape, "the gradient of attention");
    const squares = square(v);
    const rows = addAll([
      ...(dMean ? [reduceSum(multiply(dMean, mean), [2], true)] : []),
      ...(dSecond ? [reduceSum(multiply(dSecond, second), [2], true)] : []),
    ]);
    const chunk = Math.max(1, Math.min(queries, Math.floor(SCORES_PER_CHUNK / keys)));
    const parts: { dq: Tensor; dk: Tensor; dv: Tensor }[] = [];
    for (let start = 0; start < queries; start += chunk) {
      const range = [{ axis: 1, start, end: Math.min(start + chunk, queries) }];
      const part = queries <= chunk ? (x: Tensor) => x : (x: Tensor) => slice(x, range);
      const scaled = scaleBy(part(q), scale);
      const p = softmax(matmul(scaled, k, { transposeB: true }));
      const [dm, de] = [dMean && part(dMean), dSecond && part(dSecond)];
      const dp = addAll([
        ...(dm ? [matmul(dm, v, { transposeB: true })] : []),
        ...(de ? [matmul(de, squares, { transposeB: true })] : []),
      ]);
      const ds = multiply(p, subtract(dp, part(rows)));
      parts.push({
        dq: scaleBy(matmul(ds, k), scale),
        dk: matmul(ds, scaled, { transposeA: true }),
        dv: addAll([
          ...(dm ? [matmul(p, dm, { transposeA: true })] : []),
          ...(de ? [scaleBy(multiply(v, matmul(p, de, { transposeA: true })), 2)] : []),
        ]),
      });
    }
    return [
      concat(
        parts.map(({ dq }) => dq),
        1,
      ),
      addAll(parts.map(({ dk }) => dk)),
      addAll(parts.map(({ dv }) => dv)),
    ];
  },
  emit(emitter, [q = "", k = "", v = ""], { scale }, node) {
    const depth = dimensionAt(inputOf(node, 2).shape, 2);
    if (typeof depth !== "number") throw new Error(`Expected static channels for attention but received ${depth}`);
    const squares = emitter.one("Mul", [v, v]);
    const both = emitter.one("Concat", [v, squares], { axis: 2 });
    const channels = dimensionAt(inputOf(node, 1).shape, 2);
    const wide = emitter.target === "cpu" && typeof channels === "number" && channels >= WIDE_KEYS;
    if (wide) return emitInBlocks(emitter, q, k, both, scale, node);
    const attended =
      emitter.target === "cpu"
        ? emitFused(emitter, q, k, both, scale)
        : emitInChunks(emitter, q, k, both, scale, chunkCount(node));
    return [0, depth].map((start) =>
      emitter.one("Slice", [attended, ...[[start], [start + depth], [2]].map((values) => emitter.integers(values))]),
    );
  },
};

/**
 * From this many channels on, plain products are the faster on a CPU: 1.2 times at 448 channels,
 * 1.6 times at 960.
 */
const WIDE_KEYS = 384;
/** Scores of one sample that a CPU holds at a time, about: 8 MiB in float32. */
const SCORES_PER_BLOCK = 1 << 21;

function emitFused(emitter: Emitter, q: string, k: string, values: string, scale: number): string {
  const attributes = { num_heads: 1, scale };
  return emitter.one("MultiHeadAttention", [q, k, values], attributes, { domain: "com.microsoft", floats: ["scale"] });
}

/**
 * Mean and second moment by plain products, a block of queries at a time. Blocks are of one length,
 * chosen when the model runs so that a block's scores are SCORES_PER_BLOCK at most (but for one
 * query against more keys than that); zeros fill the last one.
 */
function emitInBlocks(emitter: Emitter, q: string, k: string, values: string, scale: number, node: Node): string[] {
  const [zero, one] = [emitter.integers([0]), emitter.integers([1])];
  const roundedUp = (value: string, by: string) =>
    emitter.one("Div", [emitter.one("Add", [value, emitter.one("Sub", [by, one])]), by]);
  const positions = (value: string) => emitter.one("Shape", [value], { start: 1, end: 2 });
  const [queries, keys] = [positions(q), positions(k)];
  const longest = emitter.one("Max", [emitter.one("Div", [emitter.integers([SCORES_PER_BLOCK]), keys]), one]);
  const count = roundedUp(queries, longest);
  const block = roundedUp(queries, count);
  const spare = emitter.one("Sub", [emitter.one("Mul", [count, block]), queries]);
  const margins = emitter.one("Concat", [emitter.integers([0, 0, 0, 0]), spare, zero], { axis: 0 });
  const padded = emitter.one("Pad", [q, margins], { mode: "constant" });
  const blocks = emitter.loop(count, (index) => {
    const start = emitter.one("Mul", [emitter.one("Reshape", [index, one]), block]);
    const part = emitter.one("Slice", [padded, start, emitter.one("Add", [start, block]), one]);
    const attributes = { transB: 1, alpha: scale };
    const scores = emitter.one("FusedMatMul", [part, k], attributes, { domain: "com.microsoft", floats: ["alpha"] });
    return emitter.one("MatMul", [emitter.one("Softmax", [scores], { axis: -1 }), values]);
  });
  // [blocks, samples, block, 2D] -> [samples, blocks * block, 2D]. A single sample's blocks are in
  // order already.
  const [samples = 1, , depth = 1] = inputOf(node, 2).shape;
  const inOrder = samples === 1 ? blocks : emitter.one("Transpose", [blocks], { perm: [1, 0, 2, 3] });
  const length = 2 * Number(depth);
  const joined = emitter.one("Reshape", [inOrder, emitter.integers(samples === 1 ? [1, -1, length] : [0, -1, length])]);
  return [0, Number(depth)].map((start) => {
    const end = emitter.one("Concat", [queries, emitter.integers([start + Number(depth)])], { axis: 0 });
    return emitter.one("Slice", [joined, emitter.integers([0, start]), end, emitter.integers([1, 2])]);
  });
}

/** Scores that a GPU holds at a time, at most, where the sizes are known: 64 MiB in float32. */
const SCORES_ON_GPU = 1 << 24;
/** Into how many parts the queries are cut where they are not. */
const CHUNKS = 8;

function chunkCount(node: Node): number {
  const scores = multiplyDimensions(sizeOf(inputOf(node, 0).shape.slice(0, 2)), dimensionAt(inputOf(node, 1).shape, 1));
  return typeof scores === "number" ? Math.ceil(scores / SCORES_ON_GPU) : CHUNKS;
}

/**
 * Attention by plain matrix products, a part of the queries at a time. WebGPU's fused operator is
 * wrong where queries and values are equally wide (ONNX Runtime 1.30), and holds all scores where
 * they are not.
 */
function emitInChunks(emitter: Emitter, q: string, k: string, values: string, scale: number, count: number): string {
  const keys = emitter.one("Transpose", [k], { perm: [0, 2, 1] });
  const scaled = scale === 1 ? q : emitter.one("Mul", [q, emitter.floats(Float32Array.of(scale), [])]);
  const attend = (queries: string) => {
    const scores = emitter.one("MatMul", [queries, keys]);
    return emitter.one("MatMul", [emitter.one("Softmax", [scores], { axis: -1 }), values]);
  };
  if (count === 1) return attend(scaled);
  // Parts have ceil(queries / count) queries, and Split refuses to leave nothing for the last one.
  // With more than (count - 1)^2 queries there is always something left, so that many of zeros are
  // appended and cut off again.
  const spare = (count - 1) ** 2;
  const padded = emitter.one("Pad", [scaled, emitter.integers([0, 0, 0, 0, spare, 0])], { mode: "constant" });
  const chunks =
    emitter.target === "portable"
      ? sliceEvenly(emitter, padded, count)
      : emitter.add("Split", [padded], { axis: 1, num_outputs: count }, { outputs: count });
  const attended = emitter.one("Concat", chunks.map(attend), { axis: 1 });
  return emitter.one("Slice", [attended, ...[[0], [-spare], [1]].map((bounds) => emitter.integers(bounds))]);
}

/**
 * What Split does with `num_outputs`, which came with opset 18: `count` parts of axis 1, of one
 * length but for the last.
 */
function sliceEvenly(emitter: Emitter, x: string, count: number): string[] {
  const length = emitter.one("Shape", [x], { start: 1, end: 2 });
  const part = emitter.one("Div", [
    emitter.one("Add", [length, emitter.integers([count - 1])]),
    emitter.integers([count]),
  ]);
  const bounds = Array.from({ length: count + 1 }, (_, at) => emitter.one("Mul", [part, emitter.integers([at])]));
  return bounds.slice(1).map((end, at) => emitter.one("Slice", [x, bounds[at] ?? "", end, emitter.integers([1])]));
}

/**
 * The attended mean and second moment of V, both [B, N, D]; `scale` multiplies the scores (1 by
 * default).
 */
export function attendMoments(q: Tensor, k: Tensor, v: Tensor, scale = 1): { mean: Tensor; second: Tensor } {
  const [mean, second] = apply(attentionOperator, [q, k, v], { scale });
  if (mean === undefined || second === undefined) throw new Error("Expected two outputs of attention");
  return { mean, second };
}
