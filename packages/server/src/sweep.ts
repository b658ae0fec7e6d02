/**
 * What is removed by time: jobs that ended long ago, and files in the store that belong to no job
 * and to no kept style.
 */
import type { FileStore } from "./files/store.ts";
import { folderOf } from "./jobs/record.ts";
import type { JobStore } from "./jobs/store.ts";
import type { Log } from "./log.ts";
import type { Limits } from "./settings.ts";
import type { KeptStyles } from "./styles.ts";

export interface Sweepable {
  readonly jobs: JobStore;
  readonly files: FileStore;
  readonly styles: KeptStyles;
  readonly limits: Limits;
}

/**
 * How often the store is looked through for files that belong to nothing, in milliseconds; that may
 * be a long list.
 */
const LOOK_EVERY = 10 * 60_000;

/**
 * For how long files belong to nothing before they are removed, in milliseconds: those of a new job
 * are there before it is, and those of a style that was replaced may still be read.
 */
const STRAY_AFTER = 60 * 60_000;

export class Sweeper {
  readonly #jobs: JobStore;
  readonly #files: FileStore;
  readonly #styles: KeptStyles;
  readonly #limits: Limits;
  readonly #log: Log;
  /** Since when each folder or file was seen to belong to nothing. */
  #strays = new Map<string, number>();
  #looked = Number.NEGATIVE_INFINITY;

  constructor({ jobs, files, styles, limits }: Sweepable, log: Log) {
    this.#jobs = jobs;
    this.#files = files;
    this.#styles = styles;
    this.#limits = limits;
    this.#log = log;
  }

  /**
   * Removes all files that belong to nothing, before the first job is taken in and where nobody
   * else has files in the store.
   */
  async clear(): Promise<void> {
    await this.#remove([...(await this.#withoutJob()).map(folderOf), ...(await this.#styles.strays())]);
  }

  /** Removes what is too old, at a time in milliseconds since 1970. */
  async sweep(now = Date.now()): Promise<void> {
    const old = await this.#jobs.finishedBefore(now - this.#limits.keepHours * 3_600_000);
    for (const id of old) {
      await this.#files.remove(folderOf(id));
      await this.#jobs.remove(id);
    }
    if (old.length > 0) this.#log("info", { jobs: old.length }, "Jobs that ended long ago were removed.");
    if (now - this.#looked < LOOK_EVERY) return;
    this.#looked = now;
    const origin = await this.#jobs.origin();
    // Others may keep theirs in the same store, of which this database knows nothing.
    const own = (await this.#withoutJob()).filter((id) => id.startsWith(origin));
    const strays = [...own.map(folderOf), ...(await this.#styles.strays())];
    this.#strays = new Map(strays.map((name) => [name, this.#strays.get(name) ?? now]));
    await this.#remove(strays.filter((name) => now - (this.#strays.get(name) ?? now) >= STRAY_AFTER));
  }

  async #withoutJob(): Promise<string[]> {
    const ids = new Set((await this.#files.list("jobs/")).map((name) => name.split("/")[1] ?? ""));
    const strays: string[] = [];
    for (const id of ids) if ((await this.#jobs.get(id)) === undefined) strays.push(id);
    return strays;
  }

  async #remove(names: readonly string[]): Promise<void> {
    for (const name of names) await this.#files.remove(name);
    if (names.length > 0) this.#log("warn", { count: names.length }, "Files that belonged to nothing were removed.");
  }
}
