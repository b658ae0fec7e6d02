/**
 * A picture in tiles that together are exactly the picture painted whole. Convolutions see beyond a
 * tile's edge, so a tile is encoded and decoded with a margin as wide as they see, which is then
 * cut off; what sees the whole picture is Norm, whose statistics are gathered over all tiles first.
 */

import type { Architecture } from "../network/architecture.ts";
import type { Area } from "../picture/area.ts";
import type { Size } from "../picture/picture.ts";

/**
 * The side of what one position of the deepest level stands for: tiles and margins are multiples of
 * it.
 */
const UNIT = 16;

/** The least side of a tile. */
export const LEAST_TILE = 64;

/** Margins in pixels, multiples of 16. */
export interface Margins {
  /** How far from the edge of a picture the encoder's features depend on where that edge is. */
  readonly encoder: number;
  /** The same of the decoder's picture, once features and maps are right. */
  readonly decoder: number;
}

/**
 * How far the convolutions of a network see, counted in cells of the size at hand: 3x3 sees one
 * further, a pool halves.
 */
export function marginsOf({ encoder, merge, decoder }: Architecture): Margins {
  let [cells, cell, encoded] = [0, 1, 0];
  for (const level of encoder.levels) {
    for (const layer of level) {
      if (layer.kind === "pool") [cells, cell] = [Math.ceil(cells / 2), cell * 2];
      else cells += (layer.kernel - 1) / 2;
    }
    encoded = Math.max(encoded, cells * cell);
  }
  const upsamplings = decoder.filter(({ kind }) => kind === "upsample").length;
  [cells, cell] = [merge ? (merge.kernel - 1) / 2 : 0, 2 ** upsamplings];
  for (const layer of decoder) {
    if (layer.kind === "upsample") [cells, cell] = [cells * 2, cell / 2];
    else if (layer.kind === "convolution") cells += (layer.kernel - 1) / 2;
  }
  return { encoder: roundUp(encoded), decoder: roundUp(cells * cell) };
}

/**
 * Tiles of at most `side` pixels that cover a padded picture, as even as multiples of 16 allow, row
 * by row.
 */
export function planTiles(size: Size, side: number): Area[] {
  const columns = splitEvenly(size.width, side);
  return splitEvenly(size.height, side).flatMap(([top, height]) =>
    columns.map(([left, width]) => ({ left, top, width, height })),
  );
}

/** Starts and lengths. */
function splitEvenly(length: number, most: number): [number, number][] {
  const units = length / UNIT;
  const count = Math.ceil(units / Math.max(1, Math.floor(most / UNIT)));
  const start = (index: number) => Math.floor((index * units) / count) * UNIT;
  return Array.from({ length: count }, (_, index) => [start(index), start(index + 1) - start(index)]);
}

/** The least multiple of 16 that is as large. */
export function roundUp(pixels: number): number {
  return Math.ceil(pixels / UNIT) * UNIT;
}
