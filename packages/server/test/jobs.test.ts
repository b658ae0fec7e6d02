/** Jobs of one process: accepted, followed, cancelled, and gone on with after a restart. */
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { Client, type JobEvent } from "../src/client.ts";
import { startServer } from "../src/index.ts";
import {
  card,
  clip,
  frameHashes,
  hasFfmpeg,
  leftovers,
  picture,
  temporaryFolder,
  testServer,
  until,
} from "./helpers.ts";

const { client, url, data } = await testServer();
const folder = temporaryFolder();
const [photo, painting] = [await picture(48, 48), await picture(64, 64, 3)];

describe("a job of pictures", () => {
  it("has a result for each", async () => {
    const contents = [photo, await picture(64, 32, 5, "jpeg"), await picture(32, 48, 9, "webp")];
    const { id, state } = await client.submitJob({ contents, styles: [painting], options: { size: 48 } });
    expect(["queued", "running"]).toContain(state);
    const events: JobEvent[] = [];
    for await (const event of client.followJob(id)) events.push(event);
    const types = events.map(({ type }) => type);
    expect(types.at(-1)).toBe("done");
    expect(types).toContain("progress");
    expect(types).toContain("preview");
    const job = await client.getJob(id);
    expect(job).toMatchObject({ id, kind: "pictures", state: "done", progress: 1 });
    expect(job.results.map(({ index, type }) => [index, type])).toEqual([
      [0, "image/png"],
      [1, "image/jpeg"],
      [2, "image/webp"],
    ]);
    const sizes = await Promise.all(
      job.results.map(async ({ index }) => {
        const bytes = new Uint8Array(await (await client.getResult(id, { index })).arrayBuffer());
        const { width, height } = await sharp(bytes).metadata();
        return [width, height];
      }),
    );
    expect(sizes).toEqual([
      [48, 48],
      [48, 24],
      [32, 48],
    ]);
    const alone = await client.stylize({ content: photo, styles: [painting], options: { size: 48 } });
    const [one, same] = [await client.getResult(id), alone.picture];
    expect(new Uint8Array(await one.arrayBuffer())).toEqual(new Uint8Array(await same.arrayBuffer()));
    expect((await client.listJobs("done")).map((done) => done.id)).toContain(id);
    await client.deleteJob(id);
    await expect(client.getJob(id)).rejects.toThrow(`There is no job ${id}.`);
  });

  it("gives bytes of its result by ranges, and says what has not changed", async () => {
    const { id } = await client.submitJob({ contents: [photo], styles: [painting] });
    const { results } = await client.waitForJob(id);
    const at = `${url}/v1/jobs/${id}/result`;
    const all = await fetch(at);
    const bytes = new Uint8Array(await all.arrayBuffer());
    expect([all.status, bytes.length]).toEqual([200, results[0]?.bytes]);
    const ask = async (range: string) => {
      const part = await fetch(at, { headers: { range } });
      return [part.status, part.headers.get("content-range"), new Uint8Array(await part.arrayBuffer())] as const;
    };
    expect(await ask("bytes=10-19")).toEqual([206, `bytes 10-19/${bytes.length}`, bytes.slice(10, 20)]);
    expect((await ask("bytes=-5"))[2]).toEqual(bytes.slice(-5));
    expect((await ask(`bytes=${bytes.length - 3}-`))[2]).toEqual(bytes.slice(-3));
    expect((await ask("bytes=5-2"))[0]).toBe(200);
    const outside = await fetch(at, { headers: { range: `bytes=${bytes.length}-` } });
    expect([outside.status, outside.headers.get("content-range")]).toEqual([416, `bytes */${bytes.length}`]);
    const same = await fetch(at, { headers: { "if-none-match": all.headers.get("etag") ?? "" } });
    expect(same.status).toBe(304);
    const head = await fetch(at, { method: "HEAD" });
    expect(head.headers.get("content-length")).toBe(String(bytes.length));
  });

  it("goes on telling where a listener was cut off", async () => {
    const { id } = await client.submitJob({
      contents: [photo, photo, photo],
      styles: [painting],
      options: { size: 56 },
    });
    await client.waitForJob(id);
    const text = await (await fetch(`${url}/v1/jobs/${id}/events`)).text();
    const ids = [...text.matchAll(/^id: (.*)$/gm)].map(([, number = ""]) => number);
    expect(ids.length).toBeGreaterThan(2);
    const rest = await fetch(`${url}/v1/jobs/${id}/events`, { headers: { "last-event-id": ids[1] ?? "" } });
    expect([...(await rest.text()).matchAll(/^id: (.*)$/gm)].map(([, number]) => number)).toEqual(ids.slice(2));
    const nothing = await fetch(`${url}/v1/jobs/${id}/events`, { headers: { "last-event-id": ids.at(-1) ?? "" } });
    expect(nothing.status).toBe(204);
  });

  it("is refused whole where one picture cannot be read", async () => {
    const damaged = (await photo.arrayBuffer()).slice(0, 20);
    await expect(client.submitJob({ contents: [photo, new Blob([damaged])], styles: [painting] })).rejects.toThrow(
      "Cannot read content 2",
    );
    await expect(
      client.submitJob({ contents: [new Blob(["#EXTM3U\nfile:///etc/passwd"])], styles: [painting] }),
    ).rejects.toThrow("Cannot read content 1: it is neither");
  });
});

describe.skipIf(!hasFfmpeg)("a job of a video", () => {
  it("has every frame and the sound", async () => {
    const video = card(folder, { seconds: 4, rate: 5 });
    const options = { size: 32, styles: [{}, { seconds: 2 }], video: { fade: 0.5 } };
    const { id, kind } = await client.submitJob({ contents: [video], styles: [painting, photo], options });
    expect(kind).toBe("video");
    const events: JobEvent[] = [];
    for await (const event of client.followJob(id)) events.push(event);
    expect(events.at(-1)).toMatchObject({ type: "done", job: { state: "done", results: [{ type: "video/mp4" }] } });
    expect(events.map(({ type }) => type)).toContain("preview");
    expect((await fetch(`${url}/v1/jobs/${id}/preview`)).headers.get("content-type")).toBe("image/jpeg");
    const film = join(folder, "film.mp4");
    writeFileSync(film, Buffer.from(await (await client.getResult(id)).arrayBuffer()));
    const probe = [
      "-v",
      "error",
      "-count_frames",
      "-show_entries",
      "stream=codec_type,nb_read_frames,width,height",
      "-of",
      "json",
      film,
    ];
    const { streams } = JSON.parse(execFileSync("ffprobe", probe, { encoding: "utf8" })) as { streams: object[] };
    expect(streams).toMatchObject([
      { codec_type: "video", width: 32, height: 22, nb_read_frames: "20" },
      { codec_type: "audio" },
    ]);
    // Inputs and parts are of no use any more.
    const rests = ["in", "parts", "plan.json"].map((name) => join(data, "files", "jobs", id, name));
    await until(() => !rests.some((path) => existsSync(path)), "what it was made of is gone");
  });

  it("is painted in the part that is asked for", async () => {
    const video = card(folder, { seconds: 4, rate: 6, name: "part.mp4" });
    const options = { video: { start: 1, end: 2.5, format: "gif" as const } };
    const { id } = await client.submitJob({ contents: [video], styles: [painting], options });
    await client.waitForJob(id);
    const film = await client.getResult(id);
    expect(film.type).toBe("image/gif");
    expect(await frameHashes(film, folder)).toHaveLength(9);
  });

  it("keeps what it says of itself, without sound too", async () => {
    const chapters = "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=one\n";
    writeFileSync(join(folder, "said.txt"), `;FFMETADATA1\ntitle=Walk\n${chapters}`);
    const silent = ["-f", "lavfi", "-i", "testsrc=size=48x32:rate=5:duration=1", "-i", "said.txt"];
    const video = clip(folder, "silent.mp4", ...silent, "-map_metadata", "1", "-map_chapters", "1");
    const { id } = await client.submitJob({ contents: [video], styles: [painting] });
    await client.waitForJob(id);
    const film = join(folder, "silent-film.mp4");
    writeFileSync(film, Buffer.from(await (await client.getResult(id)).arrayBuffer()));
    const probe = ["-v", "error", "-of", "json", "-show_format", "-show_chapters", film];
    expect(JSON.parse(execFileSync("ffprobe", probe, { encoding: "utf8" }))).toMatchObject({
      format: { tags: { title: "Walk" } },
      chapters: [{ tags: { title: "one" } }],
    });
  });

  it.each([
    [{ video: { crf: 60 } }, "Expected a number from 0 to 51 for the crf of h264 video but received 60."],
    [{ video: { format: "webm", codec: "h264" } }, "Expected a name ending in .mp4, .m4v, .mov, .mkv for h264 video"],
    [{ video: { start: 9 } }, "Expected a start before the end of the video, 1.00 s, but received 9 s."],
    [{ styles: [{ seconds: 1 }] }, "Expected a style from the begin of the video, at 0 seconds, but received none."],
    [{ format: "png" }, "Expected the format of a video in options.video.format."],
    [{ size: 16 }, "Expected frames of at least 16 pixels a side but they would have 16 x 11."],
  ])("is refused: %j", async (options, message) => {
    const video = card(folder, { seconds: 1, name: "second.mp4" });
    const call = client.submitJob({ contents: [video], styles: [painting], options: options as object });
    await expect(call).rejects.toThrow(message);
  });

  it("is cancelled, and leaves nothing", async () => {
    const video = card(folder, { seconds: 20, rate: 5, scene: 3, size: "128x96", name: "long.mp4" });
    const { id } = await client.submitJob({ contents: [video], styles: [painting] });
    const events = client.followJob(id);
    await until(async () => (await events.next()).value?.type === "preview", "frames are painted");
    await client.deleteJob(id);
    let last: JobEvent | undefined;
    for await (const event of events) last = event;
    expect(last).toMatchObject({ type: "error", state: "cancelled" });
    expect(await client.getJob(id)).toMatchObject({ state: "cancelled" });
    await until(
      () => !existsSync(join(data, "files", "jobs", id)) && leftovers(data).length === 0,
      "its files are gone",
    );
    const processes = () => execFileSync("ps", ["-A", "-o", "args="], { encoding: "utf8" });
    await until(() => !processes().includes(id), "no decoder is left");
  });

  it("goes on after the server was closed in the middle of it", async () => {
    const [own, video] = [temporaryFolder(), card(folder, { seconds: 9, rate: 4, scene: 3, name: "restart.mp4" })];
    const first = await startServer({ port: 0, version: "test", data: own, painters: { workers: 1 } });
    let asking = new Client(first.url);
    const { id } = await asking.submitJob({ contents: [video], styles: [painting], options: { size: 32 } });
    const parts = join(own, "files", "jobs", id, "parts", "000000.json");
    await until(() => existsSync(parts), "a part is painted");
    await first.close();
    const second = await startServer({ port: 0, version: "test", data: own, painters: { workers: 1 } });
    await using _ = second;
    asking = new Client(second.url);
    const { state } = await asking.waitForJob(id);
    expect(state).toBe("done");
    const again = await asking.submitJob({ contents: [video], styles: [painting], options: { size: 32 } });
    await asking.waitForJob(again.id);
    const [interrupted, whole] = [await asking.getResult(id), await asking.getResult(again.id)];
    expect(await frameHashes(interrupted, folder)).toEqual(await frameHashes(whole, folder));
  });
});

it("a second server cannot use the same folder", async () => {
  await expect(startServer({ port: 0, version: "test", data })).rejects.toThrow("another server uses it");
});
