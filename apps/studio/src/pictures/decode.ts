/**
 * Files to pixels, by the browser's own decoders, within limits; what cannot be opened is said in
 * one sentence with a way on.
 */

import type { Picture, Size } from "adaattn";
import { LEAST_SIDE } from "adaattn/internal";
import { fitWithin } from "adaattn/web";
import { type TextKey, t } from "../texts/texts.ts";
import { type FileKind, headerSize, isAnimated, kindOf } from "./fileKinds.ts";

/** A picture that was opened, and what the user should know of it. */
export interface Opened {
  readonly picture: Picture & { readonly data: Uint8ClampedArray };
  /** A sentence, where something was done to it. */
  readonly note: string | undefined;
}

/**
 * Above so many pixels a picture is opened smaller: pixels, result and canvases take some 20 bytes
 * each.
 */
export const MOST_PIXELS = 40e6;
/** Above so many a decoder itself may end the tab. */
const MOST_DECODED = 150e6;

const PROBLEMS: Partial<Record<FileKind, TextKey>> = {
  pdf: "problem.pdf",
  svg: "problem.svg",
  tiff: "problem.tiff",
  video: "problem.video",
  unknown: "problem.unknown",
};

/**
 * Opens a picture.
 *
 * @param longest the longest side that is wanted; the picture's own by default.
 * @throws Error with one sentence in the user's language.
 */
export async function openPicture(file: Blob, name: string, longest = Number.POSITIVE_INFINITY): Promise<Opened> {
  if (file.size === 0) throw new Error(t("problem.empty", { name }));
  const head = new Uint8Array(await file.slice(0, 1 << 20).arrayBuffer());
  const kind = kindOf(head);
  const problem = PROBLEMS[kind];
  if (problem !== undefined) throw new Error(t(problem, { name }));
  const announced = headerSize(head);
  if (announced !== undefined && announced.width * announced.height > MOST_DECODED) {
    throw new Error(t("problem.huge", { name, megapixels: megapixels(announced) }));
  }
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => {
    throw new Error(t(kind === "heic" ? "problem.heic" : "problem.damaged", { name }));
  });
  try {
    const { width, height } = bitmap;
    if (Math.min(width, height) < LEAST_SIDE) throw new Error(t("problem.small", { name, width, height }));
    const size = within(bitmap, longest);
    const picture = pixelsOf(bitmap, size);
    const isReduced = size.width < width && longest === Number.POSITIVE_INFINITY;
    const note = isReduced
      ? t("note.reduced", { from: megapixels(bitmap), to: megapixels(size) })
      : isAnimated(head)
        ? t("note.animated")
        : undefined;
    return { picture, note };
  } finally {
    bitmap.close();
  }
}

/** The pixels of a frame or a bitmap at a size, as in a mirror where that is asked for. */
export function pixelsOf(source: CanvasImageSource, { width, height }: Size, isMirrored = false): Opened["picture"] {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error(t("problem.canvas"));
  context.imageSmoothingQuality = "high";
  if (isMirrored) context.setTransform(-1, 0, 0, 1, width, 0);
  context.drawImage(source, 0, 0, width, height);
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}

/** A picture on a canvas of its size. */
export function canvasOf({ width, height, data }: Picture): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (context === null) throw new Error(t("problem.canvas"));
  context.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
  return canvas;
}

/** A picture with at most so long a side; the picture itself where it has that. */
export function shrunk(picture: Picture, longest: number): Picture {
  const { width, height } = picture;
  if (Math.max(width, height) <= longest) return picture;
  return pixelsOf(canvasOf(picture), fitWithin(width, height, longest));
}

function within({ width, height }: Size, longest: number): Size {
  const shrunk = Math.sqrt(Math.min(1, MOST_PIXELS / (width * height)));
  const longer = Math.min(longest, Math.floor(Math.max(width, height) * shrunk));
  return longer >= Math.max(width, height) ? { width, height } : fitWithin(width, height, longer);
}

function megapixels({ width, height }: Size): string {
  return String(Math.round((width * height) / 1e6));
}
