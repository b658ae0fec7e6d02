/**
 * Places of jobs in the queue of Redis, and an order of writing things down by which nobody's death
 * leaves a job behind.
 */
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { Registry } from "prom-client";
import { afterAll, expect, it } from "vitest";
import { openFolderStore } from "../src/files/folder.ts";
import { startWorker } from "../src/index.ts";
import { QueueMetrics } from "../src/jobs/metrics.ts";
import { type JobRecord, newJobId } from "../src/jobs/record.ts";
import { PREFIX } from "../src/jobs/redis/connection.ts";
import { type Step, stepId } from "../src/jobs/redis/lanes.ts";
import { connect } from "../src/jobs/redis/queue.ts";
import { StepWorker } from "../src/jobs/redis/worker.ts";
import { JobWork } from "../src/jobs/work.ts";
import type { PainterPool } from "../src/painters/pool.ts";
import { DEFAULT_LIMITS } from "../src/settings.ts";
import { hasRedis, picture, temporaryFolder, testServer, until } from "./helpers.ts";
import { TestRedis } from "./processes.ts";

const [photo, painting] = [await picture(48), await picture(48, 48, 3)];

it.skipIf(!hasRedis)(
  "a job whose server died before its turn could come is done, and no place stays without a job",
  async () => {
    const redis = await TestRedis.start(temporaryFolder());
    const shared = { redis: redis.url, store: temporaryFolder() };
    const { client, server } = await testServer(shared);
    const { id } = await client.submitJob({ contents: [photo], styles: [painting] });
    const { id: gone } = await client.submitJob({ contents: [photo], styles: [painting] });
    await server.close();
    const { jobs, queue, close } = await connect(redis.url, () => undefined);
    const [record, forgotten] = [await jobs.get(id), await jobs.get(gone)];
    if (!record || !forgotten) throw new Error("Expected the jobs to be remembered");
    // As a server leaves them that dies after it kept their places: one is remembered then, the
    // other is not.
    for (const one of [record, forgotten]) {
      await queue.clear(one.id);
      await queue.reserve(one);
    }
    await jobs.remove(gone);
    const database = new Redis(redis.url);
    afterAll(() => database.disconnect());
    const painters = { workers: 1, threads: 1, device: "cpu" as const };
    await using _ = await startWorker({ ...shared, data: temporaryFolder(), painters });
    await until(async () => (await jobs.get(id))?.state === "done", "it is done");
    const left = async () => (await database.zcard("adaattn:pictures-small:delayed")) === 0;
    await until(left, "the place of the other is gone");
    expect(await database.zcard("adaattn:pictures-small:failed")).toBe(0);
    expect(await jobs.get(gone)).toBeUndefined();
    await close();
  },
);

it.skipIf(!hasRedis)("a job is given up before its step is, after three attempts, by whoever does it", async () => {
  const redis = await TestRedis.start(temporaryFolder());
  const { jobs, queue, close } = await connect(redis.url, () => undefined);
  const database = new Redis(redis.url, { maxRetriesPerRequest: null });
  const lane = new Queue<Step>("video-small", { connection: database, prefix: PREFIX });
  afterAll(async () => {
    await lane.close();
    database.disconnect();
    await close();
  });
  const seen: unknown[] = [];
  class Watched extends JobWork {
    override async fail(id: string, error: unknown): Promise<void> {
      await super.fail(id, error);
      const place = await lane.getJob(stepId(id, "plan"));
      seen.push({ place: await place?.getState(), job: (await jobs.get(id))?.state, attempts: place?.attemptsMade });
    }
  }
  // It has no content, of which there can be no plan.
  const [now, id] = [Date.now(), newJobId(await jobs.origin())];
  const record: JobRecord = {
    id,
    owner: "",
    kind: "video",
    state: "queued",
    progress: 0,
    created: now,
    updated: now,
    notes: [],
    results: [],
    request: { contents: [], styles: [], masks: [], paint: {}, model: "small" },
  };
  await queue.reserve(record);
  await jobs.add(record);
  await queue.submit(id);
  const files = await openFolderStore(temporaryFolder());
  const ends: string[] = [];
  await using _ = await StepWorker.open(redis.url, {
    width: 1,
    models: ["small"],
    log: () => undefined,
    onStep: ({ step, error = "" }) => void ends.push(`${step} ${error}`),
    makeWork: (store) =>
      new Watched({
        jobs: store,
        files,
        limits: DEFAULT_LIMITS,
        log: () => undefined,
        scratch: temporaryFolder(),
        metrics: new QueueMetrics(new Registry()),
        // Nothing is painted.
        pool: undefined as unknown as PainterPool,
      }),
  });
  await until(() => ends.length === 3, "it is tried three times");
  expect(seen).toEqual([{ place: "active", job: "failed", attempts: 2 }]);
});
