import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openTensors } from "../../src/import/open.ts";
import {
  join,
  legacyHead,
  npy,
  pickled,
  pickledState,
  pickledTensor,
  torchLegacy,
  torchZip,
  type Written,
  zip,
} from "../tensorFiles.ts";

const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));

/** What a file holds: type, shape and values of every tensor. */
async function contents(bytes: Uint8Array): Promise<Record<string, unknown>> {
  const { tensors } = await openTensors(bytes);
  const read: Record<string, unknown> = {};
  for (const [name, entry] of tensors) read[name] = [entry.dtype, entry.shape, [...(await entry.read())]];
  return read;
}

/** How a file is refused. */
async function refusal(bytes: Uint8Array): Promise<string> {
  try {
    for (const entry of (await openTensors(bytes)).tensors.values()) await entry.read();
  } catch (error) {
    return String(error);
  }
  return "not refused";
}

const ramp = (length: number) => Float32Array.from({ length }, (_, at) => at);
const one: ReadonlyMap<string, Written> = new Map([["a", { shape: [2, 3], data: ramp(6) }]]);

describe("files that PyTorch wrote", () => {
  const linear = Array.from({ length: 8 }, (_, at) => -2 + (4 * at) / 7);
  const round = (values: number[], bits: number) =>
    values.map((value) => {
      const step = 2 ** (Math.floor(Math.log2(Math.abs(value))) - bits);
      return Math.round(value / step) * step;
    });
  const expected = {
    a: ["F32", [3, 4], Array.from(ramp(12))],
    half: ["F16", [8], round(linear, 10)],
    bf16: ["BF16", [8], round(linear, 7)],
    // Stored as float32, whatever its name; doubles are below.
    double: ["F32", [2], [0, 2.5]],
    int64: ["I64", [2], [-5n, 2n ** 40n]],
    t: ["F32", [3, 2], [0, 3, 1, 4, 2, 5]],
    view: ["F32", [4], [3, 4, 5, 6]],
    scalar: ["F32", [], [3.5]],
  };
  test.each([
    ["small.pth", "torch", ""],
    ["small-legacy.pth", "torch, before 1.6", ""],
    ["nested.pth", "torch", "model."],
  ])("%s", async (name, format, prefix) => {
    const bytes = fixture(name);
    expect((await openTensors(bytes)).format).toBe(format);
    const named = Object.entries(expected).map(([key, value]) => [prefix + key, value]);
    expect(await contents(bytes)).toEqual({ ...Object.fromEntries(named) });
  });
});

describe("what the fixtures do not have", () => {
  test("a sub-view of strided doubles, and values of every width", async () => {
    const tensors = new Map<string, Written>([
      ["f64", { shape: [2, 2], data: new Float64Array(ramp(12)), type: "DoubleStorage", strides: [1, 4], offset: 3 }],
      ["i64", { shape: [2, 2], data: new BigInt64Array([1n, 2n, 3n, 4n]), type: "LongStorage", strides: [1, 2] }],
      ["i16", { shape: [3], data: new Int16Array([1, 2, 3, 4, 5]), type: "ShortStorage", strides: [2] }],
      ["bool", { shape: [2, 2], data: new Uint8Array([1, 0, 0, 1]), type: "BoolStorage", strides: [1, 2] }],
      ["none", { shape: [0, 7], data: new Float32Array(0) }],
    ]);
    const expected = {
      f64: ["F64", [2, 2], [3, 7, 4, 8]],
      i64: ["I64", [2, 2], [1n, 3n, 2n, 4n]],
      i16: ["I16", [3], [1, 3, 5]],
      bool: ["BOOL", [2, 2], [1, 0, 0, 1]],
      none: ["F32", [0, 7], []],
    };
    expect(await contents(torchZip(tensors))).toEqual(expected);
    expect(await contents(torchLegacy(tensors))).toEqual(expected);
  });

  test("parameters, lists and dicts within dicts, one dict twice, and a dict within itself", async () => {
    const parameter = pickled.call(
      pickled.global("torch._utils", "_rebuild_parameter"),
      pickled.tuple(pickledTensor("0", { shape: [1], data: ramp(1) }), [0x88], pickled.none),
    );
    const shared = [...pickled.dict(pickled.text("p"), parameter), 0x71, 1];
    const value = pickled.dict(
      ...[pickled.text("net"), shared],
      ...[pickled.text("again"), [0x68, 1]],
      ...[pickled.text("list"), [0x5d, ...pickledTensor("0", { shape: [1], data: ramp(1) }), 0x61]],
      ...[pickled.text("epoch"), pickled.number(7)],
    );
    const itself = [0x7d, 0x71, 9, ...pickled.text("self"), 0x68, 9, 0x73];
    const whole = pickled.dict(pickled.text("state"), value, pickled.text("loop"), itself);
    const bytes = torchZip(new Map([["", { shape: [1], data: ramp(1) }]]), pickled.whole(whole));
    expect(Object.keys(await contents(bytes)).sort()).toEqual(["state.list.0", "state.net.p"]);
  });

  test("deflated entries, and archives without ZIP64", async () => {
    const data = new Uint8Array(ramp(6).buffer);
    const archive = zip([
      ["x/data.pkl", { content: pickled.whole(pickledState(one)), deflate: true }],
      ["x/data/0", { content: data, deflate: true }],
    ]);
    expect(await contents(archive)).toEqual({ a: ["F32", [2, 3], [0, 1, 2, 3, 4, 5]] });
  });

  test("a part of a storage, as files from before 0.4 share them", async () => {
    const storage = [
      ...pickled.tuple(
        pickled.text("storage"),
        pickled.global("torch", "FloatStorage"),
        pickled.text("0"),
        pickled.text("cpu"),
        pickled.number(6),
        pickled.tuple(pickled.text("9"), pickled.number(2), pickled.number(3)),
      ),
      0x51,
    ];
    const tensor = pickled.call(
      pickled.global("torch._utils", "_rebuild_tensor"),
      pickled.tuple(storage, pickled.number(1), pickled.tuple(pickled.number(2)), pickled.tuple(pickled.number(1))),
    );
    const bytes = torchZip(one, pickled.whole(pickled.dict(pickled.text("v"), tensor)));
    expect(await contents(bytes)).toEqual({ v: ["F32", [2], [3, 4]] });
  });
});

describe("npz", () => {
  test("arrays by name, stored and deflated, rows or columns first", async () => {
    const columns = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }";
    const archive = zip([
      ["block1_conv1/kernel.npy", { content: npy([2, 3], ramp(6)), deflate: true }],
      ["t.npy", { content: npy([2, 3], ramp(6), "", columns) }],
      ["half.npy", { content: npy([2], new Uint16Array([0x3c00, 0xc000]), "<f2") }],
      ["count.npy", { content: npy([], new BigInt64Array([5n]), "<i8") }],
    ]);
    expect(await contents(archive)).toEqual({
      "block1_conv1/kernel": ["F32", [2, 3], [0, 1, 2, 3, 4, 5]],
      t: ["F32", [2, 3], [0, 2, 4, 1, 3, 5]],
      half: ["F16", [2], [1, -2]],
      count: ["I64", [], [5n]],
    });
  });

  test.each<[string, Uint8Array, RegExp]>([
    ["objects, which are pickles", npy([1], new Uint8Array(8), "|O"), /little-endian numbers .* received "\|O"/],
    ["big-endian", npy([1], new Uint8Array(4), ">f4"), /received ">f4"/],
    ["a type that objects inherit", npy([1], new Uint8Array(4), "<toString"), /received "<toString"/],
    [
      "a shape too large",
      npy([], new Uint8Array(4), "", "{'descr': '<f4', 'fortran_order': False, 'shape': (9007199254740993,), }"),
      /below 2\^53/,
    ],
    ["a shape larger than the file", npy([2 ** 30, 2 ** 30], new Uint8Array(4)), /Expected 4611686018427388000 bytes/],
    ["a shape smaller than the file", npy([1], new Uint8Array(8)), /Expected 4 bytes .* it has 8/],
    ["code for a header", npy([], new Uint8Array(4), "", "__import__('os').system('true')"), /an array of numbers/],
    ["no array", join("something else entirely"), /NumPy's format/],
    ["a header longer than the file", join([0x93], "NUMPY", [2, 0, 255, 255, 255, 255]), /cut off or too long/],
    ["too short for a header", join([0x93], "NUMPY", [1]), /cut off or too long/],
  ])("refuses %s", async (_, content, message) => {
    expect(await refusal(zip([["a.npy", { content }]]))).toMatch(message);
  });
});

describe("pickles that would run something are refused, and nothing of them runs:", () => {
  const osSystem = pickled.call(pickled.global("os", "system"), pickled.tuple(pickled.text("touch /tmp/owned")));
  test.each<[string, number[], RegExp]>([
    ["os.system", osSystem, /it asks for "os\.system"; nothing of it was run\. Save only the weights/],
    ["the same by STACK_GLOBAL", [...pickled.text("posix"), ...pickled.text("system"), 0x93], /"posix\.system"/],
    ["eval", pickled.global("builtins", "eval"), /"builtins\.eval"/],
    ["a class of the user's", pickled.global("__main__", "Net"), /"__main__\.Net"/],
    [
      "PyTorch's own unpickler",
      pickled.global("torch.storage", "_load_from_bytes"),
      /"torch\.storage\._load_from_bytes"/,
    ],
    ["a storage of another module", pickled.global("evil.torch", "FloatStorage"), /"evil\.torch\.FloatStorage"/],
    ["a storage of no type", pickled.global("torch", "toStringStorage"), /"torch\.toStringStorage"/],
    ["INST", [0x28, ...join("ios\nsystem\n")], /the opcode 0x69, which tensors do not need/],
    ["OBJ", [0x28, 0x6f], /the opcode 0x6f/],
    ["NEWOBJ", [...pickled.global("collections", "OrderedDict"), 0x29, 0x81], /the opcode 0x81/],
    ["EXT1", [0x82, 1], /the opcode 0x82/],
    [
      "a call of a class of storages",
      pickled.call(pickled.global("torch", "FloatStorage"), pickled.empty),
      /no function/,
    ],
    ["a call of a dict", pickled.call(pickled.dict(), pickled.empty), /no function/],
    ["BUILD of a tensor", [...pickledTensor("0", { shape: [1], data: ramp(1) }), ...pickled.dict(), 0x62], /no dict/],
  ])("%s", async (_, value, message) => {
    expect(await refusal(torchZip(one, pickled.whole(value)))).toMatch(message);
    expect(await refusal(join(legacyHead(), pickled.whole(value)))).toMatch(message);
  });
});

describe("damaged pickles are told apart:", () => {
  test.each<[string, number[], RegExp]>([
    ["an empty stack", [0x30], /its stack runs empty/],
    ["no value", [], /its stack runs empty/],
    ["values left over", [0x4e, 0x4e], /not empty at the end/],
    ["a mark left open", [0x28, 0x4e], /not empty at the end/],
    ["no mark", [0x4e, 0x74], /a mark is missing/],
    ["a memo that is not there", [0x68, 3], /it recalls 3/],
    ["a memo with a name of objects", [0x6a, 0xff, 0xff, 0xff, 0xff], /it recalls 4294967295/],
    ["a text longer than the file", [0x58, 0xff, 0xff, 0xff, 0xff], /cut off/],
    ["a text longer than memory", [0x8d, ...new Array(8).fill(0xff)], /cut off/],
    ["a text that is not UTF-8", [0x8c, 1, 0xff], /not UTF-8/],
    ["a number of 255 bytes", [0x8a, 255], /has 255 bytes/],
    ["a global without end", [0x63, ...new Array(400).fill(0x61)], /does not end/],
    ["a key without value", [0x7d, 0x28, 0x4e, 0x75], /a key has no value/],
    ["items of a list set", [0x5d, 0x4e, 0x4e, 0x73], /no dict/],
    ["appending to a dict", [0x7d, 0x4e, 0x61], /no list/],
    ["protocol 9", [0x80, 9, 0x4e], /protocol 5 at most/],
    ["more opcodes than any checkpoint", new Array(1_000_001).fill(0x28), /at most 1000000 opcodes/],
    [
      "an OrderedDict of numbers",
      pickled.call(pickled.global("collections", "OrderedDict"), pickled.tuple([0x5d, 0x4b, 1, 0x61])),
      /Expected pairs/,
    ],
    [
      "a tensor of nothing",
      pickled.call(pickled.global("torch._utils", "_rebuild_tensor_v2"), pickled.empty),
      /Expected a storage/,
    ],
    ["a persistent id of nothing", [0x4e, 0x51], /class, key and size of a storage/],
    ["a tensor alone", pickledTensor("0", { shape: [6], data: ramp(6) }), /is one tensor, without a name/],
  ])("%s", async (_, value, message) => {
    expect(await refusal(torchZip(one, pickled.whole(value)))).toMatch(message);
  });

  test("dicts deeper than any checkpoint, and names longer than anybody reads", async () => {
    const tensor = pickledTensor("0", { shape: [6], data: ramp(6) });
    let deep = tensor;
    for (let depth = 0; depth < 40; depth++) deep = pickled.dict(pickled.text("d"), deep);
    expect(await refusal(torchZip(one, pickled.whole(deep)))).toMatch(/at most 32 deep/);
    const long = pickled.dict(pickled.text("n".repeat(2000)), tensor);
    expect(await refusal(torchZip(one, pickled.whole(long)))).toMatch(/names to read/);
  });

  test("lists of lists of lists, each twice in the next, are walked once", async () => {
    // 30 levels would be a thousand million tensors to who walks them all.
    const levels = Array.from({ length: 30 }, () => [0x71, 1, 0x30, 0x5d, 0x28, 0x68, 1, 0x68, 1, 0x65]).flat();
    const value = [...pickledTensor("0", { shape: [6], data: ramp(6) }), ...levels];
    expect(Object.keys(await contents(torchZip(one, pickled.whole(value))))).toHaveLength(2);
  });
});

describe("tensors that do not fit their storage are refused:", () => {
  test.each<[string, Partial<Written>, RegExp]>([
    ["a negative stride", { strides: [-3, 1] }, /2 strides of 0 or more for the tensor "a" but received \[-3,1\]/],
    ["too few strides", { strides: [1] }, /2 strides/],
    ["a negative size", { shape: [-2, 3] }, /shape of the tensor "a" but received \[-2,3\]/],
    ["a size beyond 2^53", { shape: [2 ** 60, 1] }, /shape of the tensor "a"/],
    ["sizes of 2^53 together", { shape: [2 ** 40, 2 ** 40], strides: [0, 0] }, /at most the 6 values/],
    ["more values than the storage, by a stride of 0", { shape: [7], strides: [0] }, /at most the 6 values/],
    ["an end beyond the storage", { shape: [2, 2], strides: [5, 1] }, /it reaches value 6/],
    ["an offset beyond the storage", { shape: [1], strides: [1], offset: 6 }, /it reaches value 6/],
    ["a negative offset", { offset: -1 }, /Expected a storage, an offset/],
    ["65 dimensions", { shape: new Array(65).fill(1), strides: new Array(65).fill(1) }, /at most 64 dimensions/],
    [
      "a storage of another size",
      { count: 7 },
      /Expected 7 values of F32 in the storage "0" but it (has 24 bytes|announces 6)|truncated/,
    ],
    ["a storage of 2^53 values", { count: 2 ** 53 - 1 }, /Expected 9007199254740991 values|truncated/],
    ["a storage that is missing", { key: "9" }, /the storage "9" .* missing|"0" is repeated or belongs to no tensor/],
    ["a storage with a path", { key: "../../0" }, /the storage "\.\.\/\.\.\/0" .* missing|belongs to no tensor/],
  ])("%s", async (_, change, message) => {
    const tensors = new Map<string, Written>([["a", { shape: [2, 3], data: ramp(6), ...change }]]);
    expect(await refusal(torchZip(tensors))).toMatch(message);
    expect(await refusal(torchLegacy(tensors))).toMatch(message);
  });

  test("one storage of two types", async () => {
    const tensors = new Map<string, Written>([
      ["a", { shape: [2], data: ramp(2) }],
      ["b", { shape: [1], data: ramp(2), key: "0", count: 1, type: "DoubleStorage" }],
    ]);
    expect(await refusal(torchZip(tensors))).toMatch(/one type and size for the storage "0"/);
  });

  test("bytes after the last storage, and a big-endian file", async () => {
    expect(await refusal(join(torchLegacy(one), [0]))).toMatch(/1 bytes follow/);
    const big = zip([
      ["x/data.pkl", { content: pickled.whole(pickled.dict()) }],
      ["x/byteorder", { content: join("big") }],
    ]);
    expect(await refusal(big)).toMatch(/this one is big-endian/);
  });
});

describe("archives that are not what they say are refused:", () => {
  const content = new Uint8Array(100_000);
  test.each<[string, Parameters<typeof zip>[0], RegExp]>([
    [
      "more bytes than deflate can make",
      [["a.npy", { content, deflate: true, size: 2 ** 29 }]],
      /536870912 bytes cannot come of/,
    ],
    ["a stored size of two minds", [["a.npy", { content, size: 5 }]], /5 bytes cannot come of 100000/],
    [
      "fewer bytes than deflated",
      [["a.npy", { content: npy([2], ramp(2)), deflate: true, size: 100 }]],
      /Expected \d+ bytes|to inflate to 100 bytes/,
    ],
    [
      "a checksum of other bytes",
      [["a.npy", { content: npy([2], ramp(2)), crc: 1 }]],
      /the checksum of the entry "a\.npy"/,
    ],
    [
      "entries that overlap",
      [
        ["a.npy", { content }],
        ["b.npy", { content, offset: 40, ownName: "a.npy" }],
      ],
      /"b\.npy" overlaps/,
    ],
    [
      "one entry under two names",
      [
        ["a.npy", { content }],
        ["b.npy", { content, offset: 0 }],
      ],
      /overlaps/,
    ],
    [
      "two entries of one name",
      [
        ["a.npy", { content }],
        ["a.npy", { content }],
      ],
      /different names/,
    ],
    ["another name in the entry", [["a.npy", { content, ownName: "b.npy" }]], /under that name in its own header/],
    ["an offset into nowhere", [["a.npy", { content, offset: 2 ** 31 }]], /where the archive's directory says/],
    [
      "a size into the directory",
      [["a.npy", { content, size: 100_050, packed: 100_050 }]],
      /before the archive's directory/,
    ],
    ["a password", [["a.npy", { content, flags: 1 }]], /without a password/],
    ["another packing", [["a.npy", { content, method: 12 }]], /packed by method 12/],
    ["no tensors", [["readme.txt", { content: join("hello") }]], /Expected data\.pkl/],
  ])("%s", async (_, entries, message) => {
    expect(await refusal(zip(entries))).toMatch(message);
    expect(await refusal(zip(entries, true))).toMatch(message);
  });

  test("a bomb of many entries claims too much together, and gets no memory", async () => {
    const bomb = new Uint8Array(60_000_000);
    const entries = Array.from(
      { length: 20 },
      (_, at): [string, { content: Uint8Array; method: number; size: number }] => [
        `${at}.npy`,
        { content: bomb.subarray(0, 60_000), method: 8, size: 60_000_000 },
      ],
    );
    expect(await refusal(zip(entries))).toMatch(/at most 1073741824 bytes of deflated entries .* received 1200000000/);
  });
});

describe("files that are no checkpoints are named", () => {
  test.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(0), /received something else\.$/],
    ["text", join("Once upon a time there was a tensor"), /received text\.$/],
    ["a web page", join("  <!DOCTYPE html><html>"), /received a web page\. Download the file itself/],
    ["a pointer of Git LFS", join("version https://git-lfs.github.com/spec/v1\n"), /git lfs pull/],
    ["HDF5", join([0x89], "HDF\r\n", [0x1a], "\n"), /numpy\.savez/],
    ["one array", npy([1], ramp(1)), /a single array/],
    ["gzip", join([0x1f, 0x8b, 8, 0]), /gunzip/],
    ["a bare pickle", pickled.whole(pickled.dict()), /a pickle without PyTorch's head/],
    ["another magic number", join([0x80, 2, 0x8a, 10, 0x6c], new Array(9).fill(1), [0x2e]), /PyTorch's magic number/],
    ["another protocol", join(legacyHead().subarray(0, 15), pickled.whole([0x4b, 7])), /protocol 1001/],
    ["the start of a ZIP archive", join("PK\x03\x04", new Array(100).fill(0)), /truncated or damaged/],
  ])("%s", async (_, bytes, message) => {
    expect(await refusal(bytes)).toMatch(message);
  });
});
