/** Who made a picture, when and how: through files of every format, and what is kept of it. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { LargePicture, LargePictureWriter } from "../../src/node/largePictures.ts";
import { keepMetadata } from "../../src/node/metadata.ts";
import { readPicture, writePicture } from "../../src/node/pictures.ts";

const folder = await mkdtemp(join(tmpdir(), "adaattn-metadata-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

const plain = () => sharp({ create: { width: 32, height: 24, channels: 3, background: "teal" } });
const exif = {
  IFD0: { Artist: "Ann Ohm", Copyright: "(C) 2020 Ann Ohm", Model: "Camera 7" },
  IFD2: { DateTimeOriginal: "2020:01:02 03:04:05", ExposureTime: "1/250", ISOSpeedRatings: "400" },
  IFD3: { GPSLatitudeRef: "N", GPSLatitude: "51/1 30/1 3230/100" },
};
const who = { creator: "Ann Ohm", copyright: "(C) 2020 Ann Ohm", captured: "2020-01-02T03:04:05" };

/** A photograph on its side, which says all that there is. */
async function photograph(): Promise<string> {
  const path = join(folder, "photo.jpg");
  await plain().withMetadata({ density: 300, orientation: 6 }).withExif(exif).jpeg().toFile(path);
  return path;
}

/**
 * The same as a TIFF file, whose own tags it is in: 16 x 16 gray pixels, then a directory at the
 * end.
 */
function tiff(isLittle: boolean): Buffer {
  const texts = ["Ann Ohm\0", "(C) 2020 Ann Ohm\0", "2020:01:02 03:04:05\0"];
  const bytes = Buffer.alloc(600, 128);
  const [u16, u32] = isLittle
    ? [(v: number, at: number) => bytes.writeUInt16LE(v, at), (v: number, at: number) => bytes.writeUInt32LE(v, at)]
    : [(v: number, at: number) => bytes.writeUInt16BE(v, at), (v: number, at: number) => bytes.writeUInt32BE(v, at)];
  bytes.write(isLittle ? "II*\0" : "MM\0*", "latin1");
  u32(400, 4);
  const places = [270, 290, 310];
  for (const [index, text] of texts.entries()) bytes.write(text, places[index] ?? 0, "latin1");
  const directory = (at: number, entries: number[][]) => {
    u16(entries.length, at);
    for (const [index, [tag = 0, type = 0, count = 0, value = 0]] of entries.entries()) {
      const start = at + 2 + index * 12;
      u16(tag, start);
      u16(type, start + 2);
      u32(count, start + 4);
      if (type === 3) u16(value, start + 8);
      else u32(value, start + 8);
    }
    u32(0, at + 2 + entries.length * 12);
  };
  directory(350, [[36867, 2, 20, places[2] as number]]);
  directory(400, [
    [256, 3, 1, 16],
    [257, 3, 1, 16],
    [258, 3, 1, 8],
    [259, 3, 1, 1],
    [262, 3, 1, 1],
    [273, 4, 1, 8],
    [277, 3, 1, 1],
    [278, 3, 1, 16],
    [279, 4, 1, 256],
    [315, 2, 8, places[0] as number],
    [33432, 2, 17, places[1] as number],
    [34665, 4, 1, 350],
  ]);
  return bytes;
}

describe.each(["jpg", "png", "webp", "avif", "tiff"])(".%s", (ending) => {
  test.each(["in memory", "on disk"])("says who made it, when and its density, and no place: %s", async (way) => {
    const path = join(folder, `${way}.${ending}`);
    const source = await photograph();
    if (way === "in memory") {
      const picture = await readPicture(source);
      await writePicture(path, picture, { metadata: keepMetadata(picture.metadata, "safe") });
    } else {
      await using picture = await LargePicture.open(source, path);
      await using writer = new LargePictureWriter(path, picture);
      writer.write({ left: 0, top: 0, picture: { ...(await readPicture(source)), data: new Uint8ClampedArray(3072) } });
      await writer.finish(false, { metadata: keepMetadata(picture.metadata, "safe") });
    }
    const back = await readPicture(path);
    expect(back).toMatchObject({ width: 24, height: 32, metadata: who });
    // WebP and AVIF files have no place for it.
    expect(back.metadata.density).toBe(["webp", "avif"].includes(ending) ? undefined : 300);
    expect(back.metadata.exif).toMatchObject({ IFD3: {} });
    expect(back.metadata.exif.IFD0.Model).toBeUndefined();
    const { orientation = 1, icc } = await sharp(path).metadata();
    expect({ orientation, icc }).toEqual({ orientation: 1, icc: undefined });
  });
});

test("all of it is kept where that is asked for, and nothing where not", async () => {
  const picture = await readPicture(await photograph());
  const written = async (kept: "all" | "none") => {
    await writePicture(join(folder, "kept.jpg"), picture, { metadata: keepMetadata(picture.metadata, kept) });
    return readPicture(join(folder, "kept.jpg"));
  };
  const { metadata } = await written("all");
  expect(metadata.exif).toMatchObject(exif);
  expect((await written("none")).metadata).toEqual({ density: 72, exif: { IFD0: {}, IFD2: {}, IFD3: {} } });
});

test.each([true, false])("TIFF files say it by tags of their own, little-endian: %s", async (isLittle) => {
  const path = join(folder, "own.tiff");
  await writeFile(path, tiff(isLittle));
  for (const file of [path, tiff(isLittle)]) expect((await readPicture(file)).metadata).toMatchObject(who);
});

test.each(["tiff", "jpg"])("names in any letters stay as they are: .%s", async (ending) => {
  const names = { creator: "Åsa Öberg <asa>", copyright: "© 2021 王 & Söhne" };
  await writePicture(join(folder, `letters.${ending}`), await readPicture(await photograph()), {
    metadata: { ...names, captured: "2021-05-06T07:08:09+02:00", exif: { IFD0: {}, IFD2: {}, IFD3: {} } },
  });
  const { metadata } = await readPicture(join(folder, `letters.${ending}`));
  expect(metadata).toMatchObject({ ...names, captured: "2021-05-06T07:08:09+02:00" });
});

test("damaged EXIF is left out, and the picture read all the same", async () => {
  const whole = await sharp(await photograph())
    .keepExif()
    .jpeg()
    .toBuffer();
  const at = whole.indexOf("Exif\0\0", 0, "latin1") + 6;
  for (let index = at + 8; index < at + 200; index += 3) {
    const bytes = Buffer.from(whole);
    bytes.fill(0xff, index, index + 4);
    expect((await readPicture(bytes)).data.length).toBe(32 * 24 * 4);
  }
});
