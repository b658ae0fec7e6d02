/** Pictures from a server of this process. */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { fetchPicture } from "../../src/node/addresses.ts";

let close = () => {};
afterEach(() => close());

/** Starts a server and gives its address. */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("fetches what is there, through redirections", async () => {
  const base = await serve((request, response) => {
    const left = Number(request.url?.slice(1));
    if (left > 0) response.writeHead(302, { location: `/${left - 1}` }).end();
    else response.end("picture");
  });
  expect(Buffer.from(await fetchPicture(`${base}/5`)).toString()).toBe("picture");
  await expect(fetchPicture(`${base}/6`)).rejects.toThrow(
    `Cannot read ${base}/6: the server sends elsewhere more than 5 times. Check the address.`,
  );
});

test("sends nobody to files", async () => {
  const base = await serve((_, response) => response.writeHead(301, { location: "file:///etc/passwd" }).end());
  await expect(fetchPicture(base)).rejects.toThrow(
    `Cannot read ${base}: the server sends to file:///etc/passwd, which is no web address. Check the address.`,
  );
});

test.each([
  ["announced", { "content-length": "2000000" }],
  ["not announced", {}],
])("takes no more bytes than allowed where they are %s", async (_, headers) => {
  let ended: unknown;
  const base = await serve((_request, response) => {
    ended = once(response, "close");
    response.writeHead(200, headers);
    response.write(Buffer.alloc(1_500_000));
  });
  await expect(fetchPicture(base, { mostBytes: 2 ** 20 })).rejects.toThrow(
    `Cannot read ${base}: it is larger than 1 MiB. Save it to a file first.`,
  );
  // The connection is let go of although the server would send more.
  await ended;
});

test("waits for a silent server no longer than allowed, and for a slow one neither", async () => {
  const silent = await serve((_, response) => void response.write("a"));
  await expect(fetchPicture(silent, { patience: 50 })).rejects.toThrow(
    `Cannot read ${silent}: the server was silent for 0.05 seconds. Save it to a file first.`,
  );
  close();
  const slow = await serve((_, response) => {
    const timer = setInterval(() => response.write("a"), 5);
    response.on("close", () => clearInterval(timer));
  });
  await expect(fetchPicture(slow, { longest: 200 })).rejects.toThrow(
    `Cannot read ${slow}: it took longer than 0.2 seconds. Save it to a file first.`,
  );
});

test("says in a sentence what the server or the connection says, and stops when it is told to", async () => {
  const base = await serve((_, response) => response.writeHead(404, "Gone fishing").end());
  await expect(fetchPicture(base)).rejects.toThrow(
    `Cannot read ${base}: the server answered 404 (Gone fishing). Check the address.`,
  );
  close();
  await expect(fetchPicture(base)).rejects.toThrow(
    `Cannot read ${base}: the connection failed (ECONNREFUSED). Check the address and the connection.`,
  );
  await expect(fetchPicture("http://")).rejects.toThrow(
    "Cannot read http://: it is no valid address. Check its spelling.",
  );
  const reason = new Error("enough");
  await expect(fetchPicture(base, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});
