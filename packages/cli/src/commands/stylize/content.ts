/** A photograph that a command paints: in memory where it is small, on disk where it is not. */

import {
  CONTENT_SIDE,
  type FilePicture,
  inspectPicture,
  LargePicture,
  LargePictureWriter,
  type Model,
  type PaintOptions,
  readPicture,
  type StyleShare,
  type StylizeReport,
  type TileControls,
  writePicture,
} from "adaattn/node";

/** Pictures of more pixels are not taken into memory as a whole, nor are those for which tiles are asked. */
const MOST_IN_MEMORY = 16e6;

/** The longer side that is asked for: a number of pixels, as the file has it, or that up to `CONTENT_SIDE`. */
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
  /** Paints it into a file; calls `onWrite` when all is painted. */
  paint(model: Model, shares: readonly StyleShare[], options: PaintOptions, onWrite: () => void): Promise<PaintResult>;
}

/**
 * Opens a photograph.
 *
 * @param output the file that it will be painted into, in whose folder large ones have their temporary files.
 */
export async function openContent(
  path: string,
  output: string,
  options: { size?: ContentSize; quality?: number; tile: TileControls["tile"]; signal: AbortSignal },
): Promise<Content> {
  const { size, quality, tile, signal } = options;
  const own = await inspectPicture(path, { signal });
  const longer = Math.max(own.width, own.height);
  const wanted = size === "full" ? longer : (size ?? Math.min(longer, CONTENT_SIDE));
  const reading = { longerSide: wanted, signal };
  const pixels = own.width * own.height * (wanted / longer) ** 2;
  if (pixels <= MOST_IN_MEMORY && typeof tile !== "number") {
    return inMemory(await readPicture(path, reading), output, quality);
  }
  return onDisk(await LargePicture.open(path, output, reading), output, quality);
}

function inMemory(picture: FilePicture, output: string, quality: number | undefined): Content {
  return {
    source: picture.source,
    async paint(model, shares, options, onWrite) {
      const { data, ...result } = await model.stylize(picture, shares, { ...options, size: "full" });
      onWrite();
      const writing = performance.now();
      await writePicture(output, { ...result, data }, { quality, signal: options.signal });
      return { ...result, write: performance.now() - writing };
    },
    async [Symbol.asyncDispose]() {},
  };
}

function onDisk(picture: LargePicture, output: string, quality: number | undefined): Content {
  const { width, height, source, hasAlpha } = picture;
  return {
    source,
    async paint(model, shares, options, onWrite) {
      await using writer = new LargePictureWriter(output, picture);
      const result = await model.stylizeTiles(picture, shares, (tile) => writer.write(tile), options);
      onWrite();
      const writing = performance.now();
      await writer.finish(hasAlpha, { quality, signal: options.signal });
      return { width, height, ...result, write: performance.now() - writing };
    },
    [Symbol.asyncDispose]: () => picture[Symbol.asyncDispose](),
  };
}
