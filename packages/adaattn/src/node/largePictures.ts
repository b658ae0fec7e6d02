/**
 * Pictures that need not be in memory as a whole: decoded to raw pixels in a temporary file, from
 * which any area can be read, and painted into another, which is encoded strip by strip. libvips
 * streams both ways; what it wants in memory as a whole all the same are formats that can only be
 * decoded so (AVIF, interlaced PNG, progressive JPEG) and pictures that are stored on their side.
 */

import { closeSync, openSync, readSync, writeSync } from "node:fs";
import sharp from "sharp";
import type { Area, PictureSource } from "../picture/area.ts";
import type { Picture, Size } from "../picture/picture.ts";
import type { PaintedTile } from "../stylize/options.ts";
import { toSrgb } from "./colorTags.ts";
import { cannotWrite, removeTemporary, replaceFileBy, systemCode, temporaryBeside, writeFailure } from "./files.ts";
import { addMetadata, type PictureMetadata } from "./metadata.ts";
import {
  decoding,
  encoding,
  type FilePicture,
  LABELS,
  nameOf,
  type PictureHeader,
  type ReadPictureOptions,
  readHeader,
  readStart,
  targetSize,
  unlessAborted,
  type WritePictureOptions,
  writtenFormat,
} from "./pictures.ts";

/** What libvips writes before the pixels of a file in its own format. */
const VIPS_HEADER = 64;

/** A picture file as pixels on disk. */
export class LargePicture implements PictureSource, AsyncDisposable {
  readonly width: number;
  readonly height: number;
  /** What it was in its file. */
  readonly source: FilePicture["source"];
  readonly hasAlpha: boolean;
  readonly metadata: PictureMetadata;
  readonly #tags: PictureHeader["tags"];
  readonly #path: string;
  readonly #file: number;

  private constructor(size: Size, { source, hasAlpha, metadata, tags }: PictureHeader, path: string) {
    this.width = size.width;
    this.height = size.height;
    this.source = source;
    this.hasAlpha = hasAlpha;
    this.metadata = metadata;
    this.#tags = tags;
    this.#path = path;
    this.#file = openSync(path, "r");
  }

  /**
   * Decodes a file or a file's bytes, as `readPicture` does, into a temporary file of four bytes a
   * pixel.
   *
   * @param beside the temporary file is made in the folder of this path.
   * @throws Error as `readPicture` does, and where the disk is full.
   */
  static async open(
    file: string | Uint8Array,
    beside: string,
    options: ReadPictureOptions = {},
  ): Promise<LargePicture> {
    const name = nameOf(file, options);
    const start = typeof file === "string" ? await readStart(file) : file;
    const header = await readHeader(start, file, name, options);
    const { source, damaged } = header;
    const size = targetSize(name, source, options);
    // libvips goes by the ending: its own format is raw pixels after a short header.
    const temporary = temporaryBeside(beside, ".v");
    try {
      const decode = async () => (await decoding(file, header, size)).toFile(temporary);
      await unlessAborted(decode(), options.signal, (cause) => {
        const isFull = cause instanceof Error && /write|space/i.test(cause.message);
        return isFull ? writeFailure(beside, "ENOSPC", cause) : damaged(cause);
      });
      return new LargePicture(size, header, temporary);
    } catch (error) {
      await removeTemporary(temporary);
      throw error;
    }
  }

  async read({ left, top, width, height }: Area): Promise<Picture> {
    const data = new Uint8Array(width * height * 4);
    const row = width * 4;
    for (let y = 0; y < height; y++) {
      readSync(this.#file, data, y * row, row, VIPS_HEADER + ((top + y) * this.width + left) * 4);
    }
    toSrgb(data, this.#tags);
    return { width, height, data };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeSync(this.#file);
    await removeTemporary(this.#path);
  }
}

/** Rows of a strip of the TIFF file that tiles are gathered in. */
const STRIP_ROWS = 64;

/** A picture file that is written tile by tile and appears, whole, when it is finished. */
export class LargePictureWriter implements AsyncDisposable {
  readonly #path: string;
  readonly #size: Size;
  readonly #temporary: string;
  readonly #file: number;
  readonly #start: number;

  /**
   * @param path what the file is to be called; its ending says the format. Temporary files are made
   *   in its folder.
   */
  constructor(path: string, size: Size) {
    writtenFormat(path);
    this.#path = path;
    this.#size = size;
    this.#temporary = temporaryBeside(path);
    const header = tiffHeader(size);
    this.#start = header.length;
    this.#file = openSync(this.#temporary, "wx");
    writeSync(this.#file, header);
  }

  /** Takes the pixels of one tile; tiles may come in any order. */
  write({ left, top, picture }: PaintedTile): void {
    const row = picture.width * 4;
    try {
      for (let y = 0; y < picture.height; y++) {
        const at = this.#start + ((top + y) * this.#size.width + left) * 4;
        if (writeSync(this.#file, picture.data, y * row, row, at) !== row)
          throw writeFailure(this.#path, "ENOSPC", undefined);
      }
    } catch (error) {
      const code = systemCode(error);
      throw code === undefined ? error : writeFailure(this.#path, code, error);
    }
  }

  /**
   * Encodes the file, as `writePicture` does.
   *
   * @param hasAlpha whether the picture may be transparent anywhere.
   */
  async finish(hasAlpha: boolean, { quality, metadata, signal }: WritePictureOptions = {}): Promise<void> {
    const format = writtenFormat(this.#path);
    const image = sharp(this.#temporary, { sequentialRead: true, limitInputPixels: false });
    if (!hasAlpha) image.removeAlpha();
    else if (format === "jpeg") image.flatten({ background: "white" });
    const { width, height } = this.#size;
    const encode = (temporary: string) =>
      unlessAborted<void>(
        addMetadata(encoding(image, format, quality), metadata)
          .toFile(temporary)
          .then(() => undefined),
        signal,
        (cause) =>
          cannotWrite(
            this.#path,
            `${width} x ${height} pixels could not be stored as ${LABELS[format]}. Choose .png or .tiff instead, or free space on the disk.`,
            cause,
          ),
      );
    await replaceFileBy(this.#path, encode, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeSync(this.#file);
    await removeTemporary(this.#temporary);
  }
}

/**
 * The header of an uncompressed TIFF file of RGBA bytes (TIFF 6.0), whose pixels follow at once.
 */
function tiffHeader({ width, height }: Size): Buffer {
  const strips = Math.ceil(height / STRIP_ROWS);
  const entries = 12;
  const bitsAt = 8 + 2 + entries * 12 + 4;
  const offsetsAt = bitsAt + 8;
  const countsAt = offsetsAt + strips * 4;
  const start = countsAt + strips * 4;
  const header = Buffer.alloc(start);
  header.write("II*\0", "latin1");
  header.writeUInt32LE(8, 4);
  header.writeUInt16LE(entries, 8);
  const [SHORT, LONG] = [3, 4];
  // A value that does not fit its four bytes is where the values are; one strip's offset and length
  // do fit.
  const fields: readonly (readonly [tag: number, type: number, count: number, value: number])[] = [
    [256, LONG, 1, width],
    [257, LONG, 1, height],
    [258, SHORT, 4, bitsAt],
    [259, SHORT, 1, 1], // not compressed
    [262, SHORT, 1, 2], // RGB
    [273, LONG, strips, strips === 1 ? start : offsetsAt],
    [277, SHORT, 1, 4], // samples a pixel
    [278, LONG, 1, STRIP_ROWS],
    [279, LONG, strips, strips === 1 ? width * height * 4 : countsAt],
    [284, SHORT, 1, 1], // pixel by pixel
    [338, SHORT, 1, 2], // the fourth sample is alpha, not premultiplied
    [339, SHORT, 1, 1], // unsigned
  ];
  for (const [index, [tag, type, count, value]] of fields.entries()) {
    const at = 10 + index * 12;
    header.writeUInt16LE(tag, at);
    header.writeUInt16LE(type, at + 2);
    header.writeUInt32LE(count, at + 4);
    header.writeUInt32LE(value, at + 8);
  }
  for (let sample = 0; sample < 4; sample++) header.writeUInt16LE(8, bitsAt + sample * 2);
  const strip = STRIP_ROWS * width * 4;
  for (let index = 0; index < strips; index++) {
    header.writeUInt32LE(start + index * strip, offsetsAt + index * 4);
    header.writeUInt32LE(Math.min(strip, width * height * 4 - index * strip), countsAt + index * 4);
  }
  return header;
}
