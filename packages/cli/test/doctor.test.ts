import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hasHugePages, withHugePages } from "adaattn/internal/node";
import { expect, test } from "vitest";
import { adaattn, BUILT, run } from "./command.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

test("--version prints the version", async () => {
  expect(await adaattn(["--version"])).toEqual({ code: 0, signal: null, stdout: `${version}\n`, stderr: "" });
}, 30_000);

test("--help teaches by example", async () => {
  const [all, stylize] = await Promise.all([adaattn(["--help"]), adaattn(["stylize", "--help"])]);
  expect(all).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining("stylize") });
  expect(stylize).toMatchObject({ code: 0, stderr: "" });
  expect(stylize.stdout).toContain("$ adaattn stylize lake.jpg --style starry-night.jpg -o");
  for (const option of [
    "--style",
    "--output",
    "--model",
    "--size",
    "--style-size",
    "--device",
    "--threads",
    "--seed",
    "--quiet",
    "--json",
  ]) {
    expect(stylize.stdout).toContain(option);
  }
}, 30_000);

test("doctor prints versions, engines and models, to read and as JSON", async () => {
  const [text, json] = await Promise.all([adaattn(["doctor"]), adaattn(["doctor", "--json"])]);
  expect(text).toMatchObject({ code: 0, stderr: "" });
  expect(json).toMatchObject({ code: 0, stderr: "" });
  const facts = JSON.parse(json.stdout);
  expect(facts).toEqual({
    versions: expect.objectContaining({
      adaattn: version,
      node: process.versions.node,
      onnxruntime: expect.stringMatching(/^\d+\.\d+\.\d+/),
      sharp: expect.stringMatching(/^\d+\.\d+\.\d+/),
      libvips: expect.stringMatching(/^\d+\.\d+\.\d+/),
    }),
    platform: `${process.platform} ${process.arch}`,
    devices: [
      expect.objectContaining({ device: "cpu", available: true, detail: expect.any(String) }),
      expect.objectContaining({ device: "webgpu", available: expect.any(Boolean), detail: expect.any(String) }),
    ],
    hugePages: expect.any(Boolean),
    models: expect.arrayContaining(["small"]),
  });
  for (const [name, value] of Object.entries(facts.versions)) {
    expect(text.stdout).toMatch(new RegExp(`^${name} +${String(value).replaceAll(".", "\\.")}$`, "m"));
  }
  for (const row of ["cpu", "webgpu", "memory", "models"]) expect(text.stdout).toMatch(new RegExp(`^${row} `, "m"));
}, 60_000);

const NODE_24 = fileURLToPath(new URL("../../../scripts/node24/node_modules/.bin/node", import.meta.url));

test.runIf(process.env.ADAATTN_TEST_BUILT && existsSync(NODE_24))(
  "the command begins once more for huge pages where Node can",
  async () => {
    const { GLIBC_TUNABLES, ...plain } = process.env;
    const doctor = (program: string) => run([program, BUILT, "doctor", "--json"], { env: { GLIBC_TUNABLES: "" } });
    const [old, recent] = await Promise.all([doctor(process.execPath), doctor(NODE_24)]);
    expect(JSON.parse(recent.stdout).hugePages).toBe(hasHugePages(withHugePages(plain)));
    expect(JSON.parse(old.stdout).hugePages).toBe("execve" in process || hasHugePages(plain));
  },
  60_000,
);
