import { describe, expect, test } from "vitest";
import { decodeBfloat16, decodeHalf, encodeHalf, fromHalf, toHalf } from "../../src/weights/half.ts";
import { readSafetensors, type WritableTensor, writeSafetensors } from "../../src/weights/safetensors.ts";

/** A file with any header, however wrong, and this many bytes after it. */
function file(header: unknown, bodyLength = 0, options: { length?: bigint } = {}): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + bodyLength);
  new DataView(bytes.buffer).setBigUint64(0, options.length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

/** A file of one tensor `a` whose values are these bytes. */
function one(dtype: string, shape: number[], values: ArrayBufferView): Uint8Array {
  const body = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bytes = file({ a: { dtype, shape, data_offsets: [0, body.length] } }, body.length);
  bytes.set(body, bytes.length - body.length);
  return bytes;
}

describe("round trips", () => {
  const tensors = new Map<string, WritableTensor>([
    ["bytes", { shape: [3], data: new Uint8Array([1, 2, 255]) }],
    ["decoder.1.weight", { shape: [2, 1, 3], data: new Float32Array([1, -0.5, 65504, 2 ** -24, -0, 0.099975586]) }],
    ["scalar", { shape: [], data: new Float32Array([3.5]) }],
    ["none", { shape: [0, 4], data: new Float32Array(0) }],
    ["steps", { shape: [2], data: new BigInt64Array([-5n, 2n ** 40n]) }],
    ["naïve", { shape: [2], data: new Int32Array([-1, 7]) }],
  ]);

  for (const dtype of ["F32", "F16"] as const) {
    test(`of ${dtype} give the same tensors and metadata`, () => {
      const read = readSafetensors(writeSafetensors(tensors, { loss: "1.25" }, dtype));
      expect(read.metadata).toEqual({ loss: "1.25" });
      expect([...read.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
      for (const [name, { shape, data }] of tensors) {
        expect(read.tensors.get(name)?.shape).toEqual(shape);
        expect(read.tensors.get(name)?.data).toEqual(data);
      }
      expect(read.tensors.get("scalar")?.dtype).toBe(dtype);
    });
  }

  test("read the same from a Buffer that lies unaligned within a larger one", () => {
    const bytes = writeSafetensors(tensors);
    const larger = Buffer.alloc(bytes.length + 3, 0xee);
    larger.set(bytes, 3);
    expect(readSafetensors(larger.subarray(3)).tensors.get("steps")?.data).toEqual(new BigInt64Array([-5n, 2n ** 40n]));
  });

  test("write the same bytes twice, every tensor aligned", () => {
    const bytes = writeSafetensors(tensors, { b: "2" });
    expect(writeSafetensors(tensors, { b: "2" })).toEqual(bytes);
    expect(new DataView(bytes.buffer).getUint32(0, true) % 8).toBe(0);
  });

  test("read a copy, not a view of the file", () => {
    const bytes = writeSafetensors(tensors);
    const { tensors: read } = readSafetensors(bytes);
    bytes.fill(0);
    expect(read.get("scalar")?.data[0]).toBe(3.5);
  });
});

describe("types", () => {
  test.each([
    ["F64", new Float64Array([1e-300, 2.5]), new Float32Array([0, 2.5])],
    ["F16", new Uint16Array([0x3c00, 0xc000]), new Float32Array([1, -2])],
    ["BF16", new Uint16Array([0x3f80, 0xc000]), new Float32Array([1, -2])],
    ["U16", new Uint16Array([1, 65535]), new Uint16Array([1, 65535])],
    ["I8", new Int8Array([-1, 5]), new Int8Array([-1, 5])],
    ["U64", new BigUint64Array([0n, 2n ** 63n]), new BigUint64Array([0n, 2n ** 63n])],
    ["BOOL", new Uint8Array([0, 1]), new Uint8Array([0, 1])],
  ])("%s", (dtype, stored, expected) => {
    expect(readSafetensors(one(dtype, [2], stored)).tensors.get("a")?.data).toEqual(expected);
  });
});

describe("damaged files are told apart", () => {
  const entry = (shape: unknown, offsets: unknown, dtype: unknown = "F32") => ({ dtype, shape, data_offsets: offsets });
  test.each<[string, Uint8Array, RegExp]>([
    ["empty", new Uint8Array(0), /^Expected at least 8 bytes .* received 0\.$/],
    ["absurd header length", file({}, 0, { length: 2n ** 63n }), /received a length of 9223372036854775808\.$/],
    ["header of no bytes", file("", 0), /received a length of 0\.$/],
    [
      "header cut off",
      file({ a: entry([1], [0, 4]) }, 4).subarray(0, 20),
      /the file ends after 12; it is truncated\.$/,
    ],
    ["not JSON", file("not json at all"), /^Expected JSON in UTF-8/],
    ["not UTF-8", one("F32", [], new Float32Array(1)).fill(0xff, 9, 12), /^Expected JSON in UTF-8/],
    ["header a list", file([]), /^Expected an object for the safetensors header but received \[\]\.$/],
    ["metadata a list", file({ __metadata__: [] }), /for __metadata__ but received \[\]/],
    ["metadata a number", file({ __metadata__: { a: 1 } }), /a string for __metadata__ "a" but received 1\.$/],
    ["tensor null", file({ a: null }), /an object for tensor "a" but received null\.$/],
    ["type unknown", file({ a: entry([1], [0, 4], "F8_E4M3") }, 4), /type of tensor "a" but received "F8_E4M3"\.$/],
    ["type inherited", file({ a: entry([1], [0, 4], "toString") }, 4), /received "toString"\.$/],
    ["type missing", file({ a: { shape: [1], data_offsets: [0, 4] } }, 4), /received nothing\.$/],
    ["shape negative", file({ a: entry([-1], [0, 4]) }, 4), /shape of tensor "a" but received \[-1\]\.$/],
    ["shape not whole", file({ a: entry([0.5, 2], [0, 4]) }, 4), /received \[0\.5,2\]\.$/],
    [
      "shape beyond integers",
      file('{"a":{"dtype":"F32","shape":[1e300],"data_offsets":[0,4]}}', 4),
      /received \[1e\+300\]\.$/,
    ],
    ["one offset", file({ a: entry([1], [0]) }, 4), /data_offsets of tensor "a" but received \[0\]\.$/],
    ["offsets swapped", file({ a: entry([1], [4, 0]) }, 4), /rising order for tensor "a" but received \[4,0\]\.$/],
    ["offsets outside", file({ a: entry([2], [0, 8]) }, 4), /at most 4 for tensor "a" .* truncated or damaged\.$/],
    [
      "size and shape differ",
      file({ a: entry([2], [0, 4]) }, 4),
      /^Expected 8 bytes for tensor "a" of F32 \[2\] but received 4\.$/,
    ],
    [
      "shape overflowing to the size",
      file({ a: entry([2 ** 31, 2 ** 31, 4], [0, 0]) }),
      /^Expected 73786976294838210000 bytes/,
    ],
    [
      "overlap",
      file({ a: entry([2], [0, 8]), b: entry([1], [4, 8]) }, 8),
      /"b" to begin at byte 8, where tensor "a" ends/,
    ],
    [
      "hole",
      file({ a: entry([1], [4, 8]) }, 8),
      /"a" to begin at byte 0, where the header ends, but it begins at 4\.$/,
    ],
    ["bytes left over", file({ a: entry([1], [0, 4]) }, 9), /but 5 bytes follow it\.$/],
  ])("%s", (_, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(message);
  });

  test("any single bit flipped in the header is either refused or read, never a crash of another kind", () => {
    const good = writeSafetensors(new Map([["a", { shape: [2, 2], data: new Float32Array(4) }]]), { k: "v" });
    const headerEnd = good.length - 16;
    for (let bit = 0; bit < headerEnd * 8; bit++) {
      const bad = good.slice();
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        readSafetensors(bad);
      } catch (error) {
        expect(String(error)).toMatch(/^AdaattnError: Expected [^\n]*\.$/);
      }
    }
  });
});

describe("refused when written", () => {
  test("a shape that does not fit", () => {
    expect(() => writeSafetensors(new Map([["a", { shape: [3], data: new Float32Array(2) }]]))).toThrow(
      'Expected 3 values for tensor "a" of shape [3] but received 2.',
    );
  });
  test("a finite value that F16 would make infinite", () => {
    const tensors = new Map([["a", { shape: [2], data: new Float32Array([1, 70000]) }]]);
    expect(() => writeSafetensors(tensors, {}, "F16")).toThrow(
      'Expected values of at most 65504 for tensor "a" stored as F16 but received 70000.',
    );
  });
});

describe("halves", () => {
  test("every half survives the way to float32 and back", () => {
    const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    const back = encodeHalf(decodeHalf(all));
    for (let bits = 0; bits < 65536; bits++) {
      const notANumber = (bits & 0x7fff) > 0x7c00;
      if (notANumber ? !Number.isNaN(fromHalf(back[bits] ?? 0)) : back[bits] !== bits)
        expect.fail(`half ${bits}: ${back[bits]}`);
    }
  });

  test.each([
    ["one and a half steps, up to even", 1 + 3 * 2 ** -11, 0x3c02],
    ["half a step, down to even", 1 + 2 ** -11, 0x3c00],
    ["just over half a step", 1 + 2 ** -11 + 2 ** -23, 0x3c01],
    ["a carry into the exponent", 2 - 2 ** -12, 0x4000],
    ["the largest that stays finite", 65519.996, 0x7bff],
    ["the smallest that does not", 65520, 0x7c00],
    ["minus infinity", Number.NEGATIVE_INFINITY, 0xfc00],
    ["minus zero", -0, 0x8000],
    ["the smallest half", 2 ** -24, 0x0001],
    ["half of it, to zero", 2 ** -25, 0x0000],
    ["just over half of it", 2 ** -25 * (1 + 2 ** -23), 0x0001],
    ["one and a half of it, to even", 3 * 2 ** -25, 0x0002],
    ["the largest subnormal, rounded up to normal", 2 ** -14 - 2 ** -26, 0x0400],
    ["a float32 subnormal", 1e-40, 0x0000],
  ])("%s", (_, value, bits) => {
    expect(toHalf(value)).toBe(bits);
  });

  test("every value rounds to the nearest half, ties to even", () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const low = fromHalf(bits);
      const middle = (low + fromHalf(bits + 1)) / 2;
      if (toHalf(middle) !== (bits & 1 ? bits + 1 : bits)) expect.fail(`the tie above half ${bits}`);
      if (toHalf(-middle) !== ((bits & 1 ? bits + 1 : bits) | 0x8000)) expect.fail(`the tie below half -${bits}`);
    }
  });

  test("bfloat16 is the upper half of a float32", () => {
    expect(decodeBfloat16(new Uint16Array([0x0000, 0x3f80, 0xbf00, 0x7f80]))).toEqual(
      new Float32Array([0, 1, -0.5, Number.POSITIVE_INFINITY]),
    );
  });
});
