/**
 * Pictures to train on. A folder is read recursively; every picture is decoded once, with its shorter side at a fixed length,
 * and kept in memory as bytes; crops and flips are cut from there, so that the engine never waits for a file.
 */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import type { Random } from "./random.ts";

const EXTENSIONS = /\.(jpe?g|png|webp|avif|tiff?|gif)$/i;

interface Pixels {
  readonly width: number;
  readonly height: number;
  /** RGB bytes, row-major. */
  readonly data: Uint8Array;
}

export interface DatasetOptions {
  /** The length of every picture's shorter side, in pixels. */
  readonly shorterSide: number;
  /** At most so many pictures, evenly chosen; all by default. */
  readonly limit?: number;
  /** Called once for every file that cannot be read; it is left out. */
  readonly onBadFile?: (path: string, reason: string) => void;
}

export class Dataset {
  readonly #pictures: readonly Pixels[];
  readonly #shorterSide: number;

  private constructor(pictures: readonly Pixels[], shorterSide: number) {
    this.#pictures = pictures;
    this.#shorterSide = shorterSide;
  }

  /** How many pictures there are. */
  get size(): number {
    return this.#pictures.length;
  }

  /** Reads all pictures below `folder`. Throws where there are fewer than two. */
  static async open(folder: string, { shorterSide, limit, onBadFile }: DatasetOptions): Promise<Dataset> {
    const found = await readdir(folder, { recursive: true, withFileTypes: true });
    let paths = found
      .filter((entry) => entry.isFile() && EXTENSIONS.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
    const stride = limit === undefined ? 1 : Math.max(1, paths.length / limit);
    paths = Array.from({ length: Math.floor(paths.length / stride) }, (_, at) => paths[Math.floor(at * stride)] ?? "");
    const pictures: (Pixels | undefined)[] = new Array(paths.length);
    let next = 0;
    const work = async () => {
      while (next < paths.length) {
        const at = next++;
        const path = paths[at] ?? "";
        try {
          const { data, info } = await sharp(path)
            .rotate()
            .toColourspace("srgb")
            .resize({ width: shorterSide, height: shorterSide, fit: "outside" })
            .flatten({ background: "#fff" })
            .raw()
            .toBuffer({ resolveWithObject: true });
          if (info.channels !== 3) throw new Error(`it has ${info.channels} channels`);
          pictures[at] = { width: info.width, height: info.height, data };
        } catch (error) {
          onBadFile?.(path, error instanceof Error ? error.message : String(error));
        }
      }
    };
    await Promise.all(Array.from({ length: 4 }, work));
    const good = pictures.filter((picture) => picture !== undefined);
    if (good.length < 2) throw new Error(`Expected at least two pictures in ${folder} but found ${good.length}`);
    return new Dataset(good, shorterSide);
  }

  /** Random crops of `count` random pictures, flipped half the time: [count, 3, crop, crop], RGB in [0, 1]. */
  batch(random: Random, count: number, crop: number): Float32Array {
    if (crop > this.#shorterSide) {
      throw new Error(
        `Expected a crop of at most ${this.#shorterSide} pixels, the pictures' shorter side, but received ${crop}`,
      );
    }
    const values = new Float32Array(count * 3 * crop * crop);
    for (let sample = 0; sample < count; sample++) {
      const picture = this.#pictures[random.below(this.#pictures.length)];
      if (picture) cut(picture, random, crop, values.subarray(sample * 3 * crop * crop));
    }
    return values;
  }
}

function cut({ width, height, data }: Pixels, random: Random, crop: number, target: Float32Array): void {
  const left = random.below(width - crop + 1);
  const top = random.below(height - crop + 1);
  const flipped = random.below(2) === 1;
  const plane = crop * crop;
  for (let row = 0; row < crop; row++) {
    for (let column = 0; column < crop; column++) {
      const source = ((top + row) * width + left + (flipped ? crop - 1 - column : column)) * 3;
      const at = row * crop + column;
      target[at] = (data[source] ?? 0) / 255;
      target[plane + at] = (data[source + 1] ?? 0) / 255;
      target[2 * plane + at] = (data[source + 2] ?? 0) / 255;
    }
  }
}
