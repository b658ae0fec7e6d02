/**
 * One training step as one graph: losses, gradients, clipping, Adam and the moving average of the weights.
 *
 * All parameters live in one flat vector, and so do Adam's two moments and the average: the optimizer is a dozen operators,
 * whatever the network. The graph takes the vectors and gives their successors.
 *
 *   g = gradient * min(1, limit / |gradient|)
 *   first' = b1 first + (1 - b1) g,   second' = b2 second + (1 - b2) g^2
 *   parameters' = parameters - stepSize * first' / (sqrt(second') * secondScale + 1e-8)
 *   average' = averageKeep average + (1 - averageKeep) parameters'
 *
 * with stepSize = lr / (1 - b1^t) and secondScale = 1 / sqrt(1 - b2^t) (Kingma and Ba, 2015, algorithm 1), fed from outside.
 */

import {
  add,
  addAll,
  concat,
  constant,
  divide,
  gradients,
  input,
  minimum,
  multiply,
  reduceSum,
  reshape,
  scale,
  sizeOf,
  sqrt,
  square,
  subtract,
  type Tensor,
} from "@adaattn/graph";
import {
  countParameters,
  type ParameterShapes,
  splitVector,
  type TensorData,
  tensorWeights,
  type Weights,
} from "adaattn/network";

export const BETAS = [0.9, 0.999] as const;
const EPSILON = 1e-8;
/** The share of the old average that a step keeps at most; early steps keep less, so that the first weights are soon forgotten. */
const LONGEST_AVERAGE = 0.999;

export interface StepOptions {
  /** The parameters that are trained. */
  readonly parameters: ParameterShapes;
  /** The weighted loss terms, by name; their sum is minimised. Inputs that it declares become inputs of the step. */
  readonly objective: (weights: Weights) => Readonly<Record<string, Tensor>>;
  /** The largest length of the gradient; longer ones are shortened to it. No limit by default. */
  readonly clip?: number;
}

/** Names of the vectors that a step takes and gives (the latter with the suffix `.next`). */
export const STATE = ["parameters", "first", "second", "average"] as const;

/** The outputs of a training step: the next state, every loss term as `loss.NAME`, and the gradient's length. */
export function trainingStep({ parameters, objective, clip }: StepOptions): Record<string, Tensor> {
  const shape = [countParameters(parameters)];
  const [vector, first, second, average] = STATE.map((name) => input(name, shape)) as [Tensor, Tensor, Tensor, Tensor];
  const [stepSize, secondScale] = [input("stepSize", []), input("secondScale", [])];
  const averageKeep = input("averageKeep", []);

  const tensors = splitVector(parameters, vector);
  const terms = objective(tensorWeights(tensors));
  const parts = gradients(addAll(Object.values(terms)), [...tensors.values()]);
  const raw = concat(
    parts.map((part) => reshape(part, [sizeOf(part.shape)])),
    0,
  );
  const length = sqrt(reduceSum(square(raw)));
  const gradient =
    clip === undefined ? raw : multiply(raw, minimum(constant(1), divide(constant(clip), add(length, constant(1e-6)))));

  const blend = (old: Tensor, fresh: Tensor, keep: number) => add(scale(old, keep), scale(fresh, 1 - keep));
  const nextFirst = blend(first, gradient, BETAS[0]);
  const nextSecond = blend(second, square(gradient), BETAS[1]);
  const scaled = add(multiply(sqrt(nextSecond), secondScale), constant(EPSILON));
  const next = subtract(vector, multiply(stepSize, divide(nextFirst, scaled)));
  return {
    "parameters.next": next,
    "first.next": nextFirst,
    "second.next": nextSecond,
    "average.next": add(multiply(average, averageKeep), multiply(next, subtract(constant(1), averageKeep))),
    "gradient.length": length,
    ...Object.fromEntries(Object.entries(terms).map(([name, term]) => [`loss.${name}`, term])),
  };
}

/** The numbers that step `step` (1 is the first) at learning rate `rate` feeds to the graph. */
export function stepScalars(
  step: number,
  rate: number,
): Record<"stepSize" | "secondScale" | "averageKeep", TensorData> {
  const scalar = (value: number) => ({ shape: [], data: Float32Array.of(value) });
  return {
    stepSize: scalar(rate / (1 - BETAS[0] ** step)),
    secondScale: scalar(1 / Math.sqrt(1 - BETAS[1] ** step)),
    averageKeep: scalar(Math.min(LONGEST_AVERAGE, (1 + step) / (10 + step))),
  };
}
