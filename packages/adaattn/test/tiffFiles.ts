/** TIFF files (TIFF 6.0) and color profiles (ICC.1) by hand, of kinds that sharp does not write. */

/** What a file of 16 x 16 pixels of one color holds. */
export interface TiffColor {
  /** The samples of a pixel. */
  readonly samples: Uint8Array | Uint16Array | Float32Array;
  /** 1 for gray, 2 for RGB, 8 for CIELab. */
  readonly photometric: 1 | 2 | 8;
  readonly profile?: Uint8Array;
}

const SIDE = 16;

export function tiffOf({ samples, photometric, profile = new Uint8Array() }: TiffColor): Buffer {
  const pixel = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
  const bits = 8 * samples.BYTES_PER_ELEMENT;
  const format = samples instanceof Float32Array ? 3 : 1;
  const count = samples.length;
  const [SHORT, LONG, BYTES] = [3, 4, 7];
  const entries = profile.length > 0 ? 12 : 11;
  const bitsAt = 8 + 2 + entries * 12 + 4;
  const formatsAt = bitsAt + 2 * count;
  const profileAt = formatsAt + 2 * count;
  const start = profileAt + profile.length + (profile.length % 2);
  const file = Buffer.alloc(start + SIDE * SIDE * pixel.length);
  file.write("II*\0", "latin1");
  file.writeUInt32LE(8, 4);
  file.writeUInt16LE(entries, 8);
  // Up to two shorts lie in the entry itself.
  const shorts = (value: number, at: number) => (count > 2 ? at : value);
  const fields = [
    [256, LONG, 1, SIDE],
    [257, LONG, 1, SIDE],
    [258, SHORT, count, shorts(bits, bitsAt)],
    [259, SHORT, 1, 1],
    [262, SHORT, 1, photometric],
    [273, LONG, 1, start],
    [277, SHORT, 1, count],
    [278, LONG, 1, SIDE],
    [279, LONG, 1, SIDE * SIDE * pixel.length],
    [284, SHORT, 1, 1],
    [339, SHORT, count, shorts(format, formatsAt)],
    [34675, BYTES, profile.length, profileAt],
  ] as const;
  for (const [index, [tag, type, length, value]] of fields.slice(0, entries).entries()) {
    file.writeUInt16LE(tag, 10 + index * 12);
    file.writeUInt16LE(type, 12 + index * 12);
    file.writeUInt32LE(length, 14 + index * 12);
    file.writeUInt32LE(value, 18 + index * 12);
  }
  for (let sample = 0; sample < count; sample++) {
    file.writeUInt16LE(bits, bitsAt + 2 * sample);
    file.writeUInt16LE(format, formatsAt + 2 * sample);
  }
  file.set(profile, profileAt);
  for (let at = 0; at < SIDE * SIDE; at++) pixel.copy(file, start + at * pixel.length);
  return file;
}

/** White in a profile: D50. */
const WHITE = [0.9642, 1, 0.8249] as const;

/** A profile of grays that are light to the power of 1 / `gamma`. */
export function grayProfile(gamma: number): Buffer {
  return displayProfile("GRAY", { wtpt: WHITE }, ["kTRC"], gamma);
}

/** A profile of the colors of Adobe RGB (1998): its primaries seen under D50, and its gamma. */
export function adobeProfile(): Buffer {
  const primaries = {
    rXYZ: [0.60974, 0.31111, 0.01947],
    gXYZ: [0.20528, 0.62567, 0.06087],
    bXYZ: [0.14919, 0.06322, 0.74457],
    wtpt: WHITE,
  };
  return displayProfile("RGB ", primaries, ["rTRC", "gTRC", "bTRC"], 2.19921875);
}

/** A profile whose parts are `points` in XYZ and the same curve under several names. */
function displayProfile(
  space: "GRAY" | "RGB ",
  points: Readonly<Record<string, readonly number[]>>,
  curves: readonly string[],
  gamma: number,
): Buffer {
  const parts = [
    ...Object.entries(points).map(([name, point]) => [name, xyz(point)] as const),
    ...curves.map((name) => [name, curve(gamma)] as const),
  ];
  const header = Buffer.alloc(132 + 12 * parts.length);
  header.writeUInt32BE(0x02400000, 8);
  header.write(`mntr${space}XYZ `, 12, "latin1");
  header.write("acsp", 36, "latin1");
  xyz(WHITE).copy(header, 68, 8);
  header.writeUInt32BE(parts.length, 128);
  let at = header.length;
  for (const [index, [name, bytes]] of parts.entries()) {
    header.write(name, 132 + 12 * index, "latin1");
    header.writeUInt32BE(at, 136 + 12 * index);
    header.writeUInt32BE(bytes.length, 140 + 12 * index);
    at += bytes.length;
  }
  header.writeUInt32BE(at, 0);
  return Buffer.concat([header, ...parts.map(([, bytes]) => bytes)]);
}

function xyz(point: readonly number[]): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.write("XYZ ", "latin1");
  for (const [index, value] of point.entries()) bytes.writeInt32BE(Math.round(65536 * value), 8 + 4 * index);
  return bytes;
}

function curve(gamma: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.write("curv", "latin1");
  bytes.writeUInt32BE(1, 8);
  bytes.writeUInt16BE(Math.round(gamma * 256), 12);
  return bytes;
}
