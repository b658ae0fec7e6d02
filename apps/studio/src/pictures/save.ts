/** Pictures and other files on their way out of the page. */

import type { Picture } from "adaattn";
import { t } from "../texts/texts.ts";

export type SavedFormat = "png" | "jpeg" | "webp";

/** A picture as a file's bytes. */
export async function encodePicture(picture: Picture, format: SavedFormat): Promise<Blob> {
  const { width, height, data } = picture;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (context === null) throw new Error(t("problem.canvas"));
  context.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
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
