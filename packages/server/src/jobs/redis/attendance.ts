/**
 * Who is at which step of a job, in Redis, so that a worker that died is noticed by whoever takes
 * the next step. BullMQ counts the deaths at each step alone, and only once its lock has run out: a
 * job of many steps could take a worker with it at every one.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { MOST_RECONNECT } from "./connection.ts";

/**
 * For how long a worker is gone before it is taken for dead, in milliseconds: it may be about to
 * connect again.
 */
const GONE_FOR = 2 * MOST_RECONNECT;

export class Attendance {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #name: string;

  /** @param name what the connection is called, which is this worker's alone. */
  constructor(redis: Redis, prefix: string, name: string) {
    this.#redis = redis;
    this.#prefix = `${prefix}:at-work:`;
    this.#name = name;
  }

  /** Says that this worker is at a step of a job of which some processes have died. */
  async enter(id: string, step: string, crashes: number): Promise<void> {
    await this.#redis.hset(this.#prefix + id, `${this.#name} ${step}`, crashes);
  }

  leave(id: string, step: string): void {
    // The next commands wait for it, on the same connection.
    this.#redis.hdel(this.#prefix + id, `${this.#name} ${step}`).catch(() => undefined);
  }

  /**
   * Looks for workers that died at steps of a job.
   *
   * @returns for each entry how many processes had died when it was made.
   */
  async dead(id: string): Promise<ReadonlyMap<string, number>> {
    if ((await this.#absent(id)).size === 0) return new Map();
    await sleep(GONE_FOR);
    return this.#absent(id);
  }

  /** Takes out what `dead` returned. */
  async bury(id: string, entries: ReadonlyMap<string, number>): Promise<void> {
    await this.#redis.hdel(this.#prefix + id, ...entries.keys());
  }

  async #absent(id: string): Promise<ReadonlyMap<string, number>> {
    const entries = Object.entries(await this.#redis.hgetall(this.#prefix + id));
    const others = entries.filter(([entry]) => workerOf(entry) !== this.#name);
    if (others.length === 0) return new Map();
    const clients = String(await this.#redis.client("LIST").catch(() => ""));
    const present = new Set([...clients.matchAll(/ name=(\S+)/g)].map(([, name]) => name));
    // Where not even this worker is in the list, as behind some proxies, it tells nothing; BullMQ
    // still counts lost locks.
    if (!present.has(this.#name)) return new Map();
    return new Map(
      others.filter(([entry]) => !present.has(workerOf(entry))).map(([entry, crashes]) => [entry, Number(crashes)]),
    );
  }
}

function workerOf(entry: string): string | undefined {
  return entry.split(" ")[0];
}
