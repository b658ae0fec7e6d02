/**
 * Tensors as files store them, whatever the format: the types of their values, how bytes become
 * values, and how a strided view becomes rows. Bytes are little-endian in every file and taken to
 * be so in memory, as on every platform that ONNX Runtime serves.
 */
import { AdaattnError } from "../error.ts";
import { decodeBfloat16, decodeHalf } from "./half.ts";

/** Bytes of one value of each type that can be read. */
export const STORED_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;

/** The type of a stored tensor's values, spelled as in a safetensors file. */
export type StoredType = keyof typeof STORED_BYTES;

/**
 * A tensor's values in memory: every float type as float32, integers in their own width, booleans
 * as bytes of 0 and 1.
 */
export type StoredData =
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** One tensor of a file. */
export interface StoredTensor {
  /** The type in the file; `data` is a Float32Array for F64, F32, F16 and BF16. */
  readonly dtype: StoredType;
  /** Sizes, outermost first; empty for a scalar. */
  readonly shape: number[];
  /** The values in row-major order; a copy that does not keep the file's bytes alive. */
  readonly data: StoredData;
}

/**
 * A tensor that lies in a file, checked but not read: files may hold far more than anybody asks of
 * them.
 */
export interface TensorEntry {
  /** The type in the file. */
  readonly dtype: StoredType;
  /** Sizes, outermost first; empty for a scalar. */
  readonly shape: readonly number[];
  /**
   * The values in row-major order, a copy: a Float32Array for F64 (rounded), F32, F16 and BF16,
   * else integers of their width.
   */
  read(): Promise<StoredData>;
}

/** The tensors of a file by name. */
export type TensorEntries = ReadonlyMap<string, TensorEntry>;

/** The most dimensions that a tensor may have, which is NumPy's limit. */
export const MOST_DIMENSIONS = 64;

/** Bytes as they are in a file as values. A copy. */
export function decodeStored(dtype: StoredType, bytes: Uint8Array): StoredData {
  // A copy, aligned to its type; Uint8Array.slice would be a view where the bytes are a Node
  // Buffer.
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  const { buffer } = copy;
  switch (dtype) {
    case "F64":
      return Float32Array.from(new Float64Array(buffer));
    case "F32":
      return new Float32Array(buffer);
    case "F16":
      return decodeHalf(new Uint16Array(buffer));
    case "BF16":
      return decodeBfloat16(new Uint16Array(buffer));
    case "I64":
      return new BigInt64Array(buffer);
    case "U64":
      return new BigUint64Array(buffer);
    case "I32":
      return new Int32Array(buffer);
    case "U32":
      return new Uint32Array(buffer);
    case "I16":
      return new Int16Array(buffer);
    case "U16":
      return new Uint16Array(buffer);
    case "I8":
      return new Int8Array(buffer);
    case "U8":
    case "BOOL":
      return copy;
  }
}

/** How a tensor lies among the values of a storage: all counts are in values, not bytes. */
export interface View {
  readonly shape: readonly number[];
  /** How many values apart neighbors along each axis lie. */
  readonly strides: readonly number[];
  /** Where the first value lies. */
  readonly offset: number;
}

/**
 * How many values a shape holds; exact below 2^53, and never below the true number's order beyond.
 */
export function countOf(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, length) => product * length, 1);
}

/** The strides of values that lie row after row, or column after column, without gaps. */
export function packedStrides(shape: readonly number[], order: "rows" | "columns" = "rows"): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let at = 0; at < shape.length; at++) {
    const axis = order === "rows" ? shape.length - 1 - at : at;
    strides[axis] = step;
    step *= shape[axis] ?? 1;
  }
  return strides;
}

/**
 * Checks a view that a file describes against the storage of `available` values that it looks at.
 *
 * A view may show values in any order, but not more of them than the storage has: a stride of 0
 * would make a file of a few bytes ask for any amount of memory.
 *
 * @param label what errors call the tensor.
 * @throws Error with one sentence.
 */
export function checkView({ shape, strides, offset }: View, available: number, label: string): void {
  if (shape.length > MOST_DIMENSIONS) {
    throw new AdaattnError(
      "file",
      `Expected at most ${MOST_DIMENSIONS} dimensions for ${label} but received ${shape.length}.`,
    );
  }
  if (!shape.every(isCount))
    throw new AdaattnError("file", `Expected whole numbers for the shape of ${label} but received ${show(shape)}.`);
  if (strides.length !== shape.length || !strides.every(isCount)) {
    throw new AdaattnError(
      "file",
      `Expected ${shape.length} strides of 0 or more for ${label} but received ${show(strides)}; the file is damaged.`,
    );
  }
  const count = countOf(shape);
  if (!isCount(offset) || count > available) {
    throw new AdaattnError(
      "file",
      `Expected at most the ${available} values of its storage for ${label} but received ${show(shape)} from value ${offset}.`,
    );
  }
  if (count === 0) return;
  const last = shape.reduce((sum, length, axis) => sum + (length - 1) * (strides[axis] ?? 0), offset);
  if (last >= available) {
    throw new AdaattnError(
      "file",
      `Expected ${label} to end within the ${available} values of its storage but it reaches value ${last}; the file is damaged.`,
    );
  }
}

/** Whether a value is a whole number from 0 to 2^53 - 1. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The values that a checked view shows of a storage's bytes, in row-major order. */
export function decodeView(dtype: StoredType, storage: Uint8Array, { shape, strides, offset }: View): StoredData {
  const width = STORED_BYTES[dtype];
  const count = countOf(shape);
  const packed = packedStrides(shape);
  if (count === 0 || shape.every((length, axis) => length === 1 || strides[axis] === packed[axis])) {
    return decodeStored(dtype, storage.subarray(offset * width, (offset + count) * width));
  }
  const last = shape.reduce((sum, length, axis) => sum + (length - 1) * (strides[axis] ?? 0), offset);
  const span = new Uint8Array((last + 1 - offset) * width);
  span.set(storage.subarray(offset * width, (last + 1) * width));
  // Values of eight bytes are moved as two words of four, along an innermost axis of their own.
  const gathered =
    width === 8
      ? gatherValues(wordsOf(span, 4), [...shape, 2], [...strides.map((stride) => stride * 2), 1])
      : gatherValues(wordsOf(span, width), shape, strides);
  return decodeStored(dtype, new Uint8Array(gathered.buffer));
}

type Words = Float32Array | Uint32Array | Uint16Array | Uint8Array;

function wordsOf({ buffer }: Uint8Array<ArrayBuffer>, width: number): Words {
  if (width === 1) return new Uint8Array(buffer);
  return width === 2 ? new Uint16Array(buffer) : new Uint32Array(buffer);
}

/**
 * The values at all positions of `shape`, in row-major order, that lie `strides` apart among
 * `values`.
 */
export function gatherValues<T extends Words>(values: T, shape: readonly number[], strides: readonly number[]): T {
  const gathered = new (values.constructor as new (length: number) => T)(countOf(shape));
  const position = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < gathered.length; to++) {
    gathered[to] = values[from] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const [length, stride] = [shape[axis] as number, strides[axis] as number];
      const next = (position[axis] as number) + 1;
      position[axis] = next === length ? 0 : next;
      from += next === length ? stride * (1 - length) : stride;
      if (next < length) break;
    }
  }
  return gathered;
}

/** A value from a file as it is quoted in an error: JSON, cut short. */
export function show(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value, (_, part) => (typeof part === "bigint" ? String(part) : part)) ?? "nothing";
  } catch {
    // Lists within lists, so deep that they cannot be written.
    text = "something nested too deeply";
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
