/**
 * What workers owe the server whose jobs they do, and those who wait: its limits, their own models,
 * and fair turns.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { Client } from "../src/client.ts";
import { startWorker } from "../src/index.ts";
import { card, hasFfmpeg, hasRedis, picture, temporaryFolder, testServer, until } from "./helpers.ts";
import { TestRedis } from "./processes.ts";

const [photo, painting] = [await picture(96), await picture(48, 48, 3)];

describe.skipIf(!hasFfmpeg || !hasRedis)("a worker", async () => {
  const redis = await TestRedis.start(temporaryFolder());
  const shared = { redis: redis.url, store: temporaryFolder() };
  const painters = { workers: 1, threads: 1, device: "cpu" as const };

  it("does jobs by the limits that the server promised, not by its own", async () => {
    const { client } = await testServer({ ...shared, limits: { side: 64, frames: 20 } });
    const data = temporaryFolder();
    await using _ = await startWorker({ ...shared, data, painters, limits: { side: 32, frames: 5, pixels: 1000 } });
    const { id } = await client.submitJob({ contents: [photo], styles: [painting] });
    await client.waitForJob(id);
    const result = new Uint8Array(await (await client.getResult(id)).arrayBuffer());
    expect((await sharp(result).metadata()).width).toBe(64);
    const video = card(temporaryFolder(), { seconds: 2, rate: 5 });
    const film = await client.submitJob({ contents: [video], styles: [painting] });
    expect((await client.waitForJob(film.id)).state).toBe("done");
  });

  it("gives up a job that takes longer than the server allowed", async () => {
    const { client } = await testServer({ ...shared, limits: { jobMinutes: 0.005 } });
    await using _ = await startWorker({ ...shared, data: temporaryFolder(), painters });
    const contents = await Promise.all(Array.from({ length: 40 }, (_, seed) => picture(200, 200, seed)));
    const { id } = await client.submitJob({ contents, styles: [painting] });
    await client.waitForJob(id).catch(() => undefined);
    const ended = { state: "failed", error: "The job took longer than 0.005 minutes." };
    expect(await client.getJob(id)).toMatchObject(ended);
  });

  it("leaves jobs of a model that it lacks to one that has it", async () => {
    const { client } = await testServer({ ...shared, painters: { models: ["small", "small-video"] } });
    const ends: { readonly job: string; readonly text: string }[] = [];
    const start = (name: string) =>
      startWorker({
        ...shared,
        data: temporaryFolder(),
        painters: { ...painters, models: [name] },
        onStep: ({ job, step, error }) => void ends.push({ job, text: `${name} ${error ?? step}` }),
      });
    await using _ = await start("small");
    const { id } = await client.submitJob({
      contents: [photo, painting],
      styles: [painting],
      options: { model: "small-video", size: 32 },
    });
    const own = await client.submitJob({ contents: [photo], styles: [painting], options: { size: 32 } });
    await client.waitForJob(own.id);
    expect((await client.getJob(id)).state).toBe("queued");
    await using __ = await start("small-video");
    expect((await client.waitForJob(id)).results).toHaveLength(2);
    // What a job before has left may be done meanwhile.
    const stepsOf = (wanted: string) => ends.flatMap(({ job, text }) => (job === wanted ? text : [])).sort();
    await until(() => stepsOf(id).includes("small-video finish"), "the last step is said");
    expect(stepsOf(id)).toEqual(["finish", "part 0", "part 1", "plan"].map((step) => `small-video ${step}`));
    expect(stepsOf(own.id)).toEqual(["finish", "part 0", "plan"].map((step) => `small ${step}`));
  });

  it("paints a picture beside a film, and whoever asks for little before the rest of another's much", async () => {
    const keys = join(temporaryFolder(), "keys.txt");
    writeFileSync(keys, "many:0123456789abcdef0123\nfew:abcdef01234567890123\n");
    const { url } = await testServer({ ...shared, apiKeys: keys });
    const many = new Client(url, { key: "0123456789abcdef0123" });
    const few = new Client(url, { key: "abcdef01234567890123" });
    await using _ = await startWorker({ ...shared, data: temporaryFolder(), painters });
    const video = card(temporaryFolder(), { seconds: 40, rate: 5, scene: 3, size: "96x64" });
    const film = await many.submitJob({ contents: [video], styles: [painting] });
    await until(async () => (await many.getJob(film.id)).progress > 0, "the film is painted");
    const begun = performance.now();
    const one = await few.submitJob({ contents: [photo], styles: [painting] });
    await few.waitForJob(one.id);
    const waited = (performance.now() - begun) / 1000;
    console.info(`one picture beside a film of 40 s: ${waited.toFixed(1)} s`);
    expect(waited).toBeLessThan(3);
    expect((await many.getJob(film.id)).state).toBe("running");
    // Cancelled and forgotten, while it is painted.
    await many.deleteJob(film.id);
    await many.deleteJob(film.id);
    await expect(many.getJob(film.id)).rejects.toMatchObject({ status: 404 });

    const twelve = await Promise.all(Array.from({ length: 12 }, (_, seed) => picture(96, 96, seed)));
    const jobs = [];
    for (const client of [many, many, few]) {
      jobs.push([client, (await client.submitJob({ contents: twelve, styles: [painting] })).id] as const);
    }
    const ends = await Promise.all(jobs.map(async ([client, id]) => Date.parse((await client.waitForJob(id)).updated)));
    expect(existsSync(join(shared.store, "jobs", film.id))).toBe(false);
    const [, second = 0, others = 0] = ends;
    expect(others).toBeLessThan(second);
  });
});
