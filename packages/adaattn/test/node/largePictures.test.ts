/**
 * Pictures on disk: what is read of them and written into them is what the ordinary reader and
 * writer say.
 */

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LargePicture, LargePictureWriter } from "../../src/node/largePictures.ts";
import { readPicture, writePicture } from "../../src/node/pictures.ts";
import { cropPicture } from "../../src/picture/area.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { waves } from "../models.ts";

let folder: string;
const at = (name: string) => join(folder, name);
const image = ({ width, height, data }: Picture) => sharp(data, { raw: { width, height, channels: 4 } });
const picture = waves(150, 131, 3, (pixel) => 255 - (pixel % 90));
const bytes = ({ data }: Picture) => Buffer.from(data);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "adaattn-large-"));
  const opaque = () => image(picture).removeAlpha();
  await image(picture).png().toFile(at("alpha.png"));
  await opaque().jpeg({ progressive: true }).toFile(at("progressive.jpg"));
  await opaque().withMetadata({ orientation: 6 }).jpeg().toFile(at("turned.jpg"));
  await opaque().greyscale().png().toFile(at("gray.png"));
  await opaque().png({ palette: true, colors: 20 }).toFile(at("palette.png"));
  await opaque().toColourspace("rgb16").png().toFile(at("deep.png"));
  await opaque().toColourspace("cmyk").jpeg().toFile(at("cmyk.jpg"));
  await opaque().avif().toFile(at("still.avif"));
  await image(picture).gif().toFile(at("still.gif"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("a picture on disk", () => {
  test.each([
    ["alpha.png", {}],
    ["progressive.jpg", {}],
    ["turned.jpg", {}],
    ["turned.jpg", { longerSide: 64 }],
    ["gray.png", {}],
    ["palette.png", {}],
    ["deep.png", {}],
    ["cmyk.jpg", {}],
    ["still.avif", {}],
    ["still.gif", { longerSide: 200 }],
  ])("reads any area of %s as the ordinary reader reads the whole (%j)", async (name, options) => {
    const whole = await readPicture(at(name), options);
    {
      await using large = await LargePicture.open(at(name), at("out.png"), options);
      expect([large.width, large.height, large.source]).toEqual([whole.width, whole.height, whole.source]);
      const areas = [
        { left: 0, top: 0, width: large.width, height: large.height },
        { left: 7, top: 9, width: 31, height: 22 },
        { left: large.width - 5, top: large.height - 3, width: 5, height: 3 },
      ];
      for (const area of areas) {
        expect(bytes(await large.read(area)).equals(bytes(cropPicture(whole, area)))).toBe(true);
      }
    }
    expect((await readdir(folder)).filter((file) => file.startsWith("."))).toEqual([]);
  });

  test.each([
    ["no file", "missing.png", /^Cannot read .*missing\.png: it does not exist\./],
    ["text", "text.png", /^Cannot read .*text\.png: it is not a JPEG, PNG, WebP, AVIF, TIFF or GIF picture\./],
    ["half a file", "half.png", /^Cannot read .*half\.png: it is a damaged or truncated PNG picture\./],
  ])("is refused in one sentence where it is %s, and leaves nothing", async (_, name, sentence) => {
    await writeFile(at("text.png"), "hello");
    const whole = await readFile(at("alpha.png"));
    await writeFile(at("half.png"), whole.subarray(0, whole.length / 2));
    await expect(LargePicture.open(at(name), at("out.png"))).rejects.toThrow(sentence);
    expect((await readdir(folder)).filter((file) => file.startsWith("."))).toEqual([]);
  });

  test.each(["whole.png", "whole.jpg", "whole.webp", "whole.tiff", "whole.avif"])(
    "is written tile by tile into %s as the ordinary writer writes the whole",
    async (name) => {
      await writePicture(at(`expected-${name}`), picture);
      await using writer = new LargePictureWriter(at(name), picture);
      const tiles = [
        { left: 80, top: 0, width: 70, height: 131 },
        { left: 0, top: 0, width: 80, height: 70 },
        { left: 0, top: 70, width: 80, height: 61 },
      ];
      for (const area of tiles) {
        const tile = cropPicture(picture, area);
        writer.write({ ...area, picture: { ...tile, data: new Uint8ClampedArray(tile.data) } });
        expect(await readdir(folder)).not.toContain(name);
      }
      await writer.finish(true);
      const [actual, expected] = [await readPicture(at(name)), await readPicture(at(`expected-${name}`))];
      expect(bytes(actual).equals(bytes(expected))).toBe(true);
    },
  );

  test("that is not finished leaves nothing", async () => {
    {
      await using writer = new LargePictureWriter(at("begun.png"), picture);
      writer.write({ left: 0, top: 0, picture: { ...picture, data: new Uint8ClampedArray(picture.data) } });
    }
    expect((await readdir(folder)).filter((file) => file.startsWith(".") || file.startsWith("begun"))).toEqual([]);
  });
});
