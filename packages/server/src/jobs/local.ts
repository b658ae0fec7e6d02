/**
 * Jobs done by the process that takes them in: a few at a time, their parts side by side, oldest
 * first. Those that were under way when the process died may be the reason: each is tried once more
 * with no other beside it, and given up if it happens again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { JobQueue } from "./queue.ts";
import { isFinished, UNFINISHED } from "./record.ts";
import type { JobStore } from "./store.ts";
import {
  ATTEMPTS,
  type Attempt,
  BACK_OFF,
  diedTwice,
  isHopeless,
  type JobWork,
  MOST_CRASHES,
  tooLate,
} from "./work.ts";

/**
 * How many jobs are under way at once, beyond one for each painter, so that a short one need not
 * wait for a long one.
 */
const BESIDES = 1;

export class LocalQueue implements JobQueue {
  readonly #work: JobWork;
  readonly #jobs: JobStore;
  readonly #width: number;
  readonly #waiting: string[] = [];
  /** Jobs that were under way when the process died. */
  readonly #suspects = new Set<string>();
  readonly #running = new Map<string, { controller: AbortController; ended: Promise<void> }>();
  #closed = false;

  readonly #minutes: number;

  /**
   * @param options.width how many parts are painted at once.
   * @param options.minutes how long a job may take.
   */
  constructor(work: JobWork, jobs: JobStore, { width, minutes }: { width: number; minutes: number }) {
    this.#work = work;
    this.#jobs = jobs;
    this.#width = width;
    this.#minutes = minutes;
  }

  /** Takes up again what was not done when the process ended. */
  async recover(): Promise<void> {
    const ids = await this.#jobs.unfinished();
    for (const id of ids) await this.#suspect(id);
    // Suspects first, so that the others run side by side afterwards.
    ids.sort((a, b) => Number(this.#suspects.has(b)) - Number(this.#suspects.has(a)));
    for (const id of ids) await this.submit(id);
  }

  /**
   * A process that is told to end puts its jobs back into the queue; one that died leaves them
   * running.
   */
  async #suspect(id: string): Promise<void> {
    const record = await this.#jobs.get(id);
    if (record?.state !== "running") return;
    const crashes = await this.#jobs.countCrash(id, record.crashes ?? 0);
    if (crashes >= MOST_CRASHES) return this.#work.fail(id, diedTwice());
    await this.#jobs.change(id, ["running"], { state: "queued" });
    this.#suspects.add(id);
  }

  /** The next start takes up whatever the store remembers. */
  async reserve(): Promise<void> {}

  async submit(id: string): Promise<void> {
    if (this.#running.has(id) || this.#waiting.includes(id)) return;
    const record = await this.#jobs.get(id);
    if (record === undefined || isFinished(record)) return;
    this.#waiting.push(id);
    this.#next();
  }

  #next(): void {
    while (!this.#closed && this.#running.size < this.#width + BESIDES) {
      const [id] = this.#waiting;
      if (id === undefined) return;
      if ([...this.#running.keys()].some((one) => this.#suspects.has(one))) return;
      if (this.#suspects.has(id) && this.#running.size > 0) return;
      this.#waiting.shift();
      const controller = new AbortController();
      const ended = this.#do(id, controller.signal).finally(() => {
        this.#running.delete(id);
        this.#suspects.delete(id);
        this.#next();
      });
      this.#running.set(id, { controller, ended });
    }
  }

  async #do(id: string, stopped: AbortSignal): Promise<void> {
    const late = AbortSignal.timeout(this.#minutes * 60_000);
    const signal = AbortSignal.any([stopped, late]);
    try {
      const before = await this.#jobs.get(id);
      const { started = Date.now() } = before ?? {};
      const record = await this.#jobs.change(id, UNFINISHED, { state: "running", started }, ({ progress }) => ({
        type: "progress",
        state: "running",
        progress,
      }));
      if (before === undefined || record === undefined) return;
      this.#work.metrics.begun(before);
      const tried = <Result>(step: Omit<Attempt, "count">, wanted: AbortSignal, run: () => Promise<Result>) =>
        again((count) => this.#work.attempt(record, { ...step, count }, wanted, run), wanted);
      const plan = await tried({ step: "plan", queued: before.updated }, signal, () => this.#work.plan(record, signal));
      const queued = Date.now();
      const parts = Array.from({ length: plan.parts }, (_, index) => index).values();
      // Where one part fails for good, the others are not gone on with.
      const stop = new AbortController();
      const either = AbortSignal.any([signal, stop.signal]);
      const paint = async () => {
        for (const index of parts) {
          either.throwIfAborted();
          await tried({ step: "part", index, queued }, either, () => this.#work.part(record, plan, index, either));
        }
      };
      const painting = Array.from({ length: this.#width }, () =>
        paint().catch((error: unknown) => {
          stop.abort(error);
          throw error;
        }),
      );
      const [failed] = (await Promise.allSettled(painting)).filter((one) => one.status === "rejected");
      if (failed) throw stop.signal.reason;
      await tried({ step: "finish" }, signal, () => this.#work.finish(record, plan, signal));
    } catch (error) {
      if (!stopped.aborted)
        await this.#work.fail(id, late.aborted ? tooLate(this.#minutes) : error, stopped).catch(() => undefined);
      else if (this.#closed) await this.#jobs.change(id, ["running"], { state: "queued" }).catch(() => undefined);
    } finally {
      await this.#work.forget(id).catch(() => undefined);
    }
  }

  async cancel(id: string): Promise<void> {
    const at = this.#waiting.indexOf(id);
    if (at >= 0) this.#waiting.splice(at, 1);
    const running = this.#running.get(id);
    running?.controller.abort();
    await running?.ended;
  }

  async clear(id: string): Promise<void> {
    await this.#running.get(id)?.ended;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const running = [...this.#running.values()];
    for (const { controller } of running) controller.abort();
    await Promise.all(running.map(({ ended }) => ended));
  }
}

/** Does something, and once more where it failed for what may pass. */
async function again<Result>(attempt: (count: number) => Promise<Result>, signal: AbortSignal): Promise<Result> {
  for (let count = 1; ; count++) {
    try {
      return await attempt(count);
    } catch (error) {
      if (signal.aborted || isHopeless(error) || count === ATTEMPTS) throw error;
      await sleep(BACK_OFF * 2 ** (count - 1), undefined, { signal });
    }
  }
}
