/**
 * Local copies of files that are asked for again and again, such as kept styles: the newest, up to
 * so many bytes together.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { FileStore } from "./store.ts";

/** How many bytes of copies that nobody uses are kept. */
const MOST_BYTES = 2 ** 28;

/** A file of the store. */
export interface Wanted {
  readonly name: string;
  readonly bytes: number;
}

interface Copy {
  readonly path: Promise<string>;
  readonly folder: string;
  readonly bytes: number;
  users: number;
}

export class LocalCopies {
  readonly #files: FileStore;
  readonly #folder: string;
  readonly #most: number;
  /** By names in the store; the one that was used last is last. */
  readonly #copies = new Map<string, Copy>();
  #count = 0;

  /**
   * @param folder where copies go, of this process alone.
   * @param most bytes of copies that are kept for the next use.
   */
  constructor(files: FileStore, folder: string, most = MOST_BYTES) {
    this.#files = files;
    this.#folder = folder;
    this.#most = most;
  }

  /**
   * Lends the paths of files, in their order, for as long as `use` takes.
   *
   * @throws Error where one is not there.
   */
  async lend<Result>(wanted: readonly Wanted[], use: (paths: readonly string[]) => Promise<Result>): Promise<Result> {
    const lent = wanted.map((file) => this.#take(file));
    try {
      return await use(await Promise.all(lent.map(({ path }) => path)));
    } finally {
      for (const copy of lent) copy.users--;
      await this.#tidy();
    }
  }

  #take({ name, bytes }: Wanted): Copy {
    const known = this.#copies.get(name);
    // A folder for each, so that one that is removed is never taken for one that is made.
    const folder = known?.folder ?? join(this.#folder, String(this.#count++));
    const copy = known ?? { path: this.#files.fetch(name, folder), folder, bytes, users: 0 };
    copy.users++;
    this.#copies.delete(name);
    this.#copies.set(name, copy);
    copy.path.catch(() => {
      if (this.#copies.get(name) === copy) this.#copies.delete(name);
    });
    return copy;
  }

  /** Removes those that were not used for longest. */
  async #tidy(): Promise<void> {
    let bytes = [...this.#copies.values()].reduce((sum, copy) => sum + copy.bytes, 0);
    for (const [name, copy] of this.#copies) {
      if (bytes <= this.#most) return;
      if (copy.users > 0) continue;
      this.#copies.delete(name);
      bytes -= copy.bytes;
      await rm(copy.folder, { recursive: true, force: true });
    }
  }
}
