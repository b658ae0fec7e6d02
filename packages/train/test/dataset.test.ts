import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Dataset } from "@adaattn/train";
import { AdaattnError } from "adaattn/node";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drawCrops } from "../src/data/crops.ts";
import { listPictures } from "../src/data/pictureFiles.ts";

let folder: string;
const at = (name: string) => join(folder, name);

/** A picture of one color. */
const plain = (width: number, height: number, background: string) =>
  sharp({ create: { width, height, channels: 3, background } });

/**
 * A picture whose red grows to the right and whose green grows downwards; blue tells pictures
 * apart.
 */
function ramp(width: number, height: number, blue: number) {
  const data = Buffer.alloc(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    data.set([(pixel % width) * 5, Math.floor(pixel / width) * 5, blue], pixel * 3);
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "adaattn-dataset-"));
  for (const name of ["good", "good/deeper", "mixed", "plain", "alone", "empty", "broken"]) await mkdir(at(name));
  await ramp(40, 24, 10).png().toFile(at("good/a.png"));
  await ramp(24, 30, 20).png().toFile(at("good/b.PNG"));
  await ramp(24, 24, 30).png().toFile(at("good/deeper/c.png"));
  await writeFile(at("good/notes.txt"), "no picture");
  await writeFile(at("good/._a.png"), "what a Mac leaves on foreign disks");
  await plain(20, 20, "#f00").png().toFile(at("mixed/a.png"));
  await writeFile(at("mixed/broken.jpg"), "not a JPEG");
  await writeFile(at("mixed/empty.png"), "");
  await plain(20, 20, "#0f0").png().toFile(at("mixed/z.png"));
  await plain(60, 30, "#3366cc").jpeg({ quality: 100 }).toFile(at("plain/a.jpg"));
  await plain(30, 60, "#3366cc").greyscale().png().toFile(at("plain/gray.png"));
  await sharp({ create: { width: 40, height: 40, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } })
    .png()
    .toFile(at("plain/transparent.png"));
  await plain(20, 20, "#f00").png().toFile(at("alone/a.png"));
  for (const name of ["a", "b"]) await writeFile(at(`broken/${name}.jpg`), "not a JPEG");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The samples of a batch, as rows of one channel. */
function planes(batch: Float32Array, crop: number, channel: number): number[][] {
  const plane = crop * crop;
  return Array.from({ length: batch.length / (3 * plane) }, (_, sample) =>
    [...batch.subarray((sample * 3 + channel) * plane, (sample * 3 + channel + 1) * plane)].map((value) =>
      Math.round(value * 255),
    ),
  );
}

/** The crops of a step, drawn in this thread. */
async function draw(
  name: string,
  crop: number,
  count: number,
  { seed = 1, step = 1, soft = 0 } = {},
): Promise<Float32Array> {
  return (await drawCrops(await listPictures(at(name)), { seed, step, count, crop, soft })).values;
}

describe("a dataset", () => {
  test("draws in a thread of its own what its seed and step say, and reports bad files once each", async () => {
    const bad: [string, string][] = [];
    const options = { crop: 8, seed: 3, onBadFile: (path: string, reason: string) => bad.push([path, reason]) };
    const dataset = await Dataset.open(at("mixed"), options);
    expect(dataset.size).toBe(4);
    const batches = await Promise.all([dataset.batch(1, 20), dataset.batch(2, 20)]);
    expect(batches).toEqual([
      await draw("mixed", 8, 20, { seed: 3, step: 1 }),
      await draw("mixed", 8, 20, { seed: 3, step: 2 }),
    ]);
    expect(await dataset.batch(1, 20)).toEqual(batches[0]);
    expect(bad.map(([path]) => path).sort()).toEqual([at("mixed/broken.jpg"), at("mixed/empty.png")]);
    for (const [, reason] of bad) expect(reason).toMatch(/\S/);
    // Only good pictures are seen.
    expect(new Set(planes(batches[0] ?? new Float32Array(), 8, 0).map((red) => red.join()))).toEqual(
      new Set([Array(64).fill(255).join(), Array(64).fill(0).join()]),
    );
    const rejected = expect(dataset.batch(3, 2)).rejects.toThrow("The dataset was closed.");
    await dataset[Symbol.asyncDispose]();
    await rejected;
    await expect(dataset.batch(3, 2)).rejects.toThrow("The dataset was closed.");
  });

  test("draws pairs of frames, in its thread as in this one", async () => {
    await using dataset = await Dataset.open(at("good"), { crop: 16, seed: 3 });
    const { first, second } = await dataset.framePairs(4, 3);
    const draw = { seed: 3, step: 4, count: 3, crop: 16, soft: 0 };
    const drawn = await drawCrops(await listPictures(at("good")), { ...draw, moving: true });
    expect({ first, second }).toEqual({ first: drawn.values, second: drawn.moved });
    expect([first.length, second.values.length, second.rows.length, second.columns.length]).toEqual([
      ...[3 * 3 * 256, 3 * 3 * 256, 3 * 256, 3 * 256],
    ]);
    // A sensor's noise apart, the second frame has the picture's blue, about as bright.
    for (let sample = 0; sample < 3; sample++) {
      const blues = planes(first, 16, 2)[sample] ?? [];
      const [blue = 0] = blues;
      expect(new Set(blues).size).toBe(1);
      const others = planes(second.values, 16, 2)[sample] ?? [];
      const mean = others.reduce((sum, value) => sum + value, 0) / others.length;
      expect(Math.abs(mean - blue)).toBeLessThan(4);
    }
    expect((await drawCrops(await listPictures(at("good")), draw)).moved).toBeUndefined();
  });

  test.each([
    ["alone", 1],
    ["empty", 0],
  ])("of the folder called %s has too few pictures", async (name, count) => {
    await expect(Dataset.open(at(name), { crop: 16, seed: 1 })).rejects.toThrow(
      new Error(`Expected at least two pictures in ${at(name)} but found ${count}.`),
    );
  });

  test.each([
    ["missing", "it does not exist. Check its name."],
    ["good/a.png", "it is not a folder. Name the folder that it is in."],
  ])("of %s is an error", async (name, reason) => {
    await expect(Dataset.open(at(name), { crop: 16, seed: 1 })).rejects.toThrow(
      new AdaattnError("file", `Cannot read ${at(name)}: ${reason}`),
    );
  });

  test("without any picture that can be read says why", async () => {
    await expect(draw("broken", 16, 2)).rejects.toThrow(
      /^Expected pictures that can be read but the last 20 could not: .*unsupported image format/,
    );
  });

  test("has all that is below its folder, in an order of its own", async () => {
    expect(await listPictures(at("good"))).toEqual([at("good/a.png"), at("good/b.PNG"), at("good/deeper/c.png")]);
    const blues = new Set(planes(await draw("good", 16, 60), 16, 2).flat());
    expect([...blues].sort()).toEqual([10, 20, 30]);
  });
});

describe("a batch", () => {
  test("holds crops from their own size to all of a picture, from all over it, flipped half the time", async () => {
    const [crop, count] = [16, 200];
    const batch = await draw("good", crop, count, { seed: 5 });
    expect(batch).toHaveLength(count * 3 * crop * crop);
    const [reds, greens, blues] = [0, 1, 2].map((channel) => planes(batch, crop, channel)) as [
      number[][],
      number[][],
      number[][],
    ];
    const sizes: Record<number, readonly [number, number]> = { 10: [40, 24], 20: [24, 30], 30: [24, 24] };
    const seen = new Map<number, { flips: number; scales: number[]; lefts: number[] }>();
    for (let sample = 0; sample < count; sample++) {
      const [red = [], green = [], blue = []] = [reds[sample], greens[sample], blues[sample]];
      const [width, height] = sizes[blue[0] ?? 0] ?? [0, 0];
      expect(new Set(blue).size).toBe(1);
      const [left, right] = [Math.min(...red) / 5, Math.max(...red) / 5];
      const [top, bottom] = [Math.min(...green) / 5, Math.max(...green) / 5];
      const side = ((right - left) * crop) / (crop - 1);
      expect(right).toBeLessThan(width);
      expect(bottom).toBeLessThan(height);
      // Aspect is kept, and no picture is enlarged that is large enough.
      expect(Math.abs(bottom - top - (right - left))).toBeLessThan(1.5);
      expect(side).toBeGreaterThan(14);
      expect(side).toBeLessThan(25.5);
      const entry = seen.get(blue[0] ?? 0) ?? { flips: 0, scales: [], lefts: [] };
      seen.set(blue[0] ?? 0, entry);
      if ((red[0] ?? 0) > (red[1] ?? 0)) entry.flips++;
      entry.scales.push(side);
      entry.lefts.push(left);
    }
    for (const { flips, scales, lefts } of seen.values()) {
      expect(scales.length).toBeGreaterThan(count / 6);
      expect(flips / scales.length).toBeGreaterThan(0.25);
      expect(flips / scales.length).toBeLessThan(0.75);
      expect(Math.max(...scales) - Math.min(...scales)).toBeGreaterThan(6);
      expect(Math.min(...lefts)).toBeLessThan(1);
      expect(Math.max(...lefts)).toBeGreaterThan(5);
    }
  });

  test("has the share of soft crops that is asked for, enlarged up to 3.6 times", async () => {
    const [crop, count] = [16, 200];
    const sides = async (soft: number) => {
      const reds = planes(await draw("good", crop, count, { seed: 6, soft }), crop, 0);
      // Red grows by 5 from one pixel to the next, so a window's reds tell how many pixels it has.
      return reds.map((red) => ((Math.max(...red) - Math.min(...red)) / 5 / (crop - 1)) * crop);
    };
    const soft = (await sides(0.5)).filter((side) => side < 14);
    expect(soft.length / count).toBeGreaterThan(0.35);
    expect(soft.length / count).toBeLessThan(0.55);
    expect(Math.min(...soft)).toBeGreaterThan(2.5);
    expect(Math.min(...soft)).toBeLessThan(6);
    expect((await sides(0)).filter((side) => side < 14)).toEqual([]);
    expect((await sides(1)).filter((side) => side > 17)).toEqual([]);
  });

  test("is another for another seed or step", async () => {
    const batch = await draw("good", 16, 5, { seed: 9, step: 7 });
    expect(await draw("good", 16, 5, { seed: 9, step: 7 })).toEqual(batch);
    expect(await draw("good", 16, 5, { seed: 9, step: 8 })).not.toEqual(batch);
    expect(await draw("good", 16, 5, { seed: 10, step: 7 })).not.toEqual(batch);
  });

  test("enlarges pictures that are smaller than the crop; gray and transparent ones have colors too", async () => {
    const batch = await draw("plain", 48, 30, { seed: 2 });
    const colors = new Set(
      Array.from({ length: 30 }, (_, sample) =>
        [0, 1, 2].map((channel) => Math.round((planes(batch, 48, channel)[sample]?.[100] ?? 0) / 17)).join(),
      ),
    );
    const gray = [...colors].filter((color) => new Set(color.split(",")).size === 1 && color !== "15,15,15");
    expect(gray).toHaveLength(1);
    expect([...colors].sort()).toEqual(["15,15,15", "3,6,12", ...gray].sort());
  });
});
