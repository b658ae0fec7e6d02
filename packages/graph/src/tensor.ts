/**
 * The graph itself: tensors are the outputs of nodes, a node is an operator applied to tensors.
 * There is no graph object while a network is being built; a graph is whatever its output tensors
 * reach.
 *
 * An operator says four things about itself: what shape it gives, what it computes (in float64, for
 * tests), how gradients flow back through it, and which ONNX nodes it becomes.
 */

import type { NdArray } from "./ndarray.ts";
import { formatShape, type Shape } from "./shape.ts";

/**
 * Element types. Bool tensors come from comparisons and go into `where`; int64 tensors are indices.
 */
export type DataType = "float32" | "int64" | "bool";

export interface TensorType {
  readonly shape: Shape;
  readonly type: DataType;
}

/** One output of a node. */
export interface Tensor extends TensorType {
  readonly node: Node;
}

export interface Node {
  readonly operator: Operator;
  readonly inputs: readonly Tensor[];
  readonly attributes: unknown;
  readonly outputs: readonly Tensor[];
}

/**
 * Which kernels the ONNX file is for: a few operators have a faster or a correct form on one engine
 * only. `portable` is for any runtime: operators of opset 17 in ONNX's own domain and nothing else.
 */
export type Target = "cpu" | "webgpu" | "portable";

/** What an operator sees of the ONNX writer. Values are known by their names. */
export interface Emitter {
  readonly target: Target;
  /** Whether convolutions may round more for the sake of speed. */
  readonly minimalFiltering: boolean;
  /** Adds a node and returns the names of its outputs. The domain is ONNX's own unless given. */
  add(
    operator: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, number | string | readonly number[]>>,
    options?: { outputs?: number; domain?: string; floats?: readonly string[] },
  ): string[];
  /** As `add`, for the usual node with one output. */
  one(
    operator: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, number | string | readonly number[]>>,
    options?: { domain?: string; floats?: readonly string[] },
  ): string;
  /**
   * Runs the nodes that `body` adds `count` times (a 1-D int64 value of one element), with the
   * index of the turn (a scalar int64), and stacks the float32 results along a new first axis. The
   * results must be of one shape.
   */
  loop(count: string, body: (index: string) => string): string;
  /** A 1-D int64 constant. */
  integers(values: readonly number[]): string;
  /** A float32 constant. */
  floats(values: Float32Array, shape: readonly number[]): string;
  /**
   * A 1-D int64 tensor with the values of `shape`; `source` is the reshaped value's shape, whose
   * axes may be copied.
   */
  shape(shape: Shape, source: Shape): string;
}

/**
 * Gradients of the inputs, given those of the outputs; undefined where none arrives, or none flows.
 */
export type GradientRule<A> = (
  node: Node,
  attributes: A,
  outputs: readonly (Tensor | undefined)[],
) => readonly (Tensor | undefined)[];

export interface Operator<A = unknown> {
  /** Lower camel case, as printed. */
  readonly name: string;
  /** Types of the outputs; throws one exact sentence where the inputs do not fit. */
  infer(inputs: readonly TensorType[], attributes: A): readonly TensorType[];
  /** The outputs in float64; `shapes` are those of the outputs with symbols resolved. */
  evaluate(inputs: readonly NdArray[], attributes: A, shapes: readonly number[][]): readonly NdArray[];
  /**
   * How gradients flow back. "zero" is for what is piecewise constant, so that nothing flows;
   * "none" for what no loss may depend on a wanted tensor through.
   */
  readonly gradient: GradientRule<A> | "zero" | "none";
  /** Adds the ONNX nodes and returns the names of the outputs. */
  emit(emitter: Emitter, inputs: readonly string[], attributes: A, node: Node): readonly string[];
}

/** Applies an operator; the types of its outputs are inferred at once. */
export function apply<A>(operator: Operator<A>, inputs: readonly Tensor[], attributes: A): readonly Tensor[] {
  const outputs: Tensor[] = [];
  const node: Node = { operator: operator as Operator, inputs, attributes, outputs };
  for (const { shape, type } of operator.infer(inputs, attributes)) outputs.push({ node, shape, type });
  return outputs;
}

/** As `apply`, for an operator with one output. */
export function applyOne<A>(operator: Operator<A>, inputs: readonly Tensor[], attributes: A): Tensor {
  const [output] = apply(operator, inputs, attributes);
  if (output === undefined) throw new Error(`Expected an output of ${operator.name} but received none`);
  return output;
}

/** The input at `index`, which the operator knows to exist. */
export function inputOf(node: Node, index: number): Tensor {
  const tensor = node.inputs[index];
  if (tensor === undefined) throw new Error(`Expected an input ${index} of ${node.operator.name} but received none`);
  return tensor;
}

/** All nodes that `outputs` reach, every node after those that it needs. */
export function topologicalOrder(outputs: readonly Tensor[]): Node[] {
  const order: Node[] = [];
  const done = new Set<Node>();
  const stack: { node: Node; next: number }[] = [];
  for (const output of outputs) {
    stack.push({ node: output.node, next: 0 });
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const input = top.node.inputs[top.next++];
      if (done.has(top.node)) stack.pop();
      else if (input === undefined) {
        done.add(top.node);
        order.push(top.node);
        stack.pop();
      } else if (!done.has(input.node)) stack.push({ node: input.node, next: 0 });
    }
  }
  return order;
}

export function expectType(tensor: TensorType, type: DataType, what: string): void {
  if (tensor.type !== type) throw new Error(`Expected ${type} for ${what} but received ${tensor.type}`);
}

export function expectRank(tensor: TensorType, rank: number, what: string): void {
  if (tensor.shape.length !== rank) {
    throw new Error(`Expected ${rank} axes for ${what} but received ${formatShape(tensor.shape)}`);
  }
}
