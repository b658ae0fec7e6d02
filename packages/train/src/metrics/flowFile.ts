/**
 * Flow files of the Middlebury benchmark (.flo), which every flow network writes: the number
 * 202021.25 as a sign, width and height, then for every pixel, row after row, how far it moves to
 * the right and down; all little-endian, 32 bits each.
 */

import type { Flow } from "./flow.ts";

const SIGN = 202021.25;

/**
 * The flow in a file's bytes. Values of more than a billion stand for unknown ones, and become NaN.
 *
 * @param name what errors call the file.
 * @throws Error with one sentence where the bytes are no such file, or are cut off.
 */
export function readFlow(bytes: Uint8Array, name: string): Flow {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || view.getFloat32(0, true) !== SIGN) {
    throw new Error(`Cannot read ${name}: it is not a .flo file of optical flow. Choose another.`);
  }
  const [width, height] = [view.getInt32(4, true), view.getInt32(8, true)];
  const count = width * height;
  if (!(width > 0 && height > 0 && bytes.length === 12 + count * 8)) {
    throw new Error(
      `Cannot read ${name}: it should hold ${12 + count * 8} bytes for ${width} x ${height} pixels but has ${bytes.length}. Write it anew.`,
    );
  }
  const [x, y] = [new Float32Array(count), new Float32Array(count)];
  const known = (value: number) => (Math.abs(value) > 1e9 ? Number.NaN : value);
  for (let at = 0; at < count; at++) {
    x[at] = known(view.getFloat32(12 + at * 8, true));
    y[at] = known(view.getFloat32(16 + at * 8, true));
  }
  return { width, height, x, y };
}

/** A flow as the bytes of a file. */
export function writeFlow({ width, height, x, y }: Flow): Uint8Array {
  const view = new DataView(new ArrayBuffer(12 + width * height * 8));
  view.setFloat32(0, SIGN, true);
  view.setInt32(4, width, true);
  view.setInt32(8, height, true);
  for (let at = 0; at < width * height; at++) {
    view.setFloat32(12 + at * 8, x[at] as number, true);
    view.setFloat32(16 + at * 8, y[at] as number, true);
  }
  return new Uint8Array(view.buffer);
}
