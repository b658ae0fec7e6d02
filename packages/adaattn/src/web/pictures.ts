/**
 * Pictures in a browser: pixels from its files, elements and canvases, by its own decoders, and
 * results for the page.
 */

import { AdaattnError } from "../error.ts";
import type { Picture } from "../picture/picture.ts";
import { Result } from "../stylize/result.ts";
import { fetchFile } from "./download.ts";

/**
 * A type of the DOM, where the program has it: pages have elements, workers do not, and Node has
 * neither.
 */
type Dom<Name extends string> = typeof globalThis extends Record<Name, { prototype: infer T }> ? T : never;

/**
 * A picture in a browser: its pixels (such as an ImageData), or what they are read from. That is an
 * address as a string or URL, relative to the page, a Blob or File, an image or video element, an
 * ImageBitmap, a VideoFrame, or a canvas.
 */
export type PictureInput =
  | Picture
  | string
  | URL
  | Blob
  | Dom<"HTMLImageElement">
  | Dom<"HTMLVideoElement">
  | Dom<"HTMLCanvasElement">
  | Dom<"OffscreenCanvas">
  | Dom<"ImageBitmap">
  | Dom<"VideoFrame">;

/** What is used of a canvas; the types of the DOM come with a browser's, which Node has not. */
interface Canvas {
  width: number;
  height: number;
  getContext(kind: "2d", options?: object): Context | null;
}

interface Context {
  drawImage(image: object, left: number, top: number): void;
  getImageData(left: number, top: number, width: number, height: number): Picture;
  putImageData(pixels: object, left: number, top: number): void;
}

interface Page {
  createImageBitmap(source: unknown, options: object): Promise<{ width: number; height: number; close(): void }>;
  readonly OffscreenCanvas: new (
    width: number,
    height: number,
  ) => Canvas & { convertToBlob(options: object): Promise<Blob> };
  readonly ImageData: new (data: Uint8ClampedArray<ArrayBuffer>, width: number, height: number) => Dom<"ImageData">;
}

const page = globalThis as unknown as Page;

/**
 * The pixels of a picture, upright and in sRGB.
 *
 * @param label what the picture is to the caller, such as "the photograph", for errors.
 * @throws Error with one sentence where it cannot be fetched, decoded or read; the signal's reason
 *   where it is aborted.
 */
export async function pixelsOf(input: PictureInput, label: string, signal?: AbortSignal): Promise<Picture> {
  signal?.throwIfAborted();
  if (typeof input === "string" || input instanceof URL) {
    const address = String(input);
    return drawn(new Blob([await fetchFile(address, { cache: false, signal })]), address, signal);
  }
  if (typeof input !== "object" || input === null) {
    const received = input === null ? "null" : typeof input;
    throw new AdaattnError("option", `Expected ${KINDS} for ${label} but received ${received}.`);
  }
  if ("data" in input) return input;
  // An image may still be on its way; one that is broken is told by what follows.
  if ("decode" in input) await (input as { decode(): Promise<void> }).decode().catch(() => undefined);
  return drawn(input, input instanceof Blob && "name" in input ? String(input.name) : label, signal);
}

const KINDS = "an address, a Blob, an image, a video, a canvas or pixels";

async function drawn(source: unknown, name: string, signal: AbortSignal | undefined): Promise<Picture> {
  const bitmap = await page.createImageBitmap(source, { imageOrientation: "from-image" }).catch((cause: unknown) => {
    if (cause instanceof TypeError) {
      throw new AdaattnError("option", `Expected ${KINDS} for ${name} but received ${typeOf(source)}.`, { cause });
    }
    const reason = source instanceof Blob ? "it is damaged, or no picture that this browser knows" : "it has no pixels";
    throw new AdaattnError("file", `Cannot read ${name}: ${reason}. Choose another picture.`, { cause });
  });
  try {
    signal?.throwIfAborted();
    const { width, height } = bitmap;
    const context = contextOf(new page.OffscreenCanvas(width, height));
    context.drawImage(bitmap, 0, 0);
    return context.getImageData(0, 0, width, height);
  } catch (cause) {
    signal?.throwIfAborted();
    if (!(cause instanceof Error) || cause.name !== "SecurityError") throw cause;
    const reason = "it comes from another site, which keeps pages from reading it. Load it with crossOrigin set";
    throw new AdaattnError("file", `Cannot read ${name}: ${reason}, or from this site.`, { cause });
  } finally {
    bitmap.close();
  }
}

function typeOf(value: unknown): string {
  return (Object.prototype.toString.call(value).slice(8, -1) || typeof value).replace(/^Object$/, "another object");
}

function contextOf(canvas: Canvas): Context {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null)
    throw new AdaattnError("engine", "This browser gives no 2D canvas; close other tabs and try again.");
  return context;
}

/** A stylized picture that can be shown and saved. */
export class DrawablePicture extends Result {
  /** Its pixels as the page's canvases take them. */
  toImageData(): Dom<"ImageData"> {
    return new page.ImageData(new Uint8ClampedArray(this.data), this.width, this.height);
  }

  /** Draws it on a canvas, which takes its size. */
  draw(canvas: Dom<"HTMLCanvasElement"> | Dom<"OffscreenCanvas">): void {
    const target: Canvas = canvas;
    target.width = this.width;
    target.height = this.height;
    contextOf(target).putImageData(this.toImageData(), 0, 0);
  }

  /**
   * The bytes of a file.
   *
   * @param type "image/png" by default, which loses nothing; all browsers write "image/jpeg" as
   *   well, and some "image/webp".
   * @param quality from 0 to 1, where the format loses something; the browser's own by default.
   * @throws Error with one sentence where the browser does not write the format.
   */
  async toBlob(type = "image/png", quality?: number): Promise<Blob> {
    const canvas = new page.OffscreenCanvas(this.width, this.height);
    contextOf(canvas).putImageData(this.toImageData(), 0, 0);
    const blob = await canvas.convertToBlob({ type, ...(quality !== undefined && { quality }) });
    if (blob.type === type) return blob;
    throw new AdaattnError("option", `This browser cannot write ${type}; ask for image/png or image/jpeg.`);
  }
}
