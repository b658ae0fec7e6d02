/**
 * What the colors of a file mean: profiles of deep pictures, numbers that are no bytes, tags
 * without a profile.
 */

import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LargePicture } from "../../src/node/largePictures.ts";
import { inspectPicture, readPicture } from "../../src/node/pictures.ts";
import { adobeProfile, grayProfile, tiffOf } from "../tiffFiles.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "adaattn-colors-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/**
 * The color in the middle, as it is read into memory and by way of the disk, which must be the
 * same.
 */
async function colorOf(file: Uint8Array): Promise<number[]> {
  const [inMemory, path] = [await readPicture(file), join(folder, "picture")];
  await writeFile(path, file);
  await using large = await LargePicture.open(path, path);
  const onDisk = await large.read({ left: 0, top: 0, width: large.width, height: large.height });
  const at = 4 * (8 * inMemory.width + 8);
  const color = [...inMemory.data.subarray(at, at + 4)];
  expect([...onDisk.data.subarray(at, at + 4)]).toEqual(color);
  return color;
}

async function expectColor(file: Uint8Array, expected: readonly number[], tolerance = 1): Promise<void> {
  const color = await colorOf(file);
  const worst = Math.max(...color.map((value, i) => Math.abs(value - ([...expected, 255][i] ?? 999))));
  expect(worst, `${color} against ${expected}`).toBeLessThanOrEqual(tolerance);
}

async function p3Profile(): Promise<Uint8Array> {
  const plain = { create: { width: 16, height: 16, channels: 3, background: "red" } } as const;
  const { icc } = await sharp(await sharp(plain).withIccProfile("p3").png().toBuffer()).metadata();
  return icc ?? new Uint8Array();
}

describe("a profile counts alike with 8 and 16 bits", () => {
  test.each([
    [8, Uint8Array.of(100)],
    [16, Uint16Array.of(100 * 257)],
  ])("of grays, %i bits", async (_, samples) => {
    const profile = grayProfile(1.8);
    await expectColor(tiffOf({ samples, photometric: 1, profile }), [119, 119, 119]);
    await expectColor(tiffOf({ samples, photometric: 1 }), [100, 100, 100]);
  });

  test.each([
    [8, Uint8Array.of(200, 60, 40)],
    [16, Uint16Array.of(200 * 257, 60 * 257, 40 * 257)],
  ])("of colors in TIFF, %i bits", async (_, samples) => {
    await expectColor(tiffOf({ samples, photometric: 2, profile: await p3Profile() }), [217, 42, 24]);
    await expectColor(tiffOf({ samples, photometric: 2, profile: adobeProfile() }), [231, 57, 34]);
    await expectColor(tiffOf({ samples, photometric: 2 }), [200, 60, 40]);
  });

  test.each([8, 10, 12] as const)("of colors in AVIF, %i bits", async (bitdepth) => {
    const create = { width: 32, height: 32, channels: 3, background: { r: 217, g: 42, b: 24 } } as const;
    const options = { bitdepth, quality: 95, chromaSubsampling: "4:4:4" };
    const file = await sharp({ create }).withIccProfile("p3").avif(options).toBuffer();
    expect(await sharp(file).metadata()).toMatchObject({ hasProfile: true, bitsPerSample: bitdepth });
    await expectColor(file, [217, 42, 24], 3);
  });
});

describe("numbers that are no bytes", () => {
  test("floating-point colors are light from 0 to 1", async () => {
    await expectColor(tiffOf({ samples: Float32Array.of(0.8, 0.25, 0.15), photometric: 2 }), [231, 137, 108]);
  });

  test("floating-point grays are refused, not read as black", async () => {
    await expect(readPicture(tiffOf({ samples: Float32Array.of(0.5), photometric: 1 }))).rejects.toThrow(
      "Cannot read the picture: its values are floating-point numbers of no known range. Convert it to 16 bits first.",
    );
  });

  test("CIELab is named where it cannot be read, and read where it can", async () => {
    await expect(readPicture(tiffOf({ samples: Uint8Array.of(120, 50, 40), photometric: 8 }))).rejects.toThrow(
      "Cannot read the picture: its colors are CIELab, with 8 bits. Convert it to RGB first.",
    );
    const samples = Uint16Array.of(0x8000, 0, 0);
    await expectColor(tiffOf({ samples, photometric: 8 }), [119, 119, 119], 2);
  });
});

test.each(["heic", "heix", "mif1"])("a HEIC file of brand %s is called so", async (brand) => {
  const box = Buffer.from(`\0\0\0\x18ftyp${brand}\0\0\0\0mif1heic`, "latin1");
  await expect(readPicture(Buffer.concat([box, Buffer.alloc(64)]))).rejects.toThrow(
    /^Cannot read the picture: it is a HEIC picture, for which there is no decoder here\. Convert it to JPEG first: /,
  );
});

const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;

describe.skipIf(!hasFfmpeg)("tags of AVIF without a profile", () => {
  async function avif(primaries: string, transfer: string): Promise<Buffer> {
    const path = join(folder, `${primaries}-${transfer}.avif`);
    const source = ["-f", "lavfi", "-i", "color=0xC83C28:s=32x32,format=gbrp", "-frames:v", "1"];
    const filter = ["-vf", "scale=out_color_matrix=bt709:out_range=pc,format=yuv444p"];
    const codec = ["-c:v", "libaom-av1", "-still-picture", "1", "-crf", "5", "-colorspace", "bt709"];
    const tags = ["-color_range", "pc", "-color_primaries", primaries, "-color_trc", transfer];
    const done = spawnSync("ffmpeg", ["-v", "error", "-y", ...source, ...filter, ...codec, ...tags, path]);
    expect(done.stderr.toString()).toBe("");
    return readFile(path);
  }

  test.each([
    ["bt709", [200, 60, 40]],
    ["smpte432", [217, 42, 24]],
    ["bt2020", [247, 0, 23]],
  ] as const)("%s", async (primaries, expected) => {
    await expectColor(await avif(primaries, "iec61966-2-1"), expected, 2);
  });

  test.each([
    ["smpte2084", "PQ"],
    ["arib-std-b67", "HLG"],
  ])("%s is refused", async (transfer, name) => {
    await expect(readPicture(await avif("bt2020", transfer))).rejects.toThrow(
      `Cannot read the picture: it is a picture for HDR displays (${name}). Convert it to SDR first.`,
    );
  });
});

test("a header is read without the file behind it", async () => {
  const path = join(folder, "large.png");
  const create = { width: 64, height: 48, channels: 3, background: "red" } as const;
  const file = await sharp({ create }).png().toBuffer();
  // A sparse file of more than Node reads at once.
  await writeFile(path, file);
  await truncate(path, 3 * 2 ** 30);
  expect(await inspectPicture(path)).toEqual({ width: 64, height: 48, format: "png", pages: 1 });
});
