// Puts what a package ships besides its code into its folder: licence, credits and, for `adaattn`, the weights. Runs as `prepack`
// in the package's folder, and with --remove as `postpack`, so that no copy stays behind to be taken for the original.
import { cpSync, rmSync } from "node:fs";
import { basename } from "node:path";

const files = ["LICENSE", "NOTICE"];
if (basename(process.cwd()) === "adaattn") files.push("models/small/model.json", "models/small/model.safetensors");
if (process.argv.includes("--remove")) {
  for (const file of files) rmSync(file.split("/")[0], { recursive: true, force: true });
} else {
  for (const file of files) cpSync(new URL(`../${file}`, import.meta.url), file);
}
