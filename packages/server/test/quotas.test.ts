/**
 * What belongs to one API key: kept styles that nobody else sees, and how many jobs and bytes it
 * may have.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Client } from "../src/client.ts";
import { newJobId } from "../src/jobs/record.ts";
import { connect } from "../src/jobs/redis/queue.ts";
import { openSqliteStore } from "../src/jobs/sqlite.ts";
import { DayIsFull, type JobStore } from "../src/jobs/store.ts";
import { hasRedis, picture, temporaryFolder, testServer } from "./helpers.ts";
import { adaattn, TestRedis } from "./processes.ts";

const [photo, painting] = [await picture(48), await picture(48, 48, 3)];
const folder = temporaryFolder();
const keys = join(folder, "keys.txt");
writeFileSync(keys, "ada:0123456789abcdef0123\nbob:abcdef01234567890123\n");
const clients = (url: string) =>
  ["0123456789abcdef0123", "abcdef01234567890123"].map((key) => new Client(url, { key })) as [Client, Client];
const quota = (sentence: string) => ({
  status: 429,
  problem: expect.objectContaining({ type: "/docs#quota" }),
  message: expect.stringContaining(sentence),
});

describe.each(["SQLite", "Redis"])("with %s", (database) => {
  it.skipIf(database === "Redis" && !hasRedis)(
    "a key has so many jobs that are not done, also after a restart",
    async () => {
      const redis = database === "Redis" ? await TestRedis.start(temporaryFolder()) : undefined;
      // Nobody does them, so that they stay.
      const where = {
        data: temporaryFolder(),
        store: temporaryFolder(),
        apiKeys: keys,
        ...(redis && { redis: redis.url }),
      };
      const first = await testServer({ ...where, limits: { keyJobs: 2 } });
      const [ada, bob] = clients(first.url);
      const contents = redis
        ? [photo]
        : await Promise.all(Array.from({ length: 60 }, (_, seed) => picture(200, 200, seed)));
      const request = { contents, styles: [painting] };
      const all = await Promise.allSettled([1, 2, 3, 4].map(() => ada.submitJob(request)));
      expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
      for (const one of all) if (one.status === "rejected") expect(one.reason).toMatchObject(quota("at most 2 jobs"));
      await bob.submitJob(request);
      await first.server.close();
      const second = await testServer({ ...where, limits: { keyJobs: 2 } });
      const [again] = clients(second.url);
      await expect(again.submitJob(request)).rejects.toMatchObject({ ...quota("at most 2 jobs"), retryAfter: 30 });
      const [{ id } = { id: "" }] = await again.listJobs();
      await again.deleteJob(id);
      await again.submitJob(request);
      await second.server.close();
    },
  );
});

describe.each(["SQLite", "Redis"])("jobs of a day, with %s", (database) => {
  const HOUR = 3_600_000;
  const begin = Date.now();
  const request = { contents: [photo], styles: [painting], options: { size: 16 } };
  const limits = { keyJobsADay: 2 };

  /** The settings of servers that share everything but their machines. */
  async function sharing() {
    const redis = database === "Redis" ? await TestRedis.start(temporaryFolder()) : undefined;
    return { apiKeys: keys, limits, store: temporaryFolder(), ...(redis && { redis: redis.url }) };
  }

  it.skipIf(database === "Redis" && !hasRedis)("are those of the last 24 hours, also after a restart", async () => {
    // Time stands still but for what is said here.
    vi.useFakeTimers({ toFake: ["Date"], now: begin });
    onTestFinished(() => void vi.useRealTimers());
    const where = { ...(await sharing()), data: temporaryFolder() };
    const first = await testServer(where);
    const [ada, bob] = clients(first.url);
    const { id } = await ada.submitJob({ ...request, idempotencyKey: "one" });
    vi.setSystemTime(begin + HOUR);
    await ada.submitJob(request);
    const full = (hour: number) =>
      quota(
        `at most 2 jobs of this API key within 24 hours. Submit the next after ${new Date(begin + hour * HOUR).toISOString()}.`,
      );
    await expect(ada.submitJob(request)).rejects.toMatchObject({ ...full(24), retryAfter: 23 * 3600 });
    await bob.submitJob(request);
    // The same again is no other job, and what is deleted was submitted.
    expect(await ada.submitJob({ ...request, idempotencyKey: "one" })).toMatchObject({ id });
    await ada.deleteJob(id);
    await first.server.close();

    const second = await testServer(where);
    const [again] = clients(second.url);
    vi.setSystemTime(begin + 24 * HOUR - 1);
    await expect(again.submitJob(request)).rejects.toMatchObject({ ...full(24), retryAfter: 1 });
    vi.setSystemTime(begin + 24 * HOUR);
    await again.submitJob(request);
    await expect(again.submitJob(request)).rejects.toMatchObject({ ...full(25), retryAfter: 3600 });
    await second.server.close();
  });

  it.skipIf(database === "Redis" && !hasRedis)("are not those that were not accepted after all", async () => {
    const { redis } = await sharing();
    const shared = redis === undefined ? undefined : await connect(redis, () => undefined);
    const jobs: JobStore = shared?.jobs ?? openSqliteStore(join(temporaryFolder(), "jobs.db"));
    const made = { kind: "pictures", state: "queued", progress: 0, notes: [], results: [] } as const;
    const asked = { contents: [], styles: [], masks: [], paint: {}, model: "small" };
    const add = async (time: number) => {
      const id = newJobId(await jobs.origin());
      return jobs.add({ ...made, id, owner: "ada", request: asked, created: time, updated: time }, 1);
    };
    const id = await add(begin);
    await expect(add(begin + 1)).rejects.toThrow(DayIsFull);
    expect(await jobs.dayFullUntil("ada", 1, begin + 1)).toBe(begin + 24 * HOUR);
    await jobs.uncount("ada", id);
    expect(await jobs.dayFullUntil("ada", 1, begin + 1)).toBeUndefined();
    await add(begin + 1);
    await jobs.close();
    await shared?.close();
  });

  it.skipIf(database === "Redis" && !hasRedis)("are never more, however many come at once", async () => {
    const where = await sharing();
    // Several servers share a Redis.
    const count = database === "Redis" ? 2 : 1;
    const servers = await Promise.all(
      Array.from({ length: count }, () => testServer({ ...where, data: temporaryFolder() })),
    );
    const submitted = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => clients(servers[index % count]?.url ?? "")[0].submitJob(request)),
    );
    expect(submitted.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
    for (const one of submitted) {
      if (one.status === "rejected") expect(one.reason).toMatchObject(quota("at most 2 jobs of this API key within"));
    }
    await Promise.all(servers.map(({ server }) => server.close()));
  });
});

it("a key has so many bytes of jobs and styles, and has room again once some are deleted", async () => {
  const large = await picture(400, 400, 2);
  const { url } = await testServer({ apiKeys: keys, limits: { keyBytes: 2.5 * large.size } });
  const [ada, bob] = clients(url);
  await ada.putStyle("night", { painting: large });
  const { id } = await ada.submitJob({ contents: [large], styles: [painting], options: { size: 16, format: "jpeg" } });
  const refused = quota("MiB of files of this API key but they would be");
  await ada.waitForJob(id);
  // The content went with the job's end, and the result is small.
  await ada.putStyle("day", { painting: large });
  await expect(ada.putStyle("noon", { painting: large })).rejects.toMatchObject({ ...refused, retryAfter: undefined });
  await expect(ada.submitJob({ contents: [large], styles: [painting] })).rejects.toMatchObject(refused);
  await bob.putStyle("noon", { painting: large });
  await ada.deleteStyle("day");
  await ada.submitJob({ contents: [large], styles: [painting], options: { size: 16 } });
});

it("a style belongs to the key that it was kept with; those without a key are everybody's", async () => {
  const where = { data: temporaryFolder() };
  const open = await testServer(where);
  await open.client.putStyle("shared", { painting });
  await open.server.close();
  const { url } = await testServer({ ...where, apiKeys: keys });
  const [ada, bob] = clients(url);
  await ada.putStyle("night", { painting });
  expect((await ada.listStyles()).map(({ name }) => name)).toEqual(["night", "shared"]);
  expect((await bob.listStyles()).map(({ name }) => name)).toEqual(["shared"]);
  const missing = { status: 404 };
  const byNight = { content: photo, options: { size: 16, styles: [{ saved: "night" }] } };
  await expect(bob.stylize(byNight)).rejects.toMatchObject(missing);
  await expect(bob.submitJob({ contents: [photo], options: byNight.options })).rejects.toMatchObject(missing);
  await expect(bob.deleteStyle("night")).rejects.toMatchObject(missing);
  await expect(bob.deleteStyle("shared")).rejects.toMatchObject(missing);
  await ada.stylize(byNight);
  await bob.stylize({ content: photo, options: { size: 16, styles: [{ saved: "shared" }] } });
  // A name of one's own hides that of all, and leaves another's alone.
  await bob.putStyle("night", { painting: await picture(64) });
  expect((await bob.listStyles()).map(({ name, width }) => [name, width])).toEqual([
    ["night", 64],
    ["shared", 48],
  ]);
  expect((await ada.listStyles()).map(({ width }) => width)).toEqual([48, 48]);
  await bob.deleteStyle("night");
  expect(await ada.listStyles()).toHaveLength(2);
});

it("quotas are of keys", async () => {
  const data = join(folder, "none");
  const refused = adaattn(["serve", "--data", data, "--quota-jobs", "3"]);
  await refused.ends();
  expect(refused.said).toContain("Expected --api-keys <FILE> beside --quota-jobs");
  expect([refused.child.exitCode, existsSync(data)]).toEqual([2, false]);
  const daily = adaattn(["serve", "--data", data], { env: { ADAATTN_QUOTA_JOBS_A_DAY: "3" } });
  await daily.ends();
  expect(daily.said).toContain("Expected --api-keys <FILE> beside --quota-jobs, --quota-jobs-a-day");
});
