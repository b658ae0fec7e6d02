/**
 * The paintings that come with the package: works in the public domain, each with a name to choose
 * it by.
 */

import { existsSync, readFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A painting that comes with the package. */
export interface BundledPainting {
  /** What it is chosen by, such as "monet-water-lilies". */
  readonly name: string;
  readonly title: string;
  readonly artist: string;
  /** Years of the artist's birth and death, such as "1840-1926". */
  readonly life: string;
  /** The year of the work; empty where it is not known. */
  readonly year: string;
  /** The manner: impressionism, ukiyo-e, cubism, line or pattern. */
  readonly group: string;
  /** The path of the JPEG, whose longer side is at most 512 pixels. */
  readonly path: string;
}

/** Where they lie: in the package as it is published, or beside packages/ in the repository. */
const FOLDER = ["../../paintings", "../../../../assets/paintings"]
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((folder) => existsSync(join(folder, "paintings.tsv")));

/**
 * The paintings that come with the package, the best known first; none where the package was
 * installed without them.
 */
export function listPaintings(): BundledPainting[] {
  if (FOLDER === undefined) return [];
  const [, ...lines] = readFileSync(join(FOLDER, "paintings.tsv"), "utf8").trim().split("\n");
  return lines.map((line) => {
    const [file = "", title = "", artist = "", life = "", year = "", group = ""] = line.split("\t");
    return { name: basename(file, extname(file)), title, artist, life, year, group, path: join(FOLDER, file) };
  });
}

const runsOf = (text: string) => new Set(Array.from({ length: text.length - 2 }, (_, at) => text.slice(at, at + 3)));

/**
 * The names of bundled paintings that are most like `name`, by the runs of three letters that they
 * share; at most three.
 */
export function paintingsLike(name: string): string[] {
  const wanted = runsOf(name.toLowerCase());
  return listPaintings()
    .map((painting) => {
      const runs = runsOf(painting.name);
      const shared = [...runs].filter((run) => wanted.has(run)).length;
      return { name: painting.name, likeness: shared / (runs.size + wanted.size) };
    })
    .filter(({ likeness }) => likeness > 0)
    .sort((one, other) => other.likeness - one.likeness)
    .slice(0, 3)
    .map(({ name }) => name);
}
