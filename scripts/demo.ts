/**
 * Stylizes a bundled photograph with a bundled painting, from the sources, with nothing built:
 *
 *   npm run demo [-- --device cpu|webgpu] [--model NAME|FOLDER]
 *
 * It computes on the CPU unless asked: looking for a GPU takes longer than the picture.
 */

import { mkdir } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadModel, readPicture, writePicture } from "adaattn/node";

const root = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const [photo, painting, output] = [
  root("assets/contents/castle.jpg"),
  root("assets/paintings/van-gogh-starry-night.jpg"),
  root("out/demo.jpg"),
];
/** How a path is printed: from where the person stands. */
const named = (path: string) => relative(process.cwd(), path);

async function demo(device: "cpu" | "webgpu", modelName: string): Promise<void> {
  let begun = performance.now();
  /** Milliseconds since the last call. */
  const lap = () => {
    const [before, now] = [begun, performance.now()];
    begun = now;
    return now - before;
  };
  await using model = await loadModel(modelName, { device });
  const load = lap();
  const [content, style] = await Promise.all([readPicture(photo), readPicture(painting)]);
  const read = lap();
  console.log(`Painting ${named(photo)} in the style of ${named(painting)} (${model.name}, ${model.device}) ...`);
  using prepared = await model.style(style);
  const result = await model.stylize(content, prepared);
  lap();
  await mkdir(dirname(output), { recursive: true });
  await writePicture(output, result);
  const times = { load, read, style: prepared.milliseconds, ...result.milliseconds, write: lap() };

  const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(2);
  const parts = Object.entries(times).map(([name, time]) => `${name} ${seconds(time)}`);
  const total = Object.values(times).reduce((sum, time) => sum + time, 0);
  console.log(`The picture is in ${named(output)} (${result.width} x ${result.height} pixels).`);
  console.log(`It took ${seconds(total)} s: ${parts.join(", ")}.`);
}

try {
  const { values } = parseArgs({
    options: { device: { type: "string", default: "cpu" }, model: { type: "string", default: "small" } },
  });
  if (values.device !== "cpu" && values.device !== "webgpu") {
    throw new Error(`Expected cpu or webgpu for --device but received ${values.device}.`);
  }
  await demo(values.device, values.model);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
