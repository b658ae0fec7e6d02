/**
 * The sizes at which pictures are looked at where none is asked for, everywhere: the library, the
 * command, the server, the studio.
 */

import { fitWithin, paddedSize, type Size } from "../picture/picture.ts";

/**
 * The longer side in pixels that larger paintings are shrunk to where no size is asked for: that of
 * training.
 */
export const STYLE_SIDE = 512;

/** The longer side in pixels that larger photographs are shrunk to where no size is asked for. */
export const CONTENT_SIDE = 2048;

/**
 * The longer side in pixels at which strokes are as large as the network paints them; in larger
 * pictures they are larger.
 */
export const REFERENCE_SIDE = 512;

/**
 * The longer sides at which a larger picture is painted before. Beyond the last no more is held in
 * memory.
 */
const EARLIER_SIDES = [REFERENCE_SIDE, 1024, 2048];

/**
 * An earlier size must be smaller than the picture by at least this, or it would take more time
 * than it helps.
 */
const LEAST_STEP = 1.5;

/**
 * The sizes that a picture is painted at one after the other, so that its strokes are as large as
 * in one of 512 pixels.
 */
export function paintedSizes(size: Size): Size[] {
  const { width, height } = size;
  const longer = Math.max(width, height);
  const earlier = EARLIER_SIDES.filter(
    (side) => side < longer && (side === REFERENCE_SIDE || side * LEAST_STEP <= longer),
  );
  return [...earlier.map((side) => fitWithin(width, height, side)), { width, height }];
}

/** The deepest features must have two positions a side, for the encoder to reflect. */
const LEAST_PADDED_SIDE = 32;

/** The size that the encoder sees a picture at. */
export function encodedSize({ width, height }: Size): Size {
  return paddedSize({ width: Math.max(width, LEAST_PADDED_SIDE), height: Math.max(height, LEAST_PADDED_SIDE) });
}

/** The size that a photograph is painted at; `size` is the longer side, or as the photograph is. */
export function contentSize({ width, height }: Size, size: number | "full" | undefined): Size {
  const own = Math.max(width, height);
  const longer = size === "full" ? own : (size ?? Math.min(own, CONTENT_SIDE));
  return longer === own ? { width, height } : fitWithin(width, height, longer);
}
