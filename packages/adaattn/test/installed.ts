/** The packages as npm would lay them out from their archives, with the third-party ones of this repository beside them. */

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packPackages, stagePackages } from "../../../scripts/pack.ts";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** Packs everything that is published and installs the archives in `folder`; returns their paths. */
export function installPackages(folder: string): string[] {
  const staged = stagePackages(join(folder, "staged"));
  const archives = packPackages(staged, join(folder, "archives"));
  const modules = join(folder, "node_modules");
  for (const [at, { name }] of staged.entries()) {
    const target = join(modules, name);
    mkdirSync(target, { recursive: true });
    execFileSync("tar", ["-xzf", archives[at] ?? "", "-C", target, "--strip-components=1"]);
  }
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    if (!["adaattn", "@adaattn", ".bin", ".package-lock.json"].includes(name)) {
      symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
    }
  }
  mkdirSync(join(modules, ".bin"));
  symlinkSync("../adaattn/bin/adaattn.js", join(modules, ".bin/adaattn"));
  return archives;
}

/** Bytes of a folder and all that is in it. */
export function sizeOfFolder(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).reduce((sum, name) => {
    const found = statSync(join(folder, name));
    return found.isFile() ? sum + found.size : sum;
  }, 0);
}

/** The packages that npm installs for one in node_modules, by name, itself included and nothing that is only for development. */
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
