/**
 * Paints the pictures of assets/styles that are this project's own.
 *
 *     npx tsx scripts/paint.ts [NAME...] [--out FOLDER]
 *
 * Every painting is a pure function of its seed. The JPEG quality is the highest of at most 88 that keeps a file below 150 kB.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import type { Canvas } from "./paint/canvas.ts";
import { ink } from "./paint/ink.ts";
import { rain } from "./paint/rain.ts";
import { river } from "./paint/river.ts";
import { stainedGlass } from "./paint/stained-glass.ts";
import { wheat } from "./paint/wheat.ts";

const paintings: Record<string, () => Canvas> = {
  "ink-landscape": ink,
  "rainy-street": rain,
  "river-dots": river,
  "stained-glass": stainedGlass,
  "wheat-field": wheat,
};
const limit = 150_000;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { out: { type: "string" } } });
const folder = values.out ?? fileURLToPath(new URL("../assets/styles", import.meta.url));
await mkdir(folder, { recursive: true });
for (const name of positionals.length > 0 ? positionals : Object.keys(paintings)) {
  const make = paintings[name];
  if (!make) throw new Error(`Expected one of ${Object.keys(paintings).join(", ")} but received ${name}`);
  const canvas = make();
  const raw = { width: canvas.width, height: canvas.height, channels: 3 as const };
  let bytes: Buffer;
  let quality = 88;
  do {
    bytes = await sharp(canvas.toBytes(), { raw }).jpeg({ quality, mozjpeg: true }).toBuffer();
    quality -= 2;
  } while (bytes.length > limit);
  const path = join(folder, `${name}.jpg`);
  await writeFile(path, bytes);
  console.log(`${path}  ${canvas.width}x${canvas.height}  ${bytes.length} bytes  quality ${quality + 2}`);
}
