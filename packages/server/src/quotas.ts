/**
 * How much of a server one API key may have: counted by what is kept of its jobs and styles, so
 * that a restart changes nothing.
 */
import type { JobRecord } from "./jobs/record.ts";
import { isFinished } from "./jobs/record.ts";
import { DayIsFull, type JobStore } from "./jobs/store.ts";
import { Problem } from "./problem.ts";
import type { Limits } from "./settings.ts";
import type { KeptStyles } from "./styles.ts";

/** How many jobs are looked through at a time. */
const PAGE = 500;

/** After how many seconds somebody whose jobs are too many may come again. */
const COME_AGAIN = 30;

type QuotaLimits = Pick<Limits, "keyJobs" | "keyJobsADay" | "keyBytes">;

export class Quotas {
  readonly #jobs: JobStore;
  readonly #styles: KeptStyles;
  readonly #limits: QuotaLimits;
  /** What each key has under way here that is not counted yet. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(jobs: JobStore, styles: KeptStyles, limits: QuotaLimits) {
    this.#jobs = jobs;
    this.#styles = styles;
    this.#limits = limits;
  }

  /** Does what adds to an owner's count, one after the other. */
  async inTurn<Result>(owner: string, add: () => Promise<Result>): Promise<Result> {
    const before = this.#turns.get(owner) ?? Promise.resolve();
    const mine = before.then(add, add);
    this.#turns.set(owner, mine);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(owner) === mine) this.#turns.delete(owner);
    }
  }

  /** @throws Problem where an owner has as many jobs that are not done as he may have. */
  async checkJobs(owner: string): Promise<void> {
    const { keyJobs } = this.#limits;
    if (owner === "" || keyJobs === 0) return;
    let count = 0;
    for await (const job of this.#all(owner)) if (!isFinished(job)) count++;
    if (count < keyJobs) return;
    const sentence = `Expected at most ${keyJobs} jobs of this API key that are not done. Come again when one is, or cancel one.`;
    throw new Problem("quota", sentence, { headers: { "retry-after": String(COME_AGAIN) } });
  }

  /** @throws Problem where an owner has submitted as many jobs within a day as he may. */
  async checkDay(owner: string): Promise<void> {
    const most = this.#mostADay(owner);
    const until = most === undefined ? undefined : await this.#jobs.dayFullUntil(owner, most, Date.now());
    if (until !== undefined) throw this.#dayIsFull(until);
  }

  /**
   * Adds a job and counts it among those of its day.
   *
   * @returns what {@link JobStore.add} does.
   * @throws Problem where it would be one too many.
   */
  async add(record: JobRecord): Promise<string> {
    try {
      return await this.#jobs.add(record, this.#mostADay(record.owner));
    } catch (error) {
      throw error instanceof DayIsFull ? this.#dayIsFull(error.until) : error;
    }
  }

  #mostADay(owner: string): number | undefined {
    const { keyJobsADay } = this.#limits;
    return owner === "" || keyJobsADay === 0 ? undefined : keyJobsADay;
  }

  #dayIsFull(until: number): Problem {
    const sentence = `Expected at most ${this.#limits.keyJobsADay} jobs of this API key within 24 hours. Submit the next after ${new Date(until).toISOString()}.`;
    const seconds = Math.max(1, Math.ceil((until - Date.now()) / 1000));
    return new Problem("quota", sentence, { headers: { "retry-after": String(seconds) } });
  }

  /**
   * @param more bytes that are to be kept besides. @throws Problem where an owner would have more
   *   than he may have.
   */
  async checkBytes(owner: string, more: number): Promise<void> {
    const { keyBytes } = this.#limits;
    if (owner === "" || keyBytes === 0) return;
    let { bytes } = await this.#styles.usage(owner);
    for await (const job of this.#all(owner)) bytes += bytesOf(job);
    if (bytes + more <= keyBytes) return;
    const mebibytes = (count: number) => (count / 2 ** 20).toFixed(1);
    throw new Problem(
      "quota",
      `Expected at most ${mebibytes(keyBytes)} MiB of files of this API key but they would be ${mebibytes(bytes + more)}. ` +
        "Delete jobs or kept styles first.",
    );
  }

  async *#all(owner: string): AsyncGenerator<JobRecord, void, undefined> {
    let cursor: string | undefined;
    do {
      const { jobs, next } = await this.#jobs.list(owner, { most: PAGE, cursor });
      yield* jobs;
      cursor = next;
    } while (cursor !== undefined);
  }
}

/** Bytes of the files of a job: what it is made of until it is done, then its results. */
export function bytesOf({ state, request: { contents, styles, masks }, results }: JobRecord): number {
  const inputs = [
    ...contents,
    ...masks,
    ...styles.flatMap(({ painting, mask }) => (mask ? [painting, mask] : [painting])),
  ];
  const kept = state === "done" ? results : state === "cancelled" ? [] : inputs;
  return kept.reduce((sum, { bytes }) => sum + bytes, 0);
}
