/**
 * The gallery of the documentation: every bundled photograph in the style of every bundled
 * painting.
 *
 *   npm run gallery [-- --size N --model NAME|FOLDER --device cpu|webgpu]
 *
 * Writes docs/gallery.md, the small pictures that it shows, docs/gallery/best.jpg, a sheet of the
 * twelve best, and the single results that the documentation and the studio show.
 */

import { mkdir, readdir, rm } from "node:fs/promises";
import { basename, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { STYLE_SIDE } from "adaattn/internal";
import { replaceFile } from "adaattn/internal/node";
import { type BundledPainting, listPaintings, loadModel, type Picture, readPicture } from "adaattn/node";
import sharp, { type OverlayOptions } from "sharp";

const root = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const FOLDER = root("docs/gallery");

/** Width of the gallery's small pictures, in pixels. */
const SMALL = 240;
/** The sheet of the best: columns, width and height of a cell, and the gap, in pixels. */
const [COLUMNS, CELL_WIDTH, CELL_HEIGHT, GAP] = [4, 384, 288, 8];

/** The twelve of the sheet, as PHOTOGRAPH PAINTING, row by row. */
const BEST = [
  "castle van-gogh-starry-night",
  "portrait popova-portrait",
  "bridge van-gogh-langlois-bridge",
  "tiger hokusai-great-wave",
  "bee rozanova-city-on-fire",
  "mountains van-gogh-meadow",
  "castle cezanne-sainte-victoire",
  "bridge kandinsky-composition-vii",
  "bee monet-irises",
  "tiger roerich-forest",
  "portrait van-gogh-straw-hat",
  "mountains redon-flower-clouds",
];
/** What is kept at full size too. */
const SINGLES = ["castle van-gogh-starry-night", "bridge van-gogh-langlois-bridge"];

const raw = ({ width, height, data }: Picture) => sharp(data, { raw: { width, height, channels: 4 } }).removeAlpha();

async function save(path: string, bytes: Uint8Array): Promise<void> {
  await replaceFile(path, bytes);
  console.log(`${relative(process.cwd(), path)}  ${Math.round(bytes.length / 1000)} kB`);
}

/** Cells of one size, the pictures cropped about their middle. */
async function sheetOf(cells: readonly Buffer[]): Promise<Buffer> {
  const pieces: OverlayOptions[] = cells.map((input, at) => ({
    input,
    left: (at % COLUMNS) * (CELL_WIDTH + GAP),
    top: Math.floor(at / COLUMNS) * (CELL_HEIGHT + GAP),
  }));
  const width = COLUMNS * (CELL_WIDTH + GAP) - GAP;
  const height = Math.ceil(cells.length / COLUMNS) * (CELL_HEIGHT + GAP) - GAP;
  const empty = sharp({ create: { width, height, channels: 3, background: "#ffffff" } });
  return empty.composite(pieces).jpeg({ quality: 84, mozjpeg: true }).toBuffer();
}

function pageOf(contents: readonly string[], paintings: readonly BundledPainting[]): string {
  const sections = paintings.map(({ name, title, artist, year }) => {
    const image = (content: string) =>
      `<img src="./gallery/${content}-${name}.webp" width="${SMALL}" loading="lazy" alt="${content} in the style of ${title}">`;
    return `## ${title}\n\n${artist}${year === "" ? "" : `, ${year}`}. \`--style ${name}\`\n\n${contents.map(image).join("\n")}\n`;
  });
  return `# Gallery\n\nThe six bundled photographs in the style of each bundled painting, by \`small\` with its default settings at 512 pixels. None was
chosen or left out. \`npm run gallery\` makes this page again. [Failures](failures.md) shows what goes wrong.\n\n${sections.join("\n")}`;
}

async function gallery(): Promise<void> {
  const { values } = parseArgs({
    options: {
      size: { type: "string", default: "512" },
      model: { type: "string", default: "small" },
      device: { type: "string", default: "cpu" },
    },
  });
  const { device } = values;
  if (device !== "cpu" && device !== "webgpu") {
    throw new Error(`Expected cpu or webgpu for --device but received ${device}.`);
  }
  const files = (await readdir(root("assets/contents"))).sort();
  const contents = await Promise.all(
    files.map(async (file) => ({
      name: basename(file, extname(file)),
      picture: await readPicture(root(`assets/contents/${file}`), { longerSide: Number(values.size) }),
    })),
  );
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true });

  const best = new Map<string, Buffer>();
  await using model = await loadModel(values.model, { device });
  const paintings = listPaintings();
  for (const [at, painting] of paintings.entries()) {
    using style = await model.style(await readPicture(painting.path, { longestSide: STYLE_SIDE }));
    for (const content of contents) {
      const result = await model.stylize(content.picture, style);
      const file = join(FOLDER, `${content.name}-${painting.name}`);
      await replaceFile(`${file}.webp`, await raw(result).resize({ width: SMALL }).webp({ quality: 72 }).toBuffer());
      const pair = `${content.name} ${painting.name}`;
      if (SINGLES.includes(pair)) {
        await save(`${file}.jpg`, await raw(result).jpeg({ quality: 86, mozjpeg: true }).toBuffer());
      }
      if (BEST.includes(pair)) {
        const cell = raw(result).resize({ width: CELL_WIDTH, height: CELL_HEIGHT, fit: "cover" });
        best.set(pair, await cell.png().toBuffer());
      }
    }
    console.log(`[${at + 1}/${paintings.length}] ${painting.name}`);
  }
  await save(join(FOLDER, "best.jpg"), await sheetOf(BEST.flatMap((pair) => best.get(pair) ?? [])));
  const page = pageOf(
    contents.map(({ name }) => name),
    paintings,
  );
  await save(root("docs/gallery.md"), new TextEncoder().encode(page));
}

try {
  await gallery();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
