/**
 * Jobs through a real Redis, done by real workers: shared, taken over from the dead, done once, the
 * same whoever does them.
 */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Client, type JobEvent, ProblemError } from "../src/client.ts";
import { card, frameHashes, hasFfmpeg, hasRedis, picture, temporaryFolder, until } from "./helpers.ts";
import { adaattn, type Program, serve, TestRedis } from "./processes.ts";

const folder = temporaryFolder();
const painting = await picture(48, 48, 3);

async function worker(redis: TestRedis, files: string, core?: number): Promise<Program> {
  const args = [
    "worker",
    "--redis",
    redis.url,
    "--store",
    files,
    "--data",
    temporaryFolder(),
    "--workers",
    "1",
    "--threads",
    "1",
    "--device",
    "cpu",
  ];
  const program = adaattn(args, { ...(core !== undefined && { core }) });
  await program.says(/adaattn works/);
  return program;
}

/** What happened to a job, and how often it was said to be done. */
async function follow(client: Client, id: string): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for await (const event of client.followJob(id)) events.push(event);
  return events;
}

const steps = (programs: readonly Program[], id: string) =>
  programs.flatMap(({ said }) =>
    [...said.matchAll(new RegExp(`${id}  (part \\d+|plan|finish)  .*done`, "g"))].map(([, step = ""]) => step),
  );

describe.skipIf(!hasFfmpeg || !hasRedis)("through Redis", async () => {
  const redis = await TestRedis.start(temporaryFolder());
  const files = join(folder, "files");
  const { client, url } = await serve([
    "--redis",
    redis.url,
    "--store",
    files,
    "--data",
    join(folder, "data"),
    "--threads",
    "1",
  ]);
  const video = card(folder, { seconds: 12, rate: 5, scene: 3, size: "64x48", name: "shared.mp4" });
  const options = { size: 64 };
  let alone: string[] = [];
  // The one that lives; starting another for each test would take longer than the tests.
  let only = await worker(redis, files);

  it("a video is painted by one worker", async () => {
    const { id } = await client.submitJob({ contents: [video], styles: [painting], options });
    const events = await follow(client, id);
    expect(events.at(-1)).toMatchObject({ type: "done" });
    alone = await frameHashes(await client.getResult(id), folder);
    expect(alone).toHaveLength(60);
    await until(() => steps([only], id).includes("finish"), "the last step is said");
    expect(steps([only], id).sort()).toEqual(["finish", "part 0", "part 1", "part 2", "part 3", "plan"]);
  });

  it("two workers share it, one is killed in the middle, and every frame is the same", async () => {
    const [first, second] = [only, await worker(redis, files)];
    const { id } = await client.submitJob({ contents: [video], styles: [painting], options });
    const [doomed, other] = await until(() => {
      const [a, b] = [steps([first], id).length, steps([second], id).length];
      if (a + b < 2) return undefined;
      return a >= b ? [first, second] : [second, first];
    }, "a part is painted");
    await doomed.end("SIGKILL");
    only = other;
    const events = await follow(client, id);
    expect(events.filter(({ type }) => type === "done")).toHaveLength(1);
    expect(await frameHashes(await client.getResult(id), folder)).toEqual(alone);
    // A worker says so after the job is done.
    await until(() => steps([other], id).includes("finish"), "the last step is said");
    const done = steps([first, second], id);
    expect([...new Set(done)].sort()).toEqual(["finish", "part 0", "part 1", "part 2", "part 3", "plan"]);
    expect(done.length).toBe(new Set(done).size);
    await until(() => readdirSync(join(files, "jobs", id)).join() === "out,preview.jpg", "only the result is left");
  });

  it("Redis is killed and started again: nothing is lost, and who asks meanwhile is told to come again", async () => {
    const { id } = await client.submitJob({ contents: [video], styles: [painting], options });
    await until(() => steps([only], id).length > 1, "a part is painted");
    await redis.kill();
    const refused = await client.submitJob({ contents: [video], styles: [painting] }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ProblemError);
    expect((refused as ProblemError).status).toBe(503);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    // Pictures need no Redis.
    await client.stylize({ content: await picture(32), styles: [painting] });
    await redis.start();
    const job = await client.waitForJob(id);
    expect(job.state).toBe("done");
    expect(await frameHashes(await client.getResult(id), folder)).toEqual(alone);
    await until(async () => (await fetch(`${url}/readyz`)).status === 200, "the server is ready again");
  });

  it("a job is cancelled while a worker paints it", async () => {
    const long = card(folder, { seconds: 24, rate: 5, scene: 3, size: "96x64", name: "long.mp4" });
    const { id } = await client.submitJob({ contents: [long], styles: [painting] });
    await until(() => steps([only], id).length > 1, "a part is painted");
    await client.deleteJob(id);
    expect((await client.getJob(id)).state).toBe("cancelled");
    // The worker is free for the next.
    const next = await client.submitJob({ contents: [await picture(32)], styles: [painting] });
    expect((await client.waitForJob(next.id)).state).toBe("done");
    await until(() => !existsSync(join(files, "jobs", id, "parts")), "its parts are gone");
  });

  it("a job that can never be done is given up, and listed", async () => {
    // What was accepted is damaged before anybody reads it.
    only.child.kill("SIGSTOP");
    const { id } = await client.submitJob({ contents: [video], styles: [painting] });
    writeFileSync(join(files, "jobs", id, "in", "content-0"), "no video");
    only.child.kill("SIGCONT");
    const events = await follow(client, id);
    expect(events.at(-1)).toMatchObject({ type: "error", state: "failed" });
    expect((await client.listJobs("failed")).map((job) => job.id)).toContain(id);
  });

  it("a worker that is told to end leaves nothing on its way", async () => {
    await only.end("SIGTERM");
    expect(only.said).toContain("ending after the parts at hand");
  });
});
