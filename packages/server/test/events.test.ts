/**
 * Listeners of jobs: what they cost where nothing happens, and that they hear the end whatever was
 * lost.
 */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, describe, expect, it } from "vitest";
import { Client, type JobEvent } from "../src/client.ts";
import { RedisStore } from "../src/jobs/redis/store.ts";
import { hasRedis, picture, temporaryFolder, until } from "./helpers.ts";
import { adaattn, adaattnCommand, Program, serve, TestRedis } from "./processes.ts";

const [photo, painting] = [await picture(48), await picture(48, 48, 3)];

/** What hears a stream: it reads until something of a form is said. */
function ear(stream: Response): (form: RegExp) => Promise<void> {
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  return async (form) => {
    for (let text = ""; !form.test(text); ) {
      const { value, done = true } = (await reader?.read()) ?? {};
      if (done) throw new Error(`The stream ended and said: ${text}`);
      text += value;
    }
  };
}

describe.skipIf(!hasRedis)("through Redis", async () => {
  const redis = await TestRedis.start(temporaryFolder());
  const files = temporaryFolder();
  const shared = ["--redis", redis.url, "--store", files, "--threads", "1"];
  const { client, url } = await serve([...shared, "--data", temporaryFolder()]);
  const database = new Redis(redis.url);
  afterAll(() => database.disconnect());

  it("fifty listeners of a job that waits cost next to nothing, and all hear its end", async () => {
    const { id } = await client.submitJob({ contents: [photo], styles: [painting] });
    const streams = await Promise.all(Array.from({ length: 50 }, () => fetch(`${url}/v1/jobs/${id}/events`)));
    const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await database.info("stats"))?.[1]);
    const copies = streams.map((stream) => stream.clone());
    const [before, begun] = [await commands(), performance.now()];
    // Nothing is said for as long as a proxy lets a connection be silent.
    await ear(copies[0] as Response)(/still here/);
    const rate = (1000 * ((await commands()) - before)) / (performance.now() - begun);
    console.info(`50 idle listeners: ${rate.toFixed(1)} commands a second`);
    expect(rate).toBeLessThan(5);
    const worker = adaattn(["worker", ...shared, "--workers", "1", "--device", "cpu", "--data", temporaryFolder()]);
    const ends = await Promise.all(streams.map((stream) => stream.text()));
    expect(ends.filter((text) => text.includes("event: done"))).toHaveLength(50);
    await worker.end("SIGTERM");
  });

  it("a server and a worker that have nothing to do ask for next to nothing", async () => {
    const worker = adaattn(["worker", ...shared, "--workers", "1", "--device", "cpu", "--data", temporaryFolder()]);
    await worker.says(/adaattn works/);
    /** Commands that clients sent, without those of this test; what scripts call is not sent. */
    const sent = async () => {
      const stats = await database.info("commandstats");
      const calls = (name: string) => Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, "m").exec(stats)?.[1] ?? 0);
      const waits = calls("bzpopmin");
      return { waits, all: waits + calls("evalsha") + calls("eval") + calls("xread") + calls("hgetall") };
    };
    const [before, begun] = [await sent(), performance.now()];
    // BullMQ waits for five seconds at a time, in each of the worker's two queues.
    const after = await until(async () => {
      const now = await sent();
      return now.waits >= before.waits + 4 ? now : undefined;
    }, "each queue was waited at twice");
    const rate = (1000 * (after.all - before.all)) / (performance.now() - begun);
    console.info(`an idle server and an idle worker: ${rate.toFixed(1)} commands a second`);
    expect(rate).toBeLessThan(5);
    await worker.end("SIGTERM");
  });

  it("what is told of a job costs no more where fifty hear it, and nothing where it is done", async () => {
    const worker = adaattn(["worker", ...shared, "--workers", "1", "--device", "cpu", "--data", temporaryFolder()]);
    await worker.says(/adaattn works/);
    const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(worker.child.pid)], { encoding: "utf8" });
    // Its painter stands still, and the job with it.
    const painter = Number(stdout.trim().split("\n")[0]);
    process.kill(painter, "SIGSTOP");
    const { id } = await client.submitJob({ contents: [photo], styles: [painting] });
    await until(async () => (await client.getJob(id)).state === "running", "a worker has it");
    const streams = await Promise.all(Array.from({ length: 50 }, () => fetch(`${url}/v1/jobs/${id}/events`)));
    const ears = streams.map(ear);
    await Promise.all(ears.map((hears) => hears(/event: progress/)));
    const store = new RedisStore(database, "adaattn");
    const calls = async () => {
      const stats = await database.info("commandstats");
      return (
        Number(/cmdstat_xrange:calls=(\d+)/.exec(stats)?.[1]) + Number(/cmdstat_hgetall:calls=(\d+)/.exec(stats)?.[1])
      );
    };
    const before = await calls();
    const times: number[] = [];
    for (let number = 1; number <= 20; number++) {
      const begun = performance.now();
      await store.publish(id, { type: "preview", url: `/number/${number}/` });
      await Promise.all(ears.map((hears) => hears(new RegExp(`/number/${number}/`))));
      times.push(performance.now() - begun);
    }
    const each = ((await calls()) - before) / times.length;
    const [median = 0] = times.sort((a, b) => a - b).slice(times.length / 2);
    console.info(`50 listeners: ${each.toFixed(1)} looks an event, ${median.toFixed(0)} ms until all have heard it`);
    expect(each).toBeLessThan(10);
    await client.deleteJob(id);
    await Promise.all(ears.map((hears) => hears(/event: error/)));
    await until(
      () => spawnSync("kill", ["-0", String(painter)]).status !== 0,
      "the painter that does not stop is ended",
    );
    const next = await client.submitJob({ contents: [photo], styles: [painting] });
    expect((await client.waitForJob(next.id)).state).toBe("done");
    await worker.end("SIGTERM");
  });

  it("hear the end from the state where the event is missing", async () => {
    const [done] = await client.listJobs("done");
    const id = done?.id ?? "";
    await database.del(`adaattn:events:${id}`);
    const events: JobEvent[] = [];
    for await (const event of client.followJob(id)) events.push(event);
    expect(events).toMatchObject([{ type: "done", job: { id, state: "done" } }]);
    const { id: lost } = await client.submitJob({ contents: [photo], styles: [painting] });
    const stream = await fetch(`${url}/v1/jobs/${lost}/events`);
    // Somebody ends it and dies before saying so.
    await database.hset(`adaattn:job:${lost}`, "state", '"failed"', "error", '"It could not be done."');
    await database.xadd("adaattn:news", "*", "job", lost);
    expect(await stream.text()).toContain("It could not be done.");
  });
});

const canMount = process.platform === "linux" && spawnSync("unshare", ["-rm", "true"]).status === 0;
it.skipIf(!canMount)("a database that cannot write loses no job's end, and the server says so", async () => {
  const [data, files] = [temporaryFolder(), temporaryFolder()];
  const command = adaattnCommand(["serve", "--port", "0", "--workers", "1", "--threads", "1", "--data", data]);
  const script = `mount -t tmpfs -o size=4m none ${data} && exec "$@"`;
  const program = new Program("unshare", ["-rm", "sh", "-c", script, "sh", ...command, "--store", files]);
  const url = await program.says(/serves at (\S+);/);
  const client = new Client(url);
  const contents = await Promise.all(Array.from({ length: 8 }, (_, seed) => picture(160, 160, seed)));
  const { id } = await client.submitJob({ contents, styles: [painting] });
  await until(() => existsSync(join(files, "jobs", id, "parts", "000000.json")), "a part is painted");
  const filler = join(`/proc/${program.child.pid}/root${data}`, "filler");
  for (let size = 2 ** 20; size >= 1; size /= 2) {
    for (let filled = false; !filled; ) {
      try {
        writeFileSync(filler, Buffer.alloc(size), { flag: "a" });
      } catch {
        filled = true;
      }
    }
  }
  await program.says(/The state of a job cannot be written/);
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  await until(() => existsSync(join(files, "jobs", id, "out", "7.png")), "all is painted");
  rmSync(filler);
  expect((await client.waitForJob(id)).results).toHaveLength(8);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  await program.end("SIGTERM");
});
