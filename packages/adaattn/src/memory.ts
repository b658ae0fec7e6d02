/** How large tiles may be for the memory that there is. */

import type { Architecture } from "./architecture.ts";
import type { TileControls } from "./controls.ts";
import type { Size } from "./image.ts";
import { LEAST_TILE, type Margins } from "./tiles.ts";

/** What a call may take by default, in bytes. */
export const DEFAULT_MEMORY = 1.5e9;

/** How many maps of the widest layer at full size are alive at once. */
const LIVING_MAPS = 4;

/** Bytes for each pixel of what is encoded and decoded at a time. */
export function bytesPerPixel({ encoder, decoder }: Architecture): number {
  let widest = 3;
  for (const layer of encoder.levels[0] ?? [])
    if (layer.kind === "convolution") widest = Math.max(widest, layer.outputs);
  const last = decoder.findLastIndex(({ kind }) => kind === "upsample");
  for (const layer of decoder.slice(last)) if (layer.kind === "convolution") widest = Math.max(widest, layer.inputs);
  return 4 * LIVING_MAPS * widest;
}

/** The longest side of a tile: what was asked for, or what fits into the memory together with its margins. */
export function tileSide(
  architecture: Architecture,
  { encoder, decoder }: Margins,
  size: Size,
  { tile = "auto", memory = DEFAULT_MEMORY }: TileControls,
): number {
  const longer = Math.max(size.width, size.height);
  if (tile === "off") return longer;
  if (tile !== "auto") return tile;
  const pixels = memory / bytesPerPixel(architecture);
  if (size.width * size.height <= pixels) return longer;
  const side = Math.floor(Math.sqrt(pixels)) - 2 * (encoder + decoder);
  if (side < LEAST_TILE) {
    const least = (LEAST_TILE + 2 * (encoder + decoder)) ** 2 * bytesPerPixel(architecture);
    throw new Error(
      `Expected at least ${Math.ceil(least / 1e6)} MB of memory to paint with ${architecture.name} in tiles but received ${Math.floor(memory / 1e6)} MB.`,
    );
  }
  return side;
}
