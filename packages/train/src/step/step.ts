/**
 * One training step as one graph: losses, gradients, clipping, the optimizer and the moving average
 * of the weights.
 *
 * All parameters live in one flat vector, and so do the optimizer's two moments and the average.
 * The graph takes the vectors and gives their successors.
 *
 *   g = gradient * min(1, limit / |gradient|)
 *   first' = b1 first + (1 - b1) g,   second' = b2 second + (1 - b2) g^2
 *   parameters' = parameters - rate * firstScale * first' / (sqrt(second') * secondScale + 1e-8)
 *   average' = averageKeep average + (1 - averageKeep) parameters'
 *
 * with firstScale = 1 / (1 - b1^t) and secondScale = 1 / sqrt(1 - b2^t) (Kingma and Ba, 2015,
 * algorithm 1), fed from outside. With Muon, weights that are matrices step by muon.ts instead,
 * from the same gradient and a first moment of their own. Heads, which are trained along and thrown
 * away, lie behind the parameters in the vectors: their gradients are not shortened, and they step
 * by Adam at a rate of their own.
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
import { blend, muonStep } from "./muon.ts";

export const BETAS = [0.9, 0.999] as const;
const EPSILON = 1e-8;
/**
 * The share of the old average that a step keeps at most; early steps keep less, so that the first
 * weights are soon forgotten.
 */
const LONGEST_AVERAGE = 0.999;

/** The learning rate of heads. */
const HEAD_RATE = 1e-3;

export interface StepOptions {
  /** The parameters that are trained. */
  readonly parameters: ParameterShapes;
  /** Parameters of heads that are trained along; none by default. */
  readonly heads?: ParameterShapes | undefined;
  /**
   * The weighted loss terms, by name; their sum is minimized. Inputs that it declares become inputs
   * of the step.
   */
  readonly objective: (weights: Weights) => Readonly<Record<string, Tensor>>;
  /** The largest length of the gradient; longer ones are shortened to it. No limit by default. */
  readonly clip?: number;
  /** How gradients become steps; adam by default. */
  readonly optimizer?: Optimizer | undefined;
  /** The share of the learning rate that a parameter learns at; 1 by default. */
  readonly rateShare?: ((name: string) => number) | undefined;
}

/** Adam; or Muon for all weights of two dimensions and more, and Adam for the others. */
export type Optimizer = "adam" | "muon";

/** Names of the vectors that a step takes and gives (the latter with the suffix `.next`). */
export const STATE = ["parameters", "first", "second", "average"] as const;

/** The numbers that a step takes. */
const SCALARS = ["rate", "firstScale", "secondScale", "averageKeep"] as const;

/**
 * The outputs of a training step: the next state, every loss term as `loss.NAME`, and the
 * gradient's length.
 */
export function trainingStep({
  parameters: own,
  heads = new Map(),
  objective,
  clip,
  optimizer = "adam",
  rateShare,
}: StepOptions): Record<string, Tensor> {
  const parameters: ParameterShapes = new Map([...own, ...heads]);
  const shape = [countParameters(parameters)];
  const [vector, first, second, average] = STATE.map((name) => input(name, shape)) as [Tensor, Tensor, Tensor, Tensor];
  const [rate, firstScale, secondScale, averageKeep] = SCALARS.map((name) => input(name, [])) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];

  const tensors = splitVector(parameters, vector);
  const terms = objective(tensorWeights(tensors));
  const parts = gradients(addAll(Object.values(terms)), [...tensors.values()]);
  const raw = joined(parts.slice(0, own.size));
  const length = sqrt(reduceSum(square(raw)));
  const clipped =
    clip === undefined ? raw : multiply(raw, minimum(constant(1), divide(constant(clip), add(length, constant(1e-6)))));
  const gradient = joined([clipped, ...parts.slice(own.size)]);

  const nextSecond = blend(second, square(gradient), BETAS[1]);
  const adam = blend(first, gradient, BETAS[0]);
  const scaled = add(multiply(sqrt(nextSecond), secondScale), constant(EPSILON));
  const direction = divide(adam, scaled);
  const adamRate = multiply(rate, firstScale);
  let [nextFirst, change] = [adam, multiply(adamRate, direction)];
  if (optimizer === "muon" || rateShare || heads.size > 0) {
    const [gradientOf, firstOf, adamOf, directionOf] = [gradient, first, adam, direction].map((whole) => [
      ...splitVector(parameters, whole).values(),
    ]) as [Tensor[], Tensor[], Tensor[], Tensor[]];
    const steps = [...parameters].map(([name, { length }], at) => {
      const [slope, momentum, plain, way] = [gradientOf, firstOf, adamOf, directionOf].map((parts) => parts[at]) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      if (heads.has(name)) return { first: plain, change: multiply(scale(firstScale, HEAD_RATE), way) };
      const turned = optimizer === "muon" && length > 1;
      const moved = turned ? muonStep(slope, momentum, rate) : { first: plain, change: multiply(adamRate, way) };
      return { first: moved.first, change: scale(moved.change, rateShare?.(name) ?? 1) };
    });
    nextFirst = joined(steps.map((step) => step.first));
    change = joined(steps.map((step) => step.change));
  }
  const next = subtract(vector, change);
  return {
    "parameters.next": next,
    "first.next": nextFirst,
    "second.next": nextSecond,
    "average.next": add(multiply(average, averageKeep), multiply(next, subtract(constant(1), averageKeep))),
    "gradient.length": length,
    ...Object.fromEntries(Object.entries(terms).map(([name, term]) => [`loss.${name}`, term])),
  };
}

/** Tensors as one flat vector. */
function joined(tensors: readonly Tensor[]): Tensor {
  return concat(
    tensors.map((tensor) => reshape(tensor, [sizeOf(tensor.shape)])),
    0,
  );
}

/** The numbers that step `step` (1 is the first) at learning rate `rate` feeds to the graph. */
export function stepScalars(step: number, rate: number): Record<(typeof SCALARS)[number], TensorData> {
  const scalar = (value: number) => ({ shape: [], data: Float32Array.of(value) });
  return {
    rate: scalar(rate),
    firstScale: scalar(1 / (1 - BETAS[0] ** step)),
    secondScale: scalar(1 / Math.sqrt(1 - BETAS[1] ** step)),
    averageKeep: scalar(Math.min(LONGEST_AVERAGE, (1 + step) / (10 + step))),
  };
}
