/** Prints a graph, one line a node, so that a reviewer can read a gradient. */

import { formatShape } from "./shape.ts";
import { type Tensor, topologicalOrder } from "./tensor.ts";

/**
 * The nodes that `outputs` reach, as text: `%4 = convolution(%1, %2) stride=1 padding=0 :
 * float32[1, 64, 16*h, 16*w]`.
 */
export function print(outputs: readonly Tensor[]): string {
  const names = new Map<Tensor, string>();
  const lines: string[] = [];
  for (const node of topologicalOrder(outputs)) {
    for (const output of node.outputs) names.set(output, `%${names.size}`);
    const own = node.outputs.map((output) => names.get(output)).join(", ");
    const operands = node.inputs.map((input) => names.get(input)).join(", ");
    const types = node.outputs.map(({ type, shape }) => `${type}${formatShape(shape)}`).join(", ");
    const attributes = printAttributes(node.attributes);
    lines.push(`${own} = ${node.operator.name}(${operands})${attributes} : ${types}`);
  }
  lines.push(`return ${outputs.map((output) => names.get(output)).join(", ")}`);
  return lines.join("\n");
}

function printAttributes(attributes: unknown): string {
  if (attributes === null || typeof attributes !== "object") return "";
  return Object.entries(attributes)
    .filter(([key, value]) => value !== undefined && key !== "shape" && key !== "type")
    .map(([key, value]) => ` ${key}=${printValue(value)}`)
    .join("");
}

function printValue(value: unknown): string {
  if (ArrayBuffer.isView(value)) {
    const numbers = Array.from(value as Float32Array | BigInt64Array, String);
    return `[${numbers.slice(0, 4).join(", ")}${numbers.length > 4 ? `, ... ${numbers.length} values` : ""}]`;
  }
  if (Array.isArray(value)) return `[${value.map(printValue).join(", ")}]`;
  if (value !== null && typeof value === "object" && value.constructor === Object) {
    return Object.entries(value)
      .map(([key, item]) => `${key}:${printValue(item)}`)
      .join(" ");
  }
  return String(value);
}
