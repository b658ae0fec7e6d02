/**
 * Finds where a video cuts from one scene to another, a frame at a time and without looking ahead.
 * As in ffmpeg's filter `scdet`, a cut is a change from frame to frame that is large and also
 * stands out from the change before it, so that neither a fast pan nor a fade counts. Changes are
 * measured on averages over a coarse grid, which small motion hardly moves.
 */

import type { Picture } from "../picture/picture.ts";

/** The grid's columns and rows. */
const [COLUMNS, ROWS] = [16, 9];

/** Pixels that an average is taken of, in each direction of a cell, at most. */
const SAMPLES = 8;

/**
 * How far cells must change on average, of 255, for a cut. Pans and people walking by stay below
 * 12, hard cuts are above 25.
 */
const LEAST_CHANGE = 18;

/** Watches the frames of one video go by. */
export class SceneCuts {
  #cells: Float32Array | undefined;
  #change = 0;

  /**
   * Whether this frame, the next of the video, is the first of a scene; the video's first frame is.
   */
  next(frame: Picture): boolean {
    const cells = averages(frame);
    const before = this.#cells;
    this.#cells = cells;
    if (before === undefined) return true;
    const change = cells.reduce((sum, value, at) => sum + Math.abs(value - (before[at] as number)), 0) / cells.length;
    const score = Math.min(change, change - this.#change);
    this.#change = change;
    return score >= LEAST_CHANGE;
  }
}

/** Red, green and blue of every cell. */
function averages({ width, height, data }: Picture): Float32Array {
  const cells = new Float32Array(COLUMNS * ROWS * 3);
  const [across, down] = [sampled(width, COLUMNS), sampled(height, ROWS)];
  for (const [row, ys] of down.entries()) {
    for (const [column, xs] of across.entries()) {
      const cell = (row * COLUMNS + column) * 3;
      const share = 1 / (xs.length * ys.length);
      for (const y of ys) {
        for (const x of xs) {
          const at = (y * width + x) * 4;
          for (let channel = 0; channel < 3; channel++) {
            cells[cell + channel] = (cells[cell + channel] as number) + share * (data[at + channel] as number);
          }
        }
      }
    }
  }
  return cells;
}

/** For each of so many equal stretches of a side, positions spread evenly over it. */
function sampled(length: number, stretches: number): number[][] {
  const stretch = length / stretches;
  const count = Math.max(1, Math.min(SAMPLES, Math.floor(stretch)));
  return Array.from({ length: stretches }, (_, index) =>
    Array.from({ length: count }, (_, sample) => Math.floor((index + (sample + 0.5) / count) * stretch)),
  );
}
