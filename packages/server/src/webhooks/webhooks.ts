/**
 * Whoever submits a job may have the server call an address once it has ended. The message is
 * signed as the Standard Webhooks specification says (standardwebhooks.com). That a call is due is
 * kept with the job: a restart does not lose it, and of servers that share a database one makes it.
 * A call that is not answered well is made again, ever later.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { describeJob, isFinished, type JobRecord } from "../jobs/record.ts";
import type { JobStore } from "../jobs/store.ts";
import type { Log } from "../log.ts";
import { Problem } from "../problem.ts";
import { type CallRules, checkCallback } from "./address.ts";
import { call } from "./call.ts";
import type { WebhookSecrets } from "./secrets.ts";

/**
 * How long after the end of a job each call is made, in milliseconds; the sweep takes the job after
 * a day.
 */
const SCHEDULE = [0, 5_000, 30_000, 120_000, 600_000, 1_800_000, 7_200_000, 21_600_000, 50_400_000];

/** After how long the last call is made again where its server died over it, in milliseconds. */
const LAST_AGAIN = 3_600_000;

/** How long one wait is, in milliseconds; timers do not wait for much longer than that. */
const LONGEST_WAIT = 86_400_000;

/** What an address answers that wants no more calls. */
const GONE = 410;

export interface WebhookOptions extends CallRules {
  readonly secrets: WebhookSecrets | undefined;
  /**
   * How long after the end of a job each call is made, in milliseconds, in rising order; up to 14
   * hours by default.
   */
  readonly schedule?: readonly number[] | undefined;
  readonly version: string;
}

export class Webhooks {
  readonly #jobs: JobStore;
  readonly #options: WebhookOptions;
  readonly #log: Log;
  readonly #ending = new AbortController();
  /** Jobs whose end is waited for, or that are being called for. */
  readonly #watched = new Map<string, Promise<void>>();

  constructor(jobs: JobStore, options: WebhookOptions, log: Log) {
    this.#jobs = jobs;
    this.#options = options;
    this.#log = log;
  }

  /** @throws Problem where an owner's job may not have this address called. */
  check(owner: string, address: string): void {
    checkCallback(address, this.#options);
    if (this.#options.secrets?.has(owner)) return;
    throw new Problem("invalid-options", "Expected no callback, for there is no secret to sign it for this API key.");
  }

  /** Waits for the end of a job that has a call due, and makes it. */
  watch(id: string): void {
    if (this.#watched.has(id) || this.#ending.signal.aborted) return;
    const watching = this.#whenEnded(id)
      .catch((error: unknown) => {
        // The next look at what is due goes on with it.
        if (!this.#ending.signal.aborted)
          this.#log("warn", { job: id, error: String(error) }, "A callback is put off.");
      })
      .finally(() => this.#watched.delete(id));
    this.#watched.set(id, watching);
  }

  /** Takes up the calls that are due and that nobody makes, such as those of a server that died. */
  async adopt(): Promise<void> {
    for (const id of await this.#jobs.callbacks()) this.watch(id);
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#watched.values());
  }

  async #whenEnded(id: string): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      const over = new AbortController();
      const news = this.#jobs.nextEvent(id, AbortSignal.any([signal, over.signal]));
      try {
        const [record, due] = await Promise.all([this.#jobs.get(id), this.#jobs.callbackDue(id)]);
        if (due === undefined) return;
        if (record === undefined) {
          await this.#jobs.moveCallback(id, due);
          return;
        }
        const wait = isFinished(record) ? due - Date.now() : LONGEST_WAIT;
        if (wait <= 0) await this.#try(record, due);
        // A job that failed may be tried again meanwhile.
        else
          await Promise.race([
            news,
            sleep(Math.min(wait, LONGEST_WAIT), undefined, { signal: over.signal, ref: false }),
          ]);
      } finally {
        over.abort();
      }
    }
  }

  /** Makes the call that is due, unless another server does. */
  async #try(record: JobRecord, due: number): Promise<void> {
    const { id, callback, updated, requestId } = record;
    const { schedule = SCHEDULE } = this.#options;
    const now = Date.now();
    const next = schedule.find((after) => updated + after > now);
    // Whoever dies while calling is followed by somebody, also after the last time.
    const later = next === undefined ? now + LAST_AGAIN : updated + next;
    if (!(await this.#jobs.moveCallback(id, due, later))) return;
    const about = { job: id, requestId };
    const { reason, isOver } = callback === undefined ? {} : await this.#call(record, callback);
    if (reason !== undefined && !isOver && next !== undefined) {
      this.#log("warn", { ...about, error: reason }, "A callback was not taken, and is tried again.");
      return;
    }
    await this.#jobs.moveCallback(id, later);
    if (reason !== undefined) this.#log("error", { ...about, error: reason }, "A callback was given up.");
  }

  /** Makes one call. Returns why it was in vain, if it was, and whether others would be too. */
  async #call(record: JobRecord, address: string): Promise<{ reason?: string; isOver?: boolean }> {
    const { id, owner, state, updated } = record;
    const { isPrivateAllowed, secrets, version } = this.#options;
    const body = JSON.stringify({
      type: `job.${state}`,
      timestamp: new Date(updated).toISOString(),
      data: describeJob(record),
    });
    // The same for every try, by which a receiver knows what he has already.
    const message = { id: `msg_${id}_${updated}`, timestamp: String(Math.floor(Date.now() / 1000)), body };
    const headers = {
      "content-type": "application/json",
      "user-agent": `adaattn/${version}`,
      "webhook-id": message.id,
      "webhook-timestamp": message.timestamp,
      "webhook-signature": secrets?.sign(owner, message) ?? "",
    };
    try {
      // What was allowed when the job came may not be any more.
      const url = checkCallback(address, this.#options);
      const status = await call({ url, headers, body, isPrivateAllowed, signal: this.#ending.signal });
      return status >= 200 && status < 300 ? {} : { reason: `it answered ${status}`, isOver: status === GONE };
    } catch (error) {
      if (this.#ending.signal.aborted) throw error;
      return { reason: error instanceof Error ? error.message : String(error), isOver: error instanceof Problem };
    }
  }
}
