/**
 * Reads ZIP archives as PyTorch and NumPy write them: entries stored or deflated, ZIP64 or not, on
 * one disk, not encrypted. Format: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.4.
 *
 * The central directory says what is where, and is believed only as far as it agrees with the file:
 * entries must lie within it, before the directory and apart from each other, and no deflated entry
 * may claim more than its bytes can hold, so that neither a bomb nor one range of bytes under many
 * names gets memory.
 */

import { AdaattnError } from "../error.ts";
import { show } from "../weights/stored.ts";
import { crc32 } from "./crc32.ts";

/**
 * The most bytes that all deflated entries together may claim: 1 GiB, which a whole VGG-19 (575 MB)
 * stays well below.
 */
const MOST_BYTES = 2 ** 30;

/**
 * Deflate makes at most 1032 bytes of one (zlib's technical details, "Maximum Compression Factor").
 */
const MOST_INFLATED = 1032;

/** A file within an archive. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes of its content, as the directory claims. */
  readonly size: number;
  /**
   * The content, or its first `length` bytes. A view of the archive where the entry is stored, else
   * a copy.
   *
   * @throws Error with one sentence where it is damaged: of another size, or, read whole, of
   *   another checksum.
   */
  read(length?: number): Promise<Uint8Array>;
}

interface Record {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
}

/**
 * The entries of an archive by name, in the order of its directory; folders are left out.
 *
 * @throws Error with one sentence where the directory is missing, damaged or dishonest, or asks for
 *   what is not supported.
 */
export function readZip(bytes: Uint8Array): Map<string, ZipEntry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const directory = findDirectory(view);
  const records = readDirectory(bytes, view, directory);
  const inflated = records.reduce((sum, { method, size }) => sum + (method === 0 ? 0 : size), 0);
  if (inflated > MOST_BYTES) {
    throw new AdaattnError(
      "file",
      `Expected at most ${MOST_BYTES} bytes of deflated entries in the archive but received ${inflated}. Pack it again without deflating.`,
    );
  }
  const entries = new Map<string, ZipEntry>();
  let end = 0;
  for (const record of [...records].sort((a, b) => a.offset - b.offset)) {
    const label = `the entry ${show(record.name)}`;
    if (record.offset < end)
      throw new AdaattnError("file", `Expected the entries of the archive apart but ${label} overlaps another.`);
    const start = contentStart(bytes, view, record, label);
    end = start + record.packed;
    if (end > directory.start) {
      throw new AdaattnError(
        "file",
        `Expected ${label} to end before the archive's directory but it does not; the file is damaged.`,
      );
    }
    const packed = bytes.subarray(start, end);
    entries.set(record.name, {
      name: record.name,
      size: record.size,
      read: (length) => readContent(record, packed, length ?? record.size, label),
    });
  }
  if (entries.size !== records.length)
    throw new AdaattnError("file", "Expected entries of different names in the archive.");
  return new Map(records.flatMap(({ name }) => (name.endsWith("/") ? [] : [[name, entries.get(name) as ZipEntry]])));
}

interface Directory {
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

/**
 * Finds the directory by the record at the archive's end, which a comment of up to 65,535 bytes may
 * follow.
 */
function findDirectory(view: DataView): Directory {
  const length = view.byteLength;
  for (let at = length - 22; at >= Math.max(0, length - 22 - 0xffff); at--) {
    if (view.getUint32(at, true) !== 0x06054b50 || at + 22 + view.getUint16(at + 20, true) !== length) continue;
    const classic = {
      count: view.getUint16(at + 10, true),
      size: view.getUint32(at + 12, true),
      start: view.getUint32(at + 16, true),
      end: at,
    };
    const { count, size, start, end } = directory64(view, at) ?? classic;
    if (start + size > end || count * 46 > size) {
      throw new AdaattnError(
        "file",
        "Expected the directory of the archive before its end record; the file is damaged.",
      );
    }
    return { start, end: start + size, count };
  }
  throw new AdaattnError(
    "file",
    "Expected a ZIP archive to end with its directory but it does not; the file is truncated or damaged.",
  );
}

/** The same facts from the ZIP64 record before the end record, where there is one. */
function directory64(view: DataView, endRecord: number) {
  const locator = endRecord - 20;
  if (locator < 0 || view.getUint32(locator, true) !== 0x07064b50) return undefined;
  const at = Number(view.getBigUint64(locator + 8, true));
  if (at + 56 > locator || view.getUint32(at, true) !== 0x06064b50) {
    throw new AdaattnError(
      "file",
      "Expected a ZIP64 end record where the archive's locator points; the file is damaged.",
    );
  }
  const number = (offset: number) => Number(view.getBigUint64(at + offset, true));
  return { count: number(32), size: number(40), start: number(48), end: at };
}

function readDirectory(bytes: Uint8Array, view: DataView, { start, end, count }: Directory): Record[] {
  const records: Record[] = [];
  let at = start;
  while (records.length < count) {
    if (at + 46 > end || view.getUint32(at, true) !== 0x02014b50) {
      throw new AdaattnError(
        "file",
        `Expected ${count} entries in the directory of the archive but found ${records.length}.`,
      );
    }
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
      number,
      number,
      number,
    ];
    const next = at + 46 + nameLength + extraLength + commentLength;
    if (next > end)
      throw new AdaattnError("file", "Expected the directory of the archive whole but its last entry is cut off.");
    const name = entryName(bytes.subarray(at + 46, at + 46 + nameLength));
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    if (flags & 1)
      throw new AdaattnError("file", `Expected an archive without a password but the entry ${show(name)} needs one.`);
    if (method !== 0 && method !== 8) {
      throw new AdaattnError(
        "file",
        `Expected entries stored or deflated but ${show(name)} is packed by method ${method}. Pack the archive again without packing its entries.`,
      );
    }
    const extra = new DataView(bytes.buffer, bytes.byteOffset + at + 46 + nameLength, extraLength);
    const [size, packed, offset] = widen(
      extra,
      [24, 20, 42].map((field) => view.getUint32(at + field, true)),
    );
    const record = { name, method, crc: view.getUint32(at + 16, true), packed, size, offset };
    if (method === 0 ? size !== packed : size > packed * MOST_INFLATED) {
      throw new AdaattnError(
        "file",
        `Expected an honest size for the entry ${show(name)} but ${size} bytes cannot come of ${packed}; the archive is refused.`,
      );
    }
    records.push(record);
    at = next;
  }
  return records;
}

function entryName(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new AdaattnError(
      "file",
      "Expected names in UTF-8 in the directory of the archive but received something else.",
    );
  }
}

/**
 * Sizes and offset of an entry, those of 0xffffffff replaced from the ZIP64 extra field, which
 * holds them in this order.
 */
function widen(extra: DataView, fields: readonly number[]): [size: number, packed: number, offset: number] {
  const long: number[] = [];
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const [id, length] = [extra.getUint16(at, true), extra.getUint16(at + 2, true)];
    at += 4;
    if (id === 1) {
      for (let from = at; from + 8 <= Math.min(at + length, extra.byteLength); from += 8) {
        long.push(Number(extra.getBigUint64(from, true)));
      }
    }
    at += length;
  }
  const [size = 0, packed = 0, offset = 0] = fields.map((field) =>
    field === 0xffffffff ? (long.shift() ?? field) : field,
  );
  return [size, packed, offset];
}

/**
 * Where an entry's content begins: after its own header, which must name it as the directory does.
 */
function contentStart(bytes: Uint8Array, view: DataView, { name, offset }: Record, label: string): number {
  if (offset + 30 > bytes.length || view.getUint32(offset, true) !== 0x04034b50) {
    throw new AdaattnError(
      "file",
      `Expected ${label} where the archive's directory says but found something else; the file is damaged.`,
    );
  }
  const [nameLength, extraLength] = [view.getUint16(offset + 26, true), view.getUint16(offset + 28, true)];
  const own = bytes.subarray(offset + 30, offset + 30 + nameLength);
  if (entryName(own) !== name)
    throw new AdaattnError("file", `Expected ${label} under that name in its own header too.`);
  return offset + 30 + nameLength + extraLength;
}

async function readContent(record: Record, packed: Uint8Array, length: number, label: string): Promise<Uint8Array> {
  const wanted = Math.min(length, record.size);
  const content = record.method === 0 ? packed.subarray(0, wanted) : await inflate(packed, wanted, record.size, label);
  if (wanted === record.size && crc32(content) !== record.crc) {
    throw new AdaattnError(
      "file",
      `Expected the checksum of ${label} to match its bytes but it does not; get the file again.`,
    );
  }
  return content;
}

/**
 * The first `wanted` bytes of deflated ones, which must be `size` together where all are wanted.
 */
async function inflate(packed: Uint8Array, wanted: number, size: number, label: string): Promise<Uint8Array> {
  const content = new Uint8Array(wanted);
  let filled = 0;
  let next = 0;
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (next >= packed.length) return controller.close();
      // Copies: the stream may keep or transfer what it is given.
      controller.enqueue(new Uint8Array(packed.subarray(next, next + 65536)));
      next += 65536;
    },
  });
  const reader = source.pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const room = wanted - filled;
      if (value.length > room && wanted === size) throw new AdaattnError("file", "too long");
      content.set(value.subarray(0, room), filled);
      filled += Math.min(value.length, room);
      if (filled === wanted && wanted < size) break;
    }
    if (filled < wanted) throw new AdaattnError("file", "too short");
  } catch (error) {
    throw new AdaattnError(
      "file",
      `Expected ${label} to inflate to ${size} bytes but it does not; get the file again.`,
      {
        cause: error,
      },
    );
  } finally {
    await reader.cancel().catch(() => undefined);
  }
  return content;
}
