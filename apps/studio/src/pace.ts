/**
 * How long a picture will take, by how long those before it took: so much for each pixel of all
 * sizes that it is painted at, and more where it goes in tiles, whose margins are painted, too.
 */

import type { Size } from "adaattn";
import { paintedSizes } from "adaattn/internal";

/** How much longer a pixel takes in tiles, until a picture in tiles was measured. */
const MARGINS = 1.6;

export class Pace {
  /** Milliseconds a pixel. */
  #whole: number | undefined;
  #tiled: number | undefined;
  /** Pixels of the smallest picture that went in tiles. */
  #leastTiled = 1e6;

  measure(size: Size, milliseconds: number, tiles: number): void {
    const pace = milliseconds / paintedPixels(size);
    if (tiles === 1) this.#whole = pace;
    else {
      this.#tiled = pace;
      this.#leastTiled = Math.min(this.#leastTiled, size.width * size.height);
    }
  }

  /** Milliseconds that a picture of this size will take; undefined before anything was measured. */
  estimate(size: Size): number | undefined {
    const isTiled = size.width * size.height >= this.#leastTiled;
    const whole = this.#whole ?? (this.#tiled === undefined ? undefined : this.#tiled / MARGINS);
    const pace = isTiled ? (this.#tiled ?? (whole === undefined ? undefined : whole * MARGINS)) : whole;
    return pace === undefined ? undefined : pace * paintedPixels(size);
  }
}

function paintedPixels(size: Size): number {
  return paintedSizes(size).reduce((sum, { width, height }) => sum + width * height, 0);
}
