/**
 * Picture files to pixels and back, through sharp (libvips). Whatever a file holds (gray, CMYK, 16
 * bit, a palette, a color profile, an orientation tag) becomes upright RGBA bytes in sRGB; whatever
 * goes wrong becomes one sentence naming the file.
 */

import { extname } from "node:path";
import sharp, { type Metadata, type Sharp } from "sharp";
import { AdaattnError } from "../error.ts";
import { fitWithin, isOpaque, LEAST_SIDE, type Picture, type Size } from "../picture/picture.ts";
import { avifColorTags, type ColorTags, highDynamicRange, toSrgb } from "./colorTags.ts";
import { cannotRead, cannotWrite, checkReplaceable, readFileStart, readWholeFile, replaceFile } from "./files.ts";
import { addMetadata, type PictureMetadata, readMetadata } from "./metadata.ts";

/** The most pixels that a picture may have: libvips's own limit, 16383 squared, 268 megapixels. */
export const MOST_PIXELS = 16383 * 16383;

/** What {@link readPicture} may be asked. */
export interface ReadPictureOptions {
  /**
   * The longer side of the result in pixels; a smaller picture is enlarged. As the file has it by
   * default.
   */
  readonly longerSide?: number | undefined;
  /**
   * The most pixels that the longer side of the result may have; a smaller picture is left alone.
   * No limit by default.
   */
  readonly longestSide?: number | undefined;
  /**
   * The most pixels that the file may have, 268 million by default. What has more is refused by its
   * header, before it is decoded.
   */
  readonly mostPixels?: number | undefined;
  /** What errors call the picture; the path by default, "the picture" for bytes. */
  readonly name?: string | undefined;
  /** Stops the reading. */
  readonly signal?: AbortSignal | undefined;
}

/** A picture and what it was in its file. */
export interface FilePicture extends Picture {
  readonly data: Uint8Array;
  /**
   * What the file is: its own size, upright and before any resizing, its format, and how many pages
   * or frames it has.
   */
  readonly source: Size & { readonly format: PictureFormat; readonly pages: number };
  /**
   * What the file says of who made it, when and how; {@link writePicture} writes what it is given
   * of it.
   */
  readonly metadata: PictureMetadata;
}

/** A format that pictures can be read from. */
export type PictureFormat = "jpeg" | "png" | "webp" | "avif" | "tiff" | "gif";

export const LABELS = { jpeg: "JPEG", png: "PNG", webp: "WebP", avif: "AVIF", tiff: "TIFF", gif: "GIF" } as const;

/**
 * Reads a picture from a file or from a file's bytes: JPEG, PNG, WebP, AVIF, TIFF or GIF (the first
 * page of several). The orientation tag is applied, colors are converted to sRGB with 8 bits, and
 * alpha is kept (255 where there is none).
 *
 * @throws Error with one sentence naming the file and what to do where it is missing, a folder,
 *   empty, unreadable, truncated, not a picture, over 268 megapixels or under 16 pixels a side; the
 *   signal's reason where it is aborted.
 */
export async function readPicture(file: string | Uint8Array, options: ReadPictureOptions = {}): Promise<FilePicture> {
  const { signal } = options;
  const name = nameOf(file, options);
  const bytes = typeof file === "string" ? await readWholeFile(file, signal) : file;
  const header = await readHeader(bytes, bytes, name, options);
  const { source, damaged } = header;
  const size = targetSize(name, source, options);
  const decode = async () => {
    const image = (await decoding(bytes, header, size)).raw({ depth: "uchar" });
    return image.toBuffer({ resolveWithObject: true });
  };
  const { data, info } = await unlessAborted(decode(), signal, damaged);
  toSrgb(data, header.tags);
  return { width: info.width, height: info.height, data, source, metadata: header.metadata };
}

/**
 * The picture as it is on its way from libvips: upright RGBA bytes of this size, in sRGB but for
 * what {@link toSrgb} does by the header's tags.
 */
export async function decoding(input: string | Uint8Array, header: PictureHeader, size: Size): Promise<Sharp> {
  const { source, space, hasProfile } = header;
  const options = { failOn: "error", limitInputPixels: MOST_PIXELS, sequentialRead: true } as const;
  // sharp heeds the profiles of grays of 8 bits only.
  const isDeepGray = hasProfile && space === "grey16";
  const shallow = () => sharp(input, options).keepMetadata().toColourspace("b-w").tiff({ compression: "none" });
  const image = sharp(isDeepGray ? await shallow().toBuffer() : input, options).autoOrient();
  if (size.width !== source.width || size.height !== source.height) {
    image.resize({ ...size, fit: "fill", kernel: "lanczos3" });
  }
  // sharp takes 16-bit colors from their profile to Display P3, and would leave them there.
  if (hasProfile && space === "rgb16") image.withIccProfile("srgb", { attach: false });
  return image.toColourspace("srgb").ensureAlpha();
}

/**
 * Looks at the header of a picture without decoding it.
 *
 * @returns its size, upright, and its format.
 * @throws Error as {@link readPicture} does, but for what only decoding can find out.
 */
export async function inspectPicture(
  file: string | Uint8Array,
  options: Pick<ReadPictureOptions, "mostPixels" | "name" | "signal"> = {},
): Promise<FilePicture["source"]> {
  const name = nameOf(file, options);
  const start = typeof file === "string" ? await readStart(file) : file;
  return (await readHeader(start, file, name, options)).source;
}

/** What errors call a picture. */
export function nameOf(file: string | Uint8Array, { name }: ReadPictureOptions): string {
  return name ?? (typeof file === "string" ? file : "the picture");
}

/** What a file says of its picture before it is decoded. */
export interface PictureHeader {
  readonly source: FilePicture["source"];
  /** What libvips calls its colors. */
  readonly space: string;
  readonly hasAlpha: boolean;
  readonly hasProfile: boolean;
  /** Of an AVIF file without a profile. */
  readonly tags: ColorTags | undefined;
  readonly metadata: PictureMetadata;
  /** The error for what only decoding finds out. */
  damaged(cause: unknown): Error;
}

/** How many bytes of a file are looked at for its format and its tags. */
const START_BYTES = 65536;

/** The first bytes of a file, as many as {@link readHeader} wants. */
export function readStart(path: string): Promise<Uint8Array> {
  return readFileStart(path, START_BYTES);
}

/**
 * Checks what a file is before it is decoded.
 *
 * @param start its first bytes, as {@link readStart} gives them, or all.
 * @param input all of it, or its path.
 */
export async function readHeader(
  start: Uint8Array,
  input: string | Uint8Array,
  name: string,
  { signal, mostPixels }: ReadPictureOptions,
): Promise<PictureHeader> {
  if (start.length === 0) throw cannotRead(name, "it is empty (0 bytes). Choose another file.");
  const format = formatOf(start);
  if (format === undefined) {
    throw cannotRead(name, "it is not a JPEG, PNG, WebP, AVIF, TIFF or GIF picture. Convert it to one of these first.");
  }
  if (format === "heic") throw cannotRead(name, HEIC);
  const damaged = (cause: unknown) => {
    // Lab with 8 bits a channel is what libvips's reader of TIFF files trips over.
    if (cause instanceof Error && /bad labq format/.test(cause.message)) {
      return cannotRead(name, "its colors are CIELab, with 8 bits. Convert it to RGB first.", cause);
    }
    return cannotRead(name, `it is a damaged or truncated ${LABELS[format]} picture. Get a fresh copy of it.`, cause);
  };

  const metadata = await unlessAborted(sharp(input, { limitInputPixels: false }).metadata(), signal, damaged);
  if (metadata.format === "heif" && metadata.compression !== "av1") throw cannotRead(name, HEIC);
  const source = { ...uprightSize(metadata), format, pages: metadata.pages ?? 1 };
  checkSource(name, source, mostPixels);
  const { space, hasAlpha, hasProfile, depth } = metadata;
  // Floating-point colors are light from 0 to 1 to libvips, as they are to those who write them; of
  // grays nobody says.
  if (["float", "double"].includes(depth) && space !== "scrgb") {
    throw cannotRead(name, "its values are floating-point numbers of no known range. Convert it to 16 bits first.");
  }
  const tags = format === "avif" && !hasProfile ? avifColorTags(start) : undefined;
  const high = tags && highDynamicRange(tags);
  if (high !== undefined) {
    throw cannotRead(name, `it is a picture for HDR displays (${high}). Convert it to SDR first.`);
  }
  return { source, space, hasAlpha, hasProfile, tags, metadata: readMetadata(input, metadata), damaged };
}

const HEIC =
  "it is a HEIC picture, for which there is no decoder here. Convert it to JPEG first: heif-convert FILE.heic FILE.jpg, or export it as JPEG from a photo app.";

/**
 * The format that a file's first bytes announce. It decides what is handed to libvips at all (no
 * SVG or PDF, which can refer to other files), and tells a damaged picture from a file that is
 * none.
 */
function formatOf(bytes: Uint8Array): PictureFormat | "heic" | undefined {
  const text = (start: number, end: number) => String.fromCharCode(...bytes.subarray(start, end));
  if (text(0, 3) === "\xff\xd8\xff") return "jpeg";
  if (text(0, 8) === "\x89PNG\r\n\x1a\n") return "png";
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return "webp";
  if (text(0, 4) === "GIF8") return "gif";
  if (["II*\0", "MM\0*", "II+\0", "MM\0+"].includes(text(0, 4))) return "tiff";
  if (text(4, 8) === "ftyp") {
    const [brand, others] = [
      text(8, 12),
      text(16, Math.min(64, new DataView(bytes.buffer, bytes.byteOffset).getUint32(0))),
    ];
    if (["avif", "avis"].includes(brand)) return "avif";
    if (["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"].includes(brand)) return "heic";
    if (["mif1", "msf1", "miaf"].includes(brand))
      return /hei[cxms]|hev[cxms]/.test(others) && !/avi[fs]/.test(others) ? "heic" : "avif";
  }
  return undefined;
}

function uprightSize(metadata: Metadata): Size {
  return { width: metadata.autoOrient.width, height: metadata.autoOrient.height };
}

function checkSource(name: string, { width, height }: Size, mostPixels = MOST_PIXELS): void {
  if (width * height > mostPixels) {
    const megapixels = Math.floor(mostPixels / 1e5) / 10;
    throw cannotRead(
      name,
      `its ${width} x ${height} pixels are over the limit of ${megapixels >= 100 ? Math.floor(megapixels) : megapixels} megapixels. Make it smaller first.`,
    );
  }
  if (Math.min(width, height) < LEAST_SIDE) {
    throw cannotRead(
      name,
      `its ${width} x ${height} pixels are too few; each side must have at least ${LEAST_SIDE}. Choose another file.`,
    );
  }
}

/** The size that a picture is read at. */
export function targetSize(name: string, source: Size, { longerSide, longestSide }: ReadPictureOptions): Size {
  const longer = longerSide ?? Math.min(Math.max(source.width, source.height), longestSide ?? Number.POSITIVE_INFINITY);
  if (!Number.isSafeInteger(longer) || longer < LEAST_SIDE) {
    throw new AdaattnError(
      "option",
      `Expected a whole number of at least ${LEAST_SIDE} for the longer side of ${name} but received ${longer}.`,
    );
  }
  const size = fitWithin(source.width, source.height, longer);
  if (Math.min(size.width, size.height) < LEAST_SIDE) {
    const least = Math.ceil(
      (LEAST_SIDE * Math.max(source.width, source.height)) / Math.min(source.width, source.height),
    );
    throw cannotRead(
      name,
      `resized to ${size.width} x ${size.height} pixels it would be too narrow; a side must have at least ${LEAST_SIDE}. ` +
        `Choose a size of at least ${least}, or crop it.`,
    );
  }
  if (size.width * size.height > MOST_PIXELS) {
    throw cannotRead(
      name,
      `resized to ${size.width} x ${size.height} pixels it would be over the limit of 268 megapixels. Choose a smaller size.`,
    );
  }
  return size;
}

/** The formats that pictures can be written in, by the endings of their names. */
const WRITTEN = {
  ".png": "png",
  ".jpg": "jpeg",
  ".jpeg": "jpeg",
  ".webp": "webp",
  ".avif": "avif",
  ".tif": "tiff",
  ".tiff": "tiff",
} as const;

/**
 * The endings that {@link writePicture} knows, with their dots: .png, .jpg, .jpeg, .webp, .avif,
 * .tif and .tiff.
 */
export const PICTURE_EXTENSIONS: readonly string[] = Object.keys(WRITTEN);

/** What {@link writePicture} may be asked. */
export interface WritePictureOptions {
  /**
   * From 1 to 100, for JPEG (92 by default), WebP (90) and AVIF (70); PNG and TIFF lose nothing.
   */
  readonly quality?: number | undefined;
  /** What the file says of who made the picture, when and how: nothing by default. */
  readonly metadata?: PictureMetadata | undefined;
  /** Stops the writing; nothing is left behind. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes a picture in the format that the ending of its name says: .png, .jpg, .jpeg, .webp, .avif,
 * .tif or .tiff. Alpha is kept where there is any, except in JPEG, which gets the picture as it
 * looks on white. The file appears whole or not at all, and one that was there before stays until
 * then.
 *
 * @throws Error with one sentence naming the file and what to do; the signal's reason where it is
 *   aborted.
 */
export async function writePicture(path: string, picture: Picture, options: WritePictureOptions = {}): Promise<void> {
  const { quality, signal } = options;
  if (quality !== undefined && !(Number.isInteger(quality) && quality >= 1 && quality <= 100)) {
    throw new AdaattnError(
      "option",
      `Expected a whole number from 1 to 100 for the quality of ${path} but received ${quality}.`,
    );
  }
  await checkPictureOutput(path);
  const bytes = await encodePicture(picture, writtenFormat(path), { ...options, name: path });
  await replaceFile(path, bytes, signal);
}

/**
 * A picture as the bytes of a file, with alpha as {@link writePicture} keeps it.
 *
 * @param options `name` is what errors call the file.
 * @throws Error with one sentence where the format cannot hold a picture of this size; the signal's
 *   reason where it is aborted.
 */
export async function encodePicture(
  picture: Picture,
  format: Exclude<PictureFormat, "gif">,
  options: WritePictureOptions & { readonly name?: string } = {},
): Promise<Uint8Array> {
  const { quality, metadata, signal, name = "the picture" } = options;
  const { width, height, data } = picture;
  const image = sharp(data, { raw: { width, height, channels: 4 }, limitInputPixels: false });
  if (isOpaque(picture)) image.removeAlpha();
  else if (format === "jpeg") image.flatten({ background: "white" });
  return unlessAborted<Uint8Array>(
    addMetadata(encoding(image, format, quality), metadata).toBuffer(),
    signal,
    (cause) =>
      cannotWrite(
        name,
        `${width} x ${height} pixels could not be stored as ${LABELS[format]}. Choose .png or .tiff instead.`,
        cause,
      ),
  );
}

/**
 * Checks that {@link writePicture} could write this file, so that long work can be refused before
 * it starts.
 *
 * @throws Error with one sentence naming the file and what to do.
 */
export async function checkPictureOutput(path: string): Promise<void> {
  writtenFormat(path);
  await checkReplaceable(path);
}

/** The format that a file of this name is written in. */
export function writtenFormat(path: string): Exclude<PictureFormat, "gif"> {
  const extension = extname(path).toLowerCase();
  for (const [known, format] of Object.entries(WRITTEN)) if (known === extension) return format;
  throw cannotWrite(path, `its name does not end in one of ${PICTURE_EXTENSIONS.join(", ")}. Choose such a name.`);
}

/** The picture on its way to a file of this format. */
export function encoding(image: Sharp, format: PictureFormat, quality: number | undefined): Sharp {
  if (format === "jpeg") return image.jpeg({ quality: quality ?? 92, chromaSubsampling: "4:4:4" });
  if (format === "webp") return image.webp({ quality: quality ?? 90 });
  if (format === "avif") return image.avif({ quality: quality ?? 70 });
  if (format === "tiff") return image.tiff({ compression: "deflate", predictor: "horizontal" });
  return image.png();
}

/** What the picture decoder is made of, for reports of problems. */
export function pictureVersions(): { sharp: string; libvips: string } {
  return { sharp: sharp.versions.sharp ?? "unknown", libvips: sharp.versions.vips };
}

/**
 * The work's result, or its error made into a sentence; the signal's reason as soon as that is
 * aborted. libvips cannot be interrupted, so work that has begun then ends unheard.
 */
export function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  explain: (cause: unknown) => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    work.then(resolve, (cause) => reject(explain(cause))).finally(() => signal?.removeEventListener("abort", abort));
  });
}
