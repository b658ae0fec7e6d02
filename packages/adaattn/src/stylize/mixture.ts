/**
 * Several styles in one picture (paper, section 4.3, multi-style transfer), each perhaps in its own
 * region, at some strength: at every position the maps of the styles and the photograph's own are
 * averaged, by shares that sum to 1. All controls of where and how much come down to these shares.
 *
 *   share of style i at p = strength * cover(p) * w_i m_i(p) / sum_j w_j m_j(p)       cover(p) = min(1, sum_j m_j(p))
 *   share of the photograph = 1 - the sum of those
 *
 * with weights w and masks m, which are 1 where a style has none. Where no mask reaches, the
 * photograph stays.
 */

import type { Area } from "../picture/area.ts";
import { maskOnGrid, readMask, resizedNote } from "../picture/masks.ts";
import type { Picture, Size } from "../picture/picture.ts";
import type { Plane } from "../picture/resize.ts";

/** Styles whose shares differ from 1 by less than rounding count as covering everything. */
const ROUNDING = 1e-6;

/** How much of what a position takes; all arrays have one value a position. */
export interface Shares {
  /** One array a style, in order. */
  readonly styles: readonly Float32Array[];
  /** The photograph's own; below 0 where a strength above 1 leads away from it. */
  readonly own: Float32Array;
}

/** A weight and perhaps a mask for one style. */
export interface Portion {
  readonly weight?: number | undefined;
  readonly mask?: Picture | undefined;
}

/** The shares of styles in a picture of one photograph. */
export class Mixture {
  /** Weights divided by their sum. */
  readonly weights: readonly number[];
  /** Sentences on masks that had to be resized. */
  readonly notes: readonly string[];
  readonly #masks: readonly (Plane | undefined)[];
  readonly #strength: number;
  readonly #isPlain: boolean;
  readonly #photo: Size;

  /** @throws Error where a mask is not a picture or is empty. */
  constructor(portions: readonly Portion[], strength: number, photo: Size) {
    const total = portions.reduce((sum, { weight = 1 }) => sum + weight, 0);
    this.weights = portions.map(({ weight = 1 }) => weight / total);
    this.#masks = portions.map(({ mask }, index) => mask && readMask(mask, `the mask of style ${index + 1}`));
    this.#strength = strength;
    this.#photo = photo;
    this.#isPlain =
      strength === 1 && portions.length === 1 && (this.#masks[0]?.data.every((value) => value === 1) ?? true);
    const notes = this.#masks.map((mask) => mask && resizedNote(mask, photo, "the photograph"));
    this.notes = [...new Set(notes.filter((note) => note !== undefined))];
  }

  /**
   * The shares over a grid whose cells are squares of `cell` pixels of the photograph; undefined
   * where there is nothing to mix, which is one style, everywhere, at strength 1.
   *
   * @param from where in the photograph the grid begins.
   */
  sharesOn(grid: Size, cell: number, from: Pick<Area, "left" | "top"> = { left: 0, top: 0 }): Shares | undefined {
    if (this.#isPlain) return undefined;
    const positions = grid.width * grid.height;
    const masks = this.#masks.map((mask) => mask && maskOnGrid(mask, this.#photo, grid, cell, from));
    const styles = masks.map(() => new Float32Array(positions));
    const own = new Float32Array(positions);
    for (let at = 0; at < positions; at++) {
      let [cover, total] = [0, 0];
      for (const [index, mask] of masks.entries()) {
        const value = mask?.[at] ?? 1;
        cover += value;
        total += value * (this.weights[index] as number);
      }
      const reach = this.#strength * (cover > 1 - ROUNDING ? 1 : cover);
      if (total > 0) {
        for (const [index, mask] of masks.entries()) {
          const part = ((mask?.[at] ?? 1) * (this.weights[index] as number)) / total;
          (styles[index] as Float32Array)[at] = reach * part;
        }
      }
      own[at] = 1 - reach;
    }
    return { styles, own };
  }

  /**
   * How much each pixel of an area belongs to a style's region, whatever the weights; undefined for
   * a style without one.
   */
  regionOf(index: number, area: Area): Float32Array | undefined {
    const mask = this.#masks[index];
    return mask && maskOnGrid(mask, this.#photo, area, 1, area);
  }
}
