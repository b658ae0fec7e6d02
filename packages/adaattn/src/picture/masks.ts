/**
 * Masks say where in a picture something holds: white where it does, black where it does not, gray
 * in between. They may have any size; what is asked for is always their average over the cells of a
 * grid that lies over the picture, so that a soft edge stays soft and a hard one becomes as soft as
 * the grid is coarse.
 */

import { AdaattnError } from "../error.ts";
import type { Area } from "./area.ts";
import { checkPicture, type Picture, type Size } from "./picture.ts";
import { averageWithin, type Plane } from "./resize.ts";

/**
 * Rec. 709's shares of red, green and blue in lightness, in ten thousandths, so that white is
 * exactly 1.
 */
const [RED, GREEN, BLUE] = [2126, 7152, 722];

/**
 * A mask's values from 0 to 1: its lightness, times its alpha.
 *
 * @param label what the mask is to the caller, such as "the mask of style 2", for errors.
 * @throws Error where the mask is not a picture, or is black everywhere.
 */
export function readMask(mask: Picture, label: string): Plane {
  checkPicture(mask, label);
  const { width, height, data } = mask;
  const values = new Float32Array(width * height);
  let most = 0;
  for (let at = 0; at < values.length; at++) {
    const pixel = at * 4;
    const light =
      RED * (data[pixel] as number) + GREEN * (data[pixel + 1] as number) + BLUE * (data[pixel + 2] as number);
    const value = (light * (data[pixel + 3] as number)) / (10_000 * 255 * 255);
    values[at] = value;
    most = Math.max(most, value);
  }
  if (most < 1 / 255)
    throw new AdaattnError("option", `Expected white somewhere in ${label} but received one that is black everywhere.`);
  return { width, height, data: values };
}

/**
 * The average of a mask over every cell of a grid.
 *
 * @param picture the size of the picture that the mask belongs to; the mask is stretched over it.
 * @param grid the columns and rows of cells; those beyond the picture, where it was padded, get the
 *   mask's edge.
 * @param cell the side of a cell in the picture's pixels.
 * @param from where in the picture the grid begins, its left and top edge by default.
 */
export function maskOnGrid(
  mask: Plane,
  picture: Size,
  grid: Size,
  cell: number,
  from: Pick<Area, "left" | "top"> = { left: 0, top: 0 },
): Float32Array {
  const lines = (start: number, count: number, side: number, own: number) =>
    Float64Array.from({ length: count + 1 }, (_, i) => (Math.min(start + i * cell, side) * own) / side);
  const columns = lines(from.left, grid.width, picture.width, mask.width);
  return averageWithin(mask, columns, lines(from.top, grid.height, picture.height, mask.height)).data;
}

/** The sentence on a mask of another size than its picture; undefined where it needs none. */
export function resizedNote(mask: Size, picture: Size, name: string): string | undefined {
  if (mask.width === picture.width && mask.height === picture.height) return undefined;
  const stretch = (mask.width * picture.height) / (mask.height * picture.width);
  const stretched = Math.abs(Math.log(stretch)) > 0.02 ? ", which has another aspect ratio" : "";
  return `A mask of ${mask.width} x ${mask.height} pixels was resized to ${name} of ${picture.width} x ${picture.height}${stretched}.`;
}
