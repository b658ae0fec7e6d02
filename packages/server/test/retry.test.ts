/**
 * Jobs that failed and are tried again: they go on where they failed, and whoever listens hears the
 * new end.
 */
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { JobEvent } from "../src/client.ts";
import { startWorker } from "../src/index.ts";
import { hasRedis, picture, temporaryFolder, testServer, until } from "./helpers.ts";
import { TestRedis } from "./processes.ts";

const [photo, painting] = [await picture(48), await picture(48, 48, 3)];

it("a job that took too long is done by a server that allows more", async () => {
  const data = temporaryFolder();
  const first = await testServer({ data, limits: { jobMinutes: 0.01 } });
  const contents = await Promise.all(Array.from({ length: 40 }, (_, seed) => picture(200, 200, seed)));
  const { id } = await first.client.submitJob({ contents, styles: [painting], options: { size: 200 } });
  await expect(first.client.waitForJob(id)).rejects.toThrow("The job took longer than 0.01 minutes.");
  await first.server.close();

  const { client } = await testServer({ data });
  expect((await client.listJobs("failed")).map((job) => job.id)).toEqual([id]);
  const queued = await client.retryJob(id);
  expect(queued).toMatchObject({ id, state: "queued" });
  expect(queued.error).toBeUndefined();
  const events: JobEvent[] = [];
  for await (const event of client.followJob(id)) events.push(event);
  expect(events.at(-1)).toMatchObject({ type: "done" });
  expect(events.filter(({ type }) => type === "error")).toEqual([]);
  expect((await client.getJob(id)).results).toHaveLength(40);
  await expect(client.retryJob(id)).rejects.toMatchObject({
    status: 409,
    message: "Expected a job that failed but it is done.",
  });
  await client.deleteJob(id);
  expect(existsSync(join(data, "files", "jobs", id))).toBe(false);
});

it.skipIf(!hasRedis)("a job whose file was missing for a while is done by workers", async () => {
  const redis = await TestRedis.start(temporaryFolder());
  const shared = { redis: redis.url, store: temporaryFolder() };
  const { client } = await testServer(shared);
  const { id } = await client.submitJob({ contents: [photo, painting], styles: [painting] });
  const content = join(shared.store, "jobs", id, "in", "content-1");
  renameSync(content, `${content}-elsewhere`);
  const painters = { workers: 1, threads: 1, device: "cpu" as const };
  await using _ = await startWorker({ ...shared, data: temporaryFolder(), painters });
  await expect(client.waitForJob(id)).rejects.toThrow("Something went wrong here");
  renameSync(`${content}-elsewhere`, content);
  const retried = () =>
    client.retryJob(id).catch(({ status }) => {
      expect(status).toBe(409);
    });
  await until(retried, "nobody is at its old steps any more");
  const { state, error, results } = await client.waitForJob(id);
  expect({ state, error }).toEqual({ state: "done" });
  expect(results).toHaveLength(2);
});
