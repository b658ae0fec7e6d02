/** Jobs in Redis: a hash for each, sorted sets of those in each state, and a stream of events a job. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { JOB_STATES, type JobEvent, type JobState } from "../schemas.ts";
import { isFinished, type JobRecord, type NumberedEvent, UNFINISHED } from "./record.ts";
import { type JobPatch, type JobStore, MOST_EVENTS } from "./store.ts";

/** How often a follower looks for events, in milliseconds. */
const LOOK_EVERY = 300;

/** How many jobs of an owner are looked through for a list. */
const MOST_SEARCHED = 1000;

/**
 * Changes a job if it is in one of some states, and moves it to the set of its new state, all at once.
 * ARGV: the job's number, the prefix, the time, the states with a comma after each, then fields and values.
 */
const CHANGE = `
  local before = redis.call('HGET', KEYS[1], 'state')
  if not before or not string.find(ARGV[4], before .. ',', 1, true) then return 0 end
  redis.call('HSET', KEYS[1], 'updated', ARGV[3], unpack(ARGV, 5))
  local after = redis.call('HGET', KEYS[1], 'state')
  if after ~= before then
    redis.call('ZREM', ARGV[2] .. 'state:' .. string.gsub(before, '"', ''), ARGV[1])
    redis.call('ZADD', ARGV[2] .. 'state:' .. string.gsub(after, '"', ''), ARGV[3], ARGV[1])
  end
  return 1
`;

export class RedisStore implements JobStore {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = `${prefix}:`;
  }

  #key(kind: "job" | "parts" | "events" | "state" | "owner", name: string): string {
    return `${this.#prefix}${kind}:${name}`;
  }

  async add(record: JobRecord): Promise<void> {
    const { id, owner, state, created } = record;
    const results = await this.#redis
      .multi()
      .hset(this.#key("job", id), fieldsOf(record))
      .zadd(this.#key("state", state), created, id)
      .zadd(this.#key("owner", owner), created, id)
      .exec();
    for (const [error] of results ?? []) if (error) throw error;
  }

  async get(id: string): Promise<JobRecord | undefined> {
    const fields = await this.#redis.hgetall(this.#key("job", id));
    if (fields.state === undefined) return undefined;
    return Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, JSON.parse(value) as unknown]),
    ) as unknown as JobRecord;
  }

  async change(id: string, from: readonly JobState[], patch: JobPatch): Promise<JobRecord | undefined> {
    // As they are stored: in quotes.
    const states = from.map((state) => `${JSON.stringify(state)},`).join("");
    const fields = Object.entries(fieldsOf(patch)).flat();
    const args = [id, this.#prefix, String(Date.now()), states, ...fields];
    const isChanged = await this.#redis.eval(CHANGE, 1, this.#key("job", id), ...args);
    if (isChanged !== 1) return undefined;
    const record = await this.get(id);
    if (record && isFinished(record)) await this.#redis.del(this.#key("parts", id));
    return record;
  }

  async advance(id: string, part: number, fraction: number): Promise<number> {
    const key = this.#key("parts", id);
    await this.#redis.hset(key, String(part), String(fraction));
    return (await this.#redis.hvals(key)).reduce((sum, value) => sum + Number(value), 0);
  }

  async publish(id: string, event: JobEvent): Promise<void> {
    const text = JSON.stringify(event);
    await this.#redis.xadd(this.#key("events", id), "MAXLEN", "~", MOST_EVENTS, "*", "event", text);
  }

  async eventsAfter(id: string, after: string | undefined): Promise<NumberedEvent[]> {
    const start = /^\d{1,15}-\d{1,15}$/.test(after ?? "") ? `(${after}` : "-";
    const found = await this.#redis.xrange(this.#key("events", id), start, "+");
    return found.map(([number, [, text = "{}"]]) => ({ id: number, event: JSON.parse(text) as JobEvent }));
  }

  async nextEvent(_: string, signal: AbortSignal): Promise<void> {
    await sleep(LOOK_EVERY, undefined, { signal }).catch(() => undefined);
  }

  async unfinished(): Promise<string[]> {
    const found = await Promise.all(
      UNFINISHED.map((state) => this.#redis.zrange(this.#key("state", state), "0", "-1")),
    );
    return found.flat();
  }

  async finishedBefore(time: number): Promise<string[]> {
    const states = JOB_STATES.filter((state) => !UNFINISHED.includes(state));
    const found = states.map((state) => this.#redis.zrangebyscore(this.#key("state", state), "-inf", String(time)));
    return (await Promise.all(found)).flat();
  }

  async counts(): Promise<Readonly<Partial<Record<JobState, number>>>> {
    const counted = JOB_STATES.map(
      async (state) => [state, await this.#redis.zcard(this.#key("state", state))] as const,
    );
    return Object.fromEntries(await Promise.all(counted));
  }

  async list(owner: string, state: JobState | undefined, most: number): Promise<JobRecord[]> {
    const ids = await this.#redis.zrevrange(this.#key("owner", owner), "0", String(MOST_SEARCHED - 1));
    const records = (await Promise.all(ids.map((id) => this.get(id)))).filter((record) => record !== undefined);
    return records.filter((record) => state === undefined || record.state === state).slice(0, most);
  }

  async remove(id: string): Promise<void> {
    const record = await this.get(id);
    const removal = this.#redis.multi();
    removal.del(this.#key("job", id), this.#key("parts", id), this.#key("events", id));
    for (const state of JOB_STATES) removal.zrem(this.#key("state", state), id);
    if (record) removal.zrem(this.#key("owner", record.owner), id);
    await removal.exec();
  }

  async check(): Promise<void> {
    await this.#redis.ping();
  }

  /** The connection belongs to whoever opened it. */
  async close(): Promise<void> {}
}

/** Every field as JSON. */
function fieldsOf(record: Partial<JobRecord>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, JSON.stringify(value)]),
  );
}
