/** A photograph that a command paints: in memory where it is small, on disk where it is not. */

import { join } from "node:path";
import { CONTENT_SIDE, type TileControls } from "adaattn/internal";
import {
  type FilePicture,
  inspectPicture,
  type KeptMetadata,
  keepMetadata,
  LargePicture,
  LargePictureWriter,
  type Model,
  type PaintOptions,
  readPicture,
  type StyleShare,
  type StylizeReport,
  type WritePictureOptions,
  writePicture,
} from "adaattn/node";
import { openInput } from "../../files/reading.ts";

/**
 * Pictures of more pixels are not taken into memory as a whole, nor are those for which tiles are
 * asked.
 */
const MOST_IN_MEMORY = 16e6;

/**
 * The longer side that is asked for: a number of pixels, as the file has it, or that up to
 * `CONTENT_SIDE`.
 */
export type ContentSize = number | "full" | undefined;

/** What was painted. */
export interface PaintResult extends StylizeReport {
  readonly width: number;
  readonly height: number;
  /** How long the file took to write, in milliseconds. */
  readonly write: number;
}

/** A photograph that can be painted. */
export interface Content extends AsyncDisposable {
  /** What it was in its file. */
  readonly source: FilePicture["source"];
  /** Paints it into a file of this name; calls `onWrite` when all is painted. */
  paint(
    output: string,
    model: Model,
    shares: readonly StyleShare[],
    options: PaintOptions,
    onWrite: () => void,
  ): Promise<PaintResult>;
}

/**
 * Opens a photograph.
 *
 * @param path a file, an address, or - for stdin.
 * @param folder where large ones have their temporary files.
 */
export async function openContent(
  path: string,
  folder: string,
  options: {
    size?: ContentSize | undefined;
    quality?: number | undefined;
    metadata: KeptMetadata;
    tile: TileControls["tile"];
    signal: AbortSignal;
  },
): Promise<Content> {
  const { size, quality, metadata: kept, tile, signal } = options;
  const { file, name } = await openInput(path, signal);
  const own = await inspectPicture(file, { name, signal });
  const longer = Math.max(own.width, own.height);
  const wanted = size === "full" ? longer : (size ?? Math.min(longer, CONTENT_SIDE));
  const reading = { longerSide: wanted, name, signal };
  const pixels = own.width * own.height * (wanted / longer) ** 2;
  if (pixels <= MOST_IN_MEMORY && typeof tile !== "number") {
    const picture = await readPicture(file, reading);
    return inMemory(picture, { quality, metadata: keepMetadata(picture.metadata, kept) });
  }
  const picture = await LargePicture.open(file, join(folder, "content"), reading);
  return onDisk(picture, { quality, metadata: keepMetadata(picture.metadata, kept) });
}

function inMemory(picture: FilePicture, writing: WritePictureOptions): Content {
  return {
    source: picture.source,
    async paint(output, model, shares, options, onWrite) {
      const { data, ...result } = await model.stylize(picture, shares, { ...options, size: "full" });
      onWrite();
      const begun = performance.now();
      await writePicture(output, { ...result, data }, { ...writing, signal: options.signal });
      return { ...result, write: performance.now() - begun };
    },
    async [Symbol.asyncDispose]() {},
  };
}

function onDisk(picture: LargePicture, writing: WritePictureOptions): Content {
  const { width, height, source, hasAlpha } = picture;
  return {
    source,
    async paint(output, model, shares, options, onWrite) {
      await using writer = new LargePictureWriter(output, picture);
      const result = await model.stylizeTiles(picture, shares, (tile) => writer.write(tile), options);
      onWrite();
      const begun = performance.now();
      await writer.finish(hasAlpha, { ...writing, signal: options.signal });
      return { width, height, ...result, write: performance.now() - begun };
    },
    [Symbol.asyncDispose]: () => picture[Symbol.asyncDispose](),
  };
}
