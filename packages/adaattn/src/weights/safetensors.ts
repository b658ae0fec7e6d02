/**
 * The safetensors file format: eight bytes of header length, a JSON header, then the tensors'
 * bytes. Format: https://github.com/huggingface/safetensors#format. Nothing in the header is
 * trusted before it has been checked, since such files come from strangers; every rule broken gives
 * one sentence, to which the caller adds the file's name.
 */
import { AdaattnError } from "../error.ts";
import { encodeHalf, LARGEST_HALF } from "./half.ts";
import {
  decodeStored,
  isCount,
  STORED_BYTES,
  type StoredData,
  type StoredTensor,
  type StoredType,
  show,
} from "./stored.ts";

export type { StoredData, StoredTensor, StoredType };

/** The largest header that the reference implementation reads: 100 MB. */
const LARGEST_HEADER = 100_000_000;

/** What a safetensors file holds. */
export interface Safetensors {
  /** The tensors by name, in the order of the header. */
  readonly tensors: Map<string, StoredTensor>;
  /** The header's `__metadata__`, empty where it has none. */
  readonly metadata: Record<string, string>;
}

interface Entry {
  readonly name: string;
  readonly dtype: StoredType;
  readonly shape: number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads a safetensors file. F64 is rounded to float32; F16 and BF16 are widened.
 *
 * @throws Error with one sentence where the header or any tensor's type, shape or place in the file
 *   breaks the format.
 */
export function readSafetensors(bytes: Uint8Array): Safetensors {
  if (bytes.length < 8)
    throw new AdaattnError("file", `Expected at least 8 bytes for a safetensors file but received ${bytes.length}.`);
  const headerLength = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (headerLength > LARGEST_HEADER || headerLength < 2) {
    throw new AdaattnError(
      "file",
      `Expected a safetensors header of 2 to ${LARGEST_HEADER} bytes but received a length of ${headerLength}.`,
    );
  }
  const dataStart = 8 + Number(headerLength);
  if (dataStart > bytes.length) {
    throw new AdaattnError(
      "file",
      `Expected a safetensors header of ${headerLength} bytes but the file ends after ${bytes.length - 8}; it is truncated.`,
    );
  }
  const header = parseHeader(bytes.subarray(8, dataStart));
  const body = bytes.subarray(dataStart);
  const metadata: Record<string, string> = {};
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") readMetadata(value, metadata);
    else entries.push(readEntry(name, value, body.length));
  }
  checkLayout(entries, body.length);
  const tensors = new Map<string, StoredTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    tensors.set(name, { dtype, shape, data: decodeStored(dtype, body.subarray(begin, end)) });
  }
  return { tensors, metadata };
}

/** The header as an object of unchecked values. */
function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new AdaattnError(
      "file",
      "Expected JSON in UTF-8 for the safetensors header but received something else; the file is damaged.",
    );
  }
  if (!isRecord(parsed))
    throw new AdaattnError("file", `Expected an object for the safetensors header but received ${show(parsed)}.`);
  return parsed;
}

function readMetadata(value: unknown, into: Record<string, string>): void {
  if (!isRecord(value))
    throw new AdaattnError("file", `Expected an object for __metadata__ but received ${show(value)}.`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      throw new AdaattnError("file", `Expected a string for __metadata__ ${show(key)} but received ${show(text)}.`);
    }
    into[key] = text;
  }
}

/**
 * One tensor's entry, with its type, shape and place checked against each other and against the
 * file's size.
 */
function readEntry(name: string, value: unknown, bodyLength: number): Entry {
  const label = `tensor ${show(name)}`;
  if (!isRecord(value)) throw new AdaattnError("file", `Expected an object for ${label} but received ${show(value)}.`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isStoredType(dtype)) {
    throw new AdaattnError(
      "file",
      `Expected one of ${Object.keys(STORED_BYTES).join(", ")} for the type of ${label} but received ${show(dtype)}.`,
    );
  }
  if (!isSizes(shape)) {
    throw new AdaattnError(
      "file",
      `Expected a list of whole numbers for the shape of ${label} but received ${show(shape)}.`,
    );
  }
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw new AdaattnError(
      "file",
      `Expected two whole numbers for the data_offsets of ${label} but received ${show(offsets)}.`,
    );
  }
  const [begin = 0, end = 0] = offsets;
  if (begin > end)
    throw new AdaattnError("file", `Expected data_offsets in rising order for ${label} but received ${show(offsets)}.`);
  if (end > bodyLength) {
    throw new AdaattnError(
      "file",
      `Expected data_offsets of at most ${bodyLength} for ${label} but received ${show(offsets)}; the file is truncated or damaged.`,
    );
  }
  const size = shape.reduce((product, length) => product * length, STORED_BYTES[dtype]);
  if (size !== end - begin) {
    throw new AdaattnError(
      "file",
      `Expected ${size} bytes for ${label} of ${dtype} ${show(shape)} but received ${end - begin}.`,
    );
  }
  return { name, dtype, shape, begin, end };
}

/**
 * The format asks that tensors neither overlap nor leave bytes unclaimed, so that a file cannot
 * carry anything hidden.
 */
function checkLayout(entries: readonly Entry[], bodyLength: number): void {
  let position = 0;
  let previous = "the header";
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== position) {
      throw new AdaattnError(
        "file",
        `Expected tensor ${show(name)} to begin at byte ${position}, where ${previous} ends, but it begins at ${begin}.`,
      );
    }
    position = end;
    previous = `tensor ${show(name)}`;
  }
  if (position !== bodyLength) {
    throw new AdaattnError(
      "file",
      `Expected the file to end with its last tensor but ${bodyLength - position} bytes follow it.`,
    );
  }
}

/** A tensor to be written: float32 values, or integers that keep their type. */
export interface WritableTensor {
  /** Sizes, outermost first; empty for a scalar. */
  readonly shape: readonly number[];
  /** The values in row-major order. */
  readonly data: Float32Array | BigInt64Array | Int32Array | Uint8Array;
}

/**
 * The bytes of a safetensors file of these tensors. The same tensors in the same order always give
 * the same bytes.
 *
 * @param dtype how float32 values are stored: "F32" (the default) exactly, "F16" rounded to the
 *   nearest half. Integers keep their type.
 * @throws Error where a tensor's shape and number of values differ, or a finite value is too large
 *   for F16.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, WritableTensor>,
  metadata: Readonly<Record<string, string>> = {},
  dtype: "F32" | "F16" = "F32",
): Uint8Array<ArrayBuffer> {
  const encoded = [...tensors].map(([name, { shape, data }]) => {
    const count = shape.reduce((product, length) => product * length, 1);
    if (count !== data.length || !isSizes(shape)) {
      throw new AdaattnError(
        "option",
        `Expected ${count} values for tensor ${show(name)} of shape ${show(shape)} but received ${data.length}.`,
      );
    }
    return { name, shape, ...encode(name, data, dtype) };
  });
  // The widest types come first, so that every tensor lies aligned to its own width.
  encoded.sort((a, b) => STORED_BYTES[b.type] - STORED_BYTES[a.type]);
  const header: Record<string, unknown> = Object.create(null);
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let length = 0;
  for (const { name, shape, type, bytes } of encoded) {
    if (name === "__metadata__")
      throw new AdaattnError("option", "Expected another name than __metadata__ for a tensor.");
    header[name] = { dtype: type, shape, data_offsets: [length, length + bytes.length] };
    length += bytes.length;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerLength + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true);
  file.fill(0x20, 8, 8 + headerLength);
  file.set(json, 8);
  let position = 8 + headerLength;
  for (const { bytes } of encoded) {
    file.set(bytes, position);
    position += bytes.length;
  }
  return file;
}

function encode(
  name: string,
  data: WritableTensor["data"],
  dtype: "F32" | "F16",
): { type: StoredType; bytes: Uint8Array } {
  if (data instanceof Float32Array && dtype === "F16") {
    const halves = encodeHalf(data);
    const lost = halves.findIndex((half, i) => (half & 0x7fff) === 0x7c00 && Number.isFinite(data[i]));
    if (lost >= 0) {
      throw new AdaattnError(
        "option",
        `Expected values of at most ${LARGEST_HALF} for tensor ${show(name)} stored as F16 but received ${data[lost]}.`,
      );
    }
    return { type: "F16", bytes: new Uint8Array(halves.buffer) };
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof Float32Array) return { type: "F32", bytes };
  if (data instanceof BigInt64Array) return { type: "I64", bytes };
  return { type: data instanceof Int32Array ? "I32" : "U8", bytes };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStoredType(value: unknown): value is StoredType {
  return typeof value === "string" && Object.hasOwn(STORED_BYTES, value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}
