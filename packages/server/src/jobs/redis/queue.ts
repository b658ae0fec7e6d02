/**
 * The server's side of jobs that machines share: BullMQ on Redis or Valkey hands out their parts, and a hash and a stream in the same
 * place say how each job is. A job goes through a queue as `plan`, then one `part` each, then `finish`, which waits for all parts.
 */
import type { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { Log } from "../../log.ts";
import { Problem } from "../../problem.ts";
import type { JobQueue } from "../queue.ts";
import { isFinished, type JobRecord, UNFINISHED } from "../record.ts";
import { type Bull, openRedis, PREFIX } from "./connection.ts";
import { laneOf, type Step, stepId, stepOf } from "./lanes.ts";
import { RedisStore } from "./store.ts";

/** How often jobs without a place in the queue are looked for, in milliseconds. */
const RECONCILE_EVERY = 30_000;

export interface RedisConnection {
  readonly redis: Redis;
  readonly jobs: RedisStore;
  readonly queue: RemoteQueue;
  close(): Promise<void>;
}

/** @throws Error with one sentence where Redis cannot be reached or the packages for it are missing. */
export async function connect(url: string, log: Log): Promise<RedisConnection> {
  const { redis, bull } = await openRedis(url, { isPatient: false, log });
  const jobs = new RedisStore(redis, PREFIX);
  const queue = new RemoteQueue(redis, bull, jobs, log);
  return { redis, jobs, queue, close: async () => redis.disconnect() };
}

export class RemoteQueue implements JobQueue {
  readonly #redis: Redis;
  readonly #bull: Bull;
  readonly #lanes = new Map<string, Queue<Step>>();
  readonly #jobs: RedisStore;
  readonly #timer: NodeJS.Timeout;

  constructor(redis: Redis, bull: Bull, jobs: RedisStore, log: Log) {
    this.#redis = redis;
    this.#bull = bull;
    this.#jobs = jobs;
    this.#timer = setInterval(() => {
      const trouble = (error: unknown) =>
        log("warn", { error: String(error) }, "Jobs without a place cannot be looked for.");
      this.reconcile().catch(trouble);
    }, RECONCILE_EVERY);
    this.#timer.unref();
  }

  #lane({ kind, request }: JobRecord): Queue<Step> {
    const name = laneOf(kind, request.model);
    const known = this.#lanes.get(name);
    if (known) return known;
    const lane = new this.#bull.Queue<Step>(name, { connection: this.#redis, prefix: PREFIX });
    lane.on("error", () => undefined);
    this.#lanes.set(name, lane);
    return lane;
  }

  async submit(id: string): Promise<void> {
    const record = await this.#jobs.get(id);
    if (record === undefined || isFinished(record)) return;
    const turn = Math.max(1, await this.#jobs.unfinishedOf(record.owner));
    const { name, data, opts } = stepOf(record, turn, "plan");
    await this.#lane(record).add(name, data, opts);
  }

  async clear(id: string): Promise<void> {
    const record = await this.#jobs.get(id);
    if (record === undefined) return;
    // What has ended keeps its number, and would take the place of what is to come.
    for (const step of ["finish", "plan"] as const) {
      const place = await this.#lane(record).getJob(stepId(id, step));
      await place?.remove().catch((error: unknown) => {
        throw new Problem("conflict", "A part of the job is still being ended. Try again.", { cause: error });
      });
    }
  }

  /** Workers see that the job is cancelled by its state. */
  async cancel(): Promise<void> {}

  /** Jobs that are not done but have lost their place, because somebody died between two steps, get one. */
  async reconcile(): Promise<void> {
    for (const id of await this.#jobs.unfinished()) {
      const record = await this.#jobs.get(id);
      if (record === undefined || isFinished(record)) continue;
      const lane = this.#lane(record);
      const places = await Promise.all((["plan", "finish"] as const).map((step) => lane.getJob(stepId(id, step))));
      const states = await Promise.all(places.map((place) => place?.getState()));
      const [, finish] = places;
      if (states[1] === "failed" || (states[0] === "failed" && finish === undefined)) {
        // Whoever should have said so has died.
        const detail = "It could not be finished.";
        const patch = { state: "failed", error: detail } as const;
        await this.#jobs.change(id, UNFINISHED, patch, () => ({ type: "error", state: "failed", detail }));
        continue;
      }
      if (states.some((state) => state !== undefined && state !== "completed" && state !== "failed")) continue;
      // Whoever is between the steps at this very moment is left alone.
      if (Date.now() - record.updated < RECONCILE_EVERY) continue;
      await this.clear(id);
      await this.submit(id);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const lane of this.#lanes.values()) await lane.close().catch(() => undefined);
  }
}
