import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { cacheFolder, download } from "../../src/node/download.ts";

const content = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, at) => (at * 31) % 251));
const sha256 = createHash("sha256").update(content).digest("hex");

/**
 * What the server does with each request, in their order; the last one again for all that follow.
 */
let answers: ((request: IncomingMessage, response: ServerResponse) => void)[] = [];
const requests: { range: string | undefined; ifRange: string | undefined }[] = [];
const server = createServer((request, response) => {
  requests.push({ range: request.headers.range, ifRange: request.headers["if-range"] as string | undefined });
  (answers.length > 1 ? answers.shift() : answers[0])?.(request, response);
});

/** Sends all, or from where the range begins; cuts the connection after `cut` bytes. */
const serve =
  ({ cut = Number.POSITIVE_INFINITY, etag = '"one"', body = content, ranges = true } = {}) =>
  (request: IncomingMessage, response: ServerResponse) => {
    const [, asked] = /bytes=(\d+)-/.exec(request.headers.range ?? "") ?? [];
    const start = ranges && asked !== undefined && request.headers["if-range"] === etag ? Number(asked) : 0;
    response.writeHead(start > 0 ? 206 : 200, {
      etag,
      "content-length": body.length - start,
      ...(start > 0 && { "content-range": `bytes ${start}-${body.length - 1}/${body.length}` }),
    });
    const piece = body.subarray(start, start + cut);
    if (piece.length === body.length - start) response.end(piece);
    else response.write(piece, () => setTimeout(() => response.destroy(), 20));
  };

let cache = "";
let url = "";
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/net.pth`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "adaattn-cache-"));
  requests.length = 0;
  return () => rm(cache, { recursive: true, force: true });
});

const options = () => ({ sha256, cache, pause: 5 });

describe("a download", () => {
  test("comes once, and from the cache afterwards", async () => {
    answers = [serve()];
    const progress: number[] = [];
    const first = await download(url, {
      ...options(),
      onProgress: (received, total) => progress.push(received / (total ?? 0)),
    });
    expect(content.equals(await readFile(first.path))).toBe(true);
    expect(first.sha256).toBe(sha256);
    expect(progress.at(-1)).toBe(1);
    expect(await download(url, { ...options(), sha256: sha256.toUpperCase() })).toEqual(first);
    expect(requests).toHaveLength(1);
    expect(await readdir(cache)).toEqual([expect.stringMatching(/^[0-9a-f]{16}-net\.pth$/)]);
  });

  test("is continued where the connection was cut, as often as there is progress", async () => {
    answers = [serve({ cut: 100_000 }), serve({ cut: 100_000 }), serve()];
    expect(content.equals(await readFile((await download(url, options())).path))).toBe(true);
    expect(requests).toEqual([
      { range: undefined, ifRange: undefined },
      { range: "bytes=100000-", ifRange: '"one"' },
      { range: "bytes=200000-", ifRange: '"one"' },
    ]);
  });

  test("is continued by a later call", async () => {
    answers = [serve({ cut: 100_000 }), (_, response) => response.destroy()];
    await expect(download(url, options())).rejects.toThrow(
      /^Cannot read http:\/\/127\.0\.0\.1:\d+\/models\/net\.pth: the connection failed .* try again; what came is kept and continued\.$/,
    );
    expect((await readdir(cache)).sort()).toEqual([
      expect.stringMatching(/\.part$/),
      expect.stringMatching(/\.part\.validator$/),
    ]);
    requests.length = 0;
    answers = [serve()];
    expect(content.equals(await readFile((await download(url, options())).path))).toBe(true);
    expect(requests).toEqual([{ range: "bytes=100000-", ifRange: '"one"' }]);
  });

  test.each([
    ["the file has changed meanwhile", serve({ etag: '"two"' })],
    ["the server knows no ranges", serve({ ranges: false })],
  ])("starts anew where %s", async (_, answer) => {
    answers = [serve({ cut: 100_000, body: Buffer.alloc(300_000) }), answer];
    expect(content.equals(await readFile((await download(url, options())).path))).toBe(true);
  });

  test("starts anew where the server refuses the range", async () => {
    const refuse = (_: IncomingMessage, response: ServerResponse) => response.writeHead(416).end();
    answers = [serve({ cut: 100_000 }), refuse, serve()];
    expect(content.equals(await readFile((await download(url, options())).path))).toBe(true);
    expect(requests.map(({ range }) => range)).toEqual([undefined, "bytes=100000-", undefined]);
  });

  test("tries again where the server is busy", async () => {
    answers = [(_, response) => response.writeHead(503).end(), serve()];
    expect(content.equals(await readFile((await download(url, options())).path))).toBe(true);
  });

  test("of another checksum is refused, and not kept", async () => {
    answers = [serve({ body: Buffer.from("something else") })];
    await expect(download(url, options())).rejects.toThrow(
      `where ${sha256} was expected. Check both; it was not kept.`,
    );
    expect(await readdir(cache)).toEqual([]);
  });

  test("that is in the cache with another checksum is fetched anew", async () => {
    const other = Buffer.from("an earlier version");
    answers = [serve({ body: other }), serve()];
    await download(url, { ...options(), sha256: createHash("sha256").update(other).digest("hex") });
    expect(content.equals(await readFile((await download(url, options())).path))).toBe(true);
  });

  test("that does not exist is refused at once", async () => {
    answers = [(_, response) => response.writeHead(404).end()];
    await expect(download(url, options())).rejects.toThrow(
      /the server answered 404 \(Not Found\)\. Check the address\.$/,
    );
    expect(requests).toHaveLength(1);
  });

  test("larger than 2 GiB is refused before it comes", async () => {
    answers = [(_, response) => response.writeHead(200, { "content-length": 2 ** 31 + 1 }).write("x")];
    await expect(download(url, options())).rejects.toThrow(/larger than 2 GiB/);
    expect(await readdir(cache)).not.toContain(expect.stringMatching(/net\.pth$/));
  });

  test("by plain http needs a checksum, and addresses and checksums must be such", async () => {
    await expect(download(url, { cache })).rejects.toThrow(/only https is safe without a checksum/);
    await expect(download("https://", { cache })).rejects.toThrow(/no valid address/);
    await expect(download(url, { cache, sha256: "abc" })).rejects.toThrow(/Expected 64 hexadecimal digits/);
    expect(requests).toHaveLength(0);
  });

  test("stops where it is aborted", async () => {
    answers = [serve({ cut: 1000 })];
    const controller = new AbortController();
    const reason = new Error("enough");
    const onProgress = () => controller.abort(reason);
    await expect(download(url, { ...options(), signal: controller.signal, onProgress })).rejects.toBe(reason);
  });
});

test("the cache follows XDG_CACHE_HOME", () => {
  const before = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = join(tmpdir(), "elsewhere");
  expect(cacheFolder()).toBe(join(tmpdir(), "elsewhere", "adaattn"));
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = before;
});
