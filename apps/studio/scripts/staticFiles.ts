/**
 * The files that the studio serves as they are, gathered into `.static` before every build: the
 * engine's scripts and WebAssembly (gzipped, since not every host compresses), the models of this
 * repository, pictures, icons. Sizes and checksums reach the code as the constant `STUDIO_FILES`.
 */

import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import type { Plugin } from "vite";

/** What a host must send for threads on the CPU; the studio works without. */
export const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

const studio = join(import.meta.dirname, "..");
const repository = join(studio, "../..");
const target = join(studio, ".static");

/** The photograph of the example, and what was made of it. */
export const EXAMPLE = {
  photo: join(repository, "assets/contents/castle.jpg"),
  painted: join(repository, "docs/gallery/castle-van-gogh-starry-night.jpg"),
};

/** The builds of ONNX Runtime Web, by what the names of their files end in. */
const BUILDS = { jspi: ".jspi", asyncify: ".asyncify", plain: "" } as const;

interface ServedFile {
  readonly bytes: number;
  readonly sha256: string;
}

/** @param inside the file whose checksum it is: a gzipped file's is of what is inside. */
async function describe(path: string, inside = path): Promise<ServedFile> {
  const [{ size }, content] = await Promise.all([stat(path), readFile(inside)]);
  return { bytes: size, sha256: createHash("sha256").update(content).digest("hex") };
}

/** Whether a file was made since its source was changed. */
async function isNewer(path: string, source: string): Promise<boolean> {
  const [made, from] = await Promise.all([stat(path).catch(() => undefined), stat(source)]);
  return made !== undefined && made.mtimeMs >= from.mtimeMs;
}

/** Gzips a file, unless that was done before. */
async function gzipInto(path: string, from: string): Promise<void> {
  if (!(await isNewer(path, from))) await writeFile(path, gzipSync(await readFile(from), { level: 9 }));
}

/**
 * What is built into the page, and the files that say its terms; ONNX Runtime's package has none
 * but names the MIT license.
 */
const PARTS = ["preact", "@preact/signals", "@preact/signals-core", "mediabunny", "zod"];

/** Our own terms and credits, and those of the packages that are built in. */
async function licenses(): Promise<string> {
  const files = [join(repository, "NOTICE"), ...PARTS.map((part) => join(repository, "node_modules", part, "LICENSE"))];
  const names = ["adaattn", ...PARTS];
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8")));
  const runtime =
    "onnxruntime-web\n\nMIT License, Copyright (c) Microsoft Corporation. github.com/microsoft/onnxruntime";
  return [...texts.map((text, index) => `${names[index]}\n\n${text.trim()}`), runtime].join(
    `\n\n${"-".repeat(72)}\n\n`,
  );
}

/** What the code is told of the files that are served. */
export interface StaticFiles {
  readonly engine: Readonly<Record<string, ServedFile & { readonly script: string; readonly wasm: string }>>;
  readonly models: Readonly<Record<string, ServedFile>>;
  readonly paintings: readonly Readonly<Record<"id" | "title" | "artist" | "year" | "group", string>>[];
}

/** Gathers the files into `.static`. */
export async function gatherFiles(): Promise<StaticFiles> {
  const runtime = dirname(createRequire(import.meta.url).resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
  await mkdir(join(target, "engine"), { recursive: true });
  for (const name of ["models", "pictures/photos", "pictures/paintings"]) {
    await rm(join(target, name), { recursive: true, force: true });
  }
  const engine: Record<string, StaticFiles["engine"][string]> = {};
  for (const [build, ending] of Object.entries(BUILDS)) {
    const name = `ort-wasm-simd-threaded${ending}`;
    await cp(join(runtime, `${name}.mjs`), join(target, "engine", `${name}.mjs`));
    const wasm = join(target, "engine", `${name}.wasm.gz`);
    await gzipInto(wasm, join(runtime, `${name}.wasm`));
    const described = await describe(wasm, join(runtime, `${name}.wasm`));
    engine[build] = { script: `engine/${name}.mjs`, wasm: `engine/${name}.wasm.gz`, ...described };
  }

  const models: Record<string, ServedFile> = {};
  for (const name of ["small", "small-video"]) {
    const folder = join(repository, "models", name);
    const weights = join(folder, "model.safetensors");
    if ((await stat(weights).catch(() => undefined)) === undefined) continue;
    await mkdir(join(target, "models", name), { recursive: true });
    for (const file of ["model.json", "model.safetensors"]) {
      await cp(join(folder, file), join(target, "models", name, file));
    }
    models[name] = await describe(weights);
  }

  await cp(join(repository, "assets/contents"), join(target, "pictures/photos"), { recursive: true });
  const paintings = await readPaintings();
  await mkdir(join(target, "pictures/paintings"), { recursive: true });
  await mkdir(join(target, "pictures/thumbnails"), { recursive: true });
  for (const { id } of paintings) {
    const file = join(repository, "assets/paintings", `${id}.jpg`);
    await cp(file, join(target, "pictures/paintings", `${id}.jpg`));
    await makeThumbnail(file);
  }
  for (const name of await readdir(join(repository, "assets/contents"))) {
    await makeThumbnail(join(repository, "assets/contents", name));
  }
  await cp(
    join(repository, "docs/gallery/castle-van-gogh-starry-night.jpg"),
    join(target, "pictures/castle-starry-night.jpg"),
  );
  await cp(join(studio, "static"), target, { recursive: true });
  await writeFile(join(target, "licenses.txt"), await licenses());
  return { engine, models, paintings };
}

/** The paintings of assets/paintings, in the order of its table. */
async function readPaintings(): Promise<StaticFiles["paintings"]> {
  const table = await readFile(join(repository, "assets/paintings/paintings.tsv"), "utf8");
  const [names = "", ...rows] = table.trimEnd().split("\n");
  const columns = names.split("\t");
  return rows.map((row) => {
    const cells = row.split("\t");
    const cell = (name: string) => cells[columns.indexOf(name)] ?? "";
    const id = cell("file").replace(/\.jpg$/, "");
    return { id, title: cell("title"), artist: cell("artist"), year: cell("year"), group: cell("group") };
  });
}

const THUMBNAIL_SIDE = 160;
const THUMBNAIL_BYTES = 5000;

async function makeThumbnail(file: string): Promise<void> {
  const thumbnail = join(target, "pictures/thumbnails", basename(file));
  if (!(await isNewer(thumbnail, file))) await writeFile(thumbnail, await thumbnailOf(file));
}

/** The middle of a picture, at the best quality that fits into so many bytes. */
async function thumbnailOf(file: string): Promise<Buffer> {
  for (let quality = 82; ; quality -= 6) {
    const made = await sharp(file).resize(THUMBNAIL_SIDE, THUMBNAIL_SIDE).jpeg({ quality, mozjpeg: true }).toBuffer();
    if (made.length <= THUMBNAIL_BYTES || quality <= 20) return made;
  }
}

/** Everything under a folder, as paths with slashes. */
async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

/**
 * Tells the service worker, once all is built, which files the page needs offline, and a version
 * that changes with any of them.
 */
export function listForServiceWorker(): Plugin {
  let output = "";
  return {
    name: "list-for-service-worker",
    apply: "build",
    configResolved(config) {
      output = join(config.root, config.build.outDir);
    },
    async writeBundle() {
      // The engine's WebAssembly and the models are fetched, checked and kept by the page when they
      // are first needed. Paintings and photographs are kept as they are chosen, and those that are
      // chosen at first from the begin.
      const isFirst = (path: string) => /^pictures\/\w+\/(van-gogh-starry-night|castle)\.jpg$/.test(path);
      const isKept = (path: string) =>
        isFirst(path) ||
        !/\.(wasm\.gz|safetensors|mp4)$|^models\/|^pictures\/(paintings|photos)\/|^(sw\.js|preview\.jpg)$/.test(path);
      const shell = (await listFiles(output)).filter(isKept);
      const hash = createHash("sha256");
      for (const path of shell) hash.update(path).update(await readFile(join(output, path)));
      const list = JSON.stringify(shell.map((path) => (path === "index.html" ? "./" : path)));
      const worker = await readFile(join(output, "sw.js"), "utf8");
      await writeFile(
        join(output, "sw.js"),
        worker.replace("/* version */", hash.digest("hex").slice(0, 16)).replace('["/* files */"]', list),
      );
    },
  };
}
