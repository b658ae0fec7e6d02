/**
 * Grain for training: the product's own noise, from which brushwork grows where a photograph is
 * flat.
 */

import { addGrain } from "adaattn/internal";
import { Random } from "./random.ts";

/** Grain lies somewhere in a plane of so many pixels a side. */
const PLANE = 1 << 20;

/**
 * The grain of a step's photographs, [count, 1, crop, crop], a function of the seed and the step:
 * up to `depth` deep, and none for half of them.
 */
export function drawGrain(
  seed: number,
  step: number,
  { count, crop, depth }: { readonly count: number; readonly crop: number; readonly depth: number },
): Float32Array {
  const size = crop * crop;
  const values = new Float32Array(count * size);
  for (let sample = 0; sample < count; sample++) {
    const random = Random.of(seed, step, sample);
    const own = depth * Math.max(0, 2 * random.next() - 1);
    if (own === 0) continue;
    const area = { left: random.below(PLANE), top: random.below(PLANE), width: crop, height: crop };
    addGrain(values.subarray(sample * size, (sample + 1) * size), area, { depth: own, scale: 1 });
  }
  return values;
}
