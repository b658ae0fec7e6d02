/** Jobs done by the process that takes them in: a few at a time, their parts side by side, oldest first. */
import { setTimeout as sleep } from "node:timers/promises";
import type { JobQueue } from "./queue.ts";
import { UNFINISHED } from "./record.ts";
import type { JobStore } from "./store.ts";
import { ATTEMPTS, BACK_OFF, isHopeless, type JobWork } from "./work.ts";

/** How many jobs are under way at once, beyond one for each painter, so that a short one need not wait for a long one. */
const BESIDES = 1;

export class LocalQueue implements JobQueue {
  readonly #work: JobWork;
  readonly #jobs: JobStore;
  readonly #width: number;
  readonly #waiting: string[] = [];
  readonly #running = new Map<string, { controller: AbortController; ended: Promise<void> }>();
  #closed = false;

  /** @param width how many parts are painted at once. */
  constructor(work: JobWork, jobs: JobStore, width: number) {
    this.#work = work;
    this.#jobs = jobs;
    this.#width = width;
  }

  /** Takes up again what was not done when the process ended. */
  async recover(): Promise<void> {
    for (const id of await this.#jobs.unfinished()) await this.submit(id);
  }

  async submit(id: string): Promise<void> {
    if (this.#running.has(id) || this.#waiting.includes(id)) return;
    this.#waiting.push(id);
    this.#next();
  }

  #next(): void {
    while (!this.#closed && this.#running.size < this.#width + BESIDES) {
      const id = this.#waiting.shift();
      if (id === undefined) return;
      const controller = new AbortController();
      const ended = this.#do(id, controller.signal).finally(() => {
        this.#running.delete(id);
        this.#next();
      });
      this.#running.set(id, { controller, ended });
    }
  }

  async #do(id: string, signal: AbortSignal): Promise<void> {
    try {
      const record = await this.#jobs.change(id, UNFINISHED, { state: "running" });
      if (record === undefined) return;
      const { progress } = record;
      await this.#jobs.publish(id, { type: "progress", state: "running", progress });
      const plan = await again(() => this.#work.plan(record, signal), signal);
      const parts = Array.from({ length: plan.parts }, (_, index) => index).values();
      // Where one part fails for good, the others are not gone on with.
      const stop = new AbortController();
      const either = AbortSignal.any([signal, stop.signal]);
      const paint = async () => {
        for (const index of parts) {
          either.throwIfAborted();
          await again(() => this.#work.part(record, plan, index, either), either);
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
      await again(() => this.#work.finish(record, plan, signal), signal);
    } catch (error) {
      if (!signal.aborted) await this.#work.fail(id, error).catch(() => undefined);
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

  async close(): Promise<void> {
    this.#closed = true;
    const running = [...this.#running.values()];
    for (const { controller } of running) controller.abort();
    await Promise.all(running.map(({ ended }) => ended));
  }
}

/** Does something, and once more where it failed for what may pass. */
async function again<Result>(attempt: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  for (let count = 1; ; count++) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted || isHopeless(error) || count === ATTEMPTS) throw error;
      await sleep(BACK_OFF * 2 ** (count - 1), undefined, { signal });
    }
  }
}
