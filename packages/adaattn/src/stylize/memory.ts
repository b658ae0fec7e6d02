/** How large tiles may be for the memory that there is. */

import { AdaattnError } from "../error.ts";
import type { Architecture } from "../network/architecture.ts";
import type { Size } from "../picture/picture.ts";
import type { TileControls } from "./controls.ts";
import { LEAST_TILE, type Margins } from "./tiles.ts";

/** What a call may take by default, in bytes. */
export const DEFAULT_MEMORY = 1.5e9;

/** How many maps of the widest layer at full size hold as much as all that live at once, measured. */
const LIVING_MAPS = 6;
/** What a call takes whatever the size of its tiles, above all for attention. */
const FIXED = 2e8;

/** How much more that is on an engine that keeps its buffers between runs, measured. */
const KEPT = 2.2;

/** Bytes for each pixel of what is encoded and decoded at a time. */
export function bytesPerPixel({ encoder, decoder }: Architecture, keepsMemory: boolean): number {
  const last = decoder.findLastIndex(({ kind }) => kind === "upsample");
  const layers = [...(encoder.levels[0] ?? []), ...decoder.slice(last)];
  const widths = layers.map((layer) => (layer.kind === "convolution" ? Math.max(layer.inputs, layer.outputs) : 0));
  return 4 * LIVING_MAPS * (keepsMemory ? KEPT : 1) * Math.max(...widths);
}

/** What painting takes in the smallest tiles, in bytes. */
export function leastMemory(architecture: Architecture, { encoder, decoder }: Margins, keepsMemory: boolean): number {
  return FIXED + (LEAST_TILE + 2 * (encoder + decoder)) ** 2 * bytesPerPixel(architecture, keepsMemory);
}

/**
 * The longest side of a tile: what was asked for, or what fits into the memory together with its
 * margins.
 */
export function tileSide(
  architecture: Architecture,
  margins: Margins,
  size: Size,
  { tile = "auto", memory = DEFAULT_MEMORY }: TileControls,
  keepsMemory: boolean,
): number {
  const longer = Math.max(size.width, size.height);
  if (tile === "off") return longer;
  if (tile !== "auto") return tile;
  const pixels = (memory - FIXED) / bytesPerPixel(architecture, keepsMemory);
  if (size.width * size.height <= pixels) return longer;
  const least = leastMemory(architecture, margins, keepsMemory);
  if (memory < least) {
    const [needed, received] = [Math.ceil(least / 1e6), Math.floor(memory / 1e6)];
    throw new AdaattnError(
      "memory",
      `Expected at least ${needed} MB of memory to paint with ${architecture.name} in tiles but received ${received} MB.`,
    );
  }
  return Math.floor(Math.sqrt(pixels)) - 2 * (margins.encoder + margins.decoder);
}
