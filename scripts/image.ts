/**
 * Lays out what the container's image holds, of a repository that is built and has only what runs
 * in node_modules (the Dockerfile):
 *
 *   node scripts/image.ts FOLDER        # FOLDER/modules, which changes seldom, and FOLDER/app
 *
 * Sources, tests, types and maps stay behind, and so do ONNX Runtime's binaries of other systems.
 * Node runs it as it stands, for nothing that could translate it is left by then.
 */

import { cpSync, existsSync, readdirSync } from "node:fs";
import { basename, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The packages that the command is made of, and what of each is not built by `npm run build`. */
const PACKAGES = ["adaattn", "cli", "graph", "server", "train"];
const PLAIN = ["package.json", "bin", "dashboard", "node_modules"];

/**
 * The studio is built, and ONNX Runtime for browsers is in it; npm keeps that beside what may ask
 * for it.
 */
const LEFT_OUT = ["@adaattn/studio", "@types", "onnxruntime-web"];

const BINARIES = join("node_modules", "onnxruntime-node", "bin", "napi-v6");

/** Lays everything out below `target`, from the repository at `root`. */
export function layOut(target: string, root = ROOT): void {
  const copy = (name: string, to: string) => {
    if (!existsSync(join(root, name))) throw new Error(`Expected ${name} in ${root}. Build it first.`);
    cpSync(join(root, name), join(target, to), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => isRun(relative(root, path)),
    });
  };
  copy("node_modules", "modules/node_modules");
  for (const name of PACKAGES) {
    copy(`packages/${name}/dist`, `app/packages/${name}/dist`);
    const plain = readdirSync(join(root, "packages", name)).filter((one) => PLAIN.includes(one));
    for (const one of plain) copy(`packages/${name}/${one}`, `app/packages/${name}/${one}`);
  }
  copy("apps/studio/dist", "app/apps/studio/dist");
  copy("assets/paintings", "app/assets/paintings");
  for (const name of readdirSync(join(root, "models"))) {
    for (const file of ["model.json", "model.safetensors"])
      copy(`models/${name}/${file}`, `app/models/${name}/${file}`);
  }
  for (const name of ["LICENSE", "NOTICE"]) copy(name, `app/${name}`);
}

/** Whether a file has anything to do with running. */
function isRun(path: string): boolean {
  if (path.endsWith(".map") || /\.d\.[cm]?ts$/.test(path)) return false;
  if ([".bin", ".cache", ".vite", ".package-lock.json"].includes(basename(path))) return false;
  if (LEFT_OUT.some((one) => path === join("node_modules", one))) return false;
  if (!path.startsWith(BINARIES + sep)) return true;
  const [platform, arch = process.arch] = relative(BINARIES, path).split(sep);
  return platform === process.platform && arch === process.arch;
}

const [, script, folder] = process.argv;
if (script === fileURLToPath(import.meta.url)) {
  if (folder === undefined) throw new Error("Expected a folder to lay the image out in.");
  layOut(folder);
}
