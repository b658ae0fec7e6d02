/** Places of jobs in the queue of Redis, where the server dies between two steps of taking one in. */
import { Redis } from "ioredis";
import { afterAll, expect, it } from "vitest";
import { startWorker } from "../src/index.ts";
import { connect } from "../src/jobs/redis/queue.ts";
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
    // As a server leaves them that dies after it kept their places: one is remembered then, the other is not.
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
