import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { adaattn } from "./command.ts";

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
    models: expect.arrayContaining(["small"]),
  });
  for (const [name, value] of Object.entries(facts.versions)) {
    expect(text.stdout).toMatch(new RegExp(`^${name} +${String(value).replaceAll(".", "\\.")}$`, "m"));
  }
  for (const row of ["cpu", "webgpu", "models"]) expect(text.stdout).toMatch(new RegExp(`^${row} `, "m"));
}, 60_000);
