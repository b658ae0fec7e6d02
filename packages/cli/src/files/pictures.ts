/** The pictures of a folder. */
import { readdir, stat } from "node:fs/promises";
import { basename, extname, join, parse } from "node:path";
import { cannotRead } from "adaattn/internal/node";
import { PICTURE_EXTENSIONS } from "adaattn/node";

/** A picture file. */
export interface NamedPicture {
  /** Its file's name without the ending. */
  readonly name: string;
  readonly path: string;
}

/** Whether a file's name ends as that of a picture that can be read. */
export function isPicture(path: string): boolean {
  return [...PICTURE_EXTENSIONS, ".gif"].includes(extname(path).toLowerCase());
}

/**
 * The pictures of a folder, by name; subfolders are not looked into. A picture may be named in
 * place of a folder.
 *
 * @throws Error with one sentence where there is no such folder, it holds no pictures, or two that
 *   differ only in their ending.
 */
export async function listPictures(folder: string): Promise<NamedPicture[]> {
  if ((await stat(folder).catch(() => undefined))?.isFile()) return [{ name: parse(folder).name, path: folder }];
  const entries = await readdir(folder).catch((error) => {
    throw cannotRead(folder, "it is not a folder that can be listed. Check its name.", error);
  });
  const pictures = entries
    .filter(isPicture)
    .sort()
    .map((file) => ({ name: parse(file).name, path: join(folder, file) }));
  if (pictures.length === 0) throw new Error(`Expected pictures in ${folder} but found none.`);
  const names = new Map<string, string>();
  for (const { name, path } of pictures) {
    const other = names.get(name);
    if (other !== undefined) {
      throw new Error(`Expected pictures of different names in ${folder} but found ${other} and ${basename(path)}.`);
    }
    names.set(name, basename(path));
  }
  return pictures;
}
