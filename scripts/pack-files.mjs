// Puts what a package ships besides its code into its folder: licence, credits and, for `adaattn`, the weights. Runs as `prepack`
// in the package's folder.
import { cpSync, rmSync } from "node:fs";
import { basename } from "node:path";

const root = new URL("../", import.meta.url);
for (const file of ["LICENSE", "NOTICE"]) cpSync(new URL(file, root), file);
if (basename(process.cwd()) === "adaattn") {
  rmSync("models", { recursive: true, force: true });
  for (const file of ["model.json", "model.safetensors"]) {
    cpSync(new URL(`models/small/${file}`, root), `models/small/${file}`);
  }
}
