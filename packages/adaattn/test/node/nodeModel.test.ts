/** Pictures that a model takes in Node, and results that are saved in one call. */
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NodeEngine } from "../../src/node/engine.ts";
import { NodeModel, type PictureInput } from "../../src/node/nodeModel.ts";
import { readPicture } from "../../src/node/pictures.ts";
import type { Style } from "../../src/stylize/style.ts";
import { generatedWeights, tiny } from "../models.ts";

const KINDS = "a path, an http, https or file address, the bytes of a file, a sharp instance or pixels";
const NAMES = "a path or an http, https or file address";
const folder = await mkdtemp(join(tmpdir(), "adaattn-node-model-"));
const photo = join(folder, "photo.jpg");
const painting = join(folder, "painting.png");
const server = createServer(async (_, response) => response.end(await readFile(photo))).listen(0, "127.0.0.1");
let model: NodeModel;
let style: Style;

beforeAll(async () => {
  if (!server.listening) await once(server, "listening");
  const noise = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: "teal", noise: { type: "gaussian", sigma: 40 } } });
  // On its side, so that whoever forgets the tag gets another size.
  const said = { IFD0: { Copyright: "Ann" }, IFD3: { GPSLatitudeRef: "N", GPSLatitude: "51/1 30/1 0/1" } };
  const still = await noise(48, 32).png().toBuffer();
  await sharp(still).withMetadata({ orientation: 6 }).withExifMerge(said).jpeg().toFile(photo);
  await noise(700, 40).png().toFile(painting);
  model = await NodeModel.load("tiny", tiny, generatedWeights(tiny), new NodeEngine({ threads: 1 }));
  style = await model.style(painting);
});
afterAll(async () => {
  server.close();
  await model.dispose();
  await rm(folder, { recursive: true, force: true });
});

test.each<[string, () => PictureInput | Promise<PictureInput>]>([
  ["the path of a file", () => photo],
  ["a file's URL", () => pathToFileURL(photo)],
  ["a file's URL as a string", () => pathToFileURL(photo).href],
  ["an address", () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/photo.jpg`],
  ["an address as URL", () => new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/photo.jpg`)],
  ["a Buffer", () => readFile(photo)],
  ["a sharp instance", () => sharp(photo)],
])("paints %s as it does the pixels", async (_, input) => {
  const expected = await model.stylize(await readPicture(photo), style);
  const painted = await model.stylize(await input(), style);
  expect(painted).toMatchObject({ width: 32, height: 48 });
  expect(Buffer.from(painted.data).equals(Buffer.from(expected.data))).toBe(true);
});

test("paints at the size asked for, in a style of a painting at the size asked for", async () => {
  expect(style.source.painting).toMatchObject({ width: 512, height: 29 });
  await using small = await model.style(painting, { size: 350 });
  expect(small.source.painting).toMatchObject({ width: 350, height: 20 });
  expect(await model.stylize(photo, small, { size: 96 })).toMatchObject({ width: 64, height: 96 });
});

test("saves in one call, with what the photograph says of it but its place", async () => {
  const painted = await model.stylize(photo, style);
  const path = join(folder, "painted.png");
  await painted.toFile(path);
  const back = await readPicture(path);
  expect(back.metadata).toMatchObject({ copyright: "Ann", exif: { IFD3: {} } });
  expect(Buffer.from(back.data).equals(Buffer.from(painted.data))).toBe(true);
  expect(Buffer.from((await readPicture(await painted.toBuffer())).data).equals(Buffer.from(back.data))).toBe(true);
  const jpeg = await readPicture(await painted.toBuffer("jpeg", { quality: 50, metadata: "none" }));
  expect(jpeg).toMatchObject({ source: { format: "jpeg" }, metadata: { copyright: undefined } });
  const copy = structuredClone(painted);
  expect(copy).toMatchObject({ width: 32, height: 48, tiles: 1 });
});

test("looks at files, and takes masks from files", async () => {
  const pixels = await readPicture(photo);
  const points = [{ x: 20, y: 40 }];
  const [found, expected] = [await model.attention(photo, style, points), await model.attention(pixels, style, points)];
  expect(found).toEqual(expected);
  expect(await model.attentionMap(pathToFileURL(photo), style)).toEqual(await model.attentionMap(pixels, style));
  const mask = join(folder, "mask.png");
  const left = {
    input: { create: { width: 16, height: 48, channels: 3, background: "white" } },
    left: 0,
    top: 0,
  } as const;
  await sharp({ create: { width: 32, height: 48, channels: 3, background: "black" } })
    .composite([left])
    .toFile(mask);
  const masked = await model.stylize(photo, [{ style, mask }]);
  const same = await model.stylize(pixels, [{ style, mask: await readPicture(mask) }]);
  expect(Buffer.from(masked.data).equals(Buffer.from(same.data))).toBe(true);
  expect(Buffer.from(masked.data).equals(Buffer.from((await model.stylize(photo, style)).data))).toBe(false);
  using part = await model.style(painting, { mask });
  expect(part.source.mask).toBeDefined();
});

test.each<[string, unknown, string]>([
  ["a missing file", "none.jpg", "Cannot read none.jpg: it does not exist. Check its name and folder."],
  ["a number", 7, `Expected ${KINDS} for the photograph but received number.`],
  ["nothing", undefined, `Expected ${KINDS} for the photograph but received undefined.`],
  ["null", null, `Expected ${KINDS} for the photograph but received null.`],
  ["another address", "ftp://host/a.jpg", `Expected ${NAMES} for the photograph but received ftp://host/a.jpg.`],
  ["another URL", new URL("data:,x"), `Expected ${NAMES} for the photograph but received data:,x.`],
  ["bytes of something else", Buffer.from("text"), "Cannot read the picture: it is not a JPEG, PNG, WebP"],
  ["a sharp instance of nothing", sharp("none.jpg"), "The sharp instance for the photograph gives no picture: "],
])("says in a sentence that it cannot take %s", async (_, input, message) => {
  await expect(model.stylize(input as string, style)).rejects.toThrow(message);
});

test("stops reading where it is aborted", async () => {
  const reason = new Error("enough");
  await expect(model.stylize(photo, style, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});
