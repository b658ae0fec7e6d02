/**
 * Paints one photograph: tsx stylize.ts photo.jpg painting.jpg out.png. Progress goes to the
 * terminal, Ctrl-C stops it.
 */

import { loadModel } from "adaattn";

const [photo, painting, output] = process.argv.slice(2);
if (photo === undefined || painting === undefined || output === undefined) {
  throw new Error("Expected a photograph, a painting and the name of the result.");
}
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
const { signal } = stop;

await using model = await loadModel("small", { signal });
using style = await model.style(painting, { signal });
const result = await model.stylize(photo, style, {
  strength: 0.9,
  signal,
  onProgress: ({ stage, fraction }) => process.stderr.write(`\r${stage} ${Math.round(100 * fraction)} %   `),
});
await result.toFile(output, { signal });
process.stderr.write(`\n${output}: ${result.width} x ${result.height}\n`);
