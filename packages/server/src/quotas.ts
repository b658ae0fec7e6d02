/**
 * How much of a server one API key may have: counted by what is kept of its jobs and styles, so
 * that a restart changes nothing.
 */
import type { JobRecord } from "./jobs/record.ts";
import { isFinished } from "./jobs/record.ts";
import type { JobStore } from "./jobs/store.ts";
import { Problem } from "./problem.ts";
import type { Limits } from "./settings.ts";
import type { KeptStyles } from "./styles.ts";

/** How many jobs are looked through at a time. */
const PAGE = 500;

/** After how many seconds somebody whose jobs are too many may come again. */
const COME_AGAIN = 30;

export class Quotas {
  readonly #jobs: JobStore;
  readonly #styles: KeptStyles;
  readonly #limits: Pick<Limits, "keyJobs" | "keyBytes">;
  /** What each key has under way here that is not counted yet. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(jobs: JobStore, styles: KeptStyles, limits: Pick<Limits, "keyJobs" | "keyBytes">) {
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
