/**
 * Parts of pictures: upright rectangles, in shares of the whole from 0 to 1, which are moved and
 * changed by their corners.
 */

import type { Picture } from "adaattn";
import { LEAST_SIDE } from "adaattn/internal";

export interface Part {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export const WHOLE: Part = { left: 0, top: 0, right: 1, bottom: 1 };

export type Corner = `${"top" | "bottom"} ${"left" | "right"}`;
export const CORNERS: readonly Corner[] = ["top left", "top right", "bottom left", "bottom right"];

/** The least side of a part, as a share of the whole. */
const LEAST = 0.08;

const within = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value));

/** The part moved as far as it stays inside. */
export function movedPart({ left, top, right, bottom }: Part, across: number, down: number): Part {
  const [x, y] = [within(across, -left, 1 - right), within(down, -top, 1 - bottom)];
  return { left: left + x, top: top + y, right: right + x, bottom: bottom + y };
}

/** The part with one corner at another place. */
export function resizedPart(part: Part, corner: Corner, x: number, y: number): Part {
  const across = corner.endsWith("left")
    ? { left: within(x, 0, part.right - LEAST) }
    : { right: within(x, part.left + LEAST, 1) };
  const down = corner.startsWith("top")
    ? { top: within(y, 0, part.bottom - LEAST) }
    : { bottom: within(y, part.top + LEAST, 1) };
  return { ...part, ...across, ...down };
}

export function isWhole({ left, top, right, bottom }: Part): boolean {
  return left === 0 && top === 0 && right === 1 && bottom === 1;
}

/**
 * The pixels of a part, at least as many as a picture needs; the picture itself where the part is
 * all of it.
 */
export function partOf<P extends Picture>(picture: P, part: Part): P | Picture {
  if (isWhole(part)) return picture;
  const span = (start: number, end: number, side: number) => {
    const length = within(Math.round((end - start) * side), Math.min(LEAST_SIDE, side), side);
    return [within(Math.round(start * side), 0, side - length), length] as const;
  };
  const [left, width] = span(part.left, part.right, picture.width);
  const [top, height] = span(part.top, part.bottom, picture.height);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * picture.width + left) * 4;
    data.set(picture.data.subarray(start, start + width * 4), y * width * 4);
  }
  return { width, height, data };
}

/** A part in an address: four numbers of three places. */
export function writePart({ left, top, right, bottom }: Part): string {
  return [left, top, right, bottom].map((value) => Number(value.toFixed(3))).join();
}

/** A part from an address, which anybody may have written; undefined for what is none. */
export function readPart(text: string): Part | undefined {
  const [left = Number.NaN, top = Number.NaN, right = Number.NaN, bottom = Number.NaN] = text.split(",").map(Number);
  const isInside = left >= 0 && top >= 0 && right <= 1 && bottom <= 1;
  const isLarge = right - left >= LEAST - 1e-9 && bottom - top >= LEAST - 1e-9;
  return isInside && isLarge ? { left, top, right, bottom } : undefined;
}
