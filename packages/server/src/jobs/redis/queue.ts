/**
 * The server's side of jobs that machines share: BullMQ on Redis or Valkey hands out their parts,
 * and a hash and a stream in the same place say how each job is. A job goes through a queue as
 * `plan`, then one `part` each, then `finish`, which waits for all parts.
 */
import type { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { Log } from "../../log.ts";
import { Problem } from "../../problem.ts";
import type { JobQueue } from "../queue.ts";
import type { JobRecord } from "../record.ts";
import { type Bull, openRedis, PREFIX } from "./connection.ts";
import { laneOf, lanesOf, type Step, stepId, stepOf } from "./lanes.ts";
import { RedisStore } from "./store.ts";

/**
 * How long a place is kept before its turn can come, in milliseconds. Whoever keeps one remembers
 * the job and then lets the turn come; if he dies before that, it comes by itself, to a job that is
 * remembered or to nothing.
 */
const KEPT = 10_000;

export interface RedisConnection {
  readonly redis: Redis;
  readonly jobs: RedisStore;
  readonly queue: RemoteQueue;
  close(): Promise<void>;
}

/**
 * @throws Error with one sentence where Redis cannot be reached or the packages for it are missing.
 */
export async function connect(url: string, log: Log): Promise<RedisConnection> {
  const { redis, bull } = await openRedis(url, { isPatient: false, log });
  const jobs = new RedisStore(redis, PREFIX);
  const queue = new RemoteQueue(redis, bull, jobs);
  return { redis, jobs, queue, close: async () => redis.disconnect() };
}

/** How many steps are in a state, in one of BullMQ's queues. */
export interface StepCount {
  readonly queue: string;
  readonly state: string;
  readonly count: number;
}

export class RemoteQueue implements JobQueue {
  readonly #redis: Redis;
  readonly #bull: Bull;
  readonly #lanes = new Map<string, Queue<Step>>();
  readonly #jobs: RedisStore;

  constructor(redis: Redis, bull: Bull, jobs: RedisStore) {
    this.#redis = redis;
    this.#bull = bull;
    this.#jobs = jobs;
  }

  #laneOf({ kind, request }: JobRecord): Queue<Step> {
    return this.#lane(laneOf(kind, request.model));
  }

  #lane(name: string): Queue<Step> {
    const known = this.#lanes.get(name);
    if (known) return known;
    const lane = new this.#bull.Queue<Step>(name, { connection: this.#redis, prefix: PREFIX });
    lane.on("error", () => undefined);
    this.#lanes.set(name, lane);
    return lane;
  }

  async reserve(record: JobRecord): Promise<void> {
    const turn = 1 + (await this.#jobs.unfinishedOf(record.owner));
    const { name, data, opts } = stepOf(record, turn, "plan");
    await this.#laneOf(record).add(name, data, { ...opts, delay: KEPT });
  }

  async submit(id: string): Promise<void> {
    const record = await this.#jobs.get(id);
    const place = record && (await this.#laneOf(record).getJob(stepId(id, "plan")));
    await place?.promote().catch(async (error: unknown) => {
      // Its turn may have come by itself.
      if (await place.isDelayed()) throw error;
    });
  }

  async clear(id: string): Promise<void> {
    const record = await this.#jobs.get(id);
    if (record === undefined) return;
    // What has ended keeps its number, and would take the place of what is to come.
    for (const step of ["finish", "plan"] as const) {
      const place = await this.#laneOf(record).getJob(stepId(id, step));
      await place?.remove().catch((error: unknown) => {
        throw new Problem("conflict", "A part of the job is still being ended. Try again.", { cause: error });
      });
    }
  }

  /**
   * Workers see by its state that the job is cancelled; steps that none has taken are not left to
   * them.
   */
  async cancel(id: string): Promise<void> {
    await this.clear(id).catch(() => undefined);
  }

  /**
   * How many steps of jobs of these models wait for a worker, are done at this moment, wait for the
   * next try, or were given up.
   */
  async counts(models: readonly string[]): Promise<StepCount[]> {
    const counted = lanesOf(models).map(async (queue) => {
      const lane = this.#lane(queue);
      const found = await lane.getJobCounts("waiting", "prioritized", "active", "delayed", "failed");
      const { waiting = 0, prioritized = 0, active = 0, delayed = 0, failed = 0 } = found;
      const states = { waiting: waiting + prioritized, active, delayed, failed };
      return Object.entries(states).map(([state, count]) => ({ queue, state, count }));
    });
    return (await Promise.all(counted)).flat();
  }

  async close(): Promise<void> {
    for (const lane of this.#lanes.values()) await lane.close().catch(() => undefined);
  }
}
