/** A release prepared in a copy of what a release changes, as CONTRIBUTING.md says. */

import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeSection, prepareRelease } from "../release.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

describe("npm run release", () => {
  const copy = mkdtempSync(join(tmpdir(), "adaattn-release-"));
  const read = (file: string) => readFileSync(join(copy, file), "utf8");
  const json = (file: string) => JSON.parse(read(file)) as Record<string, Record<string, string> | string>;
  const manifests = execFileSync("git", ["ls-files", "packages/*/package.json", "apps/*/package.json"], {
    cwd: ROOT,
    encoding: "utf8",
  })
    .trim()
    .split("\n");
  const [major = 0, minor = 0] = (
    JSON.parse(readFileSync(join(ROOT, "packages/adaattn/package.json"), "utf8")) as { version: string }
  ).version
    .split(".")
    .map(Number);
  const next = `${major}.${minor + 1}.0`;
  const others = ["package.json", "package-lock.json", "CHANGELOG.md", "CITATION.cff", "docs/start.md"];

  beforeAll(() => {
    for (const file of [...manifests, ...others, ".changeset/config.json"]) cpSync(join(ROOT, file), join(copy, file));
    writeFileSync(
      join(copy, "CHANGELOG.md"),
      "# Changelog\n\n## Unreleased\n\n- By hand.\n\n## 0.0.1 (2020-01-01)\n\n- Old.\n",
    );
    writeFileSync(join(copy, ".changeset/b.md"), '---\n"@adaattn/train": patch\n---\n\nA repair.\n');
    writeFileSync(join(copy, ".changeset/a.md"), '---\n"adaattn": minor\n---\n\nSomething new\nin two lines.\n');
    expect(prepareRelease(copy, "2026-01-31")).toBe(next);
  }, 120_000);
  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  test("moves every package, and what they ask of each other, to one version", () => {
    expect(manifests.length).toBeGreaterThan(5);
    const ours = new Map(manifests.map((file) => [String(json(file).name), file]));
    const lock = json("package-lock.json").packages as unknown as Record<string, Record<string, unknown>>;
    for (const file of manifests) {
      const { version, dependencies = {}, devDependencies = {} } = json(file);
      expect([file, version, lock[dirname(file)]?.version]).toEqual([file, next, next]);
      const asked = Object.entries({ ...(dependencies as object), ...(devDependencies as object) });
      expect(asked.filter(([name, wanted]) => ours.has(name) && wanted !== next)).toEqual([]);
    }
    expect(read("CITATION.cff")).toContain(`\nversion: ${next}\n`);
    expect(read("docs/start.md")).toContain(`graph-${next}`);
  });

  test("closes the changelog's section with what the changesets say, and takes them away", () => {
    expect(read("CHANGELOG.md")).toBe(
      `# Changelog\n\n## Unreleased\n\n## ${next} (2026-01-31)\n\n- Something new\n  in two lines.\n- A repair.\n- By hand.\n\n` +
        "## 0.0.1 (2020-01-01)\n\n- Old.\n",
    );
    expect(readdirSync(join(copy, ".changeset"))).toEqual(["config.json"]);
    expect(manifests.filter((file) => readdirSync(join(copy, dirname(file))).includes("CHANGELOG.md"))).toEqual([]);
  });

  test("refuses to release the same version again", () => {
    expect(() => prepareRelease(copy, "2026-02-01")).toThrow(`CHANGELOG.md has ${next} already`);
  });
});

test("a first release has the version of the manifests", () => {
  const text = "# Changelog\n\n## Unreleased\n\n- All of it.\n";
  expect(closeSection(text, "0.1.0", "2026-01-31", [])).toBe(
    "# Changelog\n\n## Unreleased\n\n## 0.1.0 (2026-01-31)\n\n- All of it.\n",
  );
});
