/** How much the values of a picture differ, added up part by part. */

import { type Area, relativeTo } from "./area.ts";

export class Spread {
  #count = 0;
  readonly #sums = [0, 0, 0];
  readonly #squares = [0, 0, 0];

  /** Adds an area of a picture, from planes `[3, height, width]` of an area around it. */
  add(planes: Float32Array, outer: Area, area: Area): void {
    const { left, top, width, height } = relativeTo(outer, area);
    const plane = outer.width * outer.height;
    for (let channel = 0; channel < 3; channel++) {
      let [sum, squares] = [0, 0];
      for (let y = top; y < top + height; y++) {
        const start = channel * plane + y * outer.width + left;
        for (let at = start; at < start + width; at++) {
          const value = planes[at] as number;
          sum += value;
          squares += value * value;
        }
      }
      this.#sums[channel] = (this.#sums[channel] as number) + sum;
      this.#squares[channel] = (this.#squares[channel] as number) + squares;
    }
    this.#count += width * height;
  }

  /** The standard deviation, its square averaged over red, green and blue. */
  get deviation(): number {
    const variances = this.#sums.map(
      (sum, channel) => (this.#squares[channel] as number) / this.#count - (sum / this.#count) ** 2,
    );
    return Math.sqrt(Math.max(0, variances.reduce((sum, variance) => sum + variance, 0) / variances.length));
  }
}
