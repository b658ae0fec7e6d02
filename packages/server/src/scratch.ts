/** A folder for what is on its way, which goes with its process. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * Makes a folder of this process. Those of processes that were killed are removed first.
 *
 * @param parent a folder of this machine; it is made.
 * @throws Error with one sentence where it cannot be made.
 */
export async function openScratch(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`Cannot make the folder ${parent} (${error.code}). Choose another --data.`, { cause: error });
  });
  for (const name of await readdir(parent)) {
    const pid = Number(/^(\d+)-/.exec(name)?.[1] ?? Number.NaN);
    if (!isAlive(pid)) await rm(join(parent, name), { recursive: true, force: true });
  }
  const folder = join(parent, `${process.pid}-${randomBytes(4).toString("hex")}`);
  await mkdir(folder);
  return folder;
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
