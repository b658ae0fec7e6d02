import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Dataset, Random } from "@adaattn/train";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let folder: string;
const at = (name: string) => join(folder, name);

/** A picture of one colour. */
const plain = (width: number, height: number, background: string) =>
  sharp({ create: { width, height, channels: 3, background } });

/** A picture whose red grows to the right and whose green grows downwards; blue tells pictures apart. */
function ramp(width: number, height: number, blue: number) {
  const data = Buffer.alloc(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    data.set([(pixel % width) * 5, Math.floor(pixel / width) * 5, blue], pixel * 3);
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "adaattn-dataset-"));
  for (const name of ["good", "good/deeper", "mixed", "plain", "alone", "empty"]) await mkdir(at(name));
  await ramp(40, 24, 10).png().toFile(at("good/a.png"));
  await ramp(24, 30, 20).png().toFile(at("good/b.PNG"));
  await ramp(24, 24, 30).png().toFile(at("good/deeper/c.png"));
  await writeFile(at("good/notes.txt"), "no picture");
  await plain(20, 20, "#f00").png().toFile(at("mixed/a.png"));
  await writeFile(at("mixed/broken.jpg"), "not a JPEG");
  await writeFile(at("mixed/empty.png"), "");
  await plain(20, 20, "#0f0").png().toFile(at("mixed/z.png"));
  await plain(60, 30, "#3366cc").jpeg({ quality: 100 }).toFile(at("plain/a.jpg"));
  await plain(30, 60, "#3366cc").greyscale().png().toFile(at("plain/grey.png"));
  await sharp({ create: { width: 40, height: 40, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } })
    .png()
    .toFile(at("plain/transparent.png"));
  await plain(20, 20, "#f00").png().toFile(at("alone/a.png"));
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

describe("a folder", () => {
  test("is read with all that is below it", async () => {
    const dataset = await Dataset.open(at("good"), { shorterSide: 24 });
    expect(dataset.size).toBe(3);
    const blues = new Set(planes(dataset.batch(new Random(1), 60, 4), 4, 2).flat());
    expect([...blues].sort()).toEqual([10, 20, 30]);
  });

  test("may be read in part, evenly", async () => {
    const dataset = await Dataset.open(at("good"), { shorterSide: 24, limit: 2 });
    expect(dataset.size).toBe(2);
    const blues = new Set(planes(dataset.batch(new Random(1), 40, 4), 4, 2).flat());
    expect([...blues].sort()).toEqual([10, 20]);
  });

  test("has its bad files reported once each and left out", async () => {
    const bad: [string, string][] = [];
    const onBadFile = (path: string, reason: string) => bad.push([path, reason]);
    const dataset = await Dataset.open(at("mixed"), { shorterSide: 16, onBadFile });
    expect(dataset.size).toBe(2);
    expect(bad.map(([path]) => path).sort()).toEqual([at("mixed/broken.jpg"), at("mixed/empty.png")]);
    for (const [, reason] of bad) expect(reason).toMatch(/\S/);
    const batch = dataset.batch(new Random(1), 20, 8);
    expect(bad).toHaveLength(2);
    expect(new Set(planes(batch, 8, 0).map((red) => red.join()))).toEqual(
      new Set([Array(64).fill(255).join(), Array(64).fill(0).join()]),
    );
  });

  test.each([
    ["alone", 1],
    ["empty", 0],
  ])("called %s is too few pictures", async (name, count) => {
    await expect(Dataset.open(at(name), { shorterSide: 16 })).rejects.toThrow(
      new Error(`Expected at least two pictures in ${at(name)} but found ${count}`),
    );
  });

  test("that does not exist is an error", async () => {
    await expect(Dataset.open(at("missing"), { shorterSide: 16 })).rejects.toThrow(/ENOENT.*missing/);
  });
});

describe("a batch", () => {
  test("holds whole crops of pictures, flipped half the time", async () => {
    const dataset = await Dataset.open(at("good"), { shorterSide: 24 });
    const [crop, count] = [6, 200];
    const batch = dataset.batch(new Random(5), count, crop);
    expect(batch).toHaveLength(count * 3 * crop * crop);
    const [reds, greens, blues] = [0, 1, 2].map((channel) => planes(batch, crop, channel)) as [
      number[][],
      number[][],
      number[][],
    ];
    const sizes: Record<number, readonly [number, number]> = { 10: [40, 24], 20: [24, 30], 30: [24, 24] };
    const seen = new Map<number, { flips: number; samples: number; lefts: Set<number>; tops: Set<number> }>();
    for (let sample = 0; sample < count; sample++) {
      const [red = [], green = [], blue = []] = [reds[sample], greens[sample], blues[sample]];
      const [width, height] = sizes[blue[0] ?? 0] ?? [0, 0];
      const flipped = (red[0] ?? 0) > (red[1] ?? 0);
      const [left, top] = [Math.min(...red) / 5, Math.min(...green) / 5];
      expect(left + crop).toBeLessThanOrEqual(width);
      expect(top + crop).toBeLessThanOrEqual(height);
      for (let pixel = 0; pixel < crop * crop; pixel++) {
        const column = pixel % crop;
        expect(red[pixel]).toBe(5 * (left + (flipped ? crop - 1 - column : column)));
        expect(green[pixel]).toBe(5 * (top + Math.floor(pixel / crop)));
        expect(blue[pixel]).toBe(blue[0]);
      }
      const entry = seen.get(blue[0] ?? 0) ?? { flips: 0, samples: 0, lefts: new Set(), tops: new Set() };
      seen.set(blue[0] ?? 0, entry);
      entry.samples++;
      if (flipped) entry.flips++;
      entry.lefts.add(left);
      entry.tops.add(top);
    }
    // Every picture is met, with crops from all over it and both ways round.
    for (const [blue, [width, height]] of Object.entries(sizes)) {
      const { flips, samples, lefts, tops } = seen.get(Number(blue)) ?? {
        flips: 0,
        samples: 0,
        lefts: new Set<number>(),
        tops: new Set<number>(),
      };
      expect(samples).toBeGreaterThan(count / 6);
      expect(flips / samples).toBeGreaterThan(0.25);
      expect(flips / samples).toBeLessThan(0.75);
      expect(Math.max(...lefts)).toBeGreaterThan((width - crop) * 0.8);
      expect(Math.min(...lefts)).toBeLessThan((width - crop) * 0.2);
      expect(Math.max(...tops)).toBeGreaterThan((height - crop) * 0.8);
      expect(Math.min(...tops)).toBeLessThan((height - crop) * 0.2);
    }
  });

  test("is the same for the same random numbers, and only then", async () => {
    const [one, two] = [
      await Dataset.open(at("good"), { shorterSide: 24 }),
      await Dataset.open(at("good"), { shorterSide: 24 }),
    ];
    expect(one.batch(new Random(9), 5, 8)).toEqual(two.batch(new Random(9), 5, 8));
    expect(one.batch(new Random(9), 5, 8)).not.toEqual(one.batch(new Random(10), 5, 8));
    const random = new Random(9);
    expect(one.batch(random, 5, 8)).not.toEqual(one.batch(random, 5, 8));
  });

  test("may be of whole pictures, resized to the shorter side; grey and transparent ones have colours too", async () => {
    const dataset = await Dataset.open(at("plain"), { shorterSide: 16 });
    expect(dataset.size).toBe(3);
    const batch = dataset.batch(new Random(2), 30, 16);
    const colours = new Set(
      Array.from({ length: 30 }, (_, sample) =>
        [0, 1, 2].map((channel) => Math.round((planes(batch, 16, channel)[sample]?.[100] ?? 0) / 17)).join(),
      ),
    );
    const grey = [...colours].filter((colour) => new Set(colour.split(",")).size === 1 && colour !== "15,15,15");
    expect(grey).toHaveLength(1);
    expect([...colours].sort()).toEqual(["15,15,15", "3,6,12", ...grey].sort());
  });

  test("of crops larger than the pictures is refused", async () => {
    const dataset = await Dataset.open(at("good"), { shorterSide: 24 });
    expect(dataset.batch(new Random(1), 1, 24)).toHaveLength(3 * 24 * 24);
    expect(() => dataset.batch(new Random(1), 1, 25)).toThrow(
      new Error("Expected a crop of at most 24 pixels, the pictures' shorter side, but received 25"),
    );
  });
});
