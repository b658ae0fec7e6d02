/** Reading photographs, paintings and masks at the sizes that a command asks for. */
import { type FilePicture, readPicture, type StyleControls } from "adaattn/node";
import { LONGEST_CONTENT, LONGEST_STYLE } from "../terminal/usage.ts";

/** A photograph, at the size asked for or as large as it is. */
export function readContent(path: string, size: number | undefined, signal: AbortSignal): Promise<FilePicture> {
  return readPicture(
    path,
    size === undefined ? { longestSide: LONGEST_CONTENT, signal } : { longerSide: size, signal },
  );
}

/** A mask, which is stretched over its picture later. */
export function readMaskFile(path: string, signal: AbortSignal): Promise<FilePicture> {
  return readPicture(path, { longestSide: LONGEST_CONTENT, signal });
}

/** A painting as it was read, and the controls by which the model prepares it. */
export interface StylePicture {
  readonly picture: FilePicture;
  readonly controls: StyleControls & { readonly size: number };
}

/** A painting with as many of its pixels as its size and strokes need, so that enlarging it shows more of it where there is more. */
export async function readPainting(path: string, controls: StyleControls, signal: AbortSignal): Promise<StylePicture> {
  const { size, stroke = 1 } = controls;
  const longer = Math.max(16, Math.round((size ?? LONGEST_STYLE) * stroke));
  const picture = await readPicture(path, {
    ...(size === undefined ? { longestSide: longer } : { longerSide: longer }),
    signal,
  });
  const own = Math.max(picture.source.width, picture.source.height);
  return { picture, controls: { ...controls, size: size ?? Math.min(own, LONGEST_STYLE) } };
}
