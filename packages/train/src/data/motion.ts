/**
 * Two frames of a video made out of one photograph, for losses on pairs of frames. The second frame
 * is the photograph seen a moment later: moved by a few pixels, zoomed, stretched here and squeezed
 * there by a slow wave, a little brighter or darker, with a sensor's noise.
 *
 * Rows and columns move each by themselves, so that the motion is known exactly and is linear in
 * the pixels: what the first frame shows, moved to where the second shows it, is R x C^T for
 * resampling matrices R and C, which a graph multiplies by and differentiates. A row of R is zero
 * where the second frame sees beyond the first.
 */

import type { Random } from "./random.ts";

/**
 * How far a point moves at most, as a share of the frame's side; the picture that both are cut from
 * must reach so far beyond.
 */
export const FARTHEST = 1 / 8;

// What a motion consists of, at most; together they stay within FARTHEST at the edges.
const SHIFT = 0.05;
const ZOOM = 0.05;
const WAVE = 0.015;
const GAIN = 0.05;
const NOISE = 0.02;

/** Where each row, or column, of the second frame lies in the first, in pixels. */
export function drawPositions(random: Random, side: number, zoom: number): Float64Array {
  const even = (most: number) => most * (2 * random.next() - 1);
  const [shift, wave, phase] = [even(SHIFT) * side, even(WAVE) * side, 2 * Math.PI * random.next()];
  const middle = (side - 1) / 2;
  return Float64Array.from({ length: side }, (_, at) => {
    const bend = wave * Math.sin((2 * Math.PI * at) / side + phase);
    return middle + (at - middle) * zoom + shift + bend;
  });
}

/**
 * The bilinear resampling matrix [positions, side] in row-major order; rows of positions beyond the
 * sides are zero.
 */
export function resamplingMatrix(positions: Float64Array, side: number): Float32Array {
  const matrix = new Float32Array(positions.length * side);
  positions.forEach((position, row) => {
    if (position < 0 || position > side - 1) return;
    const low = Math.min(Math.floor(position), side - 2);
    matrix[row * side + low] = 1 - (position - low);
    matrix[row * side + low + 1] = position - low;
  });
  return matrix;
}

/** Where a pair is written: two frames [3, side, side], and R and C, [side, side]. */
export interface FramePair {
  readonly first: Float32Array;
  readonly second: Float32Array;
  readonly rows: Float32Array;
  readonly columns: Float32Array;
}

/** How much wider than the frames the picture is that a pair is cut from. */
export function marginOf(side: number): number {
  return Math.ceil(FARTHEST * side);
}

/**
 * Cuts a pair out of a picture [3, wide, wide] that reaches `marginOf(side)` pixels beyond the
 * first frame on all sides.
 */
export function cutPair(picture: Float32Array, random: Random, side: number, pair: FramePair): void {
  const margin = marginOf(side);
  const wide = side + 2 * margin;
  const zoom = 1 + ZOOM * (2 * random.next() - 1);
  const [rows, columns] = [drawPositions(random, side, zoom), drawPositions(random, side, zoom)];
  pair.rows.set(resamplingMatrix(rows, side));
  pair.columns.set(resamplingMatrix(columns, side));
  const gain = 1 + GAIN * (2 * random.next() - 1);
  const noise = NOISE * random.next();
  for (let channel = 0; channel < 3; channel++) {
    const plane = picture.subarray(channel * wide * wide, (channel + 1) * wide * wide);
    for (let y = 0; y < side; y++) {
      const from = (y + margin) * wide + margin;
      pair.first.set(plane.subarray(from, from + side), (channel * side + y) * side);
      for (let x = 0; x < side; x++) {
        const seen = bilinear(plane, wide, (rows[y] ?? 0) + margin, (columns[x] ?? 0) + margin);
        const value = seen * gain + noise * random.normal();
        pair.second[(channel * side + y) * side + x] = Math.min(1, Math.max(0, value));
      }
    }
  }
}

/** The value of a plane of `width` columns between its pixels. */
function bilinear(plane: Float32Array, width: number, row: number, column: number): number {
  const [top, left] = [Math.floor(row), Math.floor(column)];
  const [down, right] = [row - top, column - left];
  const at = (y: number, x: number) => plane[y * width + x] ?? 0;
  const above = at(top, left) * (1 - right) + at(top, left + 1) * right;
  const below = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right;
  return above * (1 - down) + below * down;
}
