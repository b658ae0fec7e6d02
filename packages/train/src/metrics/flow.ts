/**
 * Optical flow: where each pixel of one frame has gone in another. Lucas and Kanade (IJCAI 1981)
 * from coarse to fine (Bouguet 2000), at every pixel: around each, the motion is sought that makes
 * the window of the second frame most like that of the first, by steps
 *
 *   (sum w g g^T + lambda I) d = sum w g (I(p) - J(p + v)) + lambda (u - v)
 *
 * with the gradient g of the first frame, which is the same in all steps (Baker and Matthews, IJCV
 * 2004), and u, the flow of the coarser level, which holds where a window has no texture to go by.
 * A median of the flow's neighbors then removes what stands out. Distances are in pixels; the flow
 * is good to about a tenth of one where there is texture, and wrong where a part is hidden in one
 * of the frames, which occlusion masks are there to find.
 */

import type { Size } from "adaattn";
import type { Gray } from "./ssim.ts";

/** How far every pixel of a frame moves to reach its place in another. */
export interface Flow extends Size {
  /** To the right, in pixels, row after row. */
  readonly x: Float32Array;
  /** Downwards, in pixels. */
  readonly y: Float32Array;
}

/** The least side of the coarsest level. */
const COARSEST = 12;
const STEPS = 5;
/** Half the side of a window, which is weighted by two boxes one after the other. */
const RADIUS = 4;
/** How strongly windows hold on to the coarser flow, in squared brightness (0 to 255) a pixel. */
const HOLD = 1;
/** No step goes further, in pixels: farther away, the gradient says nothing. */
const LONGEST_STEP = 1;

/** Estimates the flow from one frame to another of the same size. */
export function estimateFlow(from: Gray, to: Gray): Flow {
  const [froms, tos] = [pyramid(from), pyramid(to)];
  let flow: Flow | undefined;
  for (let level = froms.length - 1; level >= 0; level--) {
    const [first, second] = [blur(froms[level] as Gray), blur(tos[level] as Gray)];
    flow = refine(first, second, flow ? enlarge(flow, first) : still(first));
  }
  return flow ?? still(from);
}

/** No motion at all. */
function still({ width, height }: Size): Flow {
  return { width, height, x: new Float32Array(width * height), y: new Float32Array(width * height) };
}

/** The picture and its halves, until a half would be too small. */
function pyramid(picture: Gray): Gray[] {
  const levels = [picture];
  for (;;) {
    const last = levels.at(-1) as Gray;
    if (Math.min(last.width, last.height) < 2 * COARSEST) return levels;
    levels.push(halve(last));
  }
}

/**
 * Every pixel a weighted mean (1 4 6 4 1 in both directions) of those around it: without detail of
 * its own size, which moving by parts of a pixel washes out, so that it would be taken for motion.
 */
function blur({ width, height, data }: Gray): Gray {
  const rows = new Float32Array(width * height);
  const result = new Float32Array(width * height);
  const pass = (
    from: Float32Array,
    to: Float32Array,
    along: number,
    across: (at: number) => number,
    length: number,
  ) => {
    for (let at = 0; at < from.length; at++) {
      const place = across(at);
      const value = (offset: number) =>
        from[at + (Math.min(length - 1, Math.max(0, place + offset)) - place) * along] as number;
      to[at] = (value(-2) + 4 * value(-1) + 6 * value(0) + 4 * value(1) + value(2)) / 16;
    }
  };
  pass(data, rows, 1, (at) => at % width, width);
  pass(rows, result, width, (at) => Math.floor(at / width), height);
  return { width, height, data: result };
}

/** Half the size, each pixel a weighted mean (1 3 3 1 in both directions) of sixteen. */
function halve({ width, height, data }: Gray): Gray {
  const [across, down] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const rows = new Float32Array(across * height);
  const clampX = (x: number) => Math.min(width - 1, Math.max(0, x));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < across; x++) {
      const at = (offset: number) => data[y * width + clampX(2 * x + offset)] as number;
      rows[y * across + x] = (at(-1) + 3 * at(0) + 3 * at(1) + at(2)) / 8;
    }
  }
  const half = new Float32Array(across * down);
  const clampY = (y: number) => Math.min(height - 1, Math.max(0, y));
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < across; x++) {
      const at = (offset: number) => rows[clampY(2 * y + offset) * across + x] as number;
      half[y * across + x] = (at(-1) + 3 * at(0) + 3 * at(1) + at(2)) / 8;
    }
  }
  return { width: across, height: down, data: half };
}

/** The flow of a level of half the size, as a flow of this size. */
function enlarge(flow: Flow, { width, height }: Size): Flow {
  const [x, y] = [new Float32Array(width * height), new Float32Array(width * height)];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [u, v] = [(column - 0.5) / 2, (row - 0.5) / 2];
      x[row * width + column] = 2 * sample(flow.x, flow, u, v);
      y[row * width + column] = 2 * sample(flow.y, flow, u, v);
    }
  }
  return { width, height, x, y };
}

/** The value at a point between pixels, bilinear; beyond the edge, that of the edge. */
export function sample(values: ArrayLike<number>, { width, height }: Size, x: number, y: number): number {
  const [u, v] = [Math.min(width - 1, Math.max(0, x)), Math.min(height - 1, Math.max(0, y))];
  const [left, top] = [Math.floor(u), Math.floor(v)];
  const [right, bottom] = [Math.min(width - 1, left + 1), Math.min(height - 1, top + 1)];
  const [a, b] = [u - left, v - top];
  const upper = (values[top * width + left] as number) * (1 - a) + (values[top * width + right] as number) * a;
  const lower = (values[bottom * width + left] as number) * (1 - a) + (values[bottom * width + right] as number) * a;
  return upper * (1 - b) + lower * b;
}

function refine(first: Gray, second: Gray, coarse: Flow): Flow {
  const { width, height } = first;
  const count = width * height;
  const [gradientX, gradientY] = gradients(first);
  const product = (a: Float32Array, b: Float32Array) =>
    smooth(
      a.map((value, at) => value * (b[at] as number)),
      first,
    );
  const [xx, xy, yy] = [product(gradientX, gradientX), product(gradientX, gradientY), product(gradientY, gradientY)];
  const [x, y] = [coarse.x.slice(), coarse.y.slice()];
  const [pullX, pullY] = [new Float32Array(count), new Float32Array(count)];
  for (let step = 0; step < STEPS; step++) {
    for (let row = 0, at = 0; row < height; row++) {
      for (let column = 0; column < width; column++, at++) {
        const [u, v] = [column + (x[at] as number), row + (y[at] as number)];
        // What has left the frame pulls nowhere.
        const isInside = u >= 0 && v >= 0 && u <= width - 1 && v <= height - 1;
        const difference = isInside ? (first.data[at] as number) - sample(second.data, second, u, v) : 0;
        pullX[at] = difference * (gradientX[at] as number);
        pullY[at] = difference * (gradientY[at] as number);
      }
    }
    const [bx, by] = [smooth(pullX, first), smooth(pullY, first)];
    for (let at = 0; at < count; at++) {
      const [a, b, d] = [(xx[at] as number) + HOLD, xy[at] as number, (yy[at] as number) + HOLD];
      const e = (bx[at] as number) + HOLD * ((coarse.x[at] as number) - (x[at] as number));
      const f = (by[at] as number) + HOLD * ((coarse.y[at] as number) - (y[at] as number));
      const determinant = a * d - b * b;
      const [dx, dy] = [(d * e - b * f) / determinant, (a * f - b * e) / determinant];
      const shorten = Math.min(1, LONGEST_STEP / Math.hypot(dx, dy));
      x[at] = (x[at] as number) + (shorten < 1 ? dx * shorten : dx);
      y[at] = (y[at] as number) + (shorten < 1 ? dy * shorten : dy);
    }
  }
  return { width, height, x: median(x, first), y: median(y, first) };
}

/** Derivatives across and down, from the neighbors on both sides. */
function gradients({ width, height, data }: Gray): [Float32Array, Float32Array] {
  const [across, down] = [new Float32Array(width * height), new Float32Array(width * height)];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [left, right] = [Math.max(0, x - 1), Math.min(width - 1, x + 1)];
      const [top, bottom] = [Math.max(0, y - 1), Math.min(height - 1, y + 1)];
      const at = y * width + x;
      across[at] =
        ((data[y * width + right] as number) - (data[y * width + left] as number)) / Math.max(1, right - left);
      down[at] = ((data[bottom * width + x] as number) - (data[top * width + x] as number)) / Math.max(1, bottom - top);
    }
  }
  return [across, down];
}

/**
 * Means over the window around each pixel, weighted by two boxes one after the other; windows are
 * cut at the edge.
 */
function smooth(values: Float32Array, size: Size): Float32Array {
  return boxes(boxes(values, size), size);
}

/**
 * Means over a square of 2 RADIUS + 1 pixels, by sums that slide along rows and then along columns.
 */
function boxes(values: Float32Array, { width, height }: Size): Float32Array {
  const rows = new Float32Array(values.length);
  slide(values, rows, { lines: height, length: width, between: width, along: 1 });
  const result = new Float32Array(values.length);
  slide(rows, result, { lines: width, length: height, between: 1, along: width });
  return result;
}

function slide(
  from: Float32Array,
  to: Float32Array,
  { lines, length, between, along }: { lines: number; length: number; between: number; along: number },
): void {
  for (let line = 0; line < lines; line++) {
    const start = line * between;
    let [sum, count] = [0, 0];
    for (let at = 0; at < Math.min(RADIUS, length); at++, count++) sum += from[start + at * along] as number;
    for (let at = 0; at < length; at++) {
      if (at + RADIUS < length) {
        sum += from[start + (at + RADIUS) * along] as number;
        count++;
      }
      if (at > RADIUS) {
        sum -= from[start + (at - RADIUS - 1) * along] as number;
        count--;
      }
      to[start + at * along] = sum / count;
    }
  }
}

/** The middle of each value and its eight neighbors; at the edge, the values themselves. */
function median(values: Float32Array, { width, height }: Size): Float32Array {
  const result = values.slice();
  const nine = new Float32Array(9);
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x;
      for (let i = 0; i < 9; i++) nine[i] = values[at + (Math.floor(i / 3) - 1) * width + (i % 3) - 1] as number;
      result[at] = nine.sort()[4] as number;
    }
  }
  return result;
}
