/**
 * The subset of the protocol buffer wire format that ONNX files need: varints, little-endian floats
 * and nested messages.
 */

/**
 * Byte arrays of at least this length are kept as they are until the end; shorter ones are
 * gathered.
 */
const LONG = 4096;

/**
 * Appends fields to a message. Long arrays are not copied before `finish`, and must not change
 * until then.
 */
export class MessageWriter {
  /** What was written before `#tail`. */
  readonly #parts: Uint8Array[] = [];
  #partsLength = 0;
  #tail = new Uint8Array(256);
  #used = 0;
  readonly #text = new TextEncoder();

  get #length(): number {
    return this.#partsLength + this.#used;
  }

  #reserve(extra: number): void {
    if (this.#used + extra <= this.#tail.length) return;
    const grown = new Uint8Array(Math.max(this.#tail.length * 2, this.#used + extra));
    grown.set(this.#tail.subarray(0, this.#used));
    this.#tail = grown;
  }

  #varint(value: bigint): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, value);
    while (rest >= 0x80n) {
      this.#tail[this.#used++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#tail[this.#used++] = Number(rest);
  }

  #tag(field: number, wireType: number): void {
    this.#varint(BigInt((field << 3) | wireType));
  }

  #append(value: Uint8Array): void {
    if (value.length < LONG) {
      this.#reserve(value.length);
      this.#tail.set(value, this.#used);
      this.#used += value.length;
      return;
    }
    this.#parts.push(this.#tail.slice(0, this.#used), value);
    this.#partsLength += this.#used + value.length;
    this.#used = 0;
  }

  /** An int32, int64 or enum field. */
  integer(field: number, value: number | bigint): this {
    this.#tag(field, 0);
    this.#varint(BigInt(value));
    return this;
  }

  /** A float field. */
  float(field: number, value: number): this {
    this.#tag(field, 5);
    this.#append(new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  /** A bytes field. */
  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, 2);
    this.#varint(BigInt(value.length));
    this.#append(value);
    return this;
  }

  /** A string field. */
  string(field: number, value: string): this {
    return this.bytes(field, this.#text.encode(value));
  }

  /** A nested message, filled by `write`. */
  message(field: number, write: (writer: MessageWriter) => void): this {
    const nested = new MessageWriter();
    write(nested);
    this.#tag(field, 2);
    this.#varint(BigInt(nested.#length));
    for (const part of nested.#parts) this.#append(part);
    this.#append(nested.#tail.subarray(0, nested.#used));
    return this;
  }

  /** The bytes written so far. */
  finish(): Uint8Array {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (const part of [...this.#parts, this.#tail.subarray(0, this.#used)]) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }
}

/** One field of a message: varints as bigint, everything else as bytes. */
export interface Field {
  readonly number: number;
  readonly value: bigint | Uint8Array;
}

/**
 * The fields of a message, in file order. Throws where the bytes end early or a wire type is
 * unknown.
 */
export function* readFields(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error(`Expected a whole message but it ends at byte ${bytes.length}`);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Error(`Expected a number of at most 10 bytes at byte ${at}`);
  };
  const take = (count: number): Uint8Array => {
    if (count > bytes.length - at)
      throw new Error(`Expected ${count} more bytes but the message ends at byte ${bytes.length}`);
    at += count;
    return bytes.subarray(at - count, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wireType = tag & 7;
    const number = tag >>> 3;
    if (wireType === 0) yield { number, value: varint() };
    else if (wireType === 1) yield { number, value: take(8) };
    else if (wireType === 2) yield { number, value: take(Number(varint())) };
    else if (wireType === 5) yield { number, value: take(4) };
    else throw new Error(`Expected a wire type of 0, 1, 2 or 5 but received ${wireType}`);
  }
}
