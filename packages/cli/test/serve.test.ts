/**
 * `adaattn serve` and `adaattn worker` at the border: what they refuse, and that Ctrl-C ends them.
 */
import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { adaattn, temporaryFolder } from "./command.ts";

const folder = await temporaryFolder();

test.each([
  [["serve", "--port", "x"], 2, "Expected a whole number from 0 to 65535 for --port but received x."],
  [["serve", "--workers", "0"], 2, "Expected a whole number from 1 to 256 for --workers but received 0."],
  [["serve", "--log-level", "loud"], 2, "Expected one of error, warn, info, debug, silent for --log-level"],
  [["serve", "--api-keys", "none.txt"], 1, "Cannot read the API keys in none.txt (ENOENT)."],
  [["serve", "--redis", "http://127.0.0.1"], 1, "Expected an address such as redis://127.0.0.1:6379 for --redis"],
  [["serve", "--model", "none"], 1, "There is no model none."],
  [["worker", "--redis", "redis://127.0.0.1:1"], 2, "required option '--store <PLACE>' not specified"],
  [
    ["worker", "--redis", "r", "--store", "f", "--health-port", "x"],
    2,
    "from 0 to 65535 for --health-port but received x.",
  ],
  [["worker", "--redis", "redis://127.0.0.1:1", "--store", "files"], 1, "Cannot reach Redis at redis://127.0.0.1:1 "],
])("%j is refused", async (args, code, sentence) => {
  const outcome = await adaattn(args, { cwd: folder });
  expect(outcome.stderr).toContain(sentence);
  expect(outcome.code).toBe(code);
});

test.each([
  [["serve"], { ADAATTN_PORT: "x" }, 2, "Expected a whole number from 0 to 65535 for --port but received x."],
  [["serve", "--port", "y"], { ADAATTN_PORT: "0" }, 2, "for --port but received y."],
  [["serve"], { ADAATTN_PORT: "", ADAATTN_WORKERS: "0" }, 2, "for --workers but received 0."],
  [["serve"], { ADAATTN_TRUST_PROXY: "10.0.0.0/8,nobody" }, 2, "for --trust-proxy but received nobody."],
  [["serve", "--trust-proxy", "me"], { ADAATTN_TRUST_PROXY: "10.0.0.0/8" }, 2, "for --trust-proxy but received me."],
  [["worker"], { ADAATTN_REDIS: "redis://127.0.0.1:1", ADAATTN_STORE: "files" }, 1, "Cannot reach Redis at "],
  [["worker"], { ADAATTN_REDIS: "redis://127.0.0.1:1", ADAATTN_STORE: "" }, 2, "'--store <PLACE>' not specified"],
])("%j with %j is refused", async (args, env, code, sentence) => {
  const outcome = await adaattn(args, { cwd: folder, env });
  expect(outcome.stderr).toContain(sentence);
  expect(outcome.code).toBe(code);
});

test("a port that is taken is named", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  const address = await new Promise<{ port: number }>((resolve) => {
    taken.once("listening", () => resolve(taken.address() as { port: number }));
  });
  const { code, stderr } = await adaattn(["serve", "--port", String(address.port), "--workers", "1"], { cwd: folder });
  taken.close();
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: `error: Expected a free port but ${address.port} is taken; choose another by --port.\n`,
  });
});

test("Ctrl-C ends a server, which has said where it is", async () => {
  await mkdir(join(folder, "data"));
  const args = ["serve", "--port", "0", "--data", "data", "--workers", "1", "--host", "0.0.0.0"];
  const sent = () => undefined;
  const interrupt = { signal: "SIGINT", at: "--api-keys says who may", sent } as const;
  const { signal, stdout, stderr } = await adaattn(args, { cwd: folder, interrupt });
  expect(signal).toBe("SIGINT");
  expect(stdout).toMatch(/^adaattn serves at http:\/\/0\.0\.0\.0:\d+; /);
  expect(stderr).toContain("Stopped; ending what is under way.");
});
