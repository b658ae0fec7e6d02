/**
 * A folder that appears whole or not at all: it grows under another name beside its place, and
 * takes it at the end.
 */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { cannotWrite, checkReplaceable } from "adaattn/internal/node";

/**
 * A folder in the making. Disposing of it, or the end of the process, removes what was not put in
 * place.
 */
export class StagedFolder implements AsyncDisposable {
  /** Where files are to be written meanwhile. */
  readonly path: string;
  readonly #target: string;
  readonly #removeNow = () => rmSync(this.path, { recursive: true, force: true });

  private constructor(target: string) {
    this.#target = target;
    this.path = join(dirname(target), `.adaattn-${process.pid}-${randomBytes(6).toString("hex")}.tmp`);
  }

  /**
   * Begins a folder that will be `target`. There may be none of that name yet, an empty one, or one
   * that holds nothing but `contents`, the names of what an earlier one has.
   *
   * @throws Error with one sentence where the folder would replace other files or its parent cannot
   *   be written to.
   */
  static async create(target: string, contents: readonly string[]): Promise<StagedFolder> {
    const whole = resolve(target);
    const found = await readdir(whole).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw new Error(`Cannot write to ${target}: it is not a folder. Choose another name.`, { cause: error });
    });
    const other = found?.find((name) => !contents.includes(name));
    if (other !== undefined) {
      throw new Error(
        `Cannot write to ${target}: it holds ${other}, which an earlier report does not. Choose a new or an empty folder.`,
      );
    }
    if (found === undefined) await checkReplaceable(target);
    const staged = new StagedFolder(whole);
    process.on("exit", staged.#removeNow);
    await mkdir(staged.path).catch((error: NodeJS.ErrnoException) => {
      throw cannotWrite(target, `no folder can be made beside it (${error.code}). Choose another place.`, error);
    });
    return staged;
  }

  /** Puts the folder in its place. */
  async commit(): Promise<void> {
    const old = `${this.path}.old`;
    const replaced = await rename(this.#target, old).then(
      () => true,
      () => false,
    );
    await rename(this.path, this.#target);
    if (replaced) await rm(old, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
    process.off("exit", this.#removeNow);
  }
}
