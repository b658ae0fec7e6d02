/**
 * What means harm is refused with a problem document, and nothing of it stays: not a file, not a
 * process, not memory.
 */
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { expect, it } from "vitest";
import { problemDocument } from "../src/schemas.ts";
import { leftovers, metric, picture, testServer, until } from "./helpers.ts";
import { type Hostile, hostileUploads } from "./hostile.ts";

const { client, url, data, server } = await testServer({ limits: { pixels: 20e6 } });

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

function send({ method = "POST", path = "/", headers = {}, body }: Hostile): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const length = body === undefined ? {} : { "content-length": String(body.length) };
    const asked = request({ hostname, port, path, method, headers: { ...headers, ...length } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers["content-type"] ?? "", text }),
      );
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

it("answers at least 200 hostile uploads with 4xx and a problem document, and stays as it was", async () => {
  const uploads = await hostileUploads();
  expect(uploads.length).toBeGreaterThan(200);
  const painters = server.painters;
  const wrong: string[] = [];
  const waiting = uploads.values();
  const sender = async () => {
    for (const upload of waiting) {
      const answer = await send(upload).catch((error: Error) => ({ status: 0, type: "", text: error.message }));
      const isProblem =
        answer.type.startsWith("application/problem+json") &&
        problemDocument.safeParse(JSON.parse(answer.text)).success;
      if (answer.status < 400 || answer.status >= 500 || answer.status === 429 || !isProblem) {
        wrong.push(`${upload.name}: ${answer.status} ${answer.text.slice(0, 200)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: 4 }, sender));
  expect(wrong).toEqual([]);
  expect(server.painters).toEqual(painters);
  await until(() => leftovers(data).length === 0, "uploads are removed");
  expect(await client.listStyles()).toEqual([]);
  expect(await client.listJobs()).toEqual([]);
  expect(existsSync(join(data, "files", "jobs"))).toBe(false);
  const { picture: painted } = await client.stylize({ content: await picture(48), styles: [await picture(48, 48, 3)] });
  expect(painted.size).toBeGreaterThan(100);
});

it("keeps its memory over hostile uploads", async () => {
  const bombs = (await hostileUploads()).filter(({ name }) => /PNG of 30,000|10,000 fields|JPEG of 65,500/.test(name));
  const memory = async () => (await metric(url, "adaattn_painter_resident_memory_bytes")) + process.memoryUsage().rss;
  for (const bomb of bombs) await send(bomb);
  const before = await memory();
  for (let round = 0; round < 10; round++) for (const bomb of bombs) await send(bomb);
  expect((await memory()) - before).toBeLessThan(200 * 2 ** 20);
});

it("decodes nowhere but in a painter", () => {
  // The server's own modules never import the decoder, so that no upload can break the process that
  // answers.
  const source = ["http/app.ts", "routes/stylize.ts", "routes/jobs.ts", "routes/styles.ts", "inputs.ts"];
  for (const name of source) {
    expect(readFileSync(new URL(`../src/${name}`, import.meta.url), "utf8")).not.toMatch(
      /readPicture|inspectPicture\(|from "sharp"/,
    );
  }
});
