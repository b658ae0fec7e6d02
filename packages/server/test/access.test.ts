/** Who may ask, how often, and from which pages; and the studio at the root. */
import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Client } from "../src/client.ts";
import { readApiKeys } from "../src/http/security.ts";
import { picture, temporaryFolder, testServer } from "./helpers.ts";
import { adaattn, serve } from "./processes.ts";

const folder = temporaryFolder();
const keys = join(folder, "keys.txt");
writeFileSync(keys, "# who may ask\nada:0123456789abcdef0123\n\nfedcba9876543210fedc\n");
const studio = join(folder, "studio");
mkdirSync(join(studio, "assets"), { recursive: true });
writeFileSync(join(studio, "index.html"), "<title>studio</title>");
writeFileSync(join(studio, "assets", "app.js"), "export {};");
const origin = "https://studio.example";
const { url } = await testServer({ apiKeys: keys, origins: [origin], studio });
const ada = new Client(url, { key: "0123456789abcdef0123" });

/**
 * The status of an answer to a request whose target is sent as it stands here; URLs of fetch are
 * tidied on the way.
 */
function statusOf(method: string, target: string): Promise<number> {
  const { hostname, port, host } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`${method} ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
    });
    let text = "";
    socket.setEncoding("utf8").on("data", (more: string) => {
      text += more;
    });
    socket.on("error", reject).on("close", () => resolve(Number(text.split(" ")[1])));
  });
}

/** The status of an answer, with headers that fetch would not send. */
function ask(path: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(path, { headers }, (answer) => resolve(answer.resume().statusCode))
      .on("error", reject)
      .end();
  });
}

describe("with API keys", () => {
  it("no spelling of an address leads around them", async () => {
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, object> };
    const open = ["/healthz", "/readyz"];
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      open.includes(path) ? [] : Object.keys(methods).map((method) => [method.toUpperCase(), path] as const),
    );
    expect(routes.length).toBeGreaterThan(8);
    for (const [method, path] of routes) {
      const plain = path.replaceAll(/\{[^}]+\}/g, "night");
      const encoded = plain.replaceAll(/[a-z0-9]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
      const spellings = [
        plain,
        encoded,
        plain.replace(/^\/(.)/, (_, first: string) => `/%${first.charCodeAt(0).toString(16)}`),
        `${url}${plain}`,
        `http://elsewhere.example${encoded}`,
        `${plain}?a=/healthz`,
        `${plain};a`,
        `/healthz/..${plain}`,
        `/${plain}`,
        `${plain}/`,
        plain.toUpperCase(),
      ];
      for (const target of spellings) {
        // Where a spelling leads to no route it may lead to the studio's files, which are open, and
        // of which none has that name.
        expect(`${await statusOf(method, target)} to ${method} ${target}`).toMatch(/^(400|401|403|404) /);
      }
      for (const target of [plain, encoded, `${url}${plain}`, `${plain}?a=/healthz`]) {
        expect([method, target, await statusOf(method, target)]).toEqual([method, target, 401]);
      }
    }
  });

  it("only who has one may ask; health and documentation are open", async () => {
    for (const path of ["/v1/models", "/v1/jobs", "/metrics"]) {
      const answer = await fetch(url + path);
      expect([path, answer.status, answer.headers.get("www-authenticate")]).toEqual([path, 401, "Bearer"]);
      expect((await fetch(url + path, { headers: { authorization: "Bearer wrong" } })).status).toBe(401);
    }
    for (const path of ["/healthz", "/readyz", "/docs", "/openapi.json", "/"])
      expect((await fetch(url + path)).status).toBe(200);
    expect(await ada.listModels()).toHaveLength(1);
    expect((await fetch(`${url}/v1/models`, { headers: { "x-api-key": "fedcba9876543210fedc" } })).status).toBe(200);
  });

  it("nobody sees another's jobs", async () => {
    const other = new Client(url, { key: "fedcba9876543210fedc" });
    const { id } = await ada.submitJob({ contents: [await picture(32)], styles: [await picture(32)] });
    await expect(other.getJob(id)).rejects.toMatchObject({ status: 404 });
    await expect(other.deleteJob(id)).rejects.toMatchObject({ status: 404 });
    expect(await other.listJobs()).toEqual([]);
    expect((await ada.listJobs()).map((job) => job.id)).toEqual([id]);
  });

  it("a key without a name keeps what belongs to it when lines are taken out", async () => {
    const file = join(folder, "lines.txt");
    writeFileSync(file, "one-key-of-many-signs\nother-key-of-many-signs\n");
    const [, other] = await readApiKeys(file);
    writeFileSync(file, "other-key-of-many-signs\n");
    expect(await readApiKeys(file)).toEqual([other]);
  });

  it("a file of keys is refused where it is of no use", async () => {
    const bad = join(folder, "bad.txt");
    writeFileSync(bad, "short\n");
    await expect(readApiKeys(bad)).rejects.toThrow("Expected keys of at least 16 characters");
    writeFileSync(bad, "# none\n");
    await expect(readApiKeys(bad)).rejects.toThrow("Expected at least one API key");
    await expect(readApiKeys(join(folder, "missing"))).rejects.toThrow("Cannot read the API keys");
  });
});

describe("pages of other origins", () => {
  it("may ask where they are allowed to, and only there", async () => {
    const preflight = await fetch(`${url}/v1/stylize`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe(origin);
    const other = await fetch(`${url}/healthz`, { headers: { origin: "https://other.example" } });
    expect([other.status, other.headers.get("access-control-allow-origin")]).toEqual([403, null]);
  });
});

describe("the studio", () => {
  it("is at the root, may use WebAssembly with threads, and nothing outside its folder is served", async () => {
    const page = await fetch(`${url}/`);
    expect(await page.text()).toContain("studio");
    expect(page.headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(page.headers.get("content-security-policy")).toContain("'wasm-unsafe-eval'");
    expect((await fetch(`${url}/assets/app.js`)).headers.get("content-type")).toContain("javascript");
    for (const path of ["/../keys.txt", "/..%2fkeys.txt", "/assets/..%2f..%2fkeys.txt", "/%2e%2e/keys.txt"]) {
      const answer = await fetch(url + path);
      expect([path, answer.status < 500 && answer.status >= 400]).toEqual([path, true]);
    }
  });
});

describe("requests a minute", () => {
  const good = { authorization: "Bearer 0123456789abcdef0123" };

  it("are counted by key, and those with a wrong one by address, wherever they lead", async () => {
    const { url } = await serve([
      "--data",
      temporaryFolder(),
      "--api-keys",
      keys,
      "--rate-limit",
      "6",
      "--studio",
      studio,
    ]);
    const guesses: (number | undefined)[] = [];
    for (let guess = 0; guess < 8; guess++) {
      const path = guess % 2 === 0 ? "/v1/models" : "/v1/nothing";
      guesses.push(await ask(url + path, { authorization: `Bearer guess-number-${guess}` }));
    }
    expect(guesses).toEqual([401, 401, 401, 401, 401, 401, 429, 429]);
    // Who has a key does not suffer from it, and has a count of his own.
    const client = new Client(url, { key: "0123456789abcdef0123" });
    for (let count = 0; count < 6; count++) await client.listModels();
    const refused = await client.listModels().catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 429, message: expect.stringContaining("at most 6 requests a minute.") });
    expect(refused).toMatchObject({ retryAfter: expect.any(Number) });
    // Health is not counted, nor is who measures.
    for (let count = 0; count < 8; count++) expect(await ask(`${url}/healthz`, {})).toBe(200);
    expect(await ask(`${url}/metrics`, good)).toBe(200);
  });

  it("are those of the address that a proxy names only where it is one that is believed", async () => {
    const spread = async (...proxies: string[]) => {
      const trusted = proxies.flatMap((proxy) => ["--trust-proxy", proxy]);
      const { url } = await serve(["--data", temporaryFolder(), "--rate-limit", "2", ...trusted]);
      const asks = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((from) =>
        ask(`${url}/v1/models`, { "x-forwarded-for": from }),
      );
      return (await Promise.all(asks)).sort();
    };
    expect(await spread("10.0.0.0/8", "fd00::/8")).toEqual([200, 200, 429]);
    expect(await spread("127.0.0.0/8")).toEqual([200, 200, 200]);
    const wrong = adaattn(["serve", "--trust-proxy", "10.0.0.0/40"]);
    await wrong.ends();
    expect(wrong.child.exitCode).toBe(2);
    expect(wrong.said).toContain("Expected an address or a range such as 10.0.0.0/8 for --trust-proxy");
  });
});

it("a server that listens to all answers by its addresses and the names that it was given", async () => {
  const args = ["--data", temporaryFolder(), "--host", "0.0.0.0", "--allowed-hosts", ".paint.example"];
  const { url } = await serve(args);
  const { port } = new URL(url);
  const by = (host: string) => ask(`http://127.0.0.1:${port}/v1/models`, { host });
  for (const host of [`127.0.0.1:${port}`, "localhost", "10.1.2.3", "[::1]:80", "a.paint.example"]) {
    expect([host, await by(host)]).toEqual([host, 200]);
  }
  for (const host of ["rebound.example", "paint.example.evil", "127.0.0.1.evil.example", "localhost.evil"]) {
    expect([host, await by(host)]).toEqual([host, 403]);
  }
});

it("SIGHUP reads the keys anew, and keeps them where the file is of no use", async () => {
  const file = join(folder, "changing.txt");
  writeFileSync(file, "first-key-of-many-signs\n");
  const { program, url } = await serve(["--data", temporaryFolder(), "--api-keys", file]);
  const by = (key: string) => ask(`${url}/v1/models`, { "x-api-key": key });
  expect([await by("first-key-of-many-signs"), await by("second-key-of-many-signs")]).toEqual([200, 401]);
  writeFileSync(file, "second-key-of-many-signs\n");
  program.child.kill("SIGHUP");
  await program.says(/The API keys and secrets were read anew/);
  expect([await by("first-key-of-many-signs"), await by("second-key-of-many-signs")]).toEqual([401, 200]);
  writeFileSync(file, "short\n");
  program.child.kill("SIGHUP");
  await program.says(/line 1 is shorter\. It stays as it was/);
  expect(await by("second-key-of-many-signs")).toBe(200);
});
