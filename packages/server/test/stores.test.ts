/** What a change of a job brings with it, in SQLite and in Redis. */
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type JobRecord, newJobId } from "../src/jobs/record.ts";
import { connect } from "../src/jobs/redis/queue.ts";
import { openSqliteStore } from "../src/jobs/sqlite.ts";
import type { JobStore } from "../src/jobs/store.ts";
import { hasRedis, temporaryFolder } from "./helpers.ts";
import { TestRedis } from "./processes.ts";

async function add(jobs: JobStore, callback?: string): Promise<string> {
  const record: JobRecord = {
    id: newJobId(await jobs.origin()),
    owner: "me",
    kind: "pictures",
    state: "queued",
    progress: 0,
    created: 1_000_000,
    updated: 1_000_000,
    notes: [],
    results: [],
    request: { contents: [], styles: [], masks: [], paint: {}, model: "small" },
    callback,
  };
  return jobs.add(record);
}

/** A job that fails, whose submitter is called, and that is tried again. */
async function check(jobs: JobStore): Promise<void> {
  const [called, silent] = [await add(jobs, "https://example.com/done"), await add(jobs)];
  for (const id of [called, silent]) await jobs.change(id, ["queued"], { state: "failed", error: "No." });
  await jobs.moveCallback(called, 0);
  expect(await jobs.callbacks()).toEqual([]);

  expect(await jobs.change(called, ["done"], { state: "queued" })).toBeUndefined();
  expect(await jobs.callbacks()).toEqual([]);
  for (const id of [called, silent]) {
    expect(await jobs.change(id, ["failed"], { state: "queued", error: undefined })).toMatchObject({ id });
  }
  expect(await jobs.callbacks()).toEqual([called]);
  expect(await jobs.callbackDue(called)).toBe(0);
  expect((await jobs.get(called))?.error).toBeUndefined();

  await jobs.moveCallback(called, 0, 5);
  await jobs.change(called, ["queued"], { state: "running" });
  expect(await jobs.callbackDue(called)).toBe(5);
}

describe("a job that is tried again has its submitter called again, by the same change", () => {
  it("in SQLite", async () => {
    const jobs = openSqliteStore(join(temporaryFolder(), "jobs.db"));
    onTestFinished(() => jobs.close());
    await check(jobs);
  });

  it.skipIf(!hasRedis)("in Redis", async () => {
    const redis = await TestRedis.start(temporaryFolder());
    const { jobs, close } = await connect(redis.url, () => undefined);
    onTestFinished(close);
    await check(jobs);
  });
});
