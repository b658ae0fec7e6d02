/** The sizes at which pictures are looked at where none is asked for, everywhere: the library, the command, the server, the studio. */

import { fitWithin, type Size } from "../picture/picture.ts";

/** The longer side in pixels that larger paintings are shrunk to where no size is asked for: that of training. */
export const STYLE_SIDE = 512;

/** The longer side in pixels that larger photographs are shrunk to where no size is asked for. */
export const CONTENT_SIDE = 2048;

/** The size that a photograph is painted at; `size` is the longer side, or as the photograph is. */
export function contentSize({ width, height }: Size, size: number | "full" | undefined): Size {
  const own = Math.max(width, height);
  const longer = size === "full" ? own : (size ?? Math.min(own, CONTENT_SIDE));
  return longer === own ? { width, height } : fitWithin(width, height, longer);
}
