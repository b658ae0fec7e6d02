/**
 * Lists of jobs by pages: every job once, however many come of one moment and whatever comes
 * meanwhile.
 */
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type JobRecord, newJobId } from "../src/jobs/record.ts";
import { connect } from "../src/jobs/redis/queue.ts";
import { openSqliteStore } from "../src/jobs/sqlite.ts";
import type { JobStore } from "../src/jobs/store.ts";
import { hasRedis, picture, temporaryFolder, testServer } from "./helpers.ts";
import { TestRedis } from "./processes.ts";

async function add(jobs: JobStore, at: number, owner = "me"): Promise<string> {
  const id = newJobId(await jobs.origin());
  const record: JobRecord = {
    id,
    owner,
    kind: "pictures",
    state: at % 3 === 0 ? "done" : "queued",
    progress: 0,
    // Several of one millisecond.
    created: 1_000_000 + Math.floor(at / 7),
    updated: 1_000_000,
    notes: [],
    results: [],
    request: { contents: [], styles: [], masks: [], paint: {}, model: "small" },
  };
  return jobs.add(record);
}

async function pagesOf(jobs: JobStore, most: number, state?: "done") {
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = await jobs.list("me", { most, state, cursor });
    pages.push(page.jobs.map(({ id }) => id));
    cursor = page.next;
    // Newer ones belong to no page that is still to come.
    if (pages.length === 1) await add(jobs, 10_000);
  } while (cursor !== undefined);
  return pages;
}

async function check(jobs: JobStore) {
  const ids: string[] = [];
  for (let at = 0; at < 50; at++) {
    ids.push(await add(jobs, at));
    await add(jobs, at, "somebody else");
  }
  const pages = await pagesOf(jobs, 8);
  expect(pages.map(({ length }) => length)).toEqual([8, 8, 8, 8, 8, 8, 2]);
  expect(new Set(pages.flat())).toEqual(new Set(ids));
  const done = await pagesOf(jobs, 5, "done");
  expect(done.flat().filter((id) => ids.includes(id))).toHaveLength(17);
  expect(new Set(done.flat()).size).toBe(done.flat().length);
}

describe("pages", () => {
  it("have every job of an owner in SQLite once", async () => {
    const jobs = openSqliteStore(join(temporaryFolder(), "jobs.db"));
    onTestFinished(() => jobs.close());
    await check(jobs);
  });

  it.skipIf(!hasRedis)("have every job of an owner in Redis once", async () => {
    const redis = await TestRedis.start(temporaryFolder());
    const { jobs, close } = await connect(redis.url, () => undefined);
    onTestFinished(close);
    await check(jobs);
  });

  it("follow each other by the header Link", async () => {
    const { client, url } = await testServer();
    const [photo, painting] = [await picture(32), await picture(32, 32, 3)];
    const ids: string[] = [];
    for (let at = 0; at < 3; at++) ids.unshift((await client.submitJob({ contents: [photo], styles: [painting] })).id);
    const first = await fetch(`${url}/v1/jobs?limit=2`);
    expect(((await first.json()) as { id: string }[]).map(({ id }) => id)).toEqual(ids.slice(0, 2));
    const [, path] = /^<(.*)>; rel="next"$/.exec(first.headers.get("link") ?? "") ?? [];
    const second = await fetch(url + path);
    expect(((await second.json()) as { id: string }[]).map(({ id }) => id)).toEqual(ids.slice(2));
    expect(second.headers.get("link")).toBeNull();
    const all: string[] = [];
    for await (const { id } of client.allJobs()) all.push(id);
    expect(all).toEqual(ids);
    const refused = await fetch(`${url}/v1/jobs?limit=1000`);
    const { detail } = (await refused.json()) as { detail: string };
    expect(detail).toBe("Expected a whole number from 1 to 100 for limit but received 1000.");
  });
});
