/**
 * Reads NumPy's .npz: a ZIP archive of .npy files, each an array with a header that is a literal of
 * a Python dict. Format: numpy/lib/format.py (versions 1.0 to 3.0). Arrays of objects, which are
 * pickles, are refused.
 */
import { AdaattnError } from "../error.ts";
import {
  countOf,
  decodeStored,
  decodeView,
  isCount,
  MOST_DIMENSIONS,
  packedStrides,
  STORED_BYTES,
  type StoredType,
  show,
  type TensorEntry,
} from "../weights/stored.ts";
import type { ZipEntry } from "./zip.ts";

/** The first six bytes of every array. */
const MAGIC = "\x93NUMPY";

/** The longest header that is read, in bytes; NumPy itself stops at 10,000. */
const LONGEST_HEADER = 10_000;

/** NumPy's type codes. */
const TYPES: Readonly<Record<string, StoredType>> = {
  f8: "F64",
  f4: "F32",
  f2: "F16",
  i8: "I64",
  u8: "U64",
  i4: "I32",
  u4: "U32",
  i2: "I16",
  u2: "U16",
  i1: "I8",
  u1: "U8",
  b1: "BOOL",
};

/** An array's header: what its values are, and where they begin. */
interface Header {
  readonly dtype: StoredType;
  readonly columns: boolean;
  readonly shape: readonly number[];
  readonly start: number;
}

/** Whether an archive is a .npz: it holds arrays, and no others. */
export function isNpz(entries: ReadonlyMap<string, ZipEntry>): boolean {
  return entries.size > 0 && [...entries.keys()].every((name) => name.endsWith(".npy"));
}

/**
 * The arrays of a .npz by name, without the ending .npy.
 *
 * @throws Error with one sentence where an array is damaged, of a type that is no number, or
 *   big-endian.
 */
export async function readNpz(entries: ReadonlyMap<string, ZipEntry>): Promise<Map<string, TensorEntry>> {
  const tensors = new Map<string, TensorEntry>();
  for (const [file, entry] of entries) {
    const name = file.replace(/\.npy$/, "");
    tensors.set(name, await readArray(entry, `the array ${show(name)}`));
  }
  return tensors;
}

async function readArray(entry: ZipEntry, label: string): Promise<TensorEntry> {
  const { dtype, columns, shape, start } = readHeader(await entry.read(LONGEST_HEADER), label);
  const size = countOf(shape) * STORED_BYTES[dtype];
  if (size !== entry.size - start) {
    throw new AdaattnError(
      "file",
      `Expected ${size} bytes for ${label} of ${dtype} ${show(shape)} but it has ${entry.size - start}; the file is damaged.`,
    );
  }
  const read = async () => {
    const values = (await entry.read()).subarray(start);
    if (!columns) return decodeStored(dtype, values);
    return decodeView(dtype, values, { shape, strides: packedStrides(shape, "columns"), offset: 0 });
  };
  return { dtype, shape, read };
}

function readHeader(bytes: Uint8Array, label: string): Header {
  const version = bytes[6] ?? 0;
  if (latin(bytes.subarray(0, 6)) !== MAGIC || version < 1 || version > 3) {
    throw new AdaattnError(
      "file",
      `Expected ${label} in NumPy's format 1, 2 or 3 but found something else; the file is damaged.`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const textStart = version === 1 ? 10 : 12;
  const length =
    bytes.length < textStart ? Number.NaN : version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = textStart + length;
  if (!(start <= bytes.length))
    throw new AdaattnError("file", `Expected the header of ${label} whole but it is cut off or too long.`);
  return { ...parseHeader(latin(bytes.subarray(textStart, start)), label), start };
}

/**
 * Reads a header such as {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, which NumPy
 * always writes in this order.
 */
function parseHeader(text: string, label: string): Omit<Header, "start"> {
  const [, descr, order, sizes] =
    /^\{'descr': ?'([^']{1,40})', ?'fortran_order': ?(True|False), ?'shape': ?\(([\d, ]*)\),? ?\}\s*$/.exec(text) ?? [];
  if (descr === undefined || sizes === undefined) {
    throw new AdaattnError("file", `Expected an array of numbers for ${label} but its header is ${show(text.trim())}.`);
  }
  const type = descr.slice(1);
  const dtype = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  if (dtype === undefined || !/[<|=]/.test(descr[0] ?? "")) {
    throw new AdaattnError(
      "file",
      `Expected little-endian numbers (such as <f4) for ${label} but received ${show(descr)}. Save it with astype("<f4").`,
    );
  }
  const shape = sizes.split(",").flatMap((size) => (size.trim() === "" ? [] : [Number(size)]));
  if (shape.length > MOST_DIMENSIONS || !shape.every(isCount)) {
    throw new AdaattnError(
      "file",
      `Expected whole numbers below 2^53 for the shape of ${label} but received ${show(sizes)}.`,
    );
  }
  return { dtype, columns: order === "True", shape };
}

function latin(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}
