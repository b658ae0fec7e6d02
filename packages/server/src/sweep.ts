/** What is removed by time: jobs that ended long ago, and files in the store that belong to no job. */
import type { FileStore } from "./files/store.ts";
import { folderOf } from "./jobs/record.ts";
import type { JobStore } from "./jobs/store.ts";
import type { Log } from "./log.ts";
import type { Limits } from "./settings.ts";

/** How often the store is looked through for files without a job, in milliseconds; that may be a long list. */
const LOOK_EVERY = 10 * 60_000;

/** For how long files are without a job before they are removed, in milliseconds: those of a new job are there before it is. */
const STRAY_AFTER = 60 * 60_000;

export class Sweeper {
  readonly #jobs: JobStore;
  readonly #files: FileStore;
  readonly #limits: Limits;
  readonly #log: Log;
  /** Since when each folder was seen without a job. */
  #strays = new Map<string, number>();
  #looked = Number.NEGATIVE_INFINITY;

  constructor(
    { jobs, files, limits }: { readonly jobs: JobStore; readonly files: FileStore; readonly limits: Limits },
    log: Log,
  ) {
    this.#jobs = jobs;
    this.#files = files;
    this.#limits = limits;
    this.#log = log;
  }

  /** Removes all files without a job, before the first job is taken in and where nobody else has files in the store. */
  async clear(): Promise<void> {
    await this.#remove(await this.#withoutJob());
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
    this.#strays = new Map(own.map((id) => [id, this.#strays.get(id) ?? now]));
    await this.#remove(own.filter((id) => now - (this.#strays.get(id) ?? now) >= STRAY_AFTER));
  }

  async #withoutJob(): Promise<string[]> {
    const ids = new Set((await this.#files.list("jobs/")).map((name) => name.split("/")[1] ?? ""));
    const strays: string[] = [];
    for (const id of ids) if ((await this.#jobs.get(id)) === undefined) strays.push(id);
    return strays;
  }

  async #remove(ids: readonly string[]): Promise<void> {
    for (const id of ids) await this.#files.remove(folderOf(id));
    if (ids.length > 0) this.#log("warn", { folders: ids.length }, "Files that belonged to no job were removed.");
  }
}
