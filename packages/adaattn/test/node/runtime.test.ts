/** ONNX Runtime is found where npm has put it, and who lacks it is told what to do. */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findRuntime, SYSTEMS } from "../../src/node/runtime.ts";
import { ROOT } from "../installed.ts";

/** A `require` to which packages are there as given, or fail as given; all others are missing. */
const having = (packages: Readonly<Record<string, object>>) => (name: string) => {
  const found = packages[name];
  if (found instanceof Error) throw found;
  if (found) return found;
  throw Object.assign(new Error(`Cannot find module '${name}'\nRequire stack: ...`), { code: "MODULE_NOT_FOUND" });
};
const glibc = () => false;

test("the systems are those that onnxruntime-node has binaries for", () => {
  const folder = join(ROOT, "node_modules/onnxruntime-node/bin/napi-v6");
  const found = readdirSync(folder).flatMap((name) => readdirSync(join(folder, name)).map((arch) => `${name}-${arch}`));
  expect(found.sort()).toEqual(SYSTEMS);
});

describe("ONNX Runtime", () => {
  const own = { own: true };
  const all = { all: true };

  test("is this system's package, else onnxruntime-node", () => {
    const both = having({ "@adaattn/onnxruntime-linux-x64": own, "onnxruntime-node": all });
    expect(findRuntime(both, "linux-x64", glibc)).toBe(own);
    expect(findRuntime(having({ "onnxruntime-node": all }), "linux-x64", glibc)).toBe(all);
    // Who has built it for another system may use it.
    expect(findRuntime(having({ "onnxruntime-node": all }), "freebsd-x64", glibc)).toBe(all);
  });

  const binary = Object.assign(new Error("Cannot find module '../bin/x.node'"), { code: "MODULE_NOT_FOUND" });
  const library = new Error("libstdc++.so.6: cannot open shared object file\nmore");
  test.each([
    {
      what: "left out",
      packages: {},
      platform: "linux-x64",
      said:
        "ONNX Runtime is not installed: npm install @adaattn/onnxruntime-linux-x64 " +
        "(npm leaves it out where optional packages are omitted).",
    },
    {
      what: "on an Intel Mac",
      packages: { "onnxruntime-node": binary },
      platform: "darwin-x64",
      said:
        "Expected Linux with glibc (x64, arm64), macOS on Apple silicon or Windows (x64, arm64) but received darwin-x64, " +
        "for which ONNX Runtime has no binaries.",
    },
    {
      what: "on Alpine",
      packages: {},
      platform: "linux-x64",
      musl: true,
      said:
        "Expected Linux with glibc (x64, arm64), macOS on Apple silicon or Windows (x64, arm64) but received linux-x64 with musl, " +
        "for which ONNX Runtime has no binaries.",
    },
    {
      what: "without its libraries",
      packages: { "@adaattn/onnxruntime-linux-x64": library },
      platform: "linux-x64",
      said: "ONNX Runtime cannot be loaded on linux-x64: libstdc++.so.6: cannot open shared object file",
    },
  ])("$what is one sentence", ({ packages, platform, musl = false, said }) => {
    const load = () => findRuntime(having(packages), platform, () => musl);
    expect(load).toThrow(expect.objectContaining({ code: "engine", message: said }));
  });
});
