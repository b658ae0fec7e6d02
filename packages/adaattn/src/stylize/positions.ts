/**
 * The positions of a painting that a module attends to: at most `maxKeys` of those that the
 * painting's mask leaves, all of them where it has none. A mask chooses among positions and does no
 * more: keys are normalized over the whole painting, so that what a part is like is still judged
 * beside the rest.
 */

import type { Architecture, AttentionModule } from "../network/architecture.ts";
import { cellOf, gridOf } from "../network/levels.ts";
import { maskOnGrid, readMask } from "../picture/masks.ts";
import type { Size } from "../picture/picture.ts";
import { evenPositions, randomPositions } from "./sampling.ts";
import type { Source } from "./styleSource.ts";

/**
 * Positions of a style, row by row in a level's grid.
 *
 * @param size the padded size of the painting.
 */
export function chosenPositions(
  { sampling }: Architecture["attention"],
  module: AttentionModule,
  { painting, mask, choice }: Source,
  size: Size,
): BigInt64Array {
  const { level } = module;
  const { seed, keys = module.maxKeys } = choice;
  const maxKeys = keys === "all" ? Number.POSITIVE_INFINITY : keys;
  const grid = gridOf(level, size);
  const count = grid.width * grid.height;
  const inside =
    mask && insideOf(maskOnGrid(readMask(mask, "the mask of the painting"), painting, grid, cellOf(level)));
  const allowed = inside ? inside.filter(Boolean).length : count;
  const all = BigInt64Array.from({ length: count }, (_, at) => BigInt(at));
  const within = (positions: BigInt64Array) => (inside ? positions.filter((at) => inside[Number(at)]) : positions);
  if (allowed <= maxKeys) return within(all);
  if (sampling === "random") {
    const left = within(all);
    return randomPositions(allowed, maxKeys, seed).map((at) => left[Number(at)] as bigint);
  }
  // The mask leaves a part of any grid over the whole, so the grid may be finer by as much; no cell
  // is counted on to be regular.
  for (let budget = (maxKeys * count) / allowed; ; budget *= 0.97) {
    const positions = within(evenPositions(grid, Math.floor(budget)));
    if (positions.length <= maxKeys && positions.length > 0) return positions;
    if (positions.length === 0) return within(all).subarray(0, maxKeys);
  }
}

/**
 * The cells that are mostly inside a mask; where a mask is finer than the grid, those that have the
 * most of it.
 */
function insideOf(values: Float32Array): readonly boolean[] {
  const least = Math.min(0.5, values.reduce((most, value) => Math.max(most, value), 0) / 2);
  return Array.from(values, (value) => value > 0 && value >= least);
}
