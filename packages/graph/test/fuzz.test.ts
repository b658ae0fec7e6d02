/** The reader of ONNX's wire format on damaged models; fuzzing.ts says what it must keep to. */

import { constant, input, matmul, readFields, softmax, toOnnx } from "@adaattn/graph";
import { expect, test } from "vitest";
import { FUZZ_SECONDS, fuzz, type Reader, tryReading } from "./fuzzing.ts";

const weight = constant(new Float32Array(12).fill(0.5), [3, 4]);
const y = softmax(matmul(input("x", [2, 3]), weight));
const models = (["cpu", "portable"] as const).map((target) => ({
  name: target,
  bytes: Uint8Array.from(toOnnx({ y }, { target })),
}));

/** A message's fields that are messages themselves. */
interface Nested {
  readonly [field: number]: Nested;
}

/**
 * Those of ModelProto: the graph, with its nodes (and their attributes), initializers, inputs and
 * outputs; the operator sets.
 */
const MODEL: Nested = { 7: { 1: { 5: {} }, 5: {}, 11: {}, 12: {} }, 8: {} };
const DEEPEST = 4;

/**
 * Reads a message and those within it; returns the bytes of all values, of which each counts once a
 * level.
 */
function readAll(bytes: Uint8Array, nested = MODEL): number {
  let given = 0;
  for (const { number, value } of readFields(bytes)) {
    if (!(value instanceof Uint8Array)) continue;
    expect(value.byteOffset >= bytes.byteOffset).toBe(true);
    expect(value.byteOffset + value.length <= bytes.byteOffset + bytes.length).toBe(true);
    given += value.length;
    const within = nested[number];
    if (within) given += readAll(value, within);
  }
  return given;
}

const onnx: Reader = {
  read: (bytes) => readAll(bytes),
  sentence: /^Error: Expected [^\n]{10,200}$/,
  mostGiven: DEEPEST,
};

test("a damaged model gives fields or one sentence", () => fuzz(onnx, models), FUZZ_SECONDS * 1000 + 60_000);

test.each(models)("a model for $name is read whole, and cut off anywhere in its graph refused", async ({ bytes }) => {
  expect(await tryReading(onnx, bytes, "the model")).toBeUndefined();
  // Before the graph come the version and the producer, which make a message by themselves; after
  // it the operator sets.
  const [start, end] = [20, bytes.length - 40];
  for (let length = start; length < end; length++) {
    expect(await tryReading(onnx, bytes.slice(0, length), `${length} bytes`), String(length)).toMatch(
      /^Error: Expected/,
    );
  }
});
