/**
 * Writes the files that other programs store tensors in, sound ones and, where a test asks for it,
 * dishonest ones.
 */

import { crc32, deflateRawSync } from "node:zlib";

const encoder = new TextEncoder();

/** The bytes of several pieces one after another. */
export function join(...pieces: readonly (Uint8Array | readonly number[] | string)[]): Uint8Array<ArrayBuffer> {
  const parts = pieces.map((piece) => (typeof piece === "string" ? encoder.encode(piece) : piece));
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

const u16 = (value: number) => [value & 0xff, (value >>> 8) & 0xff];
const u32 = (value: number) => [...u16(value & 0xffff), ...u16(value >>> 16)];
const u64 = (value: number | bigint) => [
  ...new Uint8Array(BigUint64Array.of(BigInt.asUintN(64, BigInt(value))).buffer),
];

/** An entry of an archive; what is given beside its content replaces what would be written. */
export interface Entry {
  readonly content: Uint8Array;
  readonly deflate?: boolean;
  readonly method?: number;
  readonly flags?: number;
  readonly crc?: number;
  readonly size?: number;
  readonly packed?: number;
  readonly offset?: number;
  readonly ownName?: string;
}

/** A ZIP archive, with sizes in ZIP64 records where asked for. */
export function zip(
  entries: readonly (readonly [name: string, entry: Entry])[],
  zip64 = false,
): Uint8Array<ArrayBuffer> {
  const bodies: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let position = 0;
  for (const [name, entry] of entries) {
    const packed = entry.deflate ? deflateRawSync(entry.content) : entry.content;
    const method = entry.method ?? (entry.deflate ? 8 : 0);
    const crc = entry.crc ?? crc32(entry.content);
    const [size, packedSize, offset] = [
      entry.size ?? entry.content.length,
      entry.packed ?? packed.length,
      entry.offset ?? position,
    ];
    const [title, own] = [encoder.encode(name), encoder.encode(entry.ownName ?? name)];
    const common = [...u16(entry.flags ?? 0), ...u16(method), ...u32(0), ...u32(crc)];
    const header = join(
      [...u32(0x04034b50), ...u16(20), ...common, ...u32(packed.length), ...u32(entry.content.length)],
      [...u16(own.length), ...u16(3)],
      own,
      [1, 2, 3],
    );
    const extra = zip64 ? [...u16(1), ...u16(24), ...u64(size), ...u64(packedSize), ...u64(offset)] : [];
    const [lowSize, lowPacked, lowOffset] = zip64 ? [0xffffffff, 0xffffffff, 0xffffffff] : [size, packedSize, offset];
    directory.push(
      join(
        [...u32(0x02014b50), ...u16(20), ...u16(20), ...common, ...u32(lowPacked), ...u32(lowSize)],
        [...u16(title.length), ...u16(extra.length), ...u16(0), ...u16(0), ...u16(0), ...u32(0), ...u32(lowOffset)],
        title,
        extra,
      ),
    );
    bodies.push(header, packed);
    position += header.length + packed.length;
  }
  const listing = join(...directory);
  const end64 = zip64
    ? [
        ...[...u32(0x06064b50), ...u64(44), ...u16(45), ...u16(45), ...u32(0), ...u32(0)],
        ...[...u64(entries.length), ...u64(entries.length), ...u64(listing.length), ...u64(position)],
        ...[...u32(0x07064b50), ...u32(0), ...u64(position + listing.length), ...u32(1)],
      ]
    : [];
  const count = zip64 ? 0xffff : entries.length;
  return join(
    ...bodies,
    listing,
    end64,
    [...u32(0x06054b50), ...u16(0), ...u16(0), ...u16(count), ...u16(count)],
    zip64 ? [...u32(0xffffffff), ...u32(0xffffffff)] : [...u32(listing.length), ...u32(position)],
    u16(0),
  );
}

/** Opcodes of a pickle, by what they do. */
export const pickled = {
  text: (text: string) => [0x58, ...u32(encoder.encode(text).length), ...encoder.encode(text)],
  number: (value: number) => (value >= 0 && value < 256 ? [0x4b, value] : [0x4a, ...u32(value)]),
  long: (value: bigint) => [0x8a, 8, ...u64(value)],
  tuple: (...items: readonly number[][]) => [0x28, ...items.flat(), 0x74],
  global: (module: string, name: string) => [...encoder.encode(`c${module}\n${name}\n`)],
  call: (callee: number[], args: number[]) => [...callee, ...args, 0x52],
  dict: (...pairs: readonly number[][]) => [0x7d, 0x28, ...pairs.flat(), 0x75],
  whole: (value: number[]) => Uint8Array.from([0x80, 2, ...value, 0x2e]),
  none: [0x4e],
  empty: [0x29],
};

const { text, number, long, tuple, global, call, whole, none, empty } = pickled;

/**
 * A tensor to be written; what is given beside its shape and values replaces what would follow from
 * them.
 */
export interface Written {
  readonly shape: readonly number[];
  readonly data: ArrayBufferView & { readonly length: number };
  readonly type?: string;
  readonly strides?: readonly number[];
  readonly offset?: number;
  readonly count?: number;
  readonly key?: string;
}

const integer = (value: number) =>
  Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? number(value) : long(BigInt(value));

/**
 * The opcodes of a tensor: `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad,
 * hooks)`.
 */
export function pickledTensor(key: string, tensor: Written, legacy = false): number[] {
  const { shape, data, type = "FloatStorage", offset = 0 } = tensor;
  const strides = tensor.strides ?? shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const storage = tuple(
    text("storage"),
    global("torch", type),
    text(tensor.key ?? key),
    text("cpu"),
    integer(tensor.count ?? data.length),
    ...(legacy ? [none] : []),
  );
  const args = tuple(
    [...storage, 0x51],
    integer(offset),
    tuple(...shape.map(integer)),
    tuple(...strides.map(integer)),
    [0x89],
    call(global("collections", "OrderedDict"), empty),
  );
  return call(global("torch._utils", "_rebuild_tensor_v2"), args);
}

/** The opcodes of a state dict with its `_metadata`. */
export function pickledState(tensors: ReadonlyMap<string, Written>, legacy = false): number[] {
  let storage = 0;
  const items = [...tensors].flatMap(([name, tensor]) => [
    ...text(name),
    ...pickledTensor(String(storage++), tensor, legacy),
  ]);
  const state = [...call(global("collections", "OrderedDict"), empty), 0x28, ...items, 0x75];
  return [...state, ...pickled.dict(text("_metadata"), pickled.dict()), 0x62];
}

const bytesOf = ({ data }: Written) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** A checkpoint as PyTorch has written it since 1.6, of these tensors or of another pickle. */
export function torchZip(tensors: ReadonlyMap<string, Written>, pickle?: Uint8Array): Uint8Array<ArrayBuffer> {
  const storages = [...tensors.values()].map((tensor, at): [string, Entry] => [
    `archive/data/${at}`,
    { content: bytesOf(tensor) },
  ]);
  return zip(
    [
      ["archive/data.pkl", { content: pickle ?? whole(pickledState(tensors)) }],
      ["archive/byteorder", { content: encoder.encode("little") }],
      ...storages,
      ["archive/version", { content: encoder.encode("3\n") }],
    ],
    true,
  );
}

/** The first three pickles of a checkpoint from before 1.6. */
export function legacyHead(): Uint8Array {
  return join(
    [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e],
    whole([0x4d, ...u16(1001)]),
    whole(pickled.dict(text("little_endian"), [0x88])),
  );
}

/** A checkpoint as PyTorch wrote it before 1.6. */
export function torchLegacy(tensors: ReadonlyMap<string, Written>): Uint8Array<ArrayBuffer> {
  const keys = [...tensors.keys()].map((_, at) => text(String(at)));
  return join(
    legacyHead(),
    whole(pickledState(tensors, true)),
    whole([0x5d, 0x28, ...keys.flat(), 0x65]),
    ...[...tensors.values()].flatMap((tensor) => [Uint8Array.from(u64(tensor.data.length)), bytesOf(tensor)]),
  );
}

/** An array of NumPy; `header` replaces the one that would follow from the rest. */
export function npy(shape: readonly number[], data: ArrayBufferView, type = "<f4", header?: string): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const literal = header ?? `{'descr': '${type}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const padded = `${literal.padEnd(Math.ceil((literal.length + 11) / 64) * 64 - 11)}\n`;
  return join(
    [0x93],
    "NUMPY",
    [1, 0, ...u16(padded.length)],
    padded,
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
}
