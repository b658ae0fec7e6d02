import {
  add,
  addAll,
  attendMoments,
  constant,
  convolution,
  detach,
  deviationOf,
  evaluate,
  gradients,
  input,
  kthLargest,
  matmul,
  maximum,
  maxPool,
  multiply,
  type NdArray,
  ndarray,
  print,
  reduceMax,
  reduceSum,
  relu,
  scale,
  softmax,
  sqrt,
  square,
  type Tensor,
  turnGradient,
  wakingRelu,
} from "@adaattn/graph";
import { describe, expect, test } from "vitest";
import { values } from "./cases.ts";
import { expectClose, run, targets } from "./engines.ts";

/** The gradients of `loss` in `wanted`, as lists, by the interpreter. */
function interpreted(loss: Tensor, wanted: readonly Tensor[], feeds: Record<string, NdArray>): number[][] {
  return evaluate(gradients(loss, wanted), feeds).map(({ data }) => [...data]);
}

describe("gradients", () => {
  const x = input("x", [3]);
  const feeds = { x: ndarray([1, -2, 0.5], [3]) };

  test("over several ways are added", () => {
    const squared = multiply(x, x);
    const loss = reduceSum(addAll([multiply(squared, x), scale(squared, 3), x]));
    // x^3 + 3 x^2 + x has the slope 3 x^2 + 6 x + 1.
    expect(interpreted(loss, [x], feeds)).toEqual([[10, 1, 4.75]]);
  });

  test("of a tensor on the way, of the loss itself and of one tensor twice come in the order asked for", () => {
    const squared = square(x);
    const loss = reduceSum(multiply(squared, squared));
    expect(interpreted(loss, [squared, x, loss, x], feeds)).toEqual([[2, 8, 0.5], [4, -32, 0.5], [1], [4, -32, 0.5]]);
  });

  test("leave out what no wanted tensor is behind", () => {
    const other = input("other", [3]);
    const [gradient] = gradients(reduceSum(multiply(square(x), square(other))), [x]);
    expect(evaluate(gradient ? [gradient] : [], { ...feeds, other: ndarray([1, 2, 3], [3]) })[0]?.data).toEqual(
      Float64Array.of(2, -16, 9),
    );
    const alone = gradients(reduceSum(add(square(x), square(other))), [x]);
    // `other` need not be fed: its branch is not part of the gradient.
    expect(evaluate(alone, feeds)[0]?.data).toEqual(Float64Array.of(2, -4, 1));
    // Nor need it be differentiable: a convolution in steps has no gradient.
    const picture = input("picture", [1, 1, 2, 2]);
    const strided = reduceSum(convolution(picture, picture, { stride: 2 }));
    expect(interpreted(add(reduceSum(square(x)), strided), [x], feeds)).toEqual([[2, -4, 1]]);
  });
});

interface Corner {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly build: (x: Tensor) => Tensor;
  readonly gradient: readonly number[];
}

/**
 * Where slopes jump or are infinite, finite differences say nothing; nor do they where a gradient is
 * meant to be another than the slope. There the rules say what it is.
 */
const corners: readonly Corner[] = [
  { name: "sqrt at 0 is 0", shape: [3], values: [0, 1, 4], build: sqrt, gradient: [0, 0.5, 0.25] },
  {
    name: "the deviation of equal values is 0",
    shape: [2],
    values: [3, 1],
    build: (mean) => deviationOf(mean, constant(Float32Array.of(9, 2), [2])),
    gradient: [0, -1],
  },
  { name: "relu at 0 is 0", shape: [3], values: [0, 2, -1], build: relu, gradient: [0, 1, 0] },
  {
    name: "a maximum of equal operands is that of the second",
    shape: [2],
    values: [1, 3],
    build: (x) => maximum(x, constant(1)),
    gradient: [0, 1],
  },
  {
    name: "a maximum over an axis is shared among ties",
    shape: [2, 4],
    values: [1, 1, 0, 1, 2, 5, 4, 5],
    build: (x) => reduceMax(x, [1]),
    gradient: [1 / 3, 1 / 3, 0, 1 / 3, 0, 0.5, 0, 0.5],
  },
  {
    name: "the k-th largest value is shared among ties",
    shape: [2, 4],
    values: [1, 3, 2, 3, 5, 4, 4, 4],
    build: (x) => kthLargest(x, 2),
    gradient: [0, 0.5, 0, 0.5, 0, 1 / 3, 1 / 3, 1 / 3],
  },
  {
    name: "a waking relu leaks a hundredth where it gives 0",
    shape: [3],
    values: [0, 2, -1],
    build: (x) => multiply(wakingRelu(x), constant(Float32Array.of(3, 4, 5), [3])),
    gradient: [3 * Math.fround(0.01), 4, 5 * Math.fround(0.01)],
  },
  {
    name: "what is turned is what the turn gives for all that arrives",
    shape: [3],
    values: [1, 2, 3],
    build: (x) => {
      const y = turnGradient(scale(x, 10), (dy) => maximum(dy, constant(3)));
      return add(y, scale(y, 5));
    },
    gradient: [60, 60, 60],
  },
  {
    name: "what is detached is that of a constant",
    shape: [2],
    values: [3, -4],
    build: (x) => multiply(x, detach(x)),
    gradient: [3, -4],
  },
  {
    name: "a pooled maximum is shared among ties",
    shape: [1, 1, 4, 2],
    values: [1, 1, 0, 1, 7, 2, 7, 3],
    build: (x) => maxPool(x, 2),
    gradient: [1 / 3, 1 / 3, 0, 1 / 3, 0.5, 0, 0.5, 0],
  },
  {
    name: "a pooled maximum is shared among ties in windows that stick out",
    shape: [1, 1, 3, 3],
    values: [0, 0, -1, 0, 0, -1, 4, 4, -2],
    build: (x) => maxPool(x, 2, true),
    gradient: [0.25, 0.25, 0.5, 0.25, 0.25, 0.5, 0.5, 0.5, 1],
  },
];

describe.each(corners)("the gradient of $name", ({ shape, values: list, build, gradient }) => {
  const x = input("x", shape);
  const feeds = { x: ndarray(list, shape) };
  const wanted = () => gradients(reduceSum(build(x)), [x]);

  test("by the interpreter", () => {
    expectClose(evaluate(wanted(), feeds)[0], ndarray(gradient, shape), 1e-12);
  });

  test.each(targets)("on %s", async (target) => {
    const [actual] = await run(wanted(), feeds, target);
    expectClose(actual, ndarray(gradient, shape), 1e-6);
  });
});

describe("the gradient of attention", () => {
  const [q, k, v] = [input("q", [1, 3, 2]), input("k", [1, 4, 2]), input("v", [1, 4, 2])];
  const feeds = { q: values([1, 3, 2], 1), k: values([1, 4, 2], 2), v: values([1, 4, 2], 3) };
  const weight = constant(Float32Array.from(values([1, 3, 2], 4).data), [1, 3, 2]);

  test.each(["mean", "second"] as const)("flows through the %s alone", (which) => {
    const loss = reduceSum(multiply(attendMoments(q, k, v, 2)[which], weight));
    const scores = matmul(scale(q, 2), k, { transposeB: true });
    const plain = reduceSum(multiply(matmul(softmax(scores), which === "mean" ? v : square(v)), weight));
    const expected = evaluate(gradients(plain, [q, k, v]), feeds);
    evaluate(gradients(loss, [q, k, v]), feeds).forEach((gradient, at) => {
      expectClose(gradient, expected[at], 1e-12);
    });
  });

  test("of more scores than are held at a time equals that of the whole matrix", async () => {
    // 4.5 million scores, 4.2 million of which make the first chunk of queries: 2796 and 204.
    const [queries, keys, channels, depth] = [3000, 1500, 2, 3];
    const shapes = { q: [1, queries, channels], k: [1, keys, channels], v: [1, keys, depth] };
    const wanted = [input("q", shapes.q), input("k", shapes.k), input("v", shapes.v)] as const;
    const [largeQ, largeK, largeV] = wanted;
    const shares = [5, 6].map((seed) => {
      const shape = [1, queries, depth];
      return constant(Float32Array.from(values(shape, seed).data), shape);
    }) as [Tensor, Tensor];
    const loss = (mean: Tensor, second: Tensor) =>
      add(reduceSum(multiply(mean, shares[0])), reduceSum(multiply(second, shares[1])));
    const { mean, second } = attendMoments(largeQ, largeK, largeV, 4);
    const weights = softmax(matmul(scale(largeQ, 4), largeK, { transposeB: true }));
    const chunked = gradients(loss(mean, second), wanted);
    expect(print(chunked).match(/= softmax/g)).toHaveLength(2);
    const whole = gradients(loss(matmul(weights, largeV), matmul(weights, square(largeV))), wanted);
    const results = await run(
      [...chunked, ...whole],
      { q: values(shapes.q, 1), k: values(shapes.k, 2), v: values(shapes.v, 3) },
      "cpu",
    );
    for (const at of wanted.keys()) {
      const [actual, expected] = [results[at], results[at + wanted.length]];
      const largest = Math.max(...(expected?.data ?? []).map(Math.abs));
      expect(largest).toBeGreaterThan(1e-3);
      expectClose(scaled(actual, 1 / largest), scaled(expected, 1 / largest), 1e-4);
    }
  });
});

function scaled(array: NdArray | undefined, factor: number): NdArray {
  return { shape: array?.shape ?? [], data: (array?.data ?? new Float64Array()).map((value) => value * factor) };
}
