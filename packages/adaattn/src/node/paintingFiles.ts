/** Paintings from files, with as many of their pixels as a style is taken from. */

import { LEAST_SIDE } from "../picture/picture.ts";
import type { StyleControls } from "../stylize/controls.ts";
import { STYLE_SIDE } from "../stylize/sizes.ts";
import { type FilePicture, type ReadPictureOptions, readPicture } from "./pictures.ts";

/** A painting as it was read, and the controls that `model.style` must be given with it. */
export interface FilePainting {
  readonly picture: FilePicture;
  /** Those that were asked for, with the size that they mean for the painting in its file. */
  readonly controls: StyleControls & { readonly size: number };
}

/**
 * Reads a painting for `model.style`, no larger than its `size` and `stroke` ask for: a large file
 * takes little memory, and strokes that are enlarged show more of the painting where its file has
 * more.
 *
 * @throws Error as {@link readPicture} does.
 */
export async function readPainting(
  file: string | Uint8Array,
  controls: StyleControls = {},
  options: Omit<ReadPictureOptions, "longerSide" | "longestSide"> = {},
): Promise<FilePainting> {
  const { size, stroke = 1 } = controls;
  const longer = Math.max(LEAST_SIDE, Math.round((size ?? STYLE_SIDE) * stroke));
  const wanted = size === undefined ? { longestSide: longer } : { longerSide: longer };
  const picture = await readPicture(file, { ...options, ...wanted });
  const own = Math.max(picture.source.width, picture.source.height);
  return { picture, controls: { ...controls, size: size ?? Math.min(own, STYLE_SIDE) } };
}
