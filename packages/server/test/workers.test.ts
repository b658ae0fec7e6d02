/** What workers owe the server whose jobs they do: its limits. */
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { startWorker } from "../src/index.ts";
import { card, hasFfmpeg, hasRedis, picture, temporaryFolder, testServer } from "./helpers.ts";
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
});
