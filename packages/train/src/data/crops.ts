/**
 * Random crops of picture files. A crop is a square whose side is half to all of the picture's shorter side, resized to what is
 * asked for and flipped half the time. A picture is shrunk as a whole before it is cut, so that a JPEG can be decoded at a
 * fraction of its size.
 *
 * Which file, which part of it and which way round is a function of the seed, the step and the sample alone, so that a run that
 * was stopped goes on with the very pictures that it would have seen. A file that cannot be read is replaced by another draw,
 * which is a function of these and of how many draws have failed.
 */

import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { cutPair, marginOf } from "./motion.ts";
import { Random } from "./random.ts";

/** The least share of a picture's shorter side that a crop takes in. */
const LEAST_SHARE = 0.5;

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
  /** Whether every crop is to come with a second frame, the same a moment later (motion.ts). */
  readonly moving?: boolean | undefined;
}

/** Second frames, and where their pixels lie in the first ones. */
export interface SecondFrames {
  /** [count, 3, crop, crop] */
  readonly values: Float32Array<ArrayBuffer>;
  /** Resampling matrices [count, crop, crop]: rows x first frame x columns^T is the first frame moved to where the second is. */
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
        if (moved === undefined) return await drawCrop(path, random, draw.crop, target);
        const wide = draw.crop + 2 * marginOf(draw.crop);
        const picture = new Float32Array(3 * wide * wide);
        await drawCrop(path, random, wide, picture);
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

async function drawCrop(path: string, random: Random, crop: number, target: Float32Array): Promise<void> {
  // Bytes, not the path: what a picture is cannot change between looking at its size and cutting it.
  const image = sharp(await readFile(path), { failOn: "error" }).autoOrient();
  const { width, height } = (await image.metadata()).autoOrient;
  const shorter = Math.min(width, height);
  // A picture is enlarged only where it is smaller than the crop.
  const side = Math.max(shorter * (LEAST_SHARE + (1 - LEAST_SHARE) * random.next()), Math.min(shorter, crop));
  const [across, down] = [width, height].map((length) => Math.max(crop, Math.round((length * crop) / side)));
  if (across === undefined || down === undefined) return;
  const [left, top] = [random.below(across - crop + 1), random.below(down - crop + 1)];
  const flipped = random.below(2) === 1;
  const { data, info } = await image
    .resize({ width: across, height: down, fit: "fill" })
    .extract({ left, top, width: crop, height: crop })
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
