/**
 * The packages as npm would lay them out from their archives, with the third-party ones of this
 * repository beside them.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { packPackages, stagePackages } from "../../../scripts/pack.ts";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** This system as the packages with ONNX Runtime's binaries name it. */
export const SYSTEM = `${process.platform}-${process.arch}`;

const NODE_24 = join(ROOT, "scripts/node24/node_modules/.bin/node");

/**
 * The programs of Node that packages are tried with: this one, and Node 24 where `npm run
 * setup:test` has brought it.
 */
export const NODES: readonly { readonly version: string; readonly node: string }[] = [
  process.execPath,
  ...(existsSync(NODE_24) ? [NODE_24] : []),
].map((node) => ({ node, version: execFileSync(node, ["--version"], { encoding: "utf8" }).trim() }));

/**
 * Packs everything that is published and installs the archives in `folder`; returns their paths.
 */
export function installPackages(folder: string): string[] {
  const staged = stagePackages(join(folder, "staged"), [SYSTEM]);
  const archives = packPackages(staged, join(folder, "archives"));
  const modules = join(folder, "node_modules");
  for (const [at, { name }] of staged.entries()) {
    const target = join(modules, name);
    mkdirSync(target, { recursive: true });
    execFileSync("tar", ["-xzf", archives[at] ?? "", "-C", target, "--strip-components=1"]);
    // What npm has put beside the package itself, since others here need another version.
    const own = join(ROOT, "packages", basename(name), "node_modules");
    if (existsSync(own)) symlinkSync(own, join(target, "node_modules"));
  }
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    // What is published does without onnxruntime-node.
    if (!["adaattn", "@adaattn", ".bin", ".package-lock.json", "onnxruntime-node"].includes(name)) {
      symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
    }
  }
  return archives;
}

/**
 * Lets npm install archives in an empty folder, as a user does, with no more than they ask for.
 * Other packages come in the versions of this repository, from npm's cache where it has them.
 */
export function installAlone(
  folder: string,
  archives: readonly string[],
  versions: Readonly<Record<string, string>>,
): void {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", private: true, overrides: versions }));
  execFileSync("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--silent", ...archives], {
    cwd: folder,
    // Nothing that would have to be downloaded by scripts is needed; the binaries for other systems
    // are not there, and are not tried for long.
    env: { ...process.env, NODE_OPTIONS: "", npm_config_ignore_scripts: "true", npm_config_fetch_retries: "0" },
    stdio: "pipe",
  });
}

/** Bytes of a folder and all that is in it. */
export function sizeOfFolder(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).reduce((sum, name) => {
    const found = statSync(join(folder, name));
    return found.isFile() ? sum + found.size : sum;
  }, 0);
}

/**
 * The packages that npm installs for one in node_modules, by name, itself included and nothing that
 * is only for development.
 */
export function dependenciesOf(
  name: string,
  modules: string,
  found = new Map<string, string>(),
): ReadonlyMap<string, string> {
  const folder = join(modules, name);
  if (found.has(name)) return found;
  found.set(name, folder);
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    dependencies?: Record<string, string>;
  };
  for (const needed of Object.keys(dependencies)) dependenciesOf(needed, modules, found);
  return found;
}
