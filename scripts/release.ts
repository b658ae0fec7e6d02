/**
 * Prepares a release from what `npx changeset` has written, for a commit that a person looks at:
 *
 *   npm run release
 *
 * Changesets moves all packages to the next version. They share one changelog, which it knows
 * nothing of: what the changesets say, and what stands under Unreleased, becomes the section of
 * that version. The lock file and the other places that name the version follow.
 */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Where else the version stands. */
const NAMING = ["CITATION.cff", "docs/start.md"];

/**
 * Moves every package of a checkout to its next version and closes the changelog's section.
 *
 * @param root the checkout.
 * @param date what the section is dated, as 2026-01-31.
 * @returns the version. Without changesets it is that of the manifests, where it has no section yet.
 * @throws Error where there is nothing to release.
 */
export function prepareRelease(root: string, date: string): string {
  const edit = (file: string, change: (text: string) => string) =>
    writeFileSync(join(root, file), change(readFileSync(join(root, file), "utf8")));
  const version = () =>
    (JSON.parse(readFileSync(join(root, "packages/adaattn/package.json"), "utf8")) as { version: string }).version;
  const before = version();
  const lines = summaries(root);
  if (lines.length > 0) run(root, join(ROOT, "node_modules/.bin/changeset"), "version");
  const next = version();
  edit("CHANGELOG.md", (text) => closeSection(text, next, date, lines));
  for (const file of NAMING) edit(file, (text) => text.replaceAll(before, next));
  run(root, "npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline");
  return next;
}

/** What the changesets that wait say, in the order of their files' names. */
function summaries(root: string): string[] {
  return readdirSync(join(root, ".changeset"))
    .filter((name) => name.endsWith(".md"))
    .sort()
    .map((name) =>
      readFileSync(join(root, ".changeset", name), "utf8")
        .replace(/^---\n.*?^---\n/ms, "")
        .trim(),
    );
}

/** The changelog with what was unreleased, and the lines of changesets before it, under a version. */
export function closeSection(text: string, version: string, date: string, lines: readonly string[]): string {
  if (text.includes(`\n## ${version} `)) {
    throw new Error(`CHANGELOG.md has ${version} already, and no changeset waits: add one by npx changeset.`);
  }
  const items = lines.filter((line) => line !== "").map((line) => `- ${line.replaceAll("\n", "\n  ")}\n`);
  const [head, unreleased] = text.split("\n## Unreleased\n\n");
  if (unreleased === undefined) throw new Error("Expected a section Unreleased in CHANGELOG.md.");
  return `${head}\n## Unreleased\n\n## ${version} (${date})\n\n${items.join("")}${unreleased}`;
}

function run(cwd: string, file: string, ...args: string[]): void {
  execFileSync(file, args, { cwd, stdio: ["ignore", "ignore", "inherit"], shell: process.platform === "win32" });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const version = prepareRelease(ROOT, new Date().toISOString().slice(0, 10));
  process.stdout.write(
    `All packages are at ${version}. Look at git diff, commit, and publish a release on GitHub with the tag v${version}:\n` +
      "it starts .github/workflows/publish.yml, which publishes the packages that npm run pack makes.\n",
  );
}
