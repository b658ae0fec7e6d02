/** Requests that are sent again because nobody heard the answer: one job comes of them. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Client } from "../src/client.ts";
import { hasRedis, picture, temporaryFolder, testServer } from "./helpers.ts";
import { TestRedis } from "./processes.ts";

const [photo, painting] = [await picture(48), await picture(48, 48, 3)];
const keys = join(temporaryFolder(), "keys.txt");
writeFileSync(keys, "one:0123456789abcdef0123\nother:abcdef01234567890123\n");

describe.each(["SQLite", "Redis"])("with %s", (database) => {
  it.skipIf(database === "Redis" && !hasRedis)("the same Idempotency-Key is the same job", async () => {
    const redis = database === "Redis" ? await TestRedis.start(temporaryFolder()) : undefined;
    const store = temporaryFolder();
    const { url } = await testServer({ store, apiKeys: keys, ...(redis && { redis: redis.url }), limits: { jobs: 4 } });
    const client = new Client(url, { key: "0123456789abcdef0123" });
    const request = { contents: [photo], styles: [painting], options: { size: 32 }, idempotencyKey: "my first job" };
    const both = await Promise.all([client.submitJob(request), client.submitJob(request)]);
    const { id } = await client.submitJob(request);
    expect(both.map((job) => job.id)).toEqual([id, id]);
    expect((await client.listJobs()).map((job) => job.id)).toEqual([id]);
    expect(readdirSync(join(store, "jobs"))).toEqual([id]);
    for (const change of [{ options: { size: 40 } }, { contents: [painting] }]) {
      await expect(client.submitJob({ ...request, ...change })).rejects.toMatchObject({ status: 422 });
    }
    const another = await client.submitJob({ ...request, idempotencyKey: "my second job" });
    const others = await new Client(url, { key: "abcdef01234567890123" }).submitJob(request);
    const without = await client.submitJob({ contents: [photo], styles: [painting] });
    expect(new Set([id, another.id, others.id, without.id]).size).toBe(4);
    // A job that is forgotten takes its key with it.
    while ((await client.getJob(id).catch(() => undefined)) !== undefined) await client.deleteJob(id);
    const anew = await client.submitJob(request);
    expect(anew.id).not.toBe(id);
    expect(existsSync(join(store, "jobs", id))).toBe(false);
    await expect(client.submitJob({ ...request, idempotencyKey: "" })).rejects.toMatchObject({ status: 400 });
  });
});

it("the header is described", async () => {
  const { url } = await testServer();
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { parameters: unknown[]; responses: object }>>;
  };
  const submit = document.paths["/v1/jobs"]?.post;
  const header = { name: "idempotency-key", in: "header", required: false };
  expect(submit?.parameters).toContainEqual(expect.objectContaining(header));
  expect(submit?.responses).toHaveProperty("422");
});
