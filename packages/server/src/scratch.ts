/** A folder for what is on its way, which goes with its process. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import Database from "libsql";

export interface Scratch extends AsyncDisposable {
  readonly folder: string;
}

/**
 * Makes a folder of this process. Those of processes that were killed are removed first. Whether
 * one lives is told by a lock that the system takes away with it: numbers of processes are given
 * again, and in containers all of them are 1.
 *
 * @param data a folder of this machine; `scratch` and `locks` are made in it.
 * @throws Error with one sentence where they cannot be made.
 */
export async function openScratch(data: string): Promise<Scratch> {
  const [parent, locks] = [join(data, "scratch"), join(data, "locks")];
  for (const made of [parent, locks]) {
    await mkdir(made, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
      throw new Error(`Cannot make the folder ${made} (${error.code}). Choose another --data.`, { cause: error });
    });
  }
  const remove = async (name: string) => {
    await rm(join(parent, name), { recursive: true, force: true });
    for (const file of [name, `${name}-journal`]) await rm(join(locks, file), { force: true });
  };
  for (const name of await readdir(parent)) {
    // A lock that can be had is nobody's.
    const lock = take(join(locks, name));
    lock?.close();
    if (lock) await remove(name);
  }
  const name = `${process.pid}-${randomBytes(4).toString("hex")}`;
  // Before the folder, which nobody must see without it.
  const lock = take(join(locks, name));
  const folder = join(parent, name);
  await mkdir(folder);
  return {
    folder,
    [Symbol.asyncDispose]: async () => {
      lock?.close();
      await remove(name);
    },
  };
}

/**
 * A lock on a file; undefined where another process has it. Files are only locked through a
 * library, and SQLite is at hand.
 */
function take(path: string): Database.Database | undefined {
  const database = new Database(path);
  try {
    database.pragma("locking_mode = EXCLUSIVE");
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database.close();
    if (error instanceof Error && /locked|busy/i.test(error.message)) return undefined;
    throw error;
  }
}
