/**
 * The color tags of AVIF pictures (the `colr` box of kind `nclx`, ISO/IEC 14496-12, with the code
 * points of ITU-T H.273), which libvips does not heed: what primaries the pixels are in, and how
 * they were brought into bytes.
 */

/** Red, green and blue to XYZ under D65, row by row. */
type Matrix = readonly [number, number, number, number, number, number, number, number, number];

/** The tags of a picture, by the numbers of H.273. */
export interface ColorTags {
  readonly primaries: number;
  readonly transfer: number;
}

/**
 * Boxes on the way to the tags; a full box has four bytes of version and flags before its content.
 */
const WAY: readonly (readonly [name: string, skip: number])[] = [
  ["meta", 4],
  ["iprp", 0],
  ["ipco", 0],
];

/**
 * The tags in the first bytes of an AVIF file, those of the picture itself where its parts have
 * some too.
 */
export function avifColorTags(start: Uint8Array): ColorTags | undefined {
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  let [from, to] = [0, start.length];
  for (const [name, skip] of WAY) {
    const [box] = boxesOf(view, from, to, name);
    if (box === undefined) return undefined;
    [from, to] = [box.from + skip, box.to];
  }
  for (const { from: at, to: end } of boxesOf(view, from, to, "colr")) {
    if (end - at >= 10 && textAt(view, at) === "nclx") {
      return { primaries: view.getUint16(at + 4), transfer: view.getUint16(at + 6) };
    }
  }
  return undefined;
}

/** The boxes of a name between two places, as the places of their contents. */
function boxesOf(view: DataView, from: number, to: number, name: string): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = [];
  for (let at = from; at + 8 <= to; ) {
    const length = view.getUint32(at);
    // Large and endless boxes hold the pixels, which come after what is looked for.
    if (length < 8) break;
    const end = Math.min(to, at + length);
    if (textAt(view, at + 4) === name) found.push({ from: at + 8, to: end });
    at += length;
  }
  return found;
}

function textAt(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
}

/** What a transfer for more than the range of a display is called. */
export function highDynamicRange({ transfer }: ColorTags): "PQ" | "HLG" | undefined {
  return transfer === 16 ? "PQ" : transfer === 18 ? "HLG" : undefined;
}

const BT709: Matrix = [
  0.4123908, 0.3575843, 0.1804808, 0.212639, 0.7151687, 0.0721923, 0.0193308, 0.1191948, 0.9505322,
];
const WIDE: Readonly<Record<number, Matrix>> = {
  // BT.2020
  9: [0.636958, 0.1446169, 0.168881, 0.2627002, 0.6779981, 0.0593017, 0, 0.0280727, 1.0609851],
  // Display P3, and with it the P3 of cinemas, whose white is another
  11: [0.4865709, 0.2656677, 0.1982173, 0.2289746, 0.6917385, 0.0792869, 0, 0.0451134, 1.0439444],
  12: [0.4865709, 0.2656677, 0.1982173, 0.2289746, 0.6917385, 0.0792869, 0, 0.0451134, 1.0439444],
};

/**
 * Bytes to light from 0 to 1, by the curve of sRGB, which stands for those of BT.709 and its kin
 * too.
 */
const LIGHT = Float64Array.from({ length: 256 }, (_, byte) => {
  const value = byte / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});

/** Light in steps fine enough for dark bytes, as bytes. */
const STEPS = 16384;
const BYTES = Uint8Array.from({ length: STEPS + 1 }, (_, step) => {
  const light = step / STEPS;
  return Math.round(255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055));
});

/**
 * Brings RGBA bytes from the primaries of these tags to those of sRGB, in place; colors that sRGB
 * lacks are clipped.
 */
export function toSrgb(data: Uint8Array, tags: ColorTags | undefined): void {
  const wide = tags && WIDE[tags.primaries];
  if (wide === undefined) return;
  const [rr, rg, rb, gr, gg, gb, br, bg, bb] = product(inverse(BT709), wide);
  const byte = (light: number) => BYTES[Math.round(STEPS * Math.min(1, Math.max(0, light)))] as number;
  for (let at = 0; at < data.length; at += 4) {
    const red = LIGHT[data[at] as number] as number;
    const green = LIGHT[data[at + 1] as number] as number;
    const blue = LIGHT[data[at + 2] as number] as number;
    data[at] = byte(rr * red + rg * green + rb * blue);
    data[at + 1] = byte(gr * red + gg * green + gb * blue);
    data[at + 2] = byte(br * red + bg * green + bb * blue);
  }
}

function product(a: Matrix, b: Matrix): Matrix {
  const entry = (row: number, column: number) =>
    [0, 1, 2].reduce((sum, i) => sum + (a[3 * row + i] as number) * (b[3 * i + column] as number), 0);
  return Array.from({ length: 9 }, (_, at) => entry(Math.floor(at / 3), at % 3)) as unknown as Matrix;
}

function inverse([a, b, c, d, e, f, g, h, i]: Matrix): Matrix {
  const [x, y, z] = [e * i - f * h, f * g - d * i, d * h - e * g];
  const determinant = a * x + b * y + c * z;
  const adjugate: Matrix = [
    x,
    c * h - b * i,
    b * f - c * e,
    y,
    a * i - c * g,
    c * d - a * f,
    z,
    b * g - a * h,
    a * e - b * d,
  ];
  return adjugate.map((value) => value / determinant) as unknown as Matrix;
}
