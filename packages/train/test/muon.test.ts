/** Muon's step: matrices whose singular values are known. */
import { constant, evaluate, multiply, ndarray, reduceSum, type Tensor } from "@adaattn/graph";
import { trainingStep } from "@adaattn/train";
import { expect, test } from "vitest";
import { orthogonal } from "../src/step/muon.ts";

/** What five rounds make of a singular value. */
function rounds(value: number): number {
  let x = value;
  for (let round = 0; round < 5; round++) x = 3.4445 * x - 4.775 * x ** 3 + 2.0315 * x ** 5;
  return x;
}

const valuesOf = (tensor: Tensor, feeds = {}) => [...(evaluate([tensor], feeds)[0]?.data ?? [])];

function expectNear(actual: readonly number[], wanted: readonly number[]): void {
  expect(actual).toHaveLength(wanted.length);
  for (const [at, value] of wanted.entries()) expect(actual[at]).toBeCloseTo(value, 6);
}

test("a matrix keeps its singular vectors, and its singular values come near 1", () => {
  const length = Math.hypot(3, 0.5);
  const wide = constant(Float32Array.of(3, 0, 0, 0, 0, 0.5), [2, 3]);
  expectNear(valuesOf(orthogonal(wide)), [rounds(3 / length), 0, 0, 0, 0, rounds(0.5 / length)]);
  const tall = constant(Float32Array.of(0, 3, 0.5, 0, 0, 0), [3, 2]);
  expectNear(valuesOf(orthogonal(tall)), [0, rounds(3 / length), rounds(0.5 / length), 0, 0, 0]);
  for (const share of [0.05, 0.3, 0.7, 1]) {
    expect(rounds(share)).toBeGreaterThan(0.65);
    expect(rounds(share)).toBeLessThan(1.25);
  }
});

test("a matrix of zeros stays one", () => {
  expectNear(valuesOf(orthogonal(constant(new Float32Array(4), [2, 2]))), [0, 0, 0, 0]);
});

test("a step turns the momentum of matrices and leaves vectors to Adam, each at its share of the rate", () => {
  const parameters = new Map([
    ["matrix", [2, 2]],
    ["vector", [2]],
  ]);
  const slopes = {
    matrix: constant(Float32Array.of(4, 0, 0, 1), [2, 2]),
    vector: constant(Float32Array.of(8, -8), [2]),
  };
  const outputs = trainingStep({
    parameters,
    // Linear: the gradient is the slope wherever the weights are.
    objective: (weights) => ({
      matrix: reduceSum(multiply(weights("matrix"), slopes.matrix)),
      vector: reduceSum(multiply(weights("vector"), slopes.vector)),
    }),
    optimizer: "muon",
    rateShare: (name) => (name === "vector" ? 0.5 : 1),
  });
  const before = [0, 1, 0, 0, 0, 0];
  const scalar = (value: number) => ndarray([value], []);
  const feeds = {
    parameters: ndarray([1, 2, 3, 4, 5, 6], [6]),
    first: ndarray(before, [6]),
    second: ndarray([0, 0, 0, 0, 0, 0], [6]),
    average: ndarray([0, 0, 0, 0, 0, 0], [6]),
    rate: scalar(0.1),
    firstScale: scalar(10),
    secondScale: scalar(Math.sqrt(1000)),
    averageKeep: scalar(0),
  };
  const { "first.next": first, "parameters.next": next } = outputs as Record<string, Tensor>;
  expectNear(valuesOf(first as Tensor, feeds), [0.2, 0.95, 0, 0.05, 0.8, -0.8]);
  // Nesterov's momentum: 0.95 of the new one and 0.05 of the gradient. Its direction by another way
  // than the step's own graph.
  const ahead = [0.39, 0.9025, 0, 0.0975];
  const direction = valuesOf(orthogonal(constant(Float32Array.from(ahead), [2, 2])));
  const matrix = direction.map((value, at) => at + 1 - 0.1 * 0.2 * Math.SQRT2 * value);
  // Adam's first step is the sign of the gradient.
  const moved = valuesOf(next as Tensor, feeds);
  expectNear(moved.slice(0, 4), matrix);
  expect(moved[4]).toBeCloseTo(5 - 0.5 * 0.1, 4);
  expect(moved[5]).toBeCloseTo(6 + 0.5 * 0.1, 4);
});
