/**
 * Pictures and masks at other sizes, in plain TypeScript, so that it works the same in a browser.
 * Both ways are separable: every output column is a weighted sum of input columns, and so is every
 * row.
 */

import type { Area } from "./area.ts";
import { isOpaque, type Picture, type Size } from "./picture.ts";

/** One value a pixel, row after row; masks have values from 0 to 1. */
export interface Plane extends Size {
  readonly data: Float32Array;
}

/**
 * What one output column (or row) is made of: the input columns from `first` on, by weights that
 * sum to 1.
 */
export interface Tap {
  readonly first: number;
  readonly weights: Float64Array;
}

/**
 * The average of a plane over each rectangle of a grid, pixels that are cut counting in proportion.
 *
 * @param columns the x of the grid's lines, rising, in the plane's pixels; one more than there are
 *   columns in the result.
 * @param rows the y of the grid's lines.
 */
export function averageWithin(plane: Plane, columns: ArrayLike<number>, rows: ArrayLike<number>): Plane {
  return combine(plane, boxTaps(columns, plane.width), boxTaps(rows, plane.height));
}

/**
 * The picture at another size, by Lanczos's kernel with three lobes, stretched where it shrinks.
 * Colors count by their alpha, so that those of transparent pixels do not show in their neighbors.
 */
export function resizePicture(picture: Picture, size: Size): Picture {
  if (picture.width === size.width && picture.height === size.height) return picture;
  return new Resizing(picture, size).make({ left: 0, top: 0, ...size }, picture);
}

/** How pictures of one size become those of another, as by `resizePicture`, area by area. */
export class Resizing {
  readonly #columns: readonly Tap[];
  readonly #rows: readonly Tap[];

  constructor(from: Size, to: Size) {
    this.#columns = lanczosTaps(from.width, to.width);
    this.#rows = lanczosTaps(from.height, to.height);
  }

  /** The area of the original that an area of the result is made of. */
  sourceOf({ left, top, width, height }: Area): Area {
    const [x, right] = spanOf(this.#columns, left, width);
    const [y, bottom] = spanOf(this.#rows, top, height);
    return { left: x, top: y, width: right - x, height: bottom - y };
  }

  /** An area of the result, made of the pixels of its `sourceOf`. */
  make(area: Area, picture: Picture): Picture & { readonly data: Uint8ClampedArray<ArrayBuffer> } {
    const { width, height } = area;
    const columns = tapsWithin(this.#columns, area.left, width);
    const rows = tapsWithin(this.#rows, area.top, height);
    const hasAlpha = !isOpaque(picture);
    const values = new Float32Array(picture.width * picture.height);
    const channel = (index: number, isPremultiplied: boolean) => {
      for (let at = 0; at < values.length; at++) {
        const value = picture.data[at * 4 + index] as number;
        values[at] = isPremultiplied ? (value * (picture.data[at * 4 + 3] as number)) / 255 : value;
      }
      return combine({ width: picture.width, height: picture.height, data: values }, columns, rows).data;
    };
    const alpha = hasAlpha ? channel(3, false) : undefined;
    const data = new Uint8ClampedArray(width * height * 4).fill(255);
    for (let index = 0; index < 3; index++) {
      const resized = channel(index, hasAlpha);
      for (let at = 0; at < resized.length; at++) {
        const share = (alpha?.[at] ?? 255) / 255;
        data[at * 4 + index] = share > 0 ? (resized[at] as number) / share : 0;
      }
    }
    alpha?.forEach((value, at) => {
      data[at * 4 + 3] = value;
    });
    return { width, height, data };
  }
}

/** Where what so many taps from `start` on are made of begins and ends. */
function spanOf(taps: readonly Tap[], start: number, length: number): [number, number] {
  const [first, last] = [taps[start] as Tap, taps[start + length - 1] as Tap];
  return [first.first, last.first + last.weights.length];
}

/** So many taps from `start` on, counted from where the first of them begins. */
function tapsWithin(taps: readonly Tap[], start: number, length: number): Tap[] {
  const from = (taps[start] as Tap).first;
  return taps.slice(start, start + length).map(({ first, weights }) => ({ first: first - from, weights }));
}

/** The plane of weighted sums that columns and rows ask for. */
export function combine({ width, height, data }: Plane, columns: readonly Tap[], rows: readonly Tap[]): Plane {
  const narrow = new Float32Array(columns.length * height);
  for (let y = 0; y < height; y++) {
    for (const [x, { first, weights }] of columns.entries()) {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += (weights[i] as number) * (data[y * width + first + i] as number);
      narrow[y * columns.length + x] = sum;
    }
  }
  const result = new Float32Array(columns.length * rows.length);
  for (const [y, { first, weights }] of rows.entries()) {
    for (let x = 0; x < columns.length; x++) {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) {
        sum += (weights[i] as number) * (narrow[(first + i) * columns.length + x] as number);
      }
      result[y * columns.length + x] = sum;
    }
  }
  return { width: columns.length, height: rows.length, data: result };
}

function tap(first: number, count: number, weigh: (at: number) => number): Tap {
  const weights = Float64Array.from({ length: count }, (_, i) => weigh(first + i));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return { first, weights: weights.map((weight) => weight / total) };
}

function boxTaps(lines: ArrayLike<number>, length: number): Tap[] {
  return Array.from({ length: lines.length - 1 }, (_, i) => {
    const [start, end] = [lines[i] as number, lines[i + 1] as number];
    const first = Math.min(Math.floor(start), length - 1);
    // A rectangle beyond the plane has no width and gets the plane's edge.
    if (end - start < 1e-9) return { first, weights: Float64Array.of(1) };
    const last = Math.min(Math.ceil(end), length);
    return tap(first, Math.max(1, last - first), (at) => Math.max(1e-12, Math.min(end, at + 1) - Math.max(start, at)));
  });
}

const LOBES = 3;

function lanczos(x: number): number {
  if (x === 0) return 1;
  if (Math.abs(x) >= LOBES) return 0;
  const t = Math.PI * x;
  return (LOBES * Math.sin(t) * Math.sin(t / LOBES)) / (t * t);
}

function lanczosTaps(from: number, to: number): Tap[] {
  const step = from / to;
  const stretch = Math.max(1, step);
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * step - 0.5;
    const first = Math.max(0, Math.ceil(center - LOBES * stretch));
    const last = Math.min(from - 1, Math.floor(center + LOBES * stretch));
    return tap(first, last - first + 1, (at) => lanczos((at - center) / stretch));
  });
}
