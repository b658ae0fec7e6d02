/** What is left behind by the dead: files without a job. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openFolderStore } from "../src/files/folder.ts";
import { type JobRecord, newJobId } from "../src/jobs/record.ts";
import { connect } from "../src/jobs/redis/queue.ts";
import { openSqliteStore } from "../src/jobs/sqlite.ts";
import type { JobStore } from "../src/jobs/store.ts";
import { DEFAULT_LIMITS } from "../src/settings.ts";
import { KeptStyles } from "../src/styles.ts";
import { Sweeper } from "../src/sweep.ts";
import { hasRedis, temporaryFolder } from "./helpers.ts";
import { TestRedis } from "./processes.ts";

const MINUTE = 60_000;
const silent = () => undefined;

function jobOf(id: string): JobRecord {
  const now = Date.now();
  const request = { contents: [], styles: [], masks: [], paint: {}, model: "small" };
  return {
    id,
    owner: "",
    kind: "video",
    state: "queued",
    progress: 0,
    created: now,
    updated: now,
    notes: [],
    results: [],
    request,
  };
}

/**
 * Leaves files of four jobs, looks after them for more than an hour, and says whose files are still
 * there.
 */
async function swept(jobs: JobStore, other: JobStore): Promise<string[]> {
  const root = temporaryFolder();
  const files = await openFolderStore(root);
  const ids = {
    known: newJobId(await jobs.origin()),
    stray: newJobId(await jobs.origin()),
    late: newJobId(await jobs.origin()),
    others: newJobId(await other.origin()),
  };
  await jobs.add(jobOf(ids.known));
  const leave = (id: string) => files.write(`jobs/${id}/in/content-0`, new Uint8Array(8));
  for (const id of [ids.known, ids.stray, ids.others]) await leave(id);
  const said: unknown[] = [];
  const sweeper = new Sweeper(
    { jobs, files, styles: new KeptStyles(files), limits: DEFAULT_LIMITS },
    (...line) => void said.push(line),
  );
  const begin = Date.now();
  await sweeper.sweep(begin);
  await leave(ids.late);
  for (let minutes = 10; minutes < 60; minutes += 10) await sweeper.sweep(begin + minutes * MINUTE);
  const areThere = () =>
    Object.entries(ids).flatMap(([name, id]) => (existsSync(join(root, "jobs", id, "in", "content-0")) ? name : []));
  expect(areThere()).toEqual(["known", "stray", "late", "others"]);
  await sweeper.sweep(begin + 61 * MINUTE);
  expect(said).toEqual([["warn", { count: 1 }, "Files that belonged to nothing were removed."]]);
  return areThere();
}

describe("files of a store that databases share", async () => {
  const other = openSqliteStore(join(temporaryFolder(), "other.db"));

  it("are removed where they are of a job that SQLite should know and does not", async () => {
    const jobs = openSqliteStore(join(temporaryFolder(), "jobs.db"));
    onTestFinished(() => jobs.close());
    expect(await swept(jobs, other)).toEqual(["known", "late", "others"]);
  });

  it.skipIf(!hasRedis)("are removed where they are of a job that Redis should know and does not", async () => {
    const redis = await TestRedis.start(temporaryFolder());
    const { jobs, close } = await connect(redis.url, silent);
    onTestFinished(close);
    expect(await swept(jobs, other)).toEqual(["known", "late", "others"]);
  });
});
