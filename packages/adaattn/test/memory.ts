/**
 * Stylizes many photographs of changing sizes and prints how large the process was after each, in
 * bytes, as a JSON array. A process of its own, for engine.test.ts:
 *
 *   MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=4096 \
 *     node --expose-gc --gc-global --max-semi-space-size=1 --conditions=@adaattn/source \
 *     --import ../../../scripts/source.mjs memory.ts RUNS
 *
 * The options make garbage collections frequent and whole, in the worker too, and have the
 * allocator give memory back to the system, so that what is left is what is held. One thread keeps
 * the rest still.
 */

import { architectureNamed } from "../src/network/architecture.ts";
import { NodeEngine } from "../src/node/engine.ts";
import { Model } from "../src/stylize/model.ts";
import { generatedWeights, waves } from "./models.ts";

const runs = Number(process.argv[2]);
const sides = [32, 96, 48, 80, 64];
const small = architectureNamed("small");
await using model = await Model.load("small", small, generatedWeights(small), new NodeEngine({ threads: 1 }));
const style = await model.style(waves(64, 64));
const sizes: number[] = [];
for (let run = 0; run < runs; run++) {
  const [width = 64, height = 64] = [sides[run % 5], sides[(2 * run + 1) % 5]];
  await model.stylize(waves(width - (run % 3), height, run), style);
  globalThis.gc?.();
  sizes.push(process.memoryUsage.rss());
}
console.log(JSON.stringify(sizes));
