/**
 * The engine's own throughput, in a process of its own: pictures a second from pixels to pixels,
 * the style being known, with two on their way as a server has them. Prints one number.
 *
 *   engine.ts THREADS SIDE SECONDS
 */
import { loadModel, readPicture, resizePicture } from "adaattn/node";

const [threads, side, seconds] = process.argv.slice(2).map(Number) as [number, number, number];
const model = await loadModel("small", { threads, device: "cpu" });
const file = (path: string) => new URL(`../../assets/${path}`, import.meta.url).pathname;
const style = await model.style(await readPicture(file("paintings/van-gogh-starry-night.jpg"), { longerSide: 512 }), {
  size: 512,
});
const photo = resizePicture(await readPicture(file("contents/castle.jpg")), { width: side, height: side });
for (let count = 0; count < 5; count++) await model.stylize(photo, style);

let painted = 0;
const begun = performance.now();
const end = begun + seconds * 1000;
await Promise.all(
  [1, 2].map(async () => {
    while (performance.now() < end) {
      await model.stylize(photo, style);
      painted++;
    }
  }),
);
process.stdout.write(`${painted / ((performance.now() - begun) / 1000)}\n`);
process.exit(0);
