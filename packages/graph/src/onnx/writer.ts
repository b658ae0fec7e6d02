/**
 * Writes a graph as an ONNX model (field numbers of onnx.proto3). Constants become initializers,
 * which engines lay out once; inputs keep their names; symbolic sizes are worked out from the
 * inputs' shapes.
 *
 * For ONNX Runtime it is IR version 10 with opset 21 and Microsoft's operators; a portable one is
 * IR version 8 with opset 17 of 2022, which runtimes of all kinds and ages read.
 */

import { type Dimension, type SymbolicDimension, sameDimension } from "../dimension.ts";
import { type ConstantAttributes, constantOperator, type InputAttributes, inputOperator } from "../operators/leaf.ts";
import type { Shape } from "../shape.ts";
import { type DataType, type Emitter, type Operator, type Target, type Tensor, topologicalOrder } from "../tensor.ts";
import { MessageWriter } from "./protobuf.ts";

const ELEMENT_TYPE: Readonly<Record<DataType, number>> = { float32: 1, int64: 7, bool: 9 };
const [INT8, FLOAT16] = [3, 10];

export interface OnnxOptions {
  /** The model's name, for error messages of the engine. */
  readonly name?: string;
  /** Which kernels to write for; "cpu" by default. */
  readonly target?: Target;
  /**
   * Whether 3x3 convolutions of many channels go by minimal filtering on a CPU, which takes about
   * half the time and rounds some ten times as much. Gradients magnify that wherever it moves a
   * value across zero: not for training. False by default.
   */
  readonly minimalFiltering?: boolean;
  /**
   * Says how a float32 constant of two axes and more, which is all that takes space, is stored: as
   * it is where this gives undefined. An engine makes float32 of it when it loads the model, and
   * computes with that.
   */
  readonly store?: (values: Float32Array, shape: readonly number[]) => StoredConstant | undefined;
}

/**
 * 16-bit floats by their bits; or 8-bit integers with a factor for each index of the first axis.
 */
export type StoredConstant = Uint16Array | { readonly integers: Int8Array; readonly scales: Float32Array };

/** The bytes of an ONNX model that computes `outputs` (by name) from the inputs that they reach. */
export function toOnnx(outputs: Readonly<Record<string, Tensor>>, options: OnnxOptions = {}): Uint8Array {
  const { name = "graph", target = "cpu", minimalFiltering = false, store } = options;
  const writer = new GraphWriter(target, minimalFiltering && target === "cpu", store);
  const values = new Map<Tensor, string>();
  const order = topologicalOrder(Object.values(outputs));
  for (const node of order) {
    const [tensor] = node.outputs;
    if (tensor === undefined) continue;
    if (node.operator === (inputOperator as Operator)) {
      values.set(tensor, writer.input(node.attributes as InputAttributes));
    } else if (node.operator === (constantOperator as Operator)) {
      const { data, shape } = node.attributes as ConstantAttributes;
      values.set(tensor, writer.constant(data, shape));
    }
  }
  for (const node of order) {
    if (node.outputs.some((output) => values.has(output))) continue;
    const inputs = node.inputs.map((input) => values.get(input) ?? "");
    const names = node.operator.emit(writer, inputs, node.attributes, node);
    node.outputs.forEach((output, which) => {
      values.set(output, names[which] ?? "");
    });
  }
  for (const [output, tensor] of Object.entries(outputs)) writer.output(output, values.get(tensor) ?? "", tensor);
  return writer.finish(name);
}

class GraphWriter implements Emitter {
  readonly target: Target;
  readonly minimalFiltering: boolean;
  /** Nodes of the graph, or of the loop body that is being written. */
  #nodes: ((message: MessageWriter) => void)[] = [];
  readonly #initializers: ((message: MessageWriter) => void)[] = [];
  readonly #inputs: ((message: MessageWriter) => void)[] = [];
  readonly #outputs: ((message: MessageWriter) => void)[] = [];
  readonly #taken = new Set<string>();
  readonly #integers = new Map<string, string>();
  /**
   * Where each symbol can be read: an input, its axis, and the factor in front of the symbol there.
   */
  readonly #symbols = new Map<string, { input: string; axis: number; factor: number }>();
  readonly #dimensions = new Map<string, string>();
  readonly #store: OnnxOptions["store"];
  #count = 0;

  constructor(target: Target, minimalFiltering: boolean, store: OnnxOptions["store"]) {
    this.target = target;
    this.minimalFiltering = minimalFiltering;
    this.#store = store;
  }

  #fresh(): string {
    return `v${this.#count++}`;
  }

  input({ name, shape, type }: InputAttributes): string {
    if (this.#taken.has(name) || name === "" || /^v\d+$/.test(name)) {
      throw new Error(`Expected a name of its own for every input but received "${name}"`);
    }
    this.#taken.add(name);
    this.#inputs.push((message) => writeValue(message, name, shape, type));
    shape.forEach((dimension, axis) => {
      if (typeof dimension === "number") return;
      const [term, ...others] = dimension.terms;
      if (term === undefined || others.length > 0 || term[0].includes("*") || this.#symbols.has(term[0])) return;
      this.#symbols.set(term[0], { input: name, axis, factor: term[1] });
    });
    return name;
  }

  output(name: string, value: string, tensor: Tensor): void {
    if (this.#taken.has(name)) throw new Error(`Expected a name of its own for every output but received "${name}"`);
    this.#taken.add(name);
    this.#nodes.push((message) => message.string(1, value).string(2, name).string(4, "Identity"));
    this.#outputs.push((message) => writeValue(message, name, tensor.shape, tensor.type));
  }

  constant(data: Float32Array | BigInt64Array, shape: readonly number[]): string {
    const isMatrix = data instanceof Float32Array && shape.length >= 2;
    const stored = isMatrix ? this.#store?.(data, shape) : undefined;
    if (stored === undefined) return this.initializer(data, shape);
    // Engines fold constants when they load a model, so that nothing of this is left when it runs.
    const values = this.initializer(stored instanceof Uint16Array ? stored : stored.integers, shape);
    const cast = this.one("Cast", [values], { to: ELEMENT_TYPE.float32 });
    if (stored instanceof Uint16Array) return cast;
    const column = shape.map((length, axis) => (axis === 0 ? length : 1));
    return this.one("Mul", [cast, this.initializer(stored.scales, column)]);
  }

  initializer(data: Float32Array | BigInt64Array | Uint16Array | Int8Array, shape: readonly number[]): string {
    const name = this.#fresh();
    const type = elementTypeOf(data);
    this.#initializers.push((message) => {
      for (const length of shape) message.integer(1, length);
      message.integer(2, type);
      message.string(8, name);
      message.bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    });
    return name;
  }

  integers(values: readonly number[]): string {
    const key = values.join();
    const known = this.#integers.get(key);
    if (known !== undefined) return known;
    const name = this.initializer(BigInt64Array.from(values, BigInt), [values.length]);
    this.#integers.set(key, name);
    return name;
  }

  floats(values: Float32Array, shape: readonly number[]): string {
    return this.initializer(values, shape);
  }

  shape(shape: Shape, source: Shape): string {
    // 0 copies the axis of the source, one -1 takes what is left; both need no arithmetic when the
    // model runs.
    let inferred = false;
    const simple = shape.map((dimension, axis) => {
      if (typeof dimension === "number") return dimension;
      const from = source[axis];
      if (from !== undefined && sameDimension(from, dimension)) return 0;
      if (inferred || source.length === 0) return undefined;
      inferred = true;
      return -1;
    });
    if (simple.every((length) => length !== undefined)) return this.integers(simple);
    return this.one(
      "Concat",
      shape.map((dimension) => this.#dimension(dimension)),
      { axis: 0 },
    );
  }

  /** A dimension as a 1-D int64 tensor of one element. */
  #dimension(dimension: Dimension): string {
    if (typeof dimension === "number") return this.integers([dimension]);
    const key = String(dimension);
    const known = this.#dimensions.get(key);
    if (known !== undefined) return known;
    const terms = [...dimension.terms].map(([monomial, coefficient]) =>
      monomial
        .split("*")
        .filter((part) => part !== "")
        .map((part) => this.#symbol(part, dimension))
        .reduce((product, factor) => this.one("Mul", [product, factor]), this.integers([coefficient])),
    );
    const value = terms.reduce((sum, term) => this.one("Add", [sum, term]));
    this.#dimensions.set(key, value);
    return value;
  }

  #symbol(name: string, dimension: SymbolicDimension): string {
    const place = this.#symbols.get(name);
    if (place === undefined)
      throw new Error(`Expected an input whose shape gives ${name}, needed for the dimension ${dimension}`);
    const size = this.one("Shape", [place.input], { start: place.axis, end: place.axis + 1 });
    return place.factor === 1 ? size : this.one("Div", [size, this.integers([place.factor])]);
  }

  add(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, number | string | readonly number[]>> = {},
    options: { outputs?: number; domain?: string; floats?: readonly string[] } = {},
  ): string[] {
    const outputs = Array.from({ length: options.outputs ?? 1 }, () => this.#fresh());
    this.#nodes.push((message) => {
      for (const name of inputs) message.string(1, name);
      for (const name of outputs) message.string(2, name);
      message.string(4, operator);
      for (const [name, value] of Object.entries(attributes)) {
        message.message(5, (field) => writeAttribute(field, name, value, options.floats?.includes(name) ?? false));
      }
      if (options.domain !== undefined) message.string(7, options.domain);
    });
    return outputs;
  }

  one(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, number | string | readonly number[]>> = {},
    options: { domain?: string; floats?: readonly string[] } = {},
  ): string {
    return this.add(operator, inputs, attributes, options)[0] ?? "";
  }

  loop(count: string, body: (index: string) => string): string {
    const outer = this.#nodes;
    this.#nodes = [];
    const [index, going] = [this.#fresh(), this.#fresh()];
    const part = body(index);
    const [goesOn, given, parts] = [this.#fresh(), this.#fresh(), this.#fresh()];
    const nodes = this.#nodes;
    this.#nodes = outer;
    const writeBody = (graph: MessageWriter) => {
      for (const write of nodes) graph.message(1, write);
      graph.message(1, (node) => node.string(1, going).string(2, goesOn).string(4, "Identity"));
      graph.message(1, (node) => node.string(1, part).string(2, given).string(4, "Identity"));
      graph.string(2, "body");
      graph.message(11, (value) => writeValue(value, index, [], "int64"));
      graph.message(11, (value) => writeValue(value, going, [], "bool"));
      graph.message(12, (value) => writeValue(value, goesOn, [], "bool"));
      graph.message(12, (value) => writeValue(value, given, undefined, "float32"));
    };
    this.#nodes.push((message) => {
      message.string(1, count).string(1, "").string(2, parts).string(4, "Loop");
      message.message(5, (field) => field.string(1, "body").message(6, writeBody).integer(20, 5));
    });
    return parts;
  }

  finish(name: string): Uint8Array {
    const portable = this.target === "portable";
    const model = new MessageWriter()
      .integer(1, portable ? 8 : 10)
      .string(2, "adaattn")
      .message(7, (graph) => {
        for (const write of this.#nodes) graph.message(1, write);
        graph.string(2, name);
        for (const write of this.#initializers) graph.message(5, write);
        for (const write of this.#inputs) graph.message(11, write);
        for (const write of this.#outputs) graph.message(12, write);
      })
      .message(8, (opset) => opset.string(1, "").integer(2, portable ? 17 : 21));
    if (!portable) model.message(8, (opset) => opset.string(1, "com.microsoft").integer(2, 1));
    return model.finish();
  }
}

function elementTypeOf(data: Float32Array | BigInt64Array | Uint16Array | Int8Array): number {
  if (data instanceof Float32Array) return ELEMENT_TYPE.float32;
  if (data instanceof BigInt64Array) return ELEMENT_TYPE.int64;
  return data instanceof Int8Array ? INT8 : FLOAT16;
}

/** A ValueInfoProto: the name, element type and shape (if it is known) of an input or output. */
function writeValue(message: MessageWriter, name: string, shape: Shape | undefined, type: DataType): void {
  message.string(1, name).message(2, (typeProto) =>
    typeProto.message(1, (tensor) => {
      tensor.integer(1, ELEMENT_TYPE[type]);
      if (shape === undefined) return;
      tensor.message(2, (shapeProto) => {
        for (const dimension of shape) {
          shapeProto.message(1, (field) => {
            if (typeof dimension === "number") field.integer(1, dimension);
            else field.string(2, String(dimension));
          });
        }
      });
    }),
  );
}

/** An AttributeProto. Numbers are integers unless `asFloat`. */
function writeAttribute(
  message: MessageWriter,
  name: string,
  value: number | string | readonly number[],
  asFloat: boolean,
): void {
  message.string(1, name);
  if (typeof value === "string") message.string(4, value).integer(20, 3);
  else if (typeof value !== "number") {
    for (const item of value) message.integer(8, item);
    message.integer(20, 7);
  } else if (asFloat) message.float(2, value).integer(20, 1);
  else message.integer(3, value).integer(20, 2);
}
