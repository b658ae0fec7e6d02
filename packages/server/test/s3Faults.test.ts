/**
 * A store that speaks S3 and is unwell: it says nothing, stops in the middle, or asks to be asked
 * less; and copies of its files.
 */
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { LocalCopies } from "../src/files/copies.ts";
import { openS3Store } from "../src/files/s3.ts";
import { card, hasFfmpeg, hasRedis, leftovers, picture, temporaryFolder, testServer, until } from "./helpers.ts";
import { adaattn, serve, TestRedis } from "./processes.ts";

/** As much of S3 as the server needs, in memory, and how well it is. */
class FakeS3 {
  health: "well" | "silent" | "half" | "busy" = "well";
  readonly #objects = new Map<string, Buffer>();
  readonly #server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://s3");
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (this.health === "silent") return;
    if (this.health === "busy") {
      const body = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
      response.writeHead(503, { "content-type": "application/xml", "retry-after": "2" }).end(body);
      return;
    }
    const key = decodeURIComponent(pathname.split("/").slice(2).join("/"));
    if (key === "") return this.#list(searchParams.get("prefix") ?? "", response);
    if (request.method === "PUT") this.#objects.set(key, Buffer.concat(chunks));
    if (request.method === "DELETE") this.#objects.delete(key);
    const found = this.#objects.get(key);
    if (request.method === "PUT" || request.method === "DELETE") response.end();
    else if (found === undefined) response.writeHead(404).end("<Error><Code>NoSuchKey</Code></Error>");
    else this.#send(found, request.method ?? "", response);
  });

  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    afterAll(() => {
      this.#server.closeAllConnections();
      this.#server.close();
    });
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("Expected a port");
    return `http://127.0.0.1:${address.port}`;
  }

  #list(prefix: string, response: ServerResponse): void {
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort();
    const contents = keys.map((key) => `<Contents><Key>${key}</Key></Contents>`).join("");
    response.end(`<ListBucketResult><IsTruncated>false</IsTruncated>${contents}</ListBucketResult>`);
  }

  #send(bytes: Buffer, method: string, response: ServerResponse): void {
    response.writeHead(200, { "content-length": bytes.length, etag: '"some"' });
    if (method === "HEAD") response.end();
    else if (this.health === "half") response.write(bytes.subarray(0, bytes.length / 2));
    else response.end(bytes);
  }
}

const s3 = new FakeS3();
const endpoint = await s3.start();
const environment = {
  AWS_ENDPOINT_URL_S3: endpoint,
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "someone",
  AWS_SECRET_ACCESS_KEY: "secret",
};
for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
beforeEach(() => {
  s3.health = "well";
});

const patience = { connect: 1000, silence: 300 };
const [photo, painting] = [await picture(48), await picture(48, 48, 3)];

describe("a store that is unwell", async () => {
  const store = await openS3Store("s3://bucket/calls", patience);
  const folder = temporaryFolder();
  const bytes = new TextEncoder().encode("the bytes of a file ".repeat(1000));

  it("ends every call where it says nothing, and where it is busy", async () => {
    await store.write("a/b", bytes);
    const calls = () => [
      ...[store.check(), store.list("a/"), store.size("a/b"), store.read("a/b"), store.open("a/b")],
      ...[store.fetch("a/b", folder), store.write("a/c", bytes), store.remove("a/d")],
    ];
    const said = async () =>
      (await Promise.allSettled(calls())).map((end) =>
        end.status === "rejected" ? [end.reason.status, end.reason.headers["retry-after"]] : end.status,
      );
    s3.health = "silent";
    expect(await said()).toEqual(Array(8).fill([503, "5"]));
    s3.health = "busy";
    expect(await said()).toEqual(Array(8).fill([503, "2"]));
    s3.health = "well";
    expect(await said()).toEqual(Array(8).fill("fulfilled"));
  });

  it("a file that stops in the middle is no file", async () => {
    await store.write("a/half", bytes);
    s3.health = "half";
    await expect(store.read("a/half")).rejects.toMatchObject({ status: 503 });
    await expect(store.fetch("a/half", folder)).rejects.toMatchObject({ status: 503 });
    await expect(text(await store.open("a/half"))).rejects.toThrow();
    expect(readdirSync(folder).filter((name) => name.includes("half"))).toEqual([]);
    s3.health = "well";
    expect(await store.read("a/half")).toHaveLength(bytes.length);
  });

  it("copies of its files stay for the next use up to so many bytes, and as long as they are used", async () => {
    const names = ["c/1", "c/2", "c/3"];
    for (const name of names) await store.write(name, bytes);
    const wanted = names.map((name) => ({ name, bytes: bytes.length }));
    const copies = new LocalCopies(store, temporaryFolder(), 2 * bytes.length);
    const paths = await copies.lend(wanted, async (lent) => {
      expect(lent.map(existsSync)).toEqual([true, true, true]);
      return lent;
    });
    expect(paths.map(existsSync)).toEqual([false, true, true]);
    s3.health = "busy";
    expect(await copies.lend(wanted.slice(1), async (lent) => lent)).toEqual(paths.slice(1));
    await expect(copies.lend(wanted.slice(0, 1), async () => "used")).rejects.toMatchObject({ status: 503 });
    s3.health = "well";
    expect(await copies.lend(wanted.slice(0, 1), async ([lent = ""]) => existsSync(lent))).toBe(true);
  });
});

it("a server whose store is busy says 503 and when to come again, and is not ready meanwhile", async () => {
  const { client, url } = await testServer({ store: "s3://bucket/server" });
  await client.putStyle("waves", { painting });
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  s3.health = "busy";
  const form = new FormData();
  form.append("content", photo, "photo.png");
  form.append("options", JSON.stringify({ styles: [{ saved: "waves" }] }));
  const answer = await fetch(`${url}/v1/stylize`, { method: "POST", body: form });
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "2"]);
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  s3.health = "silent";
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  s3.health = "well";
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  await client.stylize({ content: photo, options: { styles: [{ saved: "waves" }] } });
});

it.skipIf(!hasFfmpeg || !hasRedis)("no worker keeps copies of a job that has ended, whoever ended it", async () => {
  const redis = await TestRedis.start(temporaryFolder());
  const shared = ["--redis", redis.url, "--store", "s3://bucket/jobs", "--threads", "1"];
  const { client } = await serve([...shared, "--data", temporaryFolder()], { env: environment });
  const folders = [temporaryFolder(), temporaryFolder()];
  const workers = folders.map((data) =>
    adaattn(["worker", ...shared, "--workers", "1", "--device", "cpu", "--data", data], { env: environment }),
  );
  for (const worker of workers) await worker.says(/adaattn works/);
  const video = card(temporaryFolder(), { seconds: 16, rate: 5, scene: 3, size: "96x64" });
  const { id } = await client.submitJob({ contents: [video], styles: [painting] });
  await until(() => folders.every((data) => leftovers(data).includes(id)), "both have a copy");
  expect((await client.waitForJob(id)).state).toBe("done");
  await until(() => folders.every((data) => leftovers(data).length === 0), "no copy is left");
  for (const worker of workers) await worker.end("SIGTERM");
});
