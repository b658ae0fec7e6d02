/**
 * Colors under alpha 0, which nobody sees and which files fill with anything. A network sees them:
 * in convolutions that reach over the edge of a cut-out, and in statistics of the whole picture. So
 * they are replaced, for the network, by colors that continue what is visible: on a coarse grid
 * every cell takes the mean of its visible pixels, cells without any take the mean of their
 * neighbors, ring by ring, and hidden pixels are interpolated between the middles of cells. The
 * grid is small and covers the whole picture, so tiles of a picture that is not in memory get the
 * same colors as the picture painted whole.
 */

import type { Area, PictureSource } from "./area.ts";
import type { Picture, Size } from "./picture.ts";

/** The side of a cell in pixels. */
const CELL = 8;

/** What a picture looks like where it is transparent everywhere: the middle of 0 and 255. */
const GRAY = 127.5;

/** Colors of cells, row after row: red, green, blue. */
interface Grid extends Size {
  readonly colors: Float32Array;
}

/**
 * The source with other colors under alpha 0, which depend on the visible ones alone; its alpha and
 * its visible pixels are as they were. The source itself where nothing is hidden. It is read once,
 * in strips, to see what is.
 */
export async function withoutHiddenColors(source: PictureSource, signal?: AbortSignal): Promise<PictureSource> {
  if (source.hasAlpha === false) return source;
  const { width, height } = source;
  const size = { width: Math.ceil(width / CELL), height: Math.ceil(height / CELL) };
  const colors = new Float32Array(3 * size.width * size.height);
  const weights = new Float32Array(size.width * size.height);
  let hidesAny = false;
  for (let top = 0; top < height; top += CELL) {
    signal?.throwIfAborted();
    const strip = await source.read({ left: 0, top, width, height: Math.min(CELL, height - top) });
    const row = (top / CELL) * size.width;
    if (addVisible(strip, colors.subarray(3 * row), weights.subarray(row))) hidesAny = true;
  }
  if (!hidesAny) return source;
  for (const [cell, weight] of weights.entries()) {
    for (let at = 3 * cell; weight > 0 && at < 3 * cell + 3; at++) colors[at] = (colors[at] as number) / weight;
  }
  spread(colors, weights, size);
  const grid = { ...size, colors };
  return { width, height, hasAlpha: true, read: async (area) => filled(await source.read(area), area, grid) };
}

/** Adds the visible pixels of one row of cells, by their alpha; whether there are others. */
function addVisible({ width, data }: Picture, sums: Float32Array, weights: Float32Array): boolean {
  let hidesAny = false;
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3] as number;
    if (alpha === 0) {
      hidesAny = true;
      continue;
    }
    const cell = Math.floor(((at / 4) % width) / CELL);
    weights[cell] = (weights[cell] as number) + alpha;
    for (let channel = 0; channel < 3; channel++) {
      const to = 3 * cell + channel;
      sums[to] = (sums[to] as number) + alpha * (data[at + channel] as number);
    }
  }
  return hidesAny;
}

/** Gives cells without weight the mean of those neighbors that had a color one ring before. */
function spread(colors: Float32Array, weights: Float32Array, { width, height }: Size): void {
  /** The ring in which each cell got its color; -1 where it has none, and is in no ring yet. */
  const rings = Int32Array.from(weights, (weight) => (weight > 0 ? 0 : -1));
  const neighbors = (cell: number) => {
    const [x, y] = [cell % width, Math.floor(cell / width)];
    const around: number[] = [];
    if (y > 0) around.push(cell - width);
    if (x > 0) around.push(cell - 1);
    if (x < width - 1) around.push(cell + 1);
    if (y < height - 1) around.push(cell + width);
    return around;
  };
  let edge: number[] = [];
  for (let cell = 0; cell < rings.length; cell++) if (rings[cell] === 0) edge.push(cell);
  if (edge.length === 0) colors.fill(GRAY);
  for (let ring = 1; edge.length > 0; ring++) {
    const next: number[] = [];
    for (const cell of edge) {
      for (const neighbor of neighbors(cell)) {
        if (rings[neighbor] !== -1) continue;
        rings[neighbor] = ring;
        next.push(neighbor);
      }
    }
    for (const cell of next) {
      const known = neighbors(cell).filter((neighbor) => rings[neighbor] === ring - 1);
      for (let channel = 0; channel < 3; channel++) {
        const sum = known.reduce((total, neighbor) => total + (colors[3 * neighbor + channel] as number), 0);
        colors[3 * cell + channel] = sum / known.length;
      }
    }
    edge = next;
  }
}

/** An area of the picture with its hidden pixels filled. */
function filled(picture: Picture, { left, top }: Area, { width, height, colors }: Grid): Picture {
  const data = new Uint8ClampedArray(picture.data);
  const columns = Array.from({ length: picture.width }, (_, x) => between(left + x, width));
  for (let y = 0; y < picture.height; y++) {
    const { first: above, second: below, share: down } = between(top + y, height);
    for (const [x, { first, second, share: across }] of columns.entries()) {
      const at = (y * picture.width + x) * 4;
      if (data[at + 3] !== 0) continue;
      for (let channel = 0; channel < 3; channel++) {
        const [upper, lower] = [above * width * 3 + channel, below * width * 3 + channel];
        const start = (colors[upper + 3 * first] as number) * (1 - down) + (colors[lower + 3 * first] as number) * down;
        const end = (colors[upper + 3 * second] as number) * (1 - down) + (colors[lower + 3 * second] as number) * down;
        data[at + channel] = start * (1 - across) + end * across;
      }
    }
  }
  return { width: picture.width, height: picture.height, data };
}

/**
 * The two cells of `count` whose middles a pixel lies between, and how far it is on its way to the
 * second.
 */
function between(pixel: number, count: number): { first: number; second: number; share: number } {
  const position = Math.min(Math.max((pixel + 0.5) / CELL - 0.5, 0), count - 1);
  const first = Math.floor(position);
  return { first, second: Math.min(first + 1, count - 1), share: position - first };
}
