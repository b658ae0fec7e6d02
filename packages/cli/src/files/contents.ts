/** The photographs that are meant by the names of files, folders and addresses. */
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { cannotRead } from "adaattn/internal/node";
import { UsageError } from "../terminal/usage.ts";
import { isPicture } from "./pictures.ts";

/** A photograph to be painted. */
export interface ContentPath {
  /** A file, an address, or - for stdin. */
  readonly path: string;
  /**
   * For a photograph of a folder that was named: where it lies below that, and its result below the
   * output.
   */
  readonly subfolder?: string | undefined;
}

/** How folders are looked into. */
export interface FolderOptions {
  /** Whether folders in folders are looked into, too. */
  readonly recursive: boolean;
  /** A folder that is left out: the one for results. */
  readonly except: string;
}

/**
 * The photographs that were named, and those of folders that were named, in order.
 *
 * @throws UsageError where a folder holds none.
 */
export async function listContents(names: readonly string[], options: FolderOptions): Promise<ContentPath[]> {
  const contents: ContentPath[] = [];
  for (const name of names) {
    if (!(await stat(name).catch(() => undefined))?.isDirectory()) contents.push({ path: name });
    else contents.push(...(await folderOf(name, options)));
  }
  return contents;
}

/**
 * The paths of the pictures that lie in a folder.
 *
 * @throws UsageError where there are none.
 */
export async function picturesIn(folder: string): Promise<string[]> {
  return (await folderOf(folder, { recursive: false, except: "" })).map(({ path }) => path);
}

async function folderOf(folder: string, { recursive, except }: FolderOptions): Promise<ContentPath[]> {
  const found: ContentPath[] = [];
  let hasFolders = false;
  const left = await realpath(except).catch(() => undefined);
  async function look(subfolder: string): Promise<void> {
    const here = join(folder, subfolder);
    const entries = await readdir(here, { withFileTypes: true }).catch((error) => {
      throw cannotRead(here, "it is a folder that cannot be listed. Allow reading (chmod +rx) or name another.", error);
    });
    const folders: string[] = [];
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const { name } = entry;
      if (name.startsWith(".")) continue;
      // Links to folders may lead round in circles; those to files are files.
      if (entry.isDirectory()) folders.push(join(subfolder, name));
      else if (isPicture(name)) found.push({ path: join(here, name), subfolder });
    }
    hasFolders ||= folders.length > 0;
    if (!recursive) return;
    for (const inner of folders) if ((await realpath(join(folder, inner))) !== left) await look(inner);
  }
  await look("");
  if (found.length > 0) return found;
  const hint = hasFolders && !recursive ? " --recursive looks into the folders in it, too." : "";
  throw new UsageError(`Expected pictures in the folder ${folder} but found none.${hint}`);
}
