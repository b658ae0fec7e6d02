/**
 * Rotation of a painting, which turns its strokes. Quarter turns move pixels and change none. Any
 * other angle leaves corners that the painting does not reach; rather than to invent strokes there,
 * the result is the largest upright rectangle inside.
 */

import type { Picture, Size } from "./picture.ts";

/** The picture turned clockwise by any number of degrees. */
export function rotatePicture(picture: Picture, degrees: number): Picture {
  const turned = ((degrees % 360) + 360) % 360;
  if (turned === 0) return picture;
  if (turned % 90 === 0) return quarterTurns(picture, turned / 90);
  const radians = (turned * Math.PI) / 180;
  const size = inscribedSize(picture, radians);
  const data = new Uint8ClampedArray(size.width * size.height * 4);
  const [cos, sin] = [Math.cos(radians), Math.sin(radians)];
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++) {
      const [dx, dy] = [x + 0.5 - size.width / 2, y + 0.5 - size.height / 2];
      const sourceX = cos * dx + sin * dy + picture.width / 2 - 0.5;
      const sourceY = cos * dy - sin * dx + picture.height / 2 - 0.5;
      interpolate(picture, sourceX, sourceY, data, (y * size.width + x) * 4);
    }
  }
  return { ...size, data };
}

function quarterTurns({ width, height, data }: Picture, quarters: number): Picture {
  const size = quarters % 2 === 0 ? { width, height } : { width: height, height: width };
  const turned = new Uint8ClampedArray(data.length);
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++) {
      const [fromX, fromY] =
        quarters === 1 ? [y, height - 1 - x] : quarters === 2 ? [width - 1 - x, height - 1 - y] : [width - 1 - y, x];
      const from = (fromY * width + fromX) * 4;
      turned.set(data.subarray(from, from + 4), (y * size.width + x) * 4);
    }
  }
  return { ...size, data: turned };
}

/**
 * The largest upright rectangle inside a rectangle that is turned. Either all four of its corners
 * touch the turned sides, or, where the turned rectangle is too narrow for that, two of them lie in
 * the middle between its long sides.
 */
function inscribedSize({ width, height }: Size, radians: number): Size {
  const [sin, cos] = [Math.abs(Math.sin(radians)), Math.abs(Math.cos(radians))];
  const [long, short] = [Math.max(width, height), Math.min(width, height)];
  let size: [number, number];
  if (short <= 2 * sin * cos * long || Math.abs(sin - cos) < 1e-9) {
    const half = short / 2;
    size = width >= height ? [half / sin, half / cos] : [half / cos, half / sin];
  } else {
    const double = cos * cos - sin * sin;
    size = [(width * cos - height * sin) / double, (height * cos - width * sin) / double];
  }
  const [across = 0, down = 0] = size.map((side) => Math.max(1, Math.floor(side + 1e-6)));
  return { width: across, height: down };
}

/** Writes the pixel at a point between pixels, bilinearly; points beyond the edge get the edge. */
function interpolate({ width, height, data }: Picture, x: number, y: number, to: Uint8ClampedArray, at: number): void {
  const [left, top] = [Math.min(width - 1, Math.max(0, x)), Math.min(height - 1, Math.max(0, y))];
  const [x0, y0] = [Math.floor(left), Math.floor(top)];
  const [x1, y1] = [Math.min(width - 1, x0 + 1), Math.min(height - 1, y0 + 1)];
  const [right, down] = [left - x0, top - y0];
  for (let channel = 0; channel < 4; channel++) {
    const value = (column: number, row: number) => data[(row * width + column) * 4 + channel] as number;
    const upper = value(x0, y0) * (1 - right) + value(x1, y0) * right;
    const lower = value(x0, y1) * (1 - right) + value(x1, y1) * right;
    to[at + channel] = upper * (1 - down) + lower * down;
  }
}
