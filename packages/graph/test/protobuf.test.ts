import { constant, type Field, input, multiply, readFields, toOnnx } from "@adaattn/graph";
import { describe, expect, test } from "vitest";
import { MessageWriter } from "../src/onnx/protobuf.ts";

const read = (bytes: Uint8Array): Field[] => [...readFields(bytes)];

describe("a message", () => {
  test("is written as the wire format says", () => {
    // The examples of protobuf.dev/programming-guides/encoding: 150 in field 1, "testing" in field
    // 2, a nested message in field 3.
    const writer = new MessageWriter()
      .integer(1, 150)
      .string(2, "testing")
      .message(3, (nested) => nested.integer(1, 150));
    expect([...writer.finish()]).toEqual([
      ...[0x08, 0x96, 0x01],
      ...[0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67],
      ...[0x1a, 0x03, 0x08, 0x96, 0x01],
    ]);
  });

  test("comes back field by field, in order", () => {
    const long = new Uint8Array(100_000).fill(7);
    const writer = new MessageWriter()
      .integer(1, 2n ** 63n - 1n)
      .integer(20, -1)
      .float(2, 0.5)
      .bytes(9, long)
      .bytes(9, long.subarray(0, 0));
    expect(read(writer.finish())).toEqual([
      { number: 1, value: 2n ** 63n - 1n },
      // A negative number is its two's complement of 64 bits.
      { number: 20, value: 2n ** 64n - 1n },
      { number: 2, value: new Uint8Array([0, 0, 0, 0x3f]) },
      { number: 9, value: long },
      { number: 9, value: new Uint8Array(0) },
    ]);
  });

  test("of no bytes has no fields", () => {
    expect(read(new MessageWriter().finish())).toEqual([]);
  });
});

describe("the reader", () => {
  test("passes over fields that it was not made for", () => {
    // A field of 8 bytes, which the writer never writes, and a field of a high number.
    const bytes = new Uint8Array([0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0xf8, 0xff, 0xff, 0xff, 0x0f, 0x05]);
    expect(read(bytes)).toEqual([
      { number: 1, value: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]) },
      { number: 2 ** 29 - 1, value: 5n },
    ]);
  });

  test.each<[string, number[], string]>([
    ["a number cut off", [0x08, 0x96], "Expected a whole message but it ends at byte 2"],
    ["a number missing", [0x08], "Expected a whole message but it ends at byte 1"],
    ["a string cut off", [0x12, 0x07, 0x74], "Expected 7 more bytes but the message ends at byte 3"],
    ["a float cut off", [0x15, 0, 0, 0], "Expected 4 more bytes but the message ends at byte 4"],
    ["a double cut off", [0x11, 0, 0, 0, 0], "Expected 8 more bytes but the message ends at byte 5"],
    [
      "an absurd length",
      [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
      "Expected 9223372036854776000 more bytes but the message ends at byte 10",
    ],
    [
      "a number without an end",
      [0x08, ...new Array(11).fill(0x80)],
      "Expected a number of at most 10 bytes at byte 11",
    ],
    ["a group", [0x0b, 0x0c], "Expected a wire type of 0, 1, 2 or 5 but received 3"],
    ["an unknown wire type", [0x0f], "Expected a wire type of 0, 1, 2 or 5 but received 7"],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => read(new Uint8Array(bytes))).toThrow(new Error(message));
  });

  test("reads a model cut off anywhere up to the cut or refuses it in one sentence", () => {
    const bytes = toOnnx({ y: multiply(input("x", [2]), constant(Float32Array.of(1, 2), [2])) });
    const whole = read(bytes);
    let refused = 0;
    for (let length = 0; length < bytes.length; length++) {
      const fields: Field[] = [];
      try {
        for (const field of readFields(bytes.subarray(0, length))) fields.push(field);
      } catch (error) {
        refused++;
        expect(String(error)).toMatch(/^Error: Expected [^\n]+ ends at byte \d+$/);
      }
      expect(fields).toEqual(whole.slice(0, fields.length));
    }
    // Only where a field ends, a shorter message is a message too.
    expect(refused).toBe(bytes.length - whole.length);
  });
});
