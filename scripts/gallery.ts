/**
 * A contact sheet of every content in every style: paintings along the top, photographs down the left, results in the grid.
 *
 *   npm run gallery [-- --contents DIR --styles DIR --out FILE --size N --model NAME|FOLDER --device cpu|webgpu]
 *
 * Without --contents, --styles and --out it makes docs/gallery/gallery.jpg of the bundled pictures, and beside it the single
 * results that the documentation shows.
 */

import { mkdir, readdir } from "node:fs/promises";
import { basename, dirname, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cannotRead, loadModel, type Picture, readPicture, replaceFile, STYLE_SIDE } from "adaattn/node";
import sharp, { type OverlayOptions, type Sharp } from "sharp";

const root = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The results that the documentation shows, as CONTENT-STYLE. */
const SINGLES = ["castle-starry-night", "tiger-wheat-field", "portrait-stained-glass", "bee-rainy-street"];
const [SHEET_BYTES, SINGLE_BYTES] = [900_000, 120_000];

/** Widths in pixels: of the sheet, roughly, and of its cells, whatever their number. */
const [SHEET_WIDTH, LEAST_CELL, LARGEST_CELL] = [1800, 120, 240];
const GAP = 6;
const BACKGROUND = "#e8e8e8";
const PICTURES = /\.(jpe?g|png|webp|avif|tiff?|gif)$/i;

interface Named {
  readonly name: string;
  readonly picture: Picture;
}

/** All pictures of a folder, by name. */
async function readFolder(folder: string, size: { longerSide: number } | { longestSide: number }): Promise<Named[]> {
  const entries = await readdir(folder).catch((error) => {
    throw cannotRead(folder, "it is not a folder that can be listed. Check its name.", error);
  });
  const files = entries.filter((file) => PICTURES.test(file)).sort();
  if (files.length === 0) throw new Error(`Expected pictures in ${folder} but found none.`);
  return Promise.all(
    files.map(async (file) => ({
      name: basename(file, extname(file)),
      picture: await readPicture(join(folder, file), size),
    })),
  );
}

function raw({ width, height, data }: Picture) {
  return sharp(data, { raw: { width, height, channels: 4 } }).flatten({ background: BACKGROUND });
}

/** The JPEG of the highest quality of at most 90 that keeps within `limit` bytes. */
async function jpegWithin(picture: Sharp, limit: number): Promise<Buffer> {
  const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  for (let quality = 90; ; quality -= 2) {
    const bytes = await sharp(data, { raw: { width, height, channels } }).jpeg({ quality, mozjpeg: true }).toBuffer();
    if (bytes.length <= limit || quality <= 50) return bytes;
  }
}

/**
 * The sheet's grid. A row is as high as its tallest picture is when it fills the cell's width, but no higher than wide; pictures
 * that are taller still are made to fit, so that none is squashed or cropped.
 */
class Sheet {
  readonly #cell: number;
  readonly #tops: number[] = [GAP];
  readonly #columns: number;
  readonly #heights: number[] = [];
  readonly #pieces: OverlayOptions[] = [];

  constructor(columns: number, rows: readonly (readonly Picture[])[]) {
    this.#columns = columns;
    this.#cell = Math.min(LARGEST_CELL, Math.max(LEAST_CELL, Math.floor(SHEET_WIDTH / columns)));
    for (const pictures of rows) {
      const tallest = Math.max(...pictures.map(({ width, height }) => height / width));
      const height = Math.round(this.#cell * Math.min(1, tallest));
      this.#tops.push((this.#tops.at(-1) ?? 0) + height + GAP);
      this.#heights.push(height);
    }
  }

  /** Puts a picture into the middle of a cell. */
  async place(row: number, column: number, picture: Picture): Promise<void> {
    const [top = 0, room = 0] = [this.#tops[row], this.#heights[row]];
    const { data, info } = await raw(picture)
      .resize(this.#cell, room, { fit: "inside", kernel: "lanczos3" })
      .raw()
      .toBuffer({ resolveWithObject: true });
    const { width, height, channels } = info;
    this.#pieces.push({
      input: data,
      raw: { width, height, channels },
      left: GAP + column * (this.#cell + GAP) + ((this.#cell - width) >> 1),
      top: top + ((room - height) >> 1),
    });
  }

  async toJpeg(): Promise<Buffer> {
    const width = GAP + this.#columns * (this.#cell + GAP);
    const height = this.#tops.at(-1) ?? 0;
    const empty = sharp({ create: { width, height, channels: 3, background: BACKGROUND } });
    return jpegWithin(empty.composite(this.#pieces), SHEET_BYTES);
  }
}

async function save(path: string, bytes: Buffer): Promise<void> {
  await replaceFile(path, bytes);
  console.log(`${relative(process.cwd(), path)}  ${Math.round(bytes.length / 1000)} kB`);
}

async function gallery(): Promise<void> {
  const { values } = parseArgs({
    options: {
      contents: { type: "string" },
      styles: { type: "string" },
      out: { type: "string" },
      size: { type: "string", default: "512" },
      model: { type: "string", default: "small" },
      device: { type: "string", default: "cpu" },
    },
  });
  const { contents: contentFolder, styles: styleFolder, device } = values;
  if (device !== "cpu" && device !== "webgpu") {
    throw new Error(`Expected cpu or webgpu for --device but received ${device}.`);
  }
  const bundled = contentFolder === undefined && styleFolder === undefined && values.out === undefined;
  const out = values.out ?? root("docs/gallery/gallery.jpg");
  const longerSide = Number(values.size);
  const contents = await readFolder(contentFolder ?? root("assets/contents"), { longerSide });
  const styles = await readFolder(styleFolder ?? root("assets/styles"), { longestSide: STYLE_SIDE });
  await mkdir(dirname(out), { recursive: true });

  const sheet = new Sheet(styles.length + 1, [
    styles.map(({ picture }) => picture),
    ...contents.map(({ picture }) => [picture]),
  ]);
  for (const [row, { picture }] of contents.entries()) await sheet.place(row + 1, 0, picture);

  await using model = await loadModel(values.model, { device });
  for (const [column, style] of styles.entries()) {
    const begun = performance.now();
    await sheet.place(0, column + 1, style.picture);
    using prepared = await model.style(style.picture);
    for (const [row, content] of contents.entries()) {
      const result = await model.stylize(content.picture, prepared);
      await sheet.place(row + 1, column + 1, result);
      const name = `${content.name}-${style.name}`;
      if (bundled && SINGLES.includes(name)) {
        await save(join(dirname(out), `${name}.jpg`), await jpegWithin(raw(result), SINGLE_BYTES));
      }
    }
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    console.log(`[${column + 1}/${styles.length}] ${style.name}: ${contents.length} pictures in ${seconds} s`);
  }
  await save(out, await sheet.toJpeg());
}

try {
  await gallery();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
