/**
 * Jobs in Redis: a hash for each, sorted sets of those in each state, and a stream of events a job.
 * One more stream names the jobs of which there is news; every process that has listeners waits at
 * it with one connection, however many they are.
 */
import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import type { Redis } from "ioredis";
import { JOB_STATES, type JobEvent, type JobState } from "../../schemas.ts";
import { isFinished, type JobRecord, type NumberedEvent, UNFINISHED } from "../record.ts";
import { DAY, DayIsFull, type JobPage, type JobPatch, type JobStore, MOST_EVENTS, type PageRequest } from "../store.ts";

/** How long one wait for news lasts, in milliseconds; the next follows. */
const WAIT = 10_000;

/** How long to wait where Redis is gone, in milliseconds. */
const WAIT_FOR_REDIS = 500;

/** How much news is kept; a process that is further behind looks at all jobs that it listens to. */
const MOST_NEWS = 10_000;

/** How many jobs of an owner are looked through at a time for a list. */
const MOST_SEARCHED = 1000;

/**
 * Changes a job if it is in one of some states, moves it to the set of its new state, tells its
 * listeners, drops what only jobs under way have, and owes its submitter a call once more where it
 * had ended and no longer has, all at once. ARGV: the job's number, the prefix, the time, the states
 * with a comma after each, an event or nothing, then fields and values; a field without a value
 * (nothing) is dropped.
 */
const CHANGE = `
  local before = redis.call('HGET', KEYS[1], 'state')
  if not before or not string.find(ARGV[4], before .. ',', 1, true) then return 0 end
  redis.call('HSET', KEYS[1], 'updated', ARGV[3])
  for at = 6, #ARGV, 2 do
    if ARGV[at + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[at])
    else redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
  end
  local after = redis.call('HGET', KEYS[1], 'state')
  local isEnd = function(state) return state ~= '"queued"' and state ~= '"running"' end
  if after ~= before then
    redis.call('ZREM', ARGV[2] .. 'state:' .. string.gsub(before, '"', ''), ARGV[1])
    redis.call('ZADD', ARGV[2] .. 'state:' .. string.gsub(after, '"', ''), ARGV[3], ARGV[1])
  end
  if ARGV[5] ~= '' then
    redis.call('XADD', ARGV[2] .. 'events:' .. ARGV[1], 'MAXLEN', '~', ${MOST_EVENTS}, '*', 'event', ARGV[5])
    local ends = isEnd(after) and '1' or '0'
    redis.call('XADD', ARGV[2] .. 'news', 'MAXLEN', '~', ${MOST_NEWS}, '*', 'job', ARGV[1], 'end', ends)
  end
  if isEnd(after) then
    redis.call('DEL', ARGV[2] .. 'parts:' .. ARGV[1], ARGV[2] .. 'at-work:' .. ARGV[1])
  elseif isEnd(before) and redis.call('HEXISTS', KEYS[1], 'callback') == 1 then
    redis.call('ZADD', ARGV[2] .. 'callbacks', 0, ARGV[1])
  end
  return 1
`;

/**
 * Adds a job, unless its owner has one with the same idempotency key; returns the number of the job
 * that there is then, or the time of the submission that must leave the day first. KEYS: the job,
 * the set of its state, the set of its owner, the set of his submissions, perhaps the idempotency
 * key. ARGV: the job's number, the prefix, the time, whether its submitter is to be called (1 or
 * nothing), how many he may submit a day (or nothing), then fields and values.
 */
const ADD = `
  if KEYS[5] then
    local known = redis.call('GET', KEYS[5])
    if known and redis.call('EXISTS', ARGV[2] .. 'job:' .. known) == 1 then return known end
  end
  if ARGV[5] ~= '' then
    redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', ARGV[3] - ${DAY})
    local at = ARGV[5] - 1
    local last = redis.call('ZREVRANGE', KEYS[4], at, at, 'WITHSCORES')
    if last[2] then return tonumber(last[2]) end
    redis.call('ZADD', KEYS[4], ARGV[3], ARGV[1])
    redis.call('PEXPIRE', KEYS[4], ${DAY})
  end
  if KEYS[5] then redis.call('SET', KEYS[5], ARGV[1]) end
  redis.call('HSET', KEYS[1], unpack(ARGV, 6))
  if ARGV[4] == '1' then redis.call('ZADD', ARGV[2] .. 'callbacks', 0, ARGV[1]) end
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
  redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
  return ARGV[1]
`;

/**
 * Puts a call off, or for good. KEYS: the set of calls. ARGV: the job's number, when it was to be
 * made, and later or nothing.
 */
const MOVE_CALLBACK = `
  if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
  if ARGV[3] == '' then redis.call('ZREM', KEYS[1], ARGV[1])
  else redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1]) end
  return 1
`;

/** Counts a death of a job, as JobStore says. ARGV: how many there were when the process began. */
const COUNT_CRASH = `
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
  local known = tonumber(redis.call('HGET', KEYS[1], 'crashes') or '0')
  local counted = math.max(known, tonumber(ARGV[1]) + 1)
  redis.call('HSET', KEYS[1], 'crashes', counted)
  return counted
`;

/** The name under which news of any job is told. */
const ANY = "any";

/** The name under which the end of a job is told. */
const endOf = (id: string) => `end:${id}`;

/**
 * Looks that are made in the same turn of the event loop, as by all listeners of a job when there
 * is news: those at the same thing are one.
 */
class SharedLooks<Found> {
  readonly #looks = new Map<string, Promise<Found>>();

  share(key: string, look: () => Promise<Found>): Promise<Found> {
    const known = this.#looks.get(key);
    if (known) return known;
    const looking = turn().then(() => {
      // Whoever asks from now on may know of something newer than this look finds.
      this.#looks.delete(key);
      return look();
    });
    this.#looks.set(key, looking);
    return looking;
  }
}

export class RedisStore implements JobStore {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #news = new EventEmitter().setMaxListeners(0);
  readonly #ending = new AbortController();
  readonly #records = new SharedLooks<JobRecord | undefined>();
  readonly #events = new SharedLooks<NumberedEvent[]>();
  #listening: { readonly connection: Redis; readonly begun: Promise<void> } | undefined;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = `${prefix}:`;
  }

  #key(kind: "job" | "parts" | "at-work" | "events" | "state" | "owner" | "submitted" | "key", name: string): string {
    return `${this.#prefix}${kind}:${name}`;
  }

  async origin(): Promise<string> {
    const key = `${this.#prefix}origin`;
    await this.#redis.setnx(key, randomBytes(4).toString("hex"));
    return (await this.#redis.get(key)) ?? "";
  }

  async add(record: JobRecord, mostADay?: number): Promise<string> {
    const { id, owner, state, created, idempotency } = record;
    const keys = [
      this.#key("job", id),
      this.#key("state", state),
      this.#key("owner", owner),
      this.#key("submitted", owner),
    ];
    if (idempotency) keys.push(this.#key("key", `${owner}:${idempotency.key}`));
    const isCalled = record.callback === undefined ? "" : "1";
    const most = mostADay === undefined ? "" : String(mostADay);
    const args = [id, this.#prefix, String(created), isCalled, most, ...Object.entries(fieldsOf(record)).flat()];
    const answer = await this.#redis.eval(ADD, keys.length, ...keys, ...args);
    if (typeof answer === "number") throw new DayIsFull(answer + DAY);
    return String(answer);
  }

  async dayFullUntil(owner: string, mostADay: number, now: number): Promise<number | undefined> {
    const key = this.#key("submitted", owner);
    const [, time] = await this.#redis.zrevrange(key, mostADay - 1, mostADay - 1, "WITHSCORES");
    return time !== undefined && Number(time) > now - DAY ? Number(time) + DAY : undefined;
  }

  async uncount(owner: string, id: string): Promise<void> {
    await this.#redis.zrem(this.#key("submitted", owner), id);
  }

  async findByKey(owner: string, key: string): Promise<JobRecord | undefined> {
    const id = await this.#redis.get(this.#key("key", `${owner}:${key}`));
    return id === null ? undefined : this.get(id);
  }

  get(id: string): Promise<JobRecord | undefined> {
    return this.#records.share(id, () => this.#get(id));
  }

  async #get(id: string): Promise<JobRecord | undefined> {
    const fields = await this.#redis.hgetall(this.#key("job", id));
    if (fields.state === undefined) return undefined;
    return Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, JSON.parse(value) as unknown]),
    ) as unknown as JobRecord;
  }

  async change(
    id: string,
    from: readonly JobState[],
    patch: JobPatch,
    tell?: (job: JobRecord) => JobEvent,
  ): Promise<JobRecord | undefined> {
    const before = tell && (await this.get(id));
    if (tell && before === undefined) return undefined;
    const event = tell && before ? JSON.stringify(tell({ ...before, ...patch, updated: Date.now() })) : "";
    // As they are stored: in quotes.
    const states = from.map((state) => `${JSON.stringify(state)},`).join("");
    const dropped = Object.entries(patch).flatMap(([name, value]) => (value === undefined ? [name, ""] : []));
    const fields = [...Object.entries(fieldsOf(patch)).flat(), ...dropped];
    const args = [id, this.#prefix, String(Date.now()), states, event, ...fields];
    const isChanged = await this.#redis.eval(CHANGE, 1, this.#key("job", id), ...args);
    return isChanged === 1 ? this.get(id) : undefined;
  }

  async countCrash(id: string, before: number): Promise<number> {
    return Number(await this.#redis.eval(COUNT_CRASH, 1, this.#key("job", id), before));
  }

  async advance(id: string, part: number, fraction: number): Promise<number> {
    const key = this.#key("parts", id);
    await this.#redis.hset(key, String(part), String(fraction));
    return (await this.#redis.hvals(key)).reduce((sum, value) => sum + Number(value), 0);
  }

  async publish(id: string, event: JobEvent): Promise<void> {
    const text = JSON.stringify(event);
    const results = await this.#redis
      .multi()
      .xadd(this.#key("events", id), "MAXLEN", "~", MOST_EVENTS, "*", "event", text)
      .xadd(`${this.#prefix}news`, "MAXLEN", "~", MOST_NEWS, "*", "job", id, "end", "0")
      .exec();
    for (const [error] of results ?? []) if (error) throw error;
  }

  async eventsAfter(id: string, after: string | undefined): Promise<NumberedEvent[]> {
    // What comes after this look is news to whoever waits already.
    await this.#listening?.begun;
    const start = /^\d{1,15}-\d{1,15}$/.test(after ?? "") ? `(${after}` : "-";
    return this.#events.share(`${id} ${start}`, async () => {
      const found = await this.#redis.xrange(this.#key("events", id), start, "+");
      return found.map(([number, [, text = "{}"]]) => ({ id: number, event: JSON.parse(text) as JobEvent }));
    });
  }

  nextEvent(id: string, signal: AbortSignal): Promise<void> {
    return this.#hears(id, signal);
  }

  /**
   * Resolves with a job once it has ended, or with undefined once it is forgotten. @throws the
   * signal's reason.
   */
  async ended(id: string, signal: AbortSignal): Promise<JobRecord | undefined> {
    for (;;) {
      // The wait begins before the look, so that nothing falls between the two.
      const heard = new AbortController();
      const news = this.#hears(endOf(id), AbortSignal.any([signal, heard.signal]));
      await this.#listening?.begun;
      const record = await this.get(id).catch(() => null);
      if (record === undefined || (record && isFinished(record))) {
        heard.abort();
        return record;
      }
      await news;
      signal.throwIfAborted();
    }
  }

  /** Waits for news that is told under a name, or of all jobs. */
  async #hears(name: string, signal: AbortSignal): Promise<void> {
    this.#listen();
    const either = new AbortController();
    const waits = [once(this.#news, name, either), once(this.#news, ANY, either)];
    signal.addEventListener("abort", () => either.abort(), { once: true, signal: either.signal });
    if (signal.aborted) either.abort();
    await Promise.race(waits).catch(() => undefined);
    either.abort();
    for (const wait of waits) wait.catch(() => undefined);
  }

  /** Begins to wait for news, with a connection of its own, which a wait blocks. */
  #listen(): void {
    if (this.#listening) return;
    const connection = this.#redis.duplicate({ commandTimeout: undefined, maxRetriesPerRequest: null });
    connection.on("error", () => undefined);
    const key = `${this.#prefix}news`;
    let last = "0-0";
    const begun = this.#redis
      .xrevrange(key, "+", "-", "COUNT", 1)
      .then(([newest]) => {
        last = newest?.[0] ?? last;
      })
      .catch(() => undefined);
    this.#listening = { connection, begun };
    const wait = async () => {
      await begun;
      while (!this.#ending.signal.aborted) {
        try {
          const [stream] = (await connection.xread("BLOCK", WAIT, "STREAMS", key, last)) ?? [];
          for (const [number, [, id = "", , isEnd]] of stream?.[1] ?? []) {
            last = number;
            this.#news.emit(id);
            if (isEnd === "1") this.#news.emit(endOf(id));
          }
        } catch {
          // Whatever was missed, those who look will find it.
          await sleep(WAIT_FOR_REDIS, undefined, { signal: this.#ending.signal }).catch(() => undefined);
          this.#news.emit(ANY);
        }
      }
    };
    connection.on("ready", () => this.#news.emit(ANY));
    void wait();
  }

  async unfinished(): Promise<string[]> {
    const found = await Promise.all(
      UNFINISHED.map((state) => this.#redis.zrange(this.#key("state", state), "0", "-1")),
    );
    return found.flat();
  }

  /** How many jobs of an owner are not done. */
  async unfinishedOf(owner: string): Promise<number> {
    const ids = await this.unfinished();
    if (ids.length === 0) return 0;
    return (await this.#redis.zmscore(this.#key("owner", owner), ids)).filter((score) => score !== null).length;
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

  async list(owner: string, { state, most, cursor }: PageRequest): Promise<JobPage> {
    const found: JobRecord[] = [];
    let [, created = "+inf", last = ""] = /^(\d{1,15})-([\da-f-]{36})$/.exec(cursor ?? "") ?? [];
    for (;;) {
      // Those of one millisecond are in the order of their numbers, and the page before may have
      // ended among them.
      const key = this.#key("owner", owner);
      const ids = await this.#redis.zrange(key, created, "-inf", "BYSCORE", "REV", "LIMIT", 0, MOST_SEARCHED);
      const fresh = last === "" ? ids : ids.slice(ids.indexOf(last) + 1);
      for (const id of fresh) {
        const record = await this.get(id);
        if (record === undefined || (state !== undefined && record.state !== state)) continue;
        const before = found.at(-1);
        if (found.length === most && before) return { jobs: found, next: `${before.created}-${before.id}` };
        found.push(record);
      }
      const end = fresh.at(-1);
      const score = end && (await this.#redis.zscore(this.#key("owner", owner), end));
      if (!end || !score || ids.length < MOST_SEARCHED) return { jobs: found };
      [created, last] = [score, end];
    }
  }

  async callbacks(): Promise<string[]> {
    return this.#redis.zrange(`${this.#prefix}callbacks`, "0", "-1");
  }

  async callbackDue(id: string): Promise<number | undefined> {
    const due = await this.#redis.zscore(`${this.#prefix}callbacks`, id);
    return due === null ? undefined : Number(due);
  }

  async moveCallback(id: string, due: number, later?: number): Promise<boolean> {
    const args = [id, String(due), later === undefined ? "" : String(later)];
    return (await this.#redis.eval(MOVE_CALLBACK, 1, `${this.#prefix}callbacks`, ...args)) === 1;
  }

  async remove(id: string): Promise<void> {
    const record = await this.get(id);
    const removal = this.#redis.multi();
    removal.zrem(`${this.#prefix}callbacks`, id);
    for (const kind of ["job", "parts", "at-work", "events"] as const) removal.del(this.#key(kind, id));
    for (const state of JOB_STATES) removal.zrem(this.#key("state", state), id);
    if (record) removal.zrem(this.#key("owner", record.owner), id);
    if (record?.idempotency) removal.del(this.#key("key", `${record.owner}:${record.idempotency.key}`));
    removal.xadd(`${this.#prefix}news`, "MAXLEN", "~", MOST_NEWS, "*", "job", id, "end", "1");
    await removal.exec();
  }

  async check(): Promise<void> {
    await this.#redis.set(`${this.#prefix}checked`, Date.now());
  }

  /** Ends the wait for news; the other connection belongs to whoever opened it. */
  async close(): Promise<void> {
    this.#ending.abort();
    this.#listening?.connection.disconnect();
  }
}

/** Every field as JSON. */
function fieldsOf(record: Partial<JobRecord>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, JSON.stringify(value)]),
  );
}
