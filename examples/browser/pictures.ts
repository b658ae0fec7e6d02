/** Pictures of a page to pixels and back. */

import type { Picture } from "adaattn";

/** The pixels of a picture at an address or in a file, its longer side at most `longest`. */
export async function readPicture(source: string | Blob, longest: number): Promise<ImageData> {
  const file = typeof source === "string" ? await fetchPicture(source) : source;
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [Math.round(bitmap.width * scale), Math.round(bitmap.height * scale)];
  const context = new OffscreenCanvas(width, height).getContext("2d");
  if (context === null) throw new Error("This browser has no 2D canvas.");
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

async function fetchPicture(address: string): Promise<Blob> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`Cannot load ${address}: the server answered ${response.status}.`);
  return response.blob();
}

/** Shows a picture on a canvas, which takes its size. */
export function show(canvas: HTMLCanvasElement, { width, height, data }: Picture): void {
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d")?.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
}
