/**
 * Jobs that end the processes that do them: given up at the second death, whichever process it is,
 * and whatever restarts meanwhile.
 */
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { describe, expect, it, onTestFinished } from "vitest";
import { card, hasFfmpeg, hasRedis, picture, temporaryFolder, until } from "./helpers.ts";
import { adaattn, serve, TestRedis } from "./processes.ts";

/** Workers are started one after the other here, in milliseconds. */
const LONG = 400_000;

const painting = await picture(48, 48, 3);
const gaveUp = { state: "failed", error: "The process that did this job has died, twice." };

/**
 * A program that kills whoever runs it, where that is a painter, counts that in a file, and is
 * ffmpeg for all others.
 */
function deadlyFfmpeg(): { path: string; deaths: () => number } {
  const folder = temporaryFolder();
  const [path, log] = [join(folder, "ffmpeg"), join(folder, "deaths")];
  const isPainter = "tr '\\0' ' ' < /proc/$PPID/cmdline | grep -q painters/child";
  writeFileSync(path, `#!/bin/sh\nif ${isPainter}; then echo $PPID >> ${log}; kill -9 $PPID; fi\nexec ffmpeg "$@"\n`);
  chmodSync(path, 0o755);
  return { path, deaths: () => new Set(readFileSync(log, "utf8").match(/\d+/g)).size };
}

/** An ffprobe that kills whoever lets it read packets. */
function deadlyProbe(): string {
  const path = join(temporaryFolder(), "ffprobe");
  writeFileSync(path, '#!/bin/sh\ncase "$*" in *packet*) kill -9 $PPID ;; esac\nexec ffprobe "$@"\n');
  chmodSync(path, 0o755);
  return path;
}

/** A worker that is ready. */
async function worker(shared: readonly string[], env: Record<string, string> = {}, painters = 1) {
  const data = temporaryFolder();
  const args = ["--workers", String(painters), "--threads", "1", "--device", "cpu", "--data", data];
  const program = adaattn(["worker", ...shared, ...args], { env });
  // One that is left would do the next test's jobs.
  onTestFinished(() => program.end("SIGKILL"));
  await program.says(/adaattn works/);
  return { program, data };
}

/** Waits until a worker has a folder for a job: it is at one of its steps. */
async function isAt({ data }: { data: string }, id: string): Promise<void> {
  const scratch = join(data, "scratch");
  await until(() => readdirSync(scratch).some((own) => existsSync(join(scratch, own, id))), "it has begun");
}

describe.skipIf(!hasFfmpeg || process.platform !== "linux")("a film that kills painters", async () => {
  const video = card(temporaryFolder(), { seconds: 1, rate: 5 });

  it("is given up by a server alone when the second has died", async () => {
    const { path, deaths } = deadlyFfmpeg();
    const { client } = await serve(["--data", temporaryFolder()], { env: { FFMPEG_PATH: path } });
    const { id } = await client.submitJob({ contents: [video], styles: [painting] });
    await client.waitForJob(id).catch(() => undefined);
    expect(await client.getJob(id)).toMatchObject(gaveUp);
    expect(deaths()).toBe(2);
  });

  it.skipIf(!hasRedis)("is given up by workers when the second has died", async () => {
    const redis = await TestRedis.start(temporaryFolder());
    const shared = ["--redis", redis.url, "--store", temporaryFolder()];
    const { client } = await serve([...shared, "--data", temporaryFolder()]);
    const { path, deaths } = deadlyFfmpeg();
    await worker(shared, { FFMPEG_PATH: path });
    const { id } = await client.submitJob({ contents: [video], styles: [painting] });
    await client.waitForJob(id).catch(() => undefined);
    expect(await client.getJob(id)).toMatchObject(gaveUp);
    expect(deaths()).toBe(2);
  });
});

describe.skipIf(!hasRedis)("workers that are killed", async () => {
  const redis = await TestRedis.start(temporaryFolder());
  const shared = ["--redis", redis.url, "--store", temporaryFolder()];
  const { client } = await serve([...shared, "--data", temporaryFolder()]);

  it("at two parts of a job end it, though Redis was killed in between, and a retry begins anew", {
    timeout: LONG,
  }, async () => {
    const contents = await Promise.all(Array.from({ length: 4 }, (_, seed) => picture(640, 640, seed)));
    const { id } = await client.submitJob({ contents, styles: [painting] });
    const first = await worker(shared);
    await isAt(first, id);
    await first.program.end("SIGKILL");
    const second = await worker(shared);
    await isAt(second, id);
    await second.program.end("SIGKILL");
    await redis.kill();
    await redis.start();
    const third = await worker(shared);
    // The server may not have found back to Redis yet.
    const stateOf = () =>
      client.getJob(id).then(
        ({ state }) => state,
        () => undefined,
      );
    await until(async () => (await stateOf()) === "failed", "it is given up");
    expect(await client.getJob(id)).toMatchObject(gaveUp);
    const retried = () =>
      client.retryJob(id).catch(({ status }) => {
        expect(status).toBe(409);
      });
    await until(retried, "nobody is at its old steps any more");
    expect((await client.waitForJob(id)).results).toHaveLength(4);
    const asked = new Redis(redis.url);
    expect(await asked.keys("adaattn:at-work:*")).toEqual([]);
    asked.disconnect();
    await third.program.end("SIGTERM");
  });

  it.skipIf(!hasFfmpeg)("by one job leave another that was beside it to the next", { timeout: LONG }, async () => {
    const env = { FFPROBE_PATH: deadlyProbe() };
    const contents = await Promise.all(Array.from({ length: 8 }, (_, seed) => picture(320, 320, seed)));
    const harmless = await client.submitJob({ contents, styles: [painting] });
    const video = card(temporaryFolder(), { seconds: 2, rate: 5 });
    const { id } = await client.submitJob({ contents: [video], styles: [painting] });
    for (let deaths = 0; deaths < 2; deaths++) {
      const { program } = await worker(shared, env, 2);
      await program.ends();
    }
    const { program } = await worker(shared, env, 2);
    await client.waitForJob(id).catch(() => undefined);
    expect(await client.getJob(id)).toMatchObject(gaveUp);
    expect((await client.waitForJob(harmless.id)).results).toHaveLength(8);
    expect(program.hasEnded).toBe(false);
  });
});
