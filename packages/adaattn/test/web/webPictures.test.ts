/**
 * Pictures that a model takes in a page, and results that are drawn and saved in one call; in
 * Chromium.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import sharp from "sharp";
import { build, defaultClientConditions, type InlineConfig, type PreviewServer, preview } from "vite";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

/** A page that has a picture in all forms that there are. */
const MAIN = `
import { pixelsOf } from "WEB/pictures.ts";
import { WebModel } from "WEB/webModel.ts";
import { WebEngine } from "WEB/engine.ts";
import { generatedWeights, tiny } from "TEST/models.ts";

const model = WebEngine.create({ device: "cpu", threads: 1 }).then((engine) =>
  WebModel.load("tiny", tiny, generatedWeights(tiny), engine),
);
const style = model.then((loaded) => loaded.style("photo.png"));
const blob = async () => (await fetch("photo.png")).blob();
const canvas = async (made) => {
  const bitmap = await createImageBitmap(await blob());
  Object.assign(made, { width: bitmap.width, height: bitmap.height });
  made.getContext("2d").drawImage(bitmap, 0, 0);
  return made;
};
const image = (address) => Object.assign(new Image(), { src: address });
const forms = {
  address: () => "photo.png",
  url: () => new URL("photo.png", location.href),
  blob,
  file: async () => new File([await blob()], "photo.png"),
  image: () => image("photo.png"),
  bitmap: async () => createImageBitmap(await blob()),
  canvas: () => canvas(document.createElement("canvas")),
  offscreen: () => canvas(new OffscreenCanvas(1, 1)),
  imageData: async () => {
    const { width, height } = await createImageBitmap(await blob());
    return (await canvas(new OffscreenCanvas(1, 1))).getContext("2d").getImageData(0, 0, width, height);
  },
  frame: async () => new VideoFrame(await canvas(new OffscreenCanvas(1, 1)), { timestamp: 0 }),
  turned: () => "turned.jpg",
  number: () => 7,
  nothing: () => null,
  object: () => ({}),
  missing: () => "missing.png",
  text: () => "index.html",
  textFile: () => new File(["text"], "notes.png"),
  broken: () => image("index.html"),
  empty: () => new OffscreenCanvas(0, 0),
  foreign: (address) => image(address),
};
window.read = async (form, argument) => {
  const { width, height, data } = await pixelsOf(await forms[form](argument), "the photograph");
  return { width, height, pixel: [...data.slice(0, 4)] };
};
window.painted = async (form) => {
  const result = await (await model).stylize(await forms[form](), await style);
  const drawn = document.createElement("canvas");
  result.draw(drawn);
  const pixels = drawn.getContext("2d").getImageData(0, 0, drawn.width, drawn.height).data;
  const [png, jpeg] = [await result.toBlob(), await result.toBlob("image/jpeg", 0.8)];
  const back = await pixelsOf(png, "the result");
  return {
    isDrawn: String(pixels) === String(result.data),
    isSaved: String(back.data) === String(result.data),
    isImageData: result.toImageData() instanceof ImageData,
    types: [png.type, jpeg.type],
    refused: await result.toBlob("image/tiff").catch((error) => error.message),
    sum: result.data.reduce((sum, value) => sum + value, 0),
  };
};
`;

const folder = await mkdtemp(join(tmpdir(), "adaattn-web-pictures-"));
let browser: Browser;
let server: PreviewServer;
let other: PreviewServer;
let page: Page;

beforeAll(async () => {
  const places = {
    WEB: fileURLToPath(new URL("../../src/web", import.meta.url)),
    TEST: join(import.meta.dirname, ".."),
  };
  await writeFile(
    join(folder, "main.js"),
    MAIN.replaceAll(/WEB|TEST/g, (name) => places[name as "WEB" | "TEST"]),
  );
  await writeFile(join(folder, "index.html"), '<!doctype html><script type="module" src="/main.js"></script>');
  const options: InlineConfig = {
    root: folder,
    // Without it, every address that is not there gives the page.
    appType: "mpa",
    configFile: false,
    logLevel: "silent",
    resolve: { conditions: ["@adaattn/source", ...defaultClientConditions] },
    build: { target: "esnext" },
  };
  await build(options);
  const picture = sharp({ create: { width: 48, height: 32, channels: 3, background: "#204060" } });
  await picture.clone().png().toFile(join(folder, "dist/photo.png"));
  await picture.clone().withMetadata({ orientation: 6 }).jpeg().toFile(join(folder, "dist/turned.jpg"));
  const settings = { ...options, preview: { host: "127.0.0.1", port: 0, cors: false } };
  server = await preview(settings);
  other = await preview(settings);
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  page = await browser.newPage();
  page.on("pageerror", (error) => expect.fail(error.message));
  await page.goto(server.resolvedUrls?.local[0] ?? "");
  await page.waitForFunction("window.painted !== undefined");
});
afterAll(async () => {
  await browser?.close();
  for (const one of [server, other]) await one?.close();
  await rm(folder, { recursive: true, force: true });
});

const read = (form: string, argument = "") => page.evaluate(`read("${form}", "${argument}")`);

test.each(["address", "url", "blob", "file", "image", "bitmap", "canvas", "offscreen", "imageData", "frame"])(
  "reads a picture given as %s",
  async (form) => {
    const found = (await read(form)) as { pixel: number[] };
    expect(found).toMatchObject({ width: 48, height: 32 });
    // A VideoFrame goes through the colors of films.
    for (const [at, value] of [0x20, 0x40, 0x60, 255].entries()) {
      expect(Math.abs((found.pixel[at] ?? 0) - value)).toBeLessThanOrEqual(form === "frame" ? 2 : 0);
    }
  },
);

test("stands a picture upright", async () => {
  expect(await read("turned")).toMatchObject({ width: 32, height: 48 });
});

test("draws and saves what it painted, the same whatever form it was given in", async () => {
  const painted = (await page.evaluate('painted("address")')) as Record<string, unknown>;
  expect(painted).toMatchObject({
    isDrawn: true,
    isSaved: true,
    isImageData: true,
    types: ["image/png", "image/jpeg"],
    refused: "This browser cannot write image/tiff; ask for image/png or image/jpeg.",
  });
  expect(await page.evaluate('painted("image")')).toEqual(painted);
  expect(await page.evaluate('painted("imageData")')).toEqual(painted);
});

const KINDS = "an address, a Blob, an image, a video, a canvas or pixels";
test.each([
  ["number", `Expected ${KINDS} for the photograph but received number.`],
  ["nothing", `Expected ${KINDS} for the photograph but received null.`],
  ["object", `Expected ${KINDS} for the photograph but received another object.`],
  ["missing", "missing.png cannot be fetched: the server answered 404."],
  ["text", "Cannot read index.html: it is damaged, or no picture that this browser knows. Choose another picture."],
  ["textFile", "Cannot read notes.png: it is damaged, or no picture that this browser knows. Choose another picture."],
  ["broken", "Cannot read the photograph: it has no pixels. Choose another picture."],
  ["empty", "Cannot read the photograph: it has no pixels. Choose another picture."],
])("says in a sentence that it cannot take %s", async (form, message) => {
  await expect(read(form)).rejects.toThrow(message);
});

test("says that another site's picture keeps to itself", async () => {
  const address = `${(other.resolvedUrls?.local[0] ?? "").replace("127.0.0.1", "localhost")}photo.png`;
  await expect(read("foreign", address)).rejects.toThrow(
    "Cannot read the photograph: it comes from another site, which keeps pages from reading it. Load it with crossOrigin set",
  );
});
