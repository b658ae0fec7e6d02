/**
 * The pictures of docs/controls.md: a strip for every control, of bundled photographs and
 * paintings.
 *
 *   npm run controls [-- NAME... --size N --model NAME|FOLDER --device cpu|webgpu]
 *
 * Without names it makes all of them.
 */

import { mkdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { STYLE_SIDE } from "adaattn/internal";
import { replaceFile } from "adaattn/internal/node";
import {
  drawEntropy,
  drawHeat,
  drawMarks,
  drawSources,
  loadModel,
  type Model,
  type PaintControls,
  type Picture,
  readPicture,
  regionMasks,
  type StyleOptions,
  type StyleShare,
} from "adaattn/node";
import sharp, { type OverlayOptions } from "sharp";

const root = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
/** The strips' height and the gap between pictures, in pixels, and the most bytes of one. */
const [HEIGHT, GAP, STRIP_BYTES] = [200, 6, 130_000];
const BACKGROUND = "#e8e8e8";

interface Studio {
  readonly model: Model;
  readonly size: number;
}

const content = (name: string, { size }: Studio) =>
  readPicture(root(`assets/contents/${name}.jpg`), { longerSide: size });
const painting = (name: string) => readPicture(root(`assets/paintings/${name}.jpg`), { longestSide: STYLE_SIDE });
const styleOf = async (name: string, { model }: Studio, options: StyleOptions = {}) =>
  model.style(await painting(name), options);

/** A picture drawn in SVG, which stretches over `size`. */
async function drawn({ width, height }: Picture, shapes: string, blur = 0): Promise<Picture> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 100 100" preserveAspectRatio="none">${shapes}</svg>`;
  const image = sharp(Buffer.from(svg)).ensureAlpha();
  const { data } = await (blur > 0 ? image.blur(blur) : image).raw().toBuffer({ resolveWithObject: true });
  return { width, height, data };
}

/** Roughly where the portrait's figure is. */
const FIGURE = `<path d="M 37 2 Q 27 4 28 20 Q 29 30 33 37 L 12 50 L 8 100 L 82 100 L 70 48 L 52 37 Q 60 24 55 10 Q 51 0 37 2 Z" fill="#ff0000"/>`;

const strips: Record<string, (studio: Studio) => Promise<readonly Picture[]>> = {
  async strength(studio) {
    const photo = await content("castle", studio);
    using style = await styleOf("van-gogh-starry-night", studio);
    return await each([0, 0.3, 0.6, 1, 1.5], (strength) => studio.model.stylize(photo, style, { strength }));
  },

  async styles(studio) {
    const photo = await content("tiger", studio);
    using one = await styleOf("monet-irises", studio);
    using other = await styleOf("hokusai-great-wave", studio);
    return await each([1, 2 / 3, 1 / 3, 0], (weight) => {
      const shares = [
        { style: one, weight },
        { style: other, weight: 1 - weight },
      ].filter((share) => share.weight > 0);
      return studio.model.stylize(photo, shares);
    });
  },

  async regions(studio) {
    const photo = await content("portrait", studio);
    const mask = await drawn(photo, `<rect width="100" height="100" fill="#0000ff"/>${FIGURE}`, 1.5);
    const [figure, background] = regionMasks(mask, ["red", "blue"]);
    using one = await styleOf("van-gogh-langlois-bridge", studio);
    using other = await styleOf("monet-irises", studio);
    const both: StyleShare[] = [
      { style: one, mask: figure },
      { style: other, mask: background },
    ];
    return [
      photo,
      mask,
      await studio.model.stylize(photo, both),
      await studio.model.stylize(photo, [{ style: other, mask: background }]),
    ];
  },

  async "style-mask"(studio) {
    const photo = await content("mountains", studio);
    const whole = await painting("hiroshige-plum-orchard");
    const sky = await drawn(whole, `<rect width="100" height="100"/><rect width="100" height="20" fill="#fff"/>`);
    const trunk = await drawn(
      whole,
      `<rect width="100" height="100"/><rect x="20" y="52" width="60" height="30" fill="#fff"/>`,
    );
    const results: Picture[] = [whole];
    for (const mask of [undefined, sky, trunk]) {
      using style = await studio.model.style(whole, { mask });
      results.push(await studio.model.stylize(photo, style));
    }
    return results;
  },

  async color(studio) {
    const photo = await content("bee", studio);
    using style = await styleOf("monet-irises", studio);
    const results = await each(["style", "content", "match"] as const, (color) =>
      studio.model.stylize(photo, style, { color }),
    );
    return [photo, ...results];
  },

  async stroke(studio) {
    const photo = await content("castle", studio);
    return await each([{ stroke: 0.5 }, {}, { stroke: 2 }, { rotate: 90 }, { rotate: 30 }], async (options) => {
      using style = await styleOf("van-gogh-starry-night", studio, options);
      return await studio.model.stylize(photo, style);
    });
  },

  async grain(studio) {
    const photo = await content("castle", studio);
    using style = await styleOf("van-gogh-starry-night", studio);
    return await each([0, 0.25, 0.5, 1], (grain) => studio.model.stylize(photo, style, { grain }));
  },

  async attention(studio) {
    const photo = await content("bee", studio);
    using style = await styleOf("van-gogh-langlois-bridge", studio);
    const { painting: seen } = style.source;
    const points = [{ x: photo.width * 0.2, y: photo.height * 0.25 }];
    const attention = await studio.model.attention(photo, style, points, { level: 3 });
    const map = await studio.model.attentionMap(photo, style, { level: 3 });
    return [
      drawMarks(photo, points),
      drawHeat(seen, attention),
      drawSources(seen, map, photo),
      drawEntropy(map, photo),
    ];
  },

  async together(studio) {
    const photo = await content("portrait", studio);
    const mask = await drawn(photo, `<rect width="100" height="100" fill="#0000ff"/>${FIGURE}`, 1.5);
    const [figure, background] = regionMasks(mask, ["red", "blue"]);
    using one = await styleOf("van-gogh-langlois-bridge", studio, { stroke: 0.7 });
    using other = await styleOf("popova-portrait", studio, { stroke: 1.5 });
    const shares: StyleShare[] = [
      { style: one, mask: figure },
      { style: other, mask: background },
    ];
    const controls: PaintControls[] = [{}, { strength: 0.6 }, { strength: 0.6, color: "match" }];
    return await each(controls, (options) => studio.model.stylize(photo, shares, options));
  },
};

/** One after another, since the engine has one thread of its own. */
async function each<Value, Result>(
  values: readonly Value[],
  make: (value: Value) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const value of values) results.push(await make(value));
  return results;
}

/**
 * Pictures side by side, all of one height, as the JPEG of the highest quality of at most 88 that
 * keeps within the limit.
 */
async function strip(pictures: readonly Picture[]): Promise<Buffer> {
  const pieces: OverlayOptions[] = [];
  let left = 0;
  for (const { data, width, height } of pictures) {
    const resized = await sharp(data, { raw: { width, height, channels: 4 } })
      .removeAlpha()
      .resize({ height: HEIGHT, kernel: "lanczos3" })
      .raw()
      .toBuffer({ resolveWithObject: true });
    const raw = { width: resized.info.width, height: resized.info.height, channels: resized.info.channels };
    pieces.push({ input: resized.data, raw, left, top: 0 });
    left += raw.width + GAP;
  }
  const sheet = sharp({ create: { width: left - GAP, height: HEIGHT, channels: 3, background: BACKGROUND } });
  const { data, info } = await sheet.composite(pieces).raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  for (let quality = 88; ; quality -= 2) {
    const bytes = await sharp(data, { raw: { width, height, channels } }).jpeg({ quality, mozjpeg: true }).toBuffer();
    if (bytes.length <= STRIP_BYTES || quality <= 50) return bytes;
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      size: { type: "string", default: "448" },
      model: { type: "string", default: "small" },
      device: { type: "string", default: "cpu" },
    },
  });
  if (values.device !== "cpu" && values.device !== "webgpu") {
    throw new Error(`Expected cpu or webgpu for --device but received ${values.device}.`);
  }
  const folder = root("docs/controls");
  await mkdir(folder, { recursive: true });
  await using model = await loadModel(values.model, { device: values.device });
  for (const name of positionals.length > 0 ? positionals : Object.keys(strips)) {
    const make = strips[name];
    if (make === undefined) {
      throw new Error(`Expected one of ${Object.keys(strips).join(", ")} but received ${name}.`);
    }
    const bytes = await strip(await make({ model, size: Number(values.size) }));
    const path = join(folder, `${name}.jpg`);
    await replaceFile(path, bytes);
    console.log(`${relative(process.cwd(), path)}  ${Math.round(bytes.length / 1000)} kB`);
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
