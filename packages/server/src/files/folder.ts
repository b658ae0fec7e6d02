/**
 * Files in a folder, of this machine or shared by several: each appears under its name by a rename,
 * once all of it is on the disk.
 */
import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, constants, copyFile, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { FileStore } from "./store.ts";

/** What a name is made of; no part begins with a dot, so that none leads out of the folder. */
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*\/?$/;

/** Files that are not whole yet. */
const UNFINISHED = ".unfinished-";

/** @throws Error with one sentence where the folder cannot be made. */
export async function openFolderStore(folder: string): Promise<FileStore> {
  const root = resolve(folder);
  await mkdir(root, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`Cannot make the folder ${folder} (${error.code}). Choose another place for files.`, {
      cause: error,
    });
  });
  return new FolderStore(root);
}

class FolderStore implements FileStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  #path(name: string): string {
    if (!NAME.test(name)) throw new Error(`Expected the name of a file but received ${name}`);
    return join(this.#root, name);
  }

  async put(name: string, path: string): Promise<void> {
    await this.#place(name, async (temporary) => {
      await rename(path, temporary).catch(async (error: NodeJS.ErrnoException) => {
        // Another disk.
        if (error.code !== "EXDEV") throw error;
        await copyFile(path, temporary);
        await rm(path, { force: true });
      });
    });
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    await this.#place(name, async (temporary) => {
      const file = await open(temporary, "wx");
      try {
        await file.writeFile(bytes);
      } finally {
        await file.close();
      }
    });
  }

  async #place(name: string, fill: (temporary: string) => Promise<void>): Promise<void> {
    const path = this.#path(name);
    await mkdir(dirname(path), { recursive: true });
    const temporary = join(dirname(path), `${UNFINISHED}${randomBytes(6).toString("hex")}`);
    try {
      await fill(temporary);
      const file = await open(temporary, "r+");
      await file.sync().finally(() => file.close());
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    return unlessMissing(readFile(this.#path(name)));
  }

  async size(name: string): Promise<number | undefined> {
    return (await unlessMissing(stat(this.#path(name))))?.size;
  }

  async open(name: string, range?: { readonly start: number; readonly end: number }) {
    const file = await open(this.#path(name), "r");
    return createReadStream("", { fd: file, ...range });
  }

  async fetch(name: string): Promise<string> {
    await stat(this.#path(name));
    return this.#path(name);
  }

  async list(prefix: string): Promise<string[]> {
    const folder = join(this.#root, prefix.slice(0, prefix.lastIndexOf("/") + 1));
    const found = (await unlessMissing(readdir(folder, { recursive: true, withFileTypes: true }))) ?? [];
    return found
      .filter((entry) => entry.isFile() && !entry.name.startsWith(UNFINISHED))
      .map((entry) => relative(this.#root, join(entry.parentPath, entry.name)).split(sep).join("/"))
      .filter((name) => name.startsWith(prefix))
      .sort();
  }

  async remove(name: string): Promise<void> {
    // Somebody may be writing into it.
    await rm(this.#path(name), { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }

  async check(): Promise<void> {
    await access(this.#root, constants.W_OK);
  }
}

/** What was asked for, or undefined where there is no such file. */
async function unlessMissing<Found>(asked: Promise<Found>): Promise<Found | undefined> {
  try {
    return await asked;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
