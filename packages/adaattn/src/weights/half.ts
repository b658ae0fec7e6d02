/**
 * IEEE 754 binary16 ("half") and bfloat16 to float32 and back, by bits, since Node 20 and many
 * browsers have no Float16Array.
 *
 * Reading goes through one table of all 65 536 halves (Jeroen van der Zijp, "Fast Half Float
 * Conversions", 2008, gives the same values from three smaller tables); writing rounds to the
 * nearest half, ties to the even one, as the hardware does.
 */

/** The largest finite half, 65504. */
export const LARGEST_HALF = 65504;

const scratchFloat = new Float32Array(1);
const scratchBits = new Uint32Array(scratchFloat.buffer);

let table: Float32Array | undefined;

/**
 * Every half's value as a float32, indexed by its 16 bits. Built at first use: 256 KiB that most
 * browsers' pages never need.
 */
function halfTable(): Float32Array {
  if (table) return table;
  const values = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >>> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 31) values[bits] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    else if (exponent === 0) values[bits] = sign * fraction * 2 ** -24;
    else values[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  table = values;
  return values;
}

/** The half nearest to a float32 given by its bits, as 16 bits. */
function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    // A normal half: rebias the exponent and let a carry out of the fraction run into it, up to
    // infinity.
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  // 2^-25 is half of the smallest half; the tie goes to the even one, which is zero.
  if (magnitude <= 0x33000000) return sign;
  const shift = 126 - (magnitude >>> 23);
  const fraction = (magnitude & 0x7fffff) | 0x800000;
  const rest = fraction & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  const floor = fraction >>> shift;
  return sign | (rest > tie || (rest === tie && floor & 1) ? floor + 1 : floor);
}

/**
 * The half nearest to a number, as its 16 bits; ties go to the even one. Numbers of 65520 and more
 * become infinity. The number is first rounded to float32, as it is where it comes from a
 * Float32Array.
 */
export function toHalf(value: number): number {
  scratchFloat[0] = value;
  return halfBits(scratchBits[0] ?? 0);
}

/** The number that the 16 bits of a half stand for. */
export function fromHalf(bits: number): number {
  return halfTable()[bits & 0xffff] ?? 0;
}

/** Float32 values as halves, each rounded to the nearest, ties to even; see {@link toHalf}. */
export function encodeHalf(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) halves[i] = halfBits(bits[i] as number);
  return halves;
}

/** Halves as float32 values; exact, since every half is a float32. */
export function decodeHalf(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const values = halfTable();
  const floats = new Float32Array(halves.length);
  for (let i = 0; i < floats.length; i++) floats[i] = values[halves[i] as number] as number;
  return floats;
}

/** Bfloat16 values (the upper half of a float32's bits) as float32 values; exact. */
export function decodeBfloat16(values: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(values.length);
  for (let i = 0; i < bits.length; i++) bits[i] = (values[i] as number) << 16;
  return new Float32Array(bits.buffer);
}
