/**
 * A photograph on its way through the network, at one size or at several: strokes are as large as
 * the network paints them in a picture of 512 pixels, so a larger one is painted at 512 first. What
 * comes out is enlarged and painted again, and from that only what is finer than the strokes is
 * taken: the composition stays, and the strokes become sharp and get a texture of their own. Steps
 * are about twofold, for there is no texture in between.
 *
 *   painted = Q + low(E - Q)        E: the smaller picture enlarged, Q: E painted
 *
 * Where the photograph itself is asked for, by a strength below 1 or outside all masks, E gets back
 * what the photograph has lost in the smaller size.
 */

import {
  type Area,
  clipped,
  cropPicture,
  type PictureSource,
  relativeTo,
  sourceOf,
  withMargin,
} from "../picture/area.ts";
import { blurReach, joinBands } from "../picture/bands.ts";
import type { Grain } from "../picture/grain.ts";
import { withoutHiddenColors } from "../picture/hidden.ts";
import type { Picture, Size } from "../picture/picture.ts";
import { readAtSize } from "../picture/reduce.ts";
import { Resizing } from "../picture/resize.ts";
import type { TileControls } from "./controls.ts";
import { tileSide } from "./memory.ts";
import type { Mixture } from "./mixture.ts";
import type { Progress } from "./options.ts";
import { type PaintedArea, Pass, type PassInput, type Times } from "./pass.ts";
import { encodedSize } from "./sizes.ts";
import type { RunningStatistics } from "./statistics.ts";
import { planTiles, roundUp } from "./tiles.ts";

/** Where coarse and fine meet: the deviation of the blur, in pixels of the smaller picture. */
const COARSE = 1;

/** How much of a size's time its statistics take. */
const ENCODING = 0.25;

/** What a photograph is painted with, and at which sizes. */
export interface GrowingInput extends Pick<PassInput, "architecture" | "sessions" | "margins" | "styles" | "signal"> {
  /** As it was given. */
  readonly original: PictureSource;
  /** The same without hidden colors. */
  readonly photo: PictureSource;
  /** One after the other; the last is the photograph's own. */
  readonly sizes: readonly Size[];
  /** What brushwork grows from, in the first size. */
  readonly grain: Grain | undefined;
  /**
   * The mixture in a picture of some size; in sizes after the first there is nothing beyond the
   * style.
   */
  readonly mixtureAt: (size: Size, isFirst: boolean) => Mixture;
  readonly statistics: RunningStatistics | undefined;
  readonly tiling: TileControls;
  readonly onProgress: ((progress: Progress) => void) | undefined;
}

/** A photograph and what was painted of it, at a size before. */
interface Smaller {
  readonly photo: Picture;
  readonly painted: Picture;
}

/**
 * Paints all sizes, and gives the tiles of the last.
 *
 * @returns what all stages took, and in how many tiles the last size was painted.
 */
export async function paintGrowing(
  input: GrowingInput,
  write: (done: PaintedArea) => Promise<void>,
): Promise<{ readonly times: Times; readonly tiles: number }> {
  const { original, photo, sizes, signal, onProgress } = input;
  const times: Times = { encode: 0, attend: 0, decode: 0 };
  const total = sizes.reduce((sum, size) => sum + pixelsOf(size), 0);
  let [passed, count] = [0, 0];
  let smaller: Smaller | undefined;
  for (const [index, size] of sizes.entries()) {
    const isLast = index === sizes.length - 1;
    const here = isLast ? photo : sourceOf(await copyOf(original, size, signal));
    const data = new Uint8ClampedArray(isLast ? 0 : pixelsOf(size) * 4);
    const share = pixelsOf(size) / total;
    const before = passed;
    const stage: Stage = {
      photo: here,
      smaller,
      mixture: input.mixtureAt(size, index === 0),
      grain: index === 0 ? input.grain : undefined,
      onProgress:
        sizes.length === 1
          ? onProgress
          : (progress) => onProgress?.({ stage: "paint", fraction: before + share * overall(progress) }),
    };
    count = await paintSize(input, stage, times, isLast ? write : async (done) => paste(data, size.width, done));
    passed += share;
    if (!isLast) smaller = { photo: await here.read({ left: 0, top: 0, ...size }), painted: { ...size, data } };
  }
  return { times, tiles: count };
}

/** One of the sizes. */
interface Stage {
  readonly photo: PictureSource;
  readonly smaller: Smaller | undefined;
  readonly mixture: Mixture;
  readonly grain: Grain | undefined;
  readonly onProgress: ((progress: Progress) => void) | undefined;
}

async function paintSize(
  input: GrowingInput,
  { photo, smaller, mixture, grain, onProgress }: Stage,
  times: Times,
  write: (done: PaintedArea) => Promise<void>,
): Promise<number> {
  const { architecture, sessions, margins, styles, statistics, tiling, signal } = input;
  const size = encodedSize(photo);
  const deviation = smaller === undefined ? 0 : (COARSE * photo.width) / smaller.photo.width;
  const halo = roundUp(blurReach(deviation));
  const widened = { ...margins, decoder: margins.decoder + halo };
  const tiles = planTiles(size, tileSide(architecture, widened, size, tiling, sessions.keepsMemory));
  const content = smaller === undefined ? photo : new Enlarged(photo, smaller, mixture);
  const pass = new Pass({ architecture, sessions, margins, photo: content, size, grain, styles, mixture, signal });
  try {
    const count = tiles.length;
    onProgress?.({ stage: "encode", fraction: 0 });
    await pass.gather(tiles, statistics, (done) => onProgress?.({ stage: "encode", fraction: done / count }));
    for (const [index, tile] of tiles.entries()) {
      if (count > 1) onProgress?.({ stage: "paint", fraction: index / count });
      const onStage = (stage: "attend" | "decode", fraction: number) => onProgress?.({ stage, fraction });
      const done = await pass.paint(withMargin(tile, halo, size), count > 1 ? () => undefined : onStage);
      if (smaller === undefined) await write(done);
      else {
        const area = clipped(tile, photo);
        const bands = { fine: done.picture, coarse: done.content, outer: done.area, whole: photo };
        await write({ area, picture: joinBands(bands, area, deviation), content: await photo.read(area) });
      }
    }
    onProgress?.({ stage: count > 1 ? "paint" : "decode", fraction: 1 });
    for (const stage of ["encode", "attend", "decode"] as const) times[stage] += pass.times[stage];
    return count;
  } finally {
    pass.dispose();
  }
}

/** How far a size is, whatever its stage. */
function overall({ stage, fraction }: Progress): number {
  const [begin, length] = {
    style: [0, 0],
    encode: [0, ENCODING],
    attend: [ENCODING, 0.4],
    decode: [0.65, 0.35],
    paint: [ENCODING, 1 - ENCODING],
  }[stage] as [number, number];
  return begin + length * fraction;
}

/** A copy of the photograph, of which everything is seen. */
async function copyOf(original: PictureSource, size: Size, signal: AbortSignal | undefined): Promise<Picture> {
  const seen = await withoutHiddenColors(sourceOf(await readAtSize(original, size, signal)), signal);
  const { data } = await seen.read({ left: 0, top: 0, ...size });
  const opaque = new Uint8ClampedArray(data);
  for (let at = 3; at < opaque.length; at += 4) opaque[at] = 255;
  return { ...size, data: opaque };
}

/**
 * What was painted at the size before, enlarged, with what the photograph has lost where it is
 * asked for; its alpha is the photograph's.
 */
class Enlarged implements PictureSource {
  readonly width: number;
  readonly height: number;
  readonly #photo: PictureSource;
  readonly #smaller: Smaller;
  readonly #mixture: Mixture;
  readonly #resizing: Resizing;
  /** What was read last; parts of it are read again. */
  #last: { readonly area: Area; readonly picture: Picture } | undefined;

  constructor(photo: PictureSource, smaller: Smaller, mixture: Mixture) {
    this.width = photo.width;
    this.height = photo.height;
    this.#photo = photo;
    this.#smaller = smaller;
    this.#mixture = mixture;
    this.#resizing = new Resizing(smaller.photo, photo);
  }

  async read(area: Area): Promise<Picture> {
    const last = this.#last;
    if (last !== undefined && isWithin(area, last.area)) return cropPicture(last.picture, relativeTo(last.area, area));
    const picture = await this.#make(area);
    this.#last = { area, picture };
    return picture;
  }

  async #make(area: Area): Promise<Picture> {
    const { photo: copy, painted } = this.#smaller;
    const enlarged = (from: Picture) => this.#resizing.make(area, cropPicture(from, this.#resizing.sourceOf(area)));
    const { data } = enlarged(painted);
    const own = this.#mixture.sharesOn(area, 1, area)?.own;
    const photo = await this.#photo.read(area);
    const blurred = own?.some((share) => share > 0) ? enlarged(copy).data : undefined;
    for (let at = 0; at < data.length; at++) {
      if (at % 4 === 3) data[at] = photo.data[at] as number;
      else if (blurred !== undefined) {
        const share = Math.min(1, Math.max(0, own?.[at >> 2] ?? 0));
        data[at] = (data[at] as number) + share * ((photo.data[at] as number) - (blurred[at] as number));
      }
    }
    return { width: area.width, height: area.height, data };
  }
}

function isWithin(area: Area, outer: Area): boolean {
  const { left, top, width, height } = relativeTo(outer, area);
  return left >= 0 && top >= 0 && left + width <= outer.width && top + height <= outer.height;
}

function paste(data: Uint8ClampedArray, width: number, { area, picture }: PaintedArea): void {
  for (let y = 0; y < area.height; y++) {
    const row = picture.data.subarray(y * area.width * 4, (y + 1) * area.width * 4);
    data.set(row, ((area.top + y) * width + area.left) * 4);
  }
}

function pixelsOf({ width, height }: Size): number {
  return width * height;
}
