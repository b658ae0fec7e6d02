/** Weights by name, and how a graph asks for them. */

import { constant, reshape, slice, type Tensor } from "@adaattn/graph";
import { AdaattnError } from "../error.ts";
import type { ParameterShapes } from "./architecture.ts";
import { countParameters } from "./architecture.ts";

/** The values of a network's tensors, row-major, by name. */
export type WeightValues = ReadonlyMap<string, Float32Array>;

/**
 * Gives the tensor called `name`; networks are built from these, whether the weights are constants
 * or being trained.
 */
export type Weights = (name: string) => Tensor;

function shapeOf(shapes: ParameterShapes, name: string): readonly number[] {
  const shape = shapes.get(name);
  if (shape === undefined) throw new Error(`Expected a parameter of the architecture but received "${name}"`);
  return shape;
}

/** Weights baked into the graph. */
export function constantWeights(shapes: ParameterShapes, values: WeightValues): Weights {
  const made = new Map<string, Tensor>();
  return (name) => {
    const known = made.get(name);
    if (known !== undefined) return known;
    const data = values.get(name);
    if (data === undefined)
      throw new AdaattnError("file", `Expected the tensor ${name} among the weights but it is missing`);
    const tensor = constant(data, shapeOf(shapes, name));
    made.set(name, tensor);
    return tensor;
  };
}

/** The tensors that lie one after another in a flat vector, in the order of `shapes`. */
export function splitVector(shapes: ParameterShapes, vector: Tensor): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  let start = 0;
  for (const [name, shape] of shapes) {
    const end = start + shape.reduce((product, length) => product * length, 1);
    tensors.set(name, reshape(slice(vector, [{ axis: 0, start, end }]), shape));
    start = end;
  }
  return tensors;
}

/** Weights that are tensors of a graph already: what training works on. */
export function tensorWeights(tensors: ReadonlyMap<string, Tensor>): Weights {
  return (name) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`Expected a parameter of the architecture but received "${name}"`);
    return tensor;
  };
}

/** All values one after another, in the order of `shapes`. */
export function flatten(shapes: ParameterShapes, values: WeightValues): Float32Array {
  const vector = new Float32Array(countParameters(shapes));
  let start = 0;
  for (const name of shapes.keys()) {
    const data = values.get(name);
    if (data === undefined)
      throw new AdaattnError("file", `Expected the tensor ${name} among the weights but it is missing`);
    vector.set(data, start);
    start += data.length;
  }
  return vector;
}

/** The opposite of `flatten`. The arrays share the vector's memory. */
export function unflatten(shapes: ParameterShapes, vector: Float32Array): Map<string, Float32Array> {
  const values = new Map<string, Float32Array>();
  let start = 0;
  for (const [name, shape] of shapes) {
    const end = start + shape.reduce((product, length) => product * length, 1);
    values.set(name, vector.subarray(start, end));
    start = end;
  }
  return values;
}
