/**
 * Grain: a faint smooth noise on a photograph, which only the network sees. Where a photograph is
 * flat there is nothing that could become a stroke; grain is what brushwork grows from. A value
 * depends on nothing but its position, so that tiles join exactly, the frames of a film share their
 * grain, and the same call gives the same picture.
 */

import type { Area } from "./area.ts";
import { combine, type Plane, type Tap } from "./resize.ts";

export interface Grain {
  /** The noise's standard deviation, where a photograph's values go from 0 to 1. */
  readonly depth: number;
  /** How many times as large as usual its cells are, which are 4, 8 and 16 pixels. */
  readonly scale: number;
}

/** The depth of grain 1, which is the deepest that the networks were trained with. */
export const MOST_GRAIN = 0.1;

/** Pixels from one random value to the next, in each octave. */
const CELLS = [4, 8, 16];

/**
 * The standard deviation that values of deviation 1 are left with between the cells' corners, on
 * average.
 */
const SMOOTHED = 57 / 70;

/**
 * Adds the grain of an area of a photograph to the area's planes `[channels, height, width]`, to
 * each channel the same.
 */
export function addGrain(planes: Float32Array, area: Area, { depth, scale }: Grain): void {
  const height = depth / (SMOOTHED * Math.sqrt(CELLS.length));
  const size = area.width * area.height;
  for (const [octave, cell] of CELLS.entries()) {
    const noise = smoothNoise(area, cell * scale, octave).data;
    for (let start = 0; start < planes.length; start += size) {
      for (let at = 0; at < size; at++) {
        planes[start + at] = (planes[start + at] as number) + height * (noise[at] as number);
      }
    }
  }
}

/** Random values of deviation 1 at the corners of cells, cubic in between. */
function smoothNoise(area: Area, cell: number, octave: number): Plane {
  const [column, columns] = cubicTaps(area.left, area.width, cell);
  const [row, rows] = cubicTaps(area.top, area.height, cell);
  const [width, height] = [lengthOf(columns), lengthOf(rows)];
  const data = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data[y * width + x] = randomAt(octave, column + x, row + y);
  }
  return combine({ width, height, data }, columns, rows);
}

/**
 * The first corner that pixels from `start` on are made of, and what each is made of, counted from
 * that corner (Catmull and Rom).
 */
function cubicTaps(start: number, length: number, cell: number): [number, Tap[]] {
  const corner = Math.floor(start / cell) - 1;
  const taps = Array.from({ length }, (_, at) => {
    const position = (start + at) / cell;
    const t = position - Math.floor(position);
    const weights = [
      (-t + 2 * t ** 2 - t ** 3) / 2,
      (2 - 5 * t ** 2 + 3 * t ** 3) / 2,
      (t + 4 * t ** 2 - 3 * t ** 3) / 2,
      (t ** 3 - t ** 2) / 2,
    ];
    return { first: Math.floor(position) - 1 - corner, weights: Float64Array.from(weights) };
  });
  return [corner, taps];
}

const lengthOf = (taps: readonly Tap[]) => (taps.at(-1)?.first ?? 0) + 4;

/** A value of mean 0 and deviation 1, by a hash of where it lies (the finalizer of MurmurHash3). */
function randomAt(octave: number, column: number, row: number): number {
  let hash = Math.imul(column, 0x9e3779b1) ^ Math.imul(row, 0x7feb352d) ^ Math.imul(octave + 1, 0x27d4eb2f);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32 - 0.5) * Math.sqrt(12);
}
