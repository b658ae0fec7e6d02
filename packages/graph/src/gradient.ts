/**
 * Reverse-mode differentiation: the gradient of a scalar is another graph of the same operators.
 *
 * Nodes are visited from the loss backwards; each operator turns the gradients of its outputs into
 * gradients of its inputs, and what arrives at a tensor over several ways is added. Tensors that
 * none of the wanted ones reaches are left out.
 */

import { addAll } from "./operators/elementwise.ts";
import { constant } from "./operators/leaf.ts";
import { sizeOf } from "./shape.ts";
import { type Node, type Tensor, topologicalOrder } from "./tensor.ts";

/**
 * The gradients of `loss` (one element) with respect to each of `wanted`, in their shapes. Throws
 * where the way to one of them leads through an operator without a gradient, or where the loss does
 * not depend on it.
 */
export function gradients(loss: Tensor, wanted: readonly Tensor[]): Tensor[] {
  if (sizeOf(loss.shape) !== 1)
    throw new Error(`Expected one element for the loss but received [${loss.shape.join(", ")}]`);
  const order = topologicalOrder([loss]);
  const relevant = new Set<Node>(wanted.map(({ node }) => node));
  for (const node of order) if (node.inputs.some((input) => relevant.has(input.node))) relevant.add(node);

  const arrived = new Map<Tensor, Tensor[]>();
  const collect = (tensor: Tensor, gradient: Tensor) => {
    const list = arrived.get(tensor);
    if (list === undefined) arrived.set(tensor, [gradient]);
    else list.push(gradient);
  };
  collect(loss, constant(Float32Array.of(1), loss.shape.map(Number)));

  const targets = new Set(wanted);
  const results = new Map<Tensor, Tensor>();
  for (const node of order.reverse()) {
    if (!relevant.has(node)) continue;
    const outputs = node.outputs.map((output) => {
      const parts = arrived.get(output);
      arrived.delete(output);
      const total = parts && addAll(parts);
      if (total && targets.has(output)) results.set(output, total);
      return total;
    });
    if (outputs.every((output) => output === undefined) || node.inputs.length === 0) continue;
    if (!node.inputs.some((input) => relevant.has(input.node))) continue;
    const { operator } = node;
    if (operator.gradient === "zero") continue;
    if (operator.gradient === "none") {
      throw new Error(`Expected a differentiable operator on the way to the loss but received ${operator.name}`);
    }
    operator.gradient(node, node.attributes, outputs).forEach((gradient, which) => {
      const input = node.inputs[which];
      if (gradient && input && relevant.has(input.node)) collect(input, gradient);
    });
  }
  return wanted.map((tensor) => {
    const result = results.get(tensor);
    if (result === undefined)
      throw new Error("Expected a loss that depends on every wanted tensor but one does not reach it");
    return result;
  });
}
