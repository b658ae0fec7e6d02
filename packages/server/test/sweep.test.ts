/** What is left behind by the dead: files without a job, and jobs without a place in the queue. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Queue, UnrecoverableError, Worker } from "bullmq";
import { Redis } from "ioredis";
import { describe, expect, it, onTestFinished } from "vitest";
import { openFolderStore } from "../src/files/folder.ts";
import { type JobRecord, newJobId } from "../src/jobs/record.ts";
import { PREFIX } from "../src/jobs/redis/connection.ts";
import { laneOf, type Step, stepId, stepOf } from "../src/jobs/redis/lanes.ts";
import { connect } from "../src/jobs/redis/queue.ts";
import { openSqliteStore } from "../src/jobs/sqlite.ts";
import type { JobStore } from "../src/jobs/store.ts";
import { DEFAULT_LIMITS } from "../src/settings.ts";
import { KeptStyles } from "../src/styles.ts";
import { Sweeper } from "../src/sweep.ts";
import { hasRedis, temporaryFolder, until } from "./helpers.ts";
import { TestRedis } from "./processes.ts";

const MINUTE = 60_000;
const silent = () => undefined;

function jobOf(id: string): JobRecord {
  const now = Date.now();
  const request = { contents: [], styles: [], masks: [], paint: {}, model: "small" };
  return {
    ...{ id, owner: "", kind: "video", state: "queued", progress: 0, created: now, updated: now },
    ...{ notes: [], results: [], request },
  };
}

/** Leaves files of four jobs, looks after them for more than an hour, and says whose files are still there. */
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

describe.skipIf(!hasRedis)("a job that is not done and has no place in the queue", async () => {
  const redis = await TestRedis.start(temporaryFolder());
  const lane = laneOf("video", "small");
  const own = () => new Redis(redis.url, { maxRetriesPerRequest: null });

  /** A job whose steps somebody does who says nothing of it; then others look after it. */
  async function abandoned(process: () => Promise<void>, states: readonly string[]) {
    const { jobs, queue, close } = await connect(redis.url, silent);
    const connection = own();
    const steps = new Queue<Step>(lane, { connection, prefix: PREFIX });
    onTestFinished(async () => {
      await steps.close();
      connection.disconnect();
      await queue.close();
      await jobs.close();
      await close();
    });
    const job = jobOf(newJobId(await jobs.origin()));
    await jobs.add(job);
    await queue.submit(job.id);
    const finish = stepOf(job, 1, "finish");
    const withFinish = states.length > 1;
    if (withFinish) await steps.add(finish.name, finish.data, finish.opts);
    const blocking = own();
    const worker = new Worker<Step>(lane, process, { connection: blocking, prefix: PREFIX });
    const stateOf = async (name: "plan" | "finish") => (await steps.getJob(stepId(job.id, name)))?.getState();
    await until(async () => (await stateOf("plan")) === states[0], "its plan has ended");
    await until(async () => !withFinish || (await stateOf("finish")) === states[1], "its finish has ended");
    await worker.close();
    blocking.disconnect();
    // As if that had been a while ago.
    await connection.hset(`${PREFIX}:job:${job.id}`, "updated", String(Date.now() - 10 * MINUTE));
    await queue.reconcile();
    return { job: await jobs.get(job.id), plan: await stateOf("plan"), finish: await stateOf("finish") };
  }

  it("is given up where its plan has failed", async () => {
    const fail = async () => {
      throw new UnrecoverableError("It cannot be planned.");
    };
    const { job } = await abandoned(fail, ["failed"]);
    expect(job).toMatchObject({ state: "failed", error: "It could not be finished." });
  });

  it("is done anew where its last step has ended without saying so", async () => {
    const { job, plan, finish } = await abandoned(async () => undefined, ["completed", "completed"]);
    expect(job).toMatchObject({ state: "queued" });
    expect([plan, finish]).toEqual(["prioritized", undefined]);
  });
});
