/**
 * What is measured of jobs, and how workers say how they are: with real processes, and a real Redis
 * that goes and comes back.
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { renameSync } from "node:fs";
import { createServer } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { hasRedis, metric, picture, temporaryFolder, testServer, until } from "./helpers.ts";
import { adaattn, serve, TestRedis } from "./processes.ts";

const [photo, painting] = [await picture(48), await picture(48, 48, 3)];

it("a server alone measures how long jobs wait, and attempts at their steps", async () => {
  const { client, url } = await testServer();
  const { id } = await client.submitJob({ contents: [photo, painting], styles: [painting] });
  await client.waitForJob(id);
  expect(await metric(url, 'adaattn_job_wait_seconds_count{kind="pictures"}')).toBe(1);
  const attempts = (step: string, outcome: string) =>
    metric(url, `adaattn_step_duration_seconds_count{kind="pictures",step="${step}",outcome="${outcome}"}`);
  // The last is measured a moment after its job is done.
  await until(async () => (await attempts("finish", "done")) === 1, "its last step has ended");
  expect([await attempts("plan", "done"), await attempts("part", "done")]).toEqual([1, 2]);
});

it("a server alone measures jobs that it gives up, by their code, and those under way", async () => {
  const { client, url } = await testServer({ limits: { jobMinutes: 0.04 } });
  const contents = await Promise.all(Array.from({ length: 40 }, (_, seed) => picture(200, 200, seed)));
  const { id: late } = await client.submitJob({ contents, styles: [painting], options: { size: 200 } });
  await until(async () => (await metric(url, 'adaattn_jobs_under_way{kind="pictures"}')) === 1, "it is under way");
  await client.waitForJob(late).catch(() => undefined);
  // It is measured a moment after clients hear of it.
  const failed = 'adaattn_jobs_failed_total{kind="pictures",code="too-late"}';
  await until(async () => (await metric(url, failed)) === 1, "it is counted");
  await until(async () => (await metric(url, 'adaattn_jobs_under_way{kind="pictures"}')) === 0, "nothing is under way");
  // On a busy machine the time may be over before the first part has begun.
  const stops = (step: string) =>
    metric(url, `adaattn_step_duration_seconds_count{kind="pictures",step="${step}",outcome="stopped"}`);
  expect([await stops("plan"), await stops("part")].some((count) => count > 0)).toBe(true);
});

describe.skipIf(!hasRedis)("a worker with --health-port", async () => {
  const redis = await TestRedis.start(temporaryFolder());
  const store = temporaryFolder();
  const shared = ["--redis", redis.url, "--store", store];
  const worker = (...args: readonly string[]) =>
    adaattn(["worker", ...shared, "--workers", "1", "--device", "cpu", "--data", temporaryFolder(), ...args]);
  const program = worker("--health-port", "0");
  const url = await program.says(/(http:\S+)\/readyz says how it is/);
  const ready = async () => {
    const answer = await fetch(`${url}/readyz`);
    return { status: answer.status, ...((await answer.json()) as object) };
  };

  it("says that it lives and is ready, on this machine alone, and nothing else", async () => {
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect(await ready()).toEqual({ status: 200, ready: true, redis: true, store: true, painters: 1 });
    expect((await fetch(`${url}/v1/jobs`)).status).toBe(404);
    expect((await fetch(`${url}/livez`, { method: "POST" })).status).toBe(405);
  });

  it("measures the jobs that it does, and the server those that wait", async () => {
    const { client, url: server } = await serve([...shared, "--data", temporaryFolder()]);
    const waiting = () => metric(server, 'adaattn_steps{queue="pictures-small",state="waiting"}');
    program.child.kill("SIGSTOP");
    const { id } = await client.submitJob({ contents: [photo, painting], styles: [painting] });
    const { id: second } = await client.submitJob({ contents: [photo], styles: [painting] });
    expect(await waiting()).toBe(2);
    program.child.kill("SIGCONT");
    await client.waitForJob(second);
    await client.waitForJob(id);
    expect(await metric(url, 'adaattn_job_wait_seconds_count{kind="pictures"}')).toBe(2);
    const parts = 'adaattn_step_duration_seconds_count{kind="pictures",step="part",outcome="done"}';
    expect(await metric(url, parts)).toBe(3);
    await until(async () => (await waiting()) === 0, "nothing waits");
    expect(await metric(url, "adaattn_painters")).toBe(1);
  });

  it("is not ready, and lives, while Redis, the store or its painter is gone", async () => {
    await redis.kill();
    expect(await ready()).toMatchObject({ status: 503, ready: false, redis: false, store: true });
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    await redis.start();
    await until(async () => (await ready()).status === 200, "it is ready again");
    renameSync(store, `${store}-elsewhere`);
    expect(await ready()).toMatchObject({ status: 503, redis: true, store: false });
    renameSync(`${store}-elsewhere`, store);
    const killed = async () => {
      // Again and again, since another takes its place soon.
      spawnSync("pkill", ["-KILL", "-P", String(program.child.pid)]);
      return (await ready()).status === 503;
    };
    await until(killed, "its painter is gone");
    await until(async () => (await ready()).status === 200, "it has another");
  });

  it("says in a sentence that the port is taken", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    afterAll(() => void taken.close());
    await once(taken, "listening");
    const address = taken.address();
    const port = typeof address === "object" ? String(address?.port) : "";
    const second = worker("--health-port", port);
    await second.ends();
    expect(second.said).toContain(`Cannot listen at port ${port} (it is taken). Choose another --health-port.`);
  });
});
