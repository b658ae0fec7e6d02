import { constant, evaluate, gradients, input, multiply, type NdArray, reduceSum, type Tensor } from "@adaattn/graph";
import { describe, expect, test } from "vitest";
import { type Case, cases, values } from "./cases.ts";
import { expectClose, run, targets } from "./engines.ts";

function prepare({ shapes, build, range }: Case) {
  const inputs = shapes.map((shape, at) => input(`x${at}`, shape));
  const feeds = Object.fromEntries(shapes.map((shape, at) => [`x${at}`, values(shape, at + 1, range)]));
  const output = build(...inputs);
  return { inputs, feeds, output };
}

/**
 * A scalar with a different weight for every element, so that no gradient can hide in a symmetry.
 */
function weighted(output: Tensor): Tensor {
  const shape = output.shape.map(Number);
  return reduceSum(multiply(output, constant(Float32Array.from(values(shape, 7, [0.5, 1.5]).data), shape)));
}

function finiteDifferences(loss: Tensor, feeds: Record<string, NdArray>, name: string): NdArray {
  const { shape, data } = feeds[name] ?? { shape: [], data: new Float64Array() };
  const step = 1e-5;
  const at = (index: number, offset: number) => {
    const moved = Float64Array.from(data);
    moved[index] = (moved[index] ?? 0) + offset;
    return evaluate([loss], { ...feeds, [name]: { shape, data: moved } })[0]?.data[0] ?? Number.NaN;
  };
  return { shape, data: data.map((_, index) => (at(index, step) - at(index, -step)) / (2 * step)) };
}

describe.each(cases.filter(({ differentiable }) => differentiable !== false))("the gradient of $name", (item) => {
  const { inputs, feeds, output } = prepare(item);
  const loss = weighted(output);

  test("is that of finite differences", () => {
    const computed = evaluate(gradients(loss, inputs), feeds);
    computed.forEach((gradient, at) => {
      expectClose(gradient, finiteDifferences(loss, feeds, `x${at}`), 1e-6);
    });
  });

  test.each(targets)("is that of the interpreter on %s", async (target) => {
    const wanted = gradients(loss, inputs);
    const expected = evaluate(wanted, feeds);
    const actual = await run(wanted, feeds, target);
    expected.forEach((gradient, at) => {
      expectClose(actual[at], gradient, 1e-4);
    });
  });
});

describe.each(["portable", ...targets] as const)("on %s", (target) => {
  test.each(cases)("$name gives the interpreter's values", async (item) => {
    const { feeds, output } = prepare(item);
    const [expected] = evaluate([output], feeds);
    const [actual] = await run([output], feeds, target);
    expect(expected?.data.every(Number.isFinite)).toBe(true);
    expectClose(actual, expected, 1e-5);
  });
});
