/** Pictures and other files on their way out of the page. */

import type { Picture } from "adaattn";
import { t } from "../texts/texts.ts";
import { canvasOf, MOST_PIXELS } from "./decode.ts";

export type SavedFormat = "png" | "jpeg" | "webp";

/** A picture as a file's bytes. */
export async function encodePicture(picture: Picture, format: SavedFormat): Promise<Blob> {
  return encode(canvasOf(picture), format);
}

/**
 * A photograph at the left and what was made of it at the right, with a white line between them, as
 * a file's bytes. Both are as large as the latter, unless together they have too many pixels.
 */
export async function encodePair(photo: Picture, made: Picture, format: SavedFormat): Promise<Blob> {
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (2 * made.width * made.height)));
  const [width, height] = [made.width, made.height].map((side) => Math.round(scale * side)) as [number, number];
  const line = Math.ceil(width / 100);
  const canvas = new OffscreenCanvas(2 * width + line, height);
  const context = canvas.getContext("2d");
  if (context === null) throw new Error(t("problem.canvas"));
  context.fillStyle = "#fff";
  context.fillRect(width, 0, line, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(canvasOf(photo), 0, 0, width, height);
  context.drawImage(canvasOf(made), width + line, 0, width, height);
  return encode(canvas, format);
}

async function encode(canvas: OffscreenCanvas, format: SavedFormat): Promise<Blob> {
  const blob = await canvas.convertToBlob({ type: `image/${format}`, quality: 0.93 });
  // A browser that cannot write a format writes PNG instead.
  if (blob.type !== `image/${format}`) throw new Error(t("problem.format", { format: format.toUpperCase() }));
  return blob;
}

/** Hands a file to the user, as a download. */
export function saveFile(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The download has the address by the next turn of the event loop, but some browsers read the
  // bytes later.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Puts a picture on the clipboard. */
export async function copyPicture(picture: Picture): Promise<void> {
  if (typeof ClipboardItem === "undefined") throw new Error(t("problem.clipboard"));
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": encodePicture(picture, "png") })]);
  } catch (error) {
    throw new Error(t("problem.clipboard"), { cause: error });
  }
}

/** Puts a text on the clipboard. */
export async function copyText(text: string): Promise<void> {
  // Pages from plain http have no clipboard.
  if (navigator.clipboard === undefined) throw new Error(t("problem.clipboardText"));
  await navigator.clipboard.writeText(text).catch((cause: unknown) => {
    throw new Error(t("problem.clipboardText"), { cause });
  });
}
