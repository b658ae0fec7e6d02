/** Jobs in a file, by SQLite: every change is on the disk before anybody is told of it. */
import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import Database from "libsql";
import type { JobEvent, JobState } from "../schemas.ts";
import { isFinished, type JobRecord, type NumberedEvent, UNFINISHED } from "./record.ts";
import { DAY, DayIsFull, type JobPage, type JobPatch, type JobStore, MOST_EVENTS, type PageRequest } from "./store.ts";

const TABLES = `
  CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    state TEXT NOT NULL,
    updated INTEGER NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, updated);
  CREATE TABLE IF NOT EXISTS events (
    job TEXT NOT NULL,
    number INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (job, number)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS keys (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    job TEXT NOT NULL,
    PRIMARY KEY (owner, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS submissions (
    owner TEXT NOT NULL,
    time INTEGER NOT NULL,
    job TEXT NOT NULL,
    PRIMARY KEY (owner, time, job)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS callbacks (job TEXT PRIMARY KEY, due INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS origin (id INTEGER PRIMARY KEY, digits TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS health (id INTEGER PRIMARY KEY, checked INTEGER NOT NULL) STRICT;
`;

interface Row {
  readonly record: string;
}

/**
 * Opens the file, or makes it.
 *
 * @throws Error with one sentence where another process has it, or it cannot be written.
 */
export function openSqliteStore(path: string): JobStore {
  try {
    const database = new Database(path);
    // One process alone: the lock is the system's, and goes with a process that is killed.
    database.pragma("locking_mode = EXCLUSIVE");
    database.pragma("journal_mode = WAL");
    // The default with a write-ahead log does not wait for the disk, and an accepted job could be
    // lost with the power.
    database.pragma("synchronous = FULL");
    database.exec(TABLES);
    return new SqliteStore(database);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const reason = /locked|busy/i.test(message) ? "another server uses it" : message;
    throw new Error(`Cannot open ${path}: ${reason}. End that server or choose another --data.`, { cause: error });
  }
}

class SqliteStore implements JobStore {
  readonly #database: Database.Database;
  readonly #news = new EventEmitter().setMaxListeners(0);
  /** How far the parts of running jobs are; parts that are done are known by their files. */
  readonly #parts = new Map<string, Map<number, number>>();

  constructor(database: Database.Database) {
    this.#database = database;
  }

  async origin(): Promise<string> {
    this.#database
      .prepare("INSERT OR IGNORE INTO origin (id, digits) VALUES (1, ?)")
      .run(randomBytes(4).toString("hex"));
    return (this.#database.prepare("SELECT digits FROM origin").get() as { digits: string }).digits;
  }

  async add(record: JobRecord, mostADay?: number): Promise<string> {
    const { id, owner, state, updated, idempotency, callback } = record;
    const known = idempotency && this.#findByKey(owner, idempotency.key);
    if (known) return known.id;
    this.#database.transaction(() => {
      if (mostADay !== undefined) this.#count(record, mostADay);
      this.#database
        .prepare("INSERT INTO jobs (id, owner, state, updated, record) VALUES (?, ?, ?, ?, ?)")
        .run(id, owner, state, updated, JSON.stringify(record));
      if (idempotency) {
        this.#database.prepare("INSERT INTO keys (owner, key, job) VALUES (?, ?, ?)").run(owner, idempotency.key, id);
      }
      if (callback !== undefined) this.#oweCallback(id);
    })();
    return id;
  }

  /** @throws DayIsFull. */
  #count({ owner, id, created }: JobRecord, mostADay: number): void {
    const until = this.#dayFullUntil(owner, mostADay, created);
    if (until !== undefined) throw new DayIsFull(until);
    this.#database.prepare("DELETE FROM submissions WHERE owner = ? AND time <= ?").run(owner, created - DAY);
    this.#database.prepare("INSERT INTO submissions (owner, time, job) VALUES (?, ?, ?)").run(owner, created, id);
  }

  async dayFullUntil(owner: string, mostADay: number, now: number): Promise<number | undefined> {
    return this.#dayFullUntil(owner, mostADay, now);
  }

  #dayFullUntil(owner: string, mostADay: number, now: number): number | undefined {
    // The one that must leave the day for there to be room.
    const last = this.#database
      .prepare("SELECT time FROM submissions WHERE owner = ? ORDER BY time DESC LIMIT 1 OFFSET ?")
      .get(owner, mostADay - 1) as { time: number } | undefined;
    return last && last.time > now - DAY ? last.time + DAY : undefined;
  }

  async uncount(owner: string, id: string): Promise<void> {
    this.#database.prepare("DELETE FROM submissions WHERE owner = ? AND job = ?").run(owner, id);
  }

  async findByKey(owner: string, key: string): Promise<JobRecord | undefined> {
    return this.#findByKey(owner, key);
  }

  #findByKey(owner: string, key: string): JobRecord | undefined {
    const row = this.#database
      .prepare("SELECT record FROM jobs JOIN keys ON keys.job = jobs.id WHERE keys.owner = ? AND keys.key = ?")
      .get(owner, key) as Row | undefined;
    return row && (JSON.parse(row.record) as JobRecord);
  }

  async get(id: string): Promise<JobRecord | undefined> {
    const row = this.#database.prepare("SELECT record FROM jobs WHERE id = ?").get(id) as Row | undefined;
    return row && (JSON.parse(row.record) as JobRecord);
  }

  async change(
    id: string,
    from: readonly JobState[],
    patch: JobPatch,
    tell?: (job: JobRecord) => JobEvent,
  ): Promise<JobRecord | undefined> {
    const record = await this.get(id);
    if (record === undefined || !from.includes(record.state)) return undefined;
    const changed: JobRecord = { ...record, ...patch, updated: Date.now() };
    this.#database.transaction(() => {
      this.#database
        .prepare("UPDATE jobs SET state = ?, updated = ?, record = ? WHERE id = ?")
        .run(changed.state, changed.updated, JSON.stringify(changed), id);
      if (tell) this.#addEvent(id, tell(changed));
      const isBegunAnew = isFinished(record) && !isFinished(changed);
      if (isBegunAnew && changed.callback !== undefined) this.#oweCallback(id);
    })();
    if (tell) this.#news.emit(id);
    if (isFinished(changed)) this.#parts.delete(id);
    return changed;
  }

  async countCrash(id: string, before: number): Promise<number> {
    const { crashes = 0 } = (await this.get(id)) ?? {};
    const counted = Math.max(crashes, before + 1);
    await this.change(id, UNFINISHED, { crashes: counted });
    return counted;
  }

  async advance(id: string, part: number, fraction: number): Promise<number> {
    const parts = this.#parts.get(id) ?? new Map<number, number>();
    this.#parts.set(id, parts.set(part, fraction));
    return [...parts.values()].reduce((sum, value) => sum + value, 0);
  }

  async publish(id: string, event: JobEvent): Promise<void> {
    this.#addEvent(id, event);
    this.#news.emit(id);
  }

  #addEvent(id: string, event: JobEvent): void {
    this.#database
      .prepare(
        "INSERT INTO events (job, number, event) SELECT ?1, COALESCE(MAX(number), 0) + 1, ?2 FROM events WHERE job = ?1",
      )
      .run(id, JSON.stringify(event));
    this.#database
      .prepare("DELETE FROM events WHERE job = ?1 AND number <= (SELECT MAX(number) FROM events WHERE job = ?1) - ?2")
      .run(id, MOST_EVENTS);
  }

  async eventsAfter(id: string, after: string | undefined): Promise<NumberedEvent[]> {
    const number = /^\d{1,15}$/.test(after ?? "") ? Number(after) : 0;
    const rows = this.#database
      .prepare("SELECT number, event FROM events WHERE job = ? AND number > ? ORDER BY number")
      .all(id, number) as { number: number; event: string }[];
    return rows.map((row) => ({ id: String(row.number), event: JSON.parse(row.event) as JobEvent }));
  }

  async nextEvent(id: string, signal: AbortSignal): Promise<void> {
    await once(this.#news, id, { signal }).catch(() => undefined);
  }

  async unfinished(): Promise<string[]> {
    return this.#ids("SELECT id FROM jobs WHERE state IN ('queued', 'running') ORDER BY rowid");
  }

  async finishedBefore(time: number): Promise<string[]> {
    return this.#ids("SELECT id FROM jobs WHERE state NOT IN ('queued', 'running') AND updated < ?", time);
  }

  #ids(query: string, ...values: unknown[]): string[] {
    return (this.#database.prepare(query).all(...values) as { id: string }[]).map(({ id }) => id);
  }

  async counts(): Promise<Readonly<Partial<Record<JobState, number>>>> {
    const rows = this.#database.prepare("SELECT state, COUNT(*) AS count FROM jobs GROUP BY state").all();
    return Object.fromEntries((rows as { state: JobState; count: number }[]).map(({ state, count }) => [state, count]));
  }

  async list(owner: string, { state, most, cursor = "" }: PageRequest): Promise<JobPage> {
    const before = /^\d{1,15}$/.test(cursor) ? Number(cursor) : Number.MAX_SAFE_INTEGER;
    const rows = this.#database
      .prepare(
        `SELECT rowid AS number, record FROM jobs
         WHERE owner = ?1 AND (?2 IS NULL OR state = ?2) AND rowid < ?3 ORDER BY rowid DESC LIMIT ?4`,
      )
      .all(owner, state ?? null, before, most + 1) as (Row & { number: number })[];
    const page = rows.slice(0, most);
    const last = page.at(-1);
    return {
      jobs: page.map(({ record }) => JSON.parse(record) as JobRecord),
      ...(rows.length > most && last && { next: String(last.number) }),
    };
  }

  async callbacks(): Promise<string[]> {
    return this.#ids("SELECT job AS id FROM callbacks");
  }

  #oweCallback(id: string): void {
    this.#database.prepare("INSERT OR REPLACE INTO callbacks (job, due) VALUES (?, 0)").run(id);
  }

  async callbackDue(id: string): Promise<number | undefined> {
    const row = this.#database.prepare("SELECT due FROM callbacks WHERE job = ?").get(id) as
      | { due: number }
      | undefined;
    return row?.due;
  }

  async moveCallback(id: string, due: number, later?: number): Promise<boolean> {
    const moved =
      later === undefined
        ? this.#database.prepare("DELETE FROM callbacks WHERE job = ? AND due = ?").run(id, due)
        : this.#database.prepare("UPDATE callbacks SET due = ? WHERE job = ? AND due = ?").run(later, id, due);
    return moved.changes > 0;
  }

  async remove(id: string): Promise<void> {
    this.#database.prepare("DELETE FROM callbacks WHERE job = ?").run(id);
    this.#database.prepare("DELETE FROM events WHERE job = ?").run(id);
    this.#database.prepare("DELETE FROM keys WHERE job = ?").run(id);
    this.#database.prepare("DELETE FROM jobs WHERE id = ?").run(id);
    this.#parts.delete(id);
    this.#news.emit(id);
  }

  async check(): Promise<void> {
    this.#database.prepare("INSERT OR REPLACE INTO health (id, checked) VALUES (1, ?)").run(Date.now());
  }

  async close(): Promise<void> {
    // Statements that were not collected yet keep a closed file open, and its lock, which is
    // therefore given back first.
    this.#database.pragma("journal_mode = DELETE");
    this.#database.pragma("locking_mode = NORMAL");
    this.#database.prepare("SELECT COUNT(*) FROM jobs").get();
    this.#database.close();
  }
}
