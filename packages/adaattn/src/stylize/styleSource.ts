/** A painting made ready for the encoder: enlarged, turned and opaque, and its mask with it. */

import { AdaattnError } from "../error.ts";
import { maskOnGrid, readMask, resizedNote } from "../picture/masks.ts";
import { checkPicture, fitWithin, LEAST_SIDE, onWhite, type Picture } from "../picture/picture.ts";
import { resizePicture } from "../picture/resize.ts";
import { rotatePicture } from "../picture/rotate.ts";
import { DEFAULT_SEED, type StyleControls } from "./controls.ts";
import { STYLE_SIDE } from "./sizes.ts";

/** What a style is taken from. */
export interface Source {
  /** Opaque, of the size and at the angle that the encoder sees. */
  readonly painting: Picture;
  /** How much it was enlarged. */
  readonly stroke: number;
  /**
   * The part that is a source, in gray and of the painting's size; all of it where there is none.
   */
  readonly mask?: Picture | undefined;
  /** How positions are chosen among it. */
  readonly choice: { readonly seed: number; readonly keys?: StyleControls["keys"] };
  /** Sentences on what was done to the mask. */
  readonly notes: readonly string[];
}

/**
 * @throws Error where the painting or its mask is no picture, or too little would be left of it.
 */
export function preparePainting(
  original: Picture,
  originalMask: Picture | undefined,
  { size, stroke = 1, rotate = 0, seed = DEFAULT_SEED, keys }: StyleControls,
): Source {
  checkPicture(original, "the painting");
  const { width, height } = original;
  const own = Math.max(width, height);
  const longer = Math.round((size ?? Math.min(own, STYLE_SIDE)) * stroke);
  const fitted = longer === own ? { width, height } : fitWithin(width, height, longer);
  const ready = (picture: Picture) => rotatePicture(resizePicture(picture, fitted), rotate);
  const painting = ready(onWhite(original));
  if (Math.min(painting.width, painting.height) < LEAST_SIDE) {
    throw new AdaattnError(
      "option",
      `Expected at least ${LEAST_SIDE} pixels a side for the painting once it is resized and turned but received ` +
        `${painting.width} x ${painting.height}; choose a larger size or stroke.`,
    );
  }
  const choice = { seed, keys };
  if (originalMask === undefined) return { painting, stroke, choice, notes: [] };
  const plane = readMask(originalMask, "the mask of the painting");
  const note = resizedNote(originalMask, original, "the painting");
  // Every pixel of the painting is a cell of the grid.
  const values = maskOnGrid(plane, fitted, fitted, 1);
  const data = new Uint8ClampedArray(values.length * 4).fill(255);
  for (const [at, value] of values.entries()) data.fill(value * 255, at * 4, at * 4 + 3);
  const mask = rotatePicture({ ...fitted, data }, rotate);
  return { painting, stroke, mask, choice, notes: note === undefined ? [] : [note] };
}
