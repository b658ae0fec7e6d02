/**
 * Paints every photograph of a folder in one style: tsx folder.ts photos painting.jpg painted. What
 * is there already stays.
 */

import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join, parse } from "node:path";
import { loadModel } from "adaattn";

const [folder, painting, output] = process.argv.slice(2);
if (folder === undefined || painting === undefined || output === undefined) {
  throw new Error("Expected a folder of photographs, a painting and a folder for the results.");
}
await mkdir(output, { recursive: true });

await using model = await loadModel("small");
using style = await model.style(painting);
for (const name of await readdir(folder)) {
  const result = join(output, `${parse(name).name}.jpg`);
  if (!/\.(jpe?g|png|webp|avif|tiff?)$/i.test(name) || existsSync(result)) continue;
  try {
    await (await model.stylize(join(folder, name), style)).toFile(result);
    console.log(result);
  } catch (error) {
    // One that cannot be read must not keep the others from being painted.
    console.error(error instanceof Error ? error.message : error);
  }
}
