/**
 * Random crops of picture files: square windows, resized to what is asked for and flipped half the
 * time. A window lies between as many pixels as the crop has, which is how a large picture looks to
 * the network, and the picture's shorter side; the smaller ones are the more frequent. Some windows
 * are smaller still and enlarged, since many pictures that people have are soft.
 *
 * Which file, which part of it and which way round is a function of the seed, the step and the
 * sample alone, so that a run that was stopped goes on with the very pictures that it would have
 * seen. A file that cannot be read is replaced by another draw, which is a function of these and of
 * how many draws have failed.
 */

import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { cutPair, marginOf } from "./motion.ts";
import { Random } from "./random.ts";

/** Above 1, windows nearer to the crop's own scale are drawn more often than larger ones. */
const BIAS = 1.4;

/** The side of the smallest window, as a share of the crop's: it is enlarged 3.6 times. */
const SOFTEST = 0.28;

/** How windows are enlarged; different programs made the soft pictures that people have. */
const KERNELS = ["linear", "cubic", "lanczos3"] as const;

/** How many files are tried for one sample. */
const MOST_ATTEMPTS = 20;

/** What is to be drawn. */
export interface Draw {
  readonly seed: number;
  readonly step: number;
  /** How many crops. */
  readonly count: number;
  /** The side of a crop, in pixels. */
  readonly crop: number;
  /** The share of windows that are smaller than a crop, from 0 to 1. */
  readonly soft: number;
  /** Whether every crop is to come with a second frame, the same a moment later (motion.ts). */
  readonly moving?: boolean | undefined;
}

/** Second frames, and where their pixels lie in the first ones. */
export interface SecondFrames {
  /** [count, 3, crop, crop] */
  readonly values: Float32Array<ArrayBuffer>;
  /**
   * Resampling matrices [count, crop, crop]: rows x first frame x columns^T is the first frame
   * moved to where the second is.
   */
  readonly rows: Float32Array<ArrayBuffer>;
  readonly columns: Float32Array<ArrayBuffer>;
}

/** Crops, and the files that were drawn and could not be read. */
export interface CropBatch {
  /** [count, 3, crop, crop], RGB in [0, 1]. */
  readonly values: Float32Array<ArrayBuffer>;
  readonly moved?: SecondFrames | undefined;
  readonly bad: readonly { readonly path: string; readonly reason: string }[];
}

/** Draws crops from these files. Throws where twenty files in a row cannot be read. */
export async function drawCrops(paths: readonly string[], draw: Draw): Promise<CropBatch> {
  const size = 3 * draw.crop * draw.crop;
  const values = new Float32Array(draw.count * size);
  const square = draw.crop * draw.crop;
  const moved = draw.moving
    ? {
        values: new Float32Array(draw.count * size),
        rows: new Float32Array(draw.count * square),
        columns: new Float32Array(draw.count * square),
      }
    : undefined;
  const bad: CropBatch["bad"][number][] = [];
  const samples = Array.from({ length: draw.count }, async (_, sample) => {
    const target = values.subarray(sample * size, (sample + 1) * size);
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const random = Random.of(draw.seed, draw.step, sample, attempt);
      const path = paths[random.below(paths.length)] ?? "";
      try {
        if (moved === undefined) return await drawCrop(path, random, draw.crop, draw.soft, target);
        const wide = draw.crop + 2 * marginOf(draw.crop);
        const picture = new Float32Array(3 * wide * wide);
        await drawCrop(path, random, wide, draw.soft, picture);
        const partOf = (array: Float32Array, length: number) => array.subarray(sample * length, (sample + 1) * length);
        return cutPair(picture, random, draw.crop, {
          first: target,
          second: partOf(moved.values, size),
          rows: partOf(moved.rows, square),
          columns: partOf(moved.columns, square),
        });
      } catch (error) {
        bad.push({ path, reason: error instanceof Error ? error.message : String(error) });
      }
    }
    throw new Error(
      `Expected pictures that can be read but the last ${MOST_ATTEMPTS} could not: ${bad.at(-1)?.reason}`,
    );
  });
  await Promise.all(samples);
  return { values, moved, bad };
}

/** The side of a random window of a picture whose shorter side is `shorter`, all in pixels. */
function windowSide(random: Random, shorter: number, crop: number, soft: number): number {
  const zoom = random.next();
  const scale = random.next() < soft ? SOFTEST ** zoom : Math.max(1, shorter / crop) ** (zoom ** BIAS);
  return Math.min(shorter, Math.max(1, Math.round(crop * scale)));
}

async function drawCrop(path: string, random: Random, crop: number, soft: number, target: Float32Array): Promise<void> {
  // Bytes, not the path: what a picture is cannot change between looking at its size and cutting
  // it.
  const image = sharp(await readFile(path), { failOn: "error" }).autoOrient();
  const { width, height } = (await image.metadata()).autoOrient;
  const side = windowSide(random, Math.min(width, height), crop, soft);
  const kernel = KERNELS[random.below(KERNELS.length)] ?? "cubic";
  const flipped = random.below(2) === 1;
  if (side <= crop) {
    const [left, top] = [random.below(width - side + 1), random.below(height - side + 1)];
    image.extract({ left, top, width: side, height: side }).resize({ width: crop, height: crop, kernel });
  } else {
    // Shrunk as a whole before it is cut, so that a JPEG is decoded at a fraction of its size.
    const [across = crop, down = crop] = [width, height].map((length) => Math.round((length * crop) / side));
    const [left, top] = [random.below(across - crop + 1), random.below(down - crop + 1)];
    image.resize({ width: across, height: down, fit: "fill" }).extract({ left, top, width: crop, height: crop });
  }
  const { data, info } = await image
    .flatten({ background: "#fff" })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`Expected 3 channels in ${path} but found ${info.channels}.`);
  const plane = crop * crop;
  for (let row = 0; row < crop; row++) {
    for (let column = 0; column < crop; column++) {
      const from = (row * crop + (flipped ? crop - 1 - column : column)) * 3;
      const at = row * crop + column;
      target[at] = (data[from] ?? 0) / 255;
      target[plane + at] = (data[from + 1] ?? 0) / 255;
      target[2 * plane + at] = (data[from + 2] ?? 0) / 255;
    }
  }
}
