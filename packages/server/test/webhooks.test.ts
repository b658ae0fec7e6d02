/**
 * Calls of an address once a job has ended: signed, made again until they are taken, and never to
 * where the sender may not lead.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Client, type JobMessage } from "../src/client.ts";
import { startWorker } from "../src/index.ts";
import { checkCallback, isPublic, lookupPublic } from "../src/webhooks/address.ts";
import { hasRedis, picture, temporaryFolder, testServer, until } from "./helpers.ts";
import { adaattn, serve, TestRedis } from "./processes.ts";

const [photo, painting] = [await picture(48), await picture(48, 48, 3)];
const folder = temporaryFolder();
const [shared, adas] = [randomBytes(32), randomBytes(32)];
const written = (secret: Buffer) => `whsec_${secret.toString("base64")}`;
const secrets = join(folder, "secrets.txt");
writeFileSync(secrets, `# what calls are signed with\n${written(shared)}\nada:${written(adas)}\n`);
const keys = join(folder, "keys.txt");
writeFileSync(keys, "ada:0123456789abcdef0123\nbob:abcdef01234567890123\n");

interface Heard {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * Somebody who is called; answers with one status after the other, and then with the last again and
 * again.
 */
async function receiver(...statuses: readonly number[]) {
  const heard: Heard[] = [];
  const left = [...statuses];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    heard.push({ headers: request.headers, body });
    const status = (left.length > 1 ? left.shift() : left[0]) ?? 204;
    response.writeHead(status, status === 302 ? { location: "/elsewhere" } : {}).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  afterAll(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://localhost:${port}/done`, heard };
}

/** What a receiver does with a message, as docs/serving.md shows it. */
function verified({ headers, body }: Heard, secret: Buffer): JobMessage {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = headers;
  const expected = createHmac("sha256", secret).update(`${id}.${timestamp}.${body}`).digest();
  const isOurs = String(signatures)
    .split(" ")
    .some((signature) => {
      const given = Buffer.from(signature.replace(/^v1,/, ""), "base64");
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
  if (!isOurs || Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) throw new Error("Not signed by us");
  return JSON.parse(body) as JobMessage;
}

/** Soon again, and for as long as a slow machine may need. */
const schedule = Array.from({ length: 600 }, (_, index) => 100 * index);
const webhooks = { hosts: ["localhost"], allowPrivate: true, secrets, schedule };

describe.each(["SQLite", "Redis"])("with %s", (database) => {
  it.skipIf(database === "Redis" && !hasRedis)("whoever submitted a job is called once it has ended", async () => {
    const redis = database === "Redis" ? await TestRedis.start(temporaryFolder()) : undefined;
    const where = { store: temporaryFolder(), ...(redis && { redis: redis.url }) };
    const { url } = await testServer({ ...where, apiKeys: keys, webhooks });
    const painters = { workers: 1, threads: 1, device: "cpu" as const };
    const worker = redis && (await startWorker({ ...where, redis: redis.url, data: temporaryFolder(), painters }));
    const [ada, bob] = ["0123456789abcdef0123", "abcdef01234567890123"].map((key) => new Client(url, { key }));
    const { url: callback, heard } = await receiver(503, 302, 200);
    const request = { contents: [photo], styles: [painting], options: { size: 32, callback } };
    const job = await ada?.submitJob(request);
    await until(() => heard.length === 3, "it is called until it answers well");
    const messages = heard.map((one) => verified(one, adas));
    expect(messages[2]).toMatchObject({ type: "job.done", data: { id: job?.id, state: "done" } });
    expect(messages[2]?.data).toEqual(await ada?.getJob(job?.id ?? ""));
    // It can be told that they are one message.
    expect(new Set(heard.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(() =>
      verified({ ...(heard[0] as Heard), body: heard[0]?.body.replace("done", "failed") ?? "" }, adas),
    ).toThrow();
    expect(() => verified(heard[0] as Heard, shared)).toThrow("Not signed by us");
    // Who has no secret of his own has the one of all.
    const other = await receiver(204);
    await bob?.submitJob({ ...request, options: { ...request.options, callback: other.url } });
    const [only] = await until(() => (other.heard.length > 0 ? other.heard : undefined), "the other is called");
    expect(verified(only as Heard, shared).type).toBe("job.done");
    expect(heard).toHaveLength(3);
    await worker?.close();
  });
});

it("a restart does not lose a call, and one that failed and is tried again is told anew", async () => {
  const data = temporaryFolder();
  const gone = await receiver(500);
  const patient = { ...webhooks, schedule: [0, 5000, 3_600_000] };
  const first = await testServer({ data, webhooks: patient, limits: { jobMinutes: 0.01 } });
  const contents = await Promise.all(Array.from({ length: 40 }, (_, seed) => picture(200, 200, seed)));
  const options = { size: 200, callback: gone.url };
  const { id } = await first.client.submitJob({ contents, styles: [painting], options });
  await until(() => gone.heard.length === 1, "it is called for the job that failed");
  expect(verified(gone.heard[0] as Heard, shared)).toMatchObject({ type: "job.failed", data: { id } });
  await first.server.close();
  const second = await testServer({ data, webhooks });
  await until(() => gone.heard.length > 1, "it is called by the server that follows");
  await second.client.retryJob(id);
  const told = () => gone.heard.map((one) => verified(one, shared).type);
  await until(() => told().at(-1) === "job.done", "it is called for the new end");
});

it("one who answers 410 is left alone, and a job that is cancelled is told", async () => {
  const { url, heard } = await receiver(410);
  const { client } = await testServer({ webhooks });
  const contents = await Promise.all(Array.from({ length: 20 }, (_, seed) => picture(200, 200, seed)));
  const { id } = await client.submitJob({ contents, styles: [painting], options: { callback: url } });
  await client.deleteJob(id);
  await until(() => heard.length > 0, "it is called");
  expect(verified(heard[0] as Heard, shared)).toMatchObject({ type: "job.cancelled", data: { id } });
  const after = await receiver(204);
  await client.submitJob({ contents: [photo], styles: [painting], options: { size: 16, callback: after.url } });
  await until(() => after.heard.length > 0, "another one is called");
  expect(heard).toHaveLength(1);
});

describe("an address", () => {
  const rules = { hosts: ["paint.example", ".hooks.example", "10.1.2.3", "[::1]"], isPrivateAllowed: false };

  it("is called by https, at one of the hosts", () => {
    for (const good of ["https://paint.example/a?b=1", "https://PAINT.example:8443", "https://a.b.hooks.example/"]) {
      expect(checkCallback(good, rules)).toBeInstanceOf(URL);
    }
    for (const bad of [
      ...["http://paint.example/", "ftp://paint.example/", "file:///etc/passwd", "paint.example", ""],
      ...["https://paint.example.evil/", "https://evil/?paint.example", "https://evil#paint.example"],
      ...["https://paint.example@evil/", "https://a:b@paint.example/", "https://hooks.example/", "https://127.1/"],
      ...["https://10.1.2.3/", "https://[::1]/", "https://0xa010203/"],
    ]) {
      expect(() => checkCallback(bad, rules), bad).toThrow(/^Expected a/);
    }
    expect(checkCallback("http://10.1.2.3/", { ...rules, isPrivateAllowed: true }).port).toBe("");
    expect(() => checkCallback("https://paint.example/", { ...rules, hosts: [] })).toThrow("calls nobody");
  });

  it("is none of a private network, of this machine or of a link, however it is written", () => {
    const hidden = ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"];
    const mapped = [...hidden.map((address) => `::ffff:${address}`), "::1", "::", "fe80::1", "fc00::1", "ff02::1"];
    const embedded = ["64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "224.0.0.1", "255.255.255.255"];
    for (const address of [...hidden, ...mapped, ...embedded])
      expect([address, isPublic(address)]).toEqual([address, false]);
    for (const address of ["93.184.216.34", "2606:4700::6810:84e5"]) expect(isPublic(address)).toBe(true);
  });

  it("is looked at again when its name is looked up", async () => {
    const error = await new Promise<Error | null>((resolve) => lookupPublic("localhost", { all: true }, resolve));
    expect(error?.message).toMatch(/^localhost leads to (127\.0\.0\.1|::1), which is not public$/);
  });
});

it("the command asks for secrets, refuses what is none, and calls nobody unless it is told whom", async () => {
  const { client } = await serve(["--data", temporaryFolder()]);
  const { url, heard } = await receiver(204);
  const request = { contents: [photo], styles: [painting], options: { callback: url } };
  await expect(client.submitJob(request)).rejects.toMatchObject({
    status: 400,
    message: expect.stringContaining("calls nobody"),
  });
  const careful = ["--data", temporaryFolder(), "--webhook-hosts", "localhost", "--webhook-secrets", secrets];
  await expect((await serve(careful)).client.submitJob(request)).rejects.toThrow(
    "Expected an address such as https://localhost/done",
  );
  expect(heard).toEqual([]);
  writeFileSync(join(folder, "short.txt"), "whsec_c2hvcnQ=\n");
  for (const [args, sentence, code] of [
    [["--webhook-hosts", "localhost"], "Expected --webhook-secrets <FILE> beside --webhook-hosts", 2],
    [["--webhook-hosts", "a b", "--webhook-secrets", secrets], "for --webhook-hosts but received a b", 2],
    [["--webhook-hosts", "a", "--webhook-secrets", join(folder, "short.txt")], "but line 1 is none", 1],
  ] as const) {
    const refused = adaattn(["serve", "--data", join(folder, "none"), "--port", "0", ...args]);
    await refused.ends();
    expect(refused.said).toContain(sentence);
    expect(refused.child.exitCode).toBe(code);
  }
});
