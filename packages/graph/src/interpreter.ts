/**
 * A slow, plain evaluation of a graph in float64: the reference that gradients and engines are
 * tested against.
 */

import { evaluateDimension } from "./dimension.ts";
import type { NdArray } from "./ndarray.ts";
import { type InputAttributes, inputOperator } from "./operators/leaf.ts";
import { formatShape } from "./shape.ts";
import { type Operator, type Tensor, topologicalOrder } from "./tensor.ts";

/**
 * The values of `outputs` for the inputs `feeds`, by name. Symbols take the sizes that the feeds
 * give them.
 */
export function evaluate(outputs: readonly Tensor[], feeds: Readonly<Record<string, NdArray>> = {}): NdArray[] {
  const values = new Map<Tensor, NdArray>();
  const order = topologicalOrder(outputs);
  const bindings = new Map<string, number>();
  for (const node of order) {
    if (node.operator !== (inputOperator as Operator)) continue;
    const { name } = node.attributes as InputAttributes;
    const [tensor] = node.outputs;
    const fed = feeds[name];
    if (tensor === undefined || fed === undefined)
      throw new Error(`Expected a value for the input ${name} but received none`);
    bind(tensor, fed, name, bindings);
    values.set(tensor, fed);
  }
  for (const node of order) {
    if (node.operator === (inputOperator as Operator)) continue;
    const inputs = node.inputs.map((input) => resultOf(values, input));
    const shapes = node.outputs.map(({ shape }) => shape.map((dimension) => evaluateDimension(dimension, bindings)));
    const results = node.operator.evaluate(inputs, node.attributes, shapes);
    node.outputs.forEach((output, which) => {
      const result = results[which];
      if (result) values.set(output, result);
    });
  }
  return outputs.map((output) => resultOf(values, output));
}

function resultOf(values: ReadonlyMap<Tensor, NdArray>, tensor: Tensor): NdArray {
  const value = values.get(tensor);
  if (value === undefined) throw new Error(`Expected a value of ${tensor.node.operator.name} but none was computed`);
  return value;
}

/**
 * Checks a fed shape against a declared one, and learns the values of symbols that stand alone
 * (`16*h`).
 */
function bind(tensor: Tensor, fed: NdArray, name: string, bindings: Map<string, number>): void {
  const fail = () => {
    throw new Error(
      `Expected ${formatShape(tensor.shape)} for the input ${name} but received [${fed.shape.join(", ")}]`,
    );
  };
  if (tensor.shape.length !== fed.shape.length) fail();
  tensor.shape.forEach((dimension, axis) => {
    const length = fed.shape[axis] ?? 0;
    if (typeof dimension === "number") {
      if (dimension !== length) fail();
      return;
    }
    const [term, ...others] = dimension.terms;
    if (term === undefined || others.length > 0 || term[0].includes("*")) return;
    const value = length / term[1];
    const known = bindings.get(term[0]);
    if (!Number.isInteger(value) || (known !== undefined && known !== value)) fail();
    bindings.set(term[0], value);
  });
}
