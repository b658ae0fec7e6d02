/**
 * Reading and replacing whole files so that every failure is one sentence that names the file and
 * the way out, and so that nobody ever sees half a file: bytes go to a temporary name in the same
 * folder, then take the file's place by a rename.
 */

import { randomBytes } from "node:crypto";
import { rmSync, type Stats } from "node:fs";
import { access, chmod, constants, open, readFile, readlink, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { AdaattnError } from "../error.ts";

/**
 * The bytes of a file that is not empty.
 *
 * @throws Error with one sentence naming the file and what to do where it is missing, a folder,
 *   empty, too large or unreadable; the signal's reason where it is aborted.
 */
export async function readWholeFile(path: string, signal?: AbortSignal): Promise<Uint8Array> {
  signal?.throwIfAborted();
  try {
    await checkRegular(path);
    const bytes = await readFile(path, signal ? { signal } : {});
    if (bytes.length === 0) throw isEmpty(path);
    return bytes;
  } catch (error) {
    signal?.throwIfAborted();
    throw readFailure(path, error);
  }
}

/**
 * The first bytes of a file that is not empty: `most`, or all where there are fewer.
 *
 * @throws Error with one sentence naming the file and what to do, as {@link readWholeFile} does.
 */
export async function readFileStart(path: string, most: number): Promise<Uint8Array> {
  try {
    await checkRegular(path);
    await using handle = await open(path, "r");
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(most), 0, most, 0);
    if (bytesRead === 0) throw isEmpty(path);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw readFailure(path, error);
  }
}

/**
 * Checks that a file could be read and is not empty, for programs that read it themselves.
 *
 * @throws Error with one sentence naming the file and what to do, as {@link readWholeFile} does.
 */
export async function checkReadable(path: string): Promise<void> {
  try {
    if ((await checkRegular(path)).size === 0) throw isEmpty(path);
    await access(path, constants.R_OK);
  } catch (error) {
    throw readFailure(path, error);
  }
}

async function checkRegular(path: string): Promise<Stats> {
  const found = await stat(path);
  if (found.isDirectory()) throw cannotRead(path, "it is a folder. Name a file in it instead.");
  if (!found.isFile()) throw cannotRead(path, "it is not a regular file. Copy it to one first.");
  return found;
}

function isEmpty(path: string): Error {
  return cannotRead(path, "it is empty (0 bytes). Choose another file.");
}

function readFailure(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  const reason = READ_FAILURES[code] ?? `the system answered ${code}. Copy it to another disk and try again.`;
  return cannotRead(path, reason, error);
}

const READ_FAILURES: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist. Check its name and folder.",
  ENOTDIR: "it does not exist, since part of its path is a file. Check its name and folder.",
  ENAMETOOLONG: "its name is too long. Check its name and folder.",
  ELOOP: "it is a link that leads back to itself. Name the file itself.",
  EACCES: "its permissions forbid it. Allow reading (chmod +r) or choose another file.",
  EPERM: "its permissions forbid it. Allow reading (chmod +r) or choose another file.",
  EIO: "its disk failed to read it. Choose another file.",
  ERR_FS_FILE_TOO_LARGE: "it is larger than 2 GiB. Choose a smaller file.",
};

/** The error for a file that cannot be read, in the form that every such error has. */
export function cannotRead(name: string, reason: string, cause?: unknown): Error {
  return new AdaattnError("file", `Cannot read ${name}: ${reason}`, { cause });
}

/** The error for a file that cannot be written, in the form that every such error has. */
export function cannotWrite(name: string, reason: string, cause?: unknown): Error {
  return new AdaattnError("file", `Cannot write ${name}: ${reason}`, { cause });
}

/**
 * Checks that a file could be written, so that long work can be refused before it starts.
 *
 * @throws Error with one sentence where the folder does not exist or may not be written to, or the
 *   name is a folder's or that of a file protected against writing.
 */
export async function checkReplaceable(path: string): Promise<void> {
  const target = await linkTarget(path);
  const folder = dirname(target);
  try {
    if (!(await stat(folder)).isDirectory())
      throw cannotWrite(path, `${folder} is a file, not a folder. Choose another folder.`);
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    if (code === "ENOENT") {
      throw cannotWrite(path, `the folder ${folder} does not exist. Create it first, or choose another.`, error);
    }
    throw writeFailure(path, code, error);
  }
  try {
    await access(folder, constants.W_OK);
    if ((await stat(target)).isDirectory()) throw cannotWrite(path, "it is a folder. Name a file in it instead.");
    await access(target, constants.W_OK);
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    if (code !== "ENOENT") throw writeFailure(path, code, error);
  }
}

/**
 * Writes a file, replacing one of that name only once every byte is on the disk. On any failure, an
 * abort or `process.exit` meanwhile, nothing is left behind and a file that was there before stays
 * as it was. A link of that name is followed, and the permissions of the file that is replaced are
 * kept.
 *
 * @throws Error with one sentence naming the file and what to do; the signal's reason where it is
 *   aborted.
 */
export async function replaceFile(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
  const write = async (temporary: string) => {
    const handle = await open(temporary, "wx");
    await handle.writeFile(bytes, signal ? { signal } : {}).finally(() => handle.close());
  };
  await replaceFileBy(path, write, signal);
}

/**
 * As {@link replaceFile}, of a file that something else writes.
 *
 * @param write writes the file under the temporary name that it is given.
 */
export async function replaceFileBy(
  path: string,
  write: (temporary: string) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  await checkReplaceable(path);
  signal?.throwIfAborted();
  const temporary = temporaryBeside(await linkTarget(path));
  try {
    await write(temporary);
    const handle = await open(temporary, "r+");
    // Some disks report that they are full only here.
    await handle.sync().finally(() => handle.close());
    signal?.throwIfAborted();
    await moveInto(temporary, path);
  } catch (error) {
    signal?.throwIfAborted();
    const code = systemCode(error);
    throw code === undefined ? error : writeFailure(path, code, error);
  } finally {
    await removeTemporary(temporary);
  }
}

/**
 * Moves a file that is whole to where it belongs on the same disk: where a link leads, with the
 * permissions of what it replaces.
 */
export async function moveInto(temporary: string, path: string): Promise<void> {
  const target = await linkTarget(path);
  const replaced = await stat(target).catch(() => undefined);
  // Where the disk knows no permissions, none can be kept.
  if (replaced !== undefined) await chmod(temporary, replaced.mode & 0o7777).catch(() => undefined);
  await rename(temporary, target);
}

/** As many links in a row as Linux follows. */
const MOST_LINKS = 40;

/**
 * The file that a path leads to through links, whether it exists or not.
 *
 * @throws Error with one sentence where the links lead nowhere.
 */
export async function linkTarget(path: string): Promise<string> {
  let target = path;
  for (let links = 0; links <= MOST_LINKS; links++) {
    const next = await readlink(target).catch(() => undefined);
    if (next === undefined) return target;
    target = resolve(dirname(target), next);
  }
  throw cannotWrite(path, "it is a link that leads back to itself. Name the file itself.");
}

/**
 * A name for a temporary file in the folder of `path`, which `process.exit` removes; everyone else
 * calls `removeTemporary`.
 */
export function temporaryBeside(path: string, ending = ".tmp"): string {
  const temporary = join(dirname(path), `.adaattn-${process.pid}-${randomBytes(6).toString("hex")}${ending}`);
  if (temporaries.size === 0) process.on("exit", removeTemporaries);
  temporaries.add(temporary);
  return temporary;
}

/** Removes a temporary file, if there is one of that name. */
export async function removeTemporary(temporary: string): Promise<void> {
  await rm(temporary, { force: true }).catch(() => undefined);
  temporaries.delete(temporary);
  if (temporaries.size === 0) process.off("exit", removeTemporaries);
}

/** The temporary files being written at this moment, for `process.exit` to sweep. */
const temporaries = new Set<string>();

function removeTemporaries(): void {
  for (const temporary of temporaries) rmSync(temporary, { force: true });
}

/** The error for a file that cannot be written, by the system's code for why. */
export function writeFailure(path: string, code: string, cause: unknown): Error {
  const folder = dirname(path);
  const reasons: Record<string, string> = {
    ENOSPC: "no space is left on the disk. Free some, or choose a folder on another disk.",
    EDQUOT: "your share of the disk is used up. Free some space, or choose a folder on another disk.",
    ENOTDIR: `part of its path is a file, not a folder. Choose another folder than ${folder}.`,
    ENAMETOOLONG: "its name is too long. Choose a shorter one.",
    EROFS: `the folder ${folder} is on a disk that is read-only. Choose another folder.`,
    EISDIR: "it is a folder. Name a file in it instead.",
    EIO: "the disk failed. Choose a folder on another disk.",
  };
  // /proc and the like deny new files by ENOENT although the folder exists, which has been checked
  // by then.
  const denied = ["EACCES", "EPERM", "ENOENT"].includes(code);
  const reason = denied ? `files in the folder ${folder} may not be written. Choose another folder.` : reasons[code];
  return cannotWrite(path, reason ?? `the system answered ${code}. Choose another folder.`, cause);
}

/** The code of an error of the file system, such as ENOENT; undefined for every other error. */
export function systemCode(error: unknown): string | undefined {
  // This library's own errors have another kind of code.
  if (!(error instanceof Error) || error instanceof AdaattnError) return undefined;
  if (!("code" in error) || typeof error.code !== "string") return undefined;
  return error.code;
}
