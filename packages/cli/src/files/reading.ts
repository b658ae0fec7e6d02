/** Reading photographs and masks at the sizes that a command asks for. */
import { CONTENT_SIDE, type FilePicture, readPicture } from "adaattn/node";

/** A photograph, at the size asked for or as large as it is. */
export function readContent(path: string, size: number | undefined, signal: AbortSignal): Promise<FilePicture> {
  return readPicture(path, size === undefined ? { longestSide: CONTENT_SIDE, signal } : { longerSide: size, signal });
}

/** A mask, which is stretched over its picture later. */
export function readMaskFile(path: string, signal: AbortSignal): Promise<FilePicture> {
  return readPicture(path, { longestSide: CONTENT_SIDE, signal });
}
