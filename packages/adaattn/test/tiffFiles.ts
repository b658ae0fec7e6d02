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

/** A profile of grays that are light to the power of 1 / `gamma`. */
export function grayProfile(gamma: number): Buffer {
  const profile = Buffer.alloc(192);
  profile.writeUInt32BE(profile.length, 0);
  profile.writeUInt32BE(0x02400000, 8);
  profile.write("mntrGRAYXYZ ", 12, "latin1");
  profile.write("acsp", 36, "latin1");
  const white = [63190, 65536, 54061];
  const table = [
    ["wtpt", 156, 20],
    ["kTRC", 176, 14],
  ] as const;
  profile.writeUInt32BE(table.length, 128);
  for (const [index, [name, at, length]] of table.entries()) {
    profile.write(name, 132 + 12 * index, "latin1");
    profile.writeUInt32BE(at, 136 + 12 * index);
    profile.writeUInt32BE(length, 140 + 12 * index);
  }
  profile.write("XYZ ", 156, "latin1");
  profile.write("curv", 176, "latin1");
  for (const [index, value] of white.entries()) {
    profile.writeInt32BE(value, 68 + 4 * index);
    profile.writeInt32BE(value, 164 + 4 * index);
  }
  profile.writeUInt32BE(1, 184);
  profile.writeUInt16BE(Math.round(gamma * 256), 188);
  return profile;
}
