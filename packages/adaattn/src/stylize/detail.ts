/**
 * What a decoder loses of a photograph, given back. A decoder that paints is not made to copy, so
 * that even from a photograph's own features it paints a softer picture. The difference belongs to
 * the photograph: it is added wherever, and as far as, the photograph itself is asked for.
 */

import type { Size } from "../picture/picture.ts";

/** Three planes [3, height, width] of red, green and blue from 0 to 1. */
export type Planes = Float32Array;

/**
 * Adds `photograph - reconstruction` to `painted`, times the photograph's share of every pixel.
 *
 * @param size the tensors' size, which may be larger than the photograph's.
 * @param own the share, one value a pixel of the photograph; only what lies between 0 and 1 of it
 *   counts.
 */
export function restoreDetail(
  painted: Planes,
  lost: { readonly photograph: Planes; readonly reconstruction: Planes },
  size: Size,
  own: Float32Array,
  photo: Size,
): void {
  const plane = size.width * size.height;
  for (let y = 0; y < photo.height; y++) {
    for (let x = 0; x < photo.width; x++) {
      const share = Math.min(1, Math.max(0, own[y * photo.width + x] as number));
      if (share === 0) continue;
      for (let at = y * size.width + x; at < 3 * plane; at += plane) {
        const difference = (lost.photograph[at] as number) - (lost.reconstruction[at] as number);
        painted[at] = (painted[at] as number) + share * difference;
      }
    }
  }
}
