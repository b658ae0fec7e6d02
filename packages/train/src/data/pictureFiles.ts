/** The pictures of a folder: which files there are, in an order that every machine agrees on. */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { cannotRead } from "adaattn/internal/node";

const EXTENSIONS = /\.(jpe?g|png|webp|avif|tiff?|gif)$/i;

/**
 * The paths of all pictures below a folder, by the endings of their names, sorted; hidden files are
 * left out.
 *
 * @throws Error with one sentence where the folder cannot be read or holds fewer than two pictures.
 */
export async function listPictures(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") throw cannotRead(folder, "it does not exist. Check its name.", error);
      if (error.code === "ENOTDIR")
        throw cannotRead(folder, "it is not a folder. Name the folder that it is in.", error);
      throw error;
    },
  );
  const paths = entries
    .filter((entry) => !entry.isDirectory() && EXTENSIONS.test(entry.name) && !entry.name.startsWith("."))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  if (paths.length < 2) throw new Error(`Expected at least two pictures in ${folder} but found ${paths.length}.`);
  return paths;
}
