/** Making whole folders, so that nobody ever sees half of one. */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { cannotWrite, checkReplaceable, replaceFile } from "./files.ts";

/**
 * Checks that a folder can be made, so that long work can be refused before it starts: it does not
 * exist, or is empty, and the folder around it exists.
 *
 * @throws Error with one sentence naming the folder and what to do.
 */
export async function checkNewFolder(folder: string): Promise<void> {
  const found = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    if (error.code === "ENOTDIR") throw cannotWrite(folder, "it is a file, not a folder. Choose another name.", error);
    throw cannotWrite(folder, `the system answered ${error.code}. Choose another folder.`, error);
  });
  if (found === undefined) return checkReplaceable(folder);
  if (found.length > 0) throw cannotWrite(folder, "it holds files already. Choose a new folder, or empty this one.");
}

/**
 * Writes a folder with these files, by name. It appears whole or not at all: it is written under a
 * temporary name beside its own, then renamed.
 *
 * @throws Error with one sentence naming the folder and what to do; the signal's reason where it is
 *   aborted.
 */
export async function writeNewFolder(
  folder: string,
  files: Readonly<Record<string, Uint8Array>>,
  signal?: AbortSignal,
): Promise<void> {
  const path = resolve(folder);
  const temporary = join(dirname(path), `.adaattn-${process.pid}-${randomBytes(6).toString("hex")}.tmp`);
  const sweep = () => rmSync(temporary, { recursive: true, force: true });
  process.on("exit", sweep);
  try {
    await mkdir(temporary).catch((error: NodeJS.ErrnoException) => {
      throw cannotWrite(folder, `no folder can be made beside it (${error.code}). Choose another place.`, error);
    });
    for (const [name, bytes] of Object.entries(files)) await replaceFile(join(temporary, name), bytes, signal);
    // An empty folder of that name gives way; on Windows a rename alone would not replace it.
    await rmdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw cannotWrite(folder, "it holds files already. Choose a new folder.", error);
    });
    await rename(temporary, path);
  } finally {
    await rm(temporary, { recursive: true, force: true });
    process.off("exit", sweep);
  }
}
