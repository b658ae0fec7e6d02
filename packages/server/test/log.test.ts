/**
 * What is in the log, as lines of JSON: outages, painters' deaths, failed jobs and sweeps; and what
 * callers hear of them.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Client } from "../src/client.ts";
import { clip, hasFfmpeg, hasRedis, picture, temporaryFolder, until } from "./helpers.ts";
import { adaattn, type Program, TestRedis } from "./processes.ts";

const [photo, painting] = [await picture(48), await picture(48, 48, 3)];

/** A server that logs everything. */
async function logging(args: readonly string[]) {
  const program = adaattn(["serve", "--port", "0", "--workers", "1", ...args]);
  const url = await program.says(/serves at (\S+);/);
  return { program, url, client: new Client(url) };
}

/** Waits for a line of the log with this sentence. */
function line(program: Program, sentence: string): Promise<Record<string, unknown>> {
  return until(() => {
    const lines = program.said.split("\n").filter((text) => text.startsWith("{") && text.endsWith("}"));
    return lines.map((text) => JSON.parse(text) as Record<string, unknown>).find(({ msg }) => msg === sentence);
  }, `the log says: ${sentence}`);
}

it.skipIf(!hasFfmpeg)(
  "a failed job is in the log by its request's number, and its error names the content, no file",
  async () => {
    const data = temporaryFolder();
    const { program, url } = await logging(["--data", data]);
    const source = ["-f", "lavfi", "-i", "testsrc=size=48x32:rate=5:duration=4"];
    const video = clip(temporaryFolder(), "broken.mp4", ...source, "-c:v", "libx264", "-movflags", "+faststart");
    // Its index is whole, and there is nothing of its frames.
    const bytes = Buffer.from(await video.arrayBuffer());
    bytes.fill(0, bytes.indexOf("mdat") + 4);
    const form = new FormData();
    form.append("content", new Blob([bytes]), "broken.mp4");
    form.append("style", painting, "painting.png");
    const requestId = "0b0e7d5c-6f0f-4d0e-9b3a-2f6c4f1f7a11";
    const answer = await fetch(`${url}/v1/jobs`, {
      method: "POST",
      body: form,
      headers: { "x-request-id": requestId },
    });
    expect(answer.headers.get("x-request-id")).toBe(requestId);
    expect(answer.status).toBe(202);
    const { id } = (await answer.json()) as { id: string };
    const failed = await line(program, "A job has failed.");
    expect(failed).toMatchObject({ level: 40, job: id, requestId });
    const job = (await (await fetch(`${url}/v1/jobs/${id}`)).json()) as { state: string; error: string };
    expect(job.state).toBe("failed");
    expect(job.error).toContain("the content");
    expect(job.error).not.toContain(data);
  },
);

it("a painter's death and a sweep are in the log, and every answer has a number", async () => {
  const data = temporaryFolder();
  const orphan = join(data, "files", "jobs", "nobody", "in");
  mkdirSync(orphan, { recursive: true });
  writeFileSync(join(orphan, "content-0"), "left by nobody");
  const { program, url, client } = await logging(["--data", data]);
  expect(await line(program, "Files that belonged to nothing were removed.")).toMatchObject({ level: 40, count: 1 });
  expect(readdirSync(join(data, "files", "jobs"))).toEqual([]);
  const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(program.child.pid)], {
    encoding: "utf8",
  });
  const [painter] = stdout.split("\n").filter(Boolean).map(Number);
  process.kill(painter as number, "SIGKILL");
  expect(await line(program, "A painter has died.")).toMatchObject({ level: 50, painter, reason: "SIGKILL" });
  await until(() => client.stylize({ content: photo, styles: [painting] }).catch(() => undefined), "it paints again");
  const answer = await fetch(`${url}/v1/nothing`, { headers: { "x-request-id": "no number" } });
  const { instance } = (await answer.json()) as { instance: string };
  expect(`urn:uuid:${answer.headers.get("x-request-id")}`).toBe(instance);
});

it.skipIf(!hasRedis)("that Redis is gone, and that it is back, is in the log once each", async () => {
  const redis = await TestRedis.start(temporaryFolder());
  const { program, url } = await logging(["--data", temporaryFolder(), "--redis", redis.url]);
  await redis.kill();
  expect(await line(program, "Redis cannot be reached.")).toMatchObject({ level: 50 });
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  await redis.start();
  expect(await line(program, "Redis is back.")).toMatchObject({ level: 30 });
  expect(program.said.match(/Redis cannot be reached/g)).toHaveLength(1);
});
