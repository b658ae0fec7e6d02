/**
 * Warping error: how much a video changes besides moving (Lai et al., "Learning blind video
 * temporal consistency", ECCV 2018). With frames V, colors from 0 to 1, and the flow from frame t
 * to frame t + k of the INPUT,
 *
 *   E_k(t) = sum_p (1 - O(p)) |V_t(p) - V_{t+k}(p + w(p))|^2 / sum_p (1 - O(p))
 *
 * where O(p) is 1 where p is hidden or the flow cannot be trusted (Ruder, Dosovitskiy and Brox,
 * "Artistic style transfer for videos", GCPR 2016): where forward and backward flow do not cancel,
 * or motion changes abruptly.
 */

import type { Picture } from "adaattn";
import { onWhite } from "adaattn/network";
import { type Flow, sample } from "./flow.ts";

/**
 * Which pixels of a frame count: 1 where they are seen in the other frame too, else 0.
 *
 * @param forward from the frame to the other.
 * @param backward from the other to the frame.
 */
export function visiblePixels(forward: Flow, backward: Flow): Uint8Array {
  const { width, height } = forward;
  const visible = new Uint8Array(width * height);
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at++) {
      const [x, y] = [forward.x[at] as number, forward.y[at] as number];
      const [u, v] = [column + x, row + y];
      // Also false where the flow is unknown.
      if (!(u >= 0 && v >= 0 && u <= width - 1 && v <= height - 1)) continue;
      const [backX, backY] = [sample(backward.x, backward, u, v), sample(backward.y, backward, u, v)];
      const returned = (x + backX) ** 2 + (y + backY) ** 2;
      if (!(returned <= 0.01 * (x * x + y * y + backX * backX + backY * backY) + 0.5)) continue;
      visible[at] = isBoundary(forward, column, row) ? 0 : 1;
    }
  }
  return visible;
}

/** |grad x|^2 + |grad y|^2 > 0.01 |w|^2 + 0.002 */
function isBoundary({ width, height, x, y }: Flow, column: number, row: number): boolean {
  const at = row * width + column;
  const [right, below] = [column + 1 < width ? at + 1 : at - 1, row + 1 < height ? at + width : at - width];
  let change = 0;
  for (const component of [x, y]) {
    const here = component[at] as number;
    change += ((component[right] as number) - here) ** 2 + ((component[below] as number) - here) ** 2;
  }
  return !(change <= 0.01 * ((x[at] as number) ** 2 + (y[at] as number) ** 2) + 0.002);
}

/**
 * The warping error of two frames of the flow's size, NaN where no pixel counts. Transparent parts
 * count as white.
 */
export function warpingError(frame: Picture, other: Picture, flow: Flow, visible: Uint8Array): number {
  const { width, height } = flow;
  const [here, there] = [onWhite(frame).data, onWhite(other).data];
  let [sum, count] = [0, 0];
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at++) {
      if (visible[at] === 0) continue;
      const [x, y] = [column + (flow.x[at] as number), row + (flow.y[at] as number)];
      const [left, top] = [Math.floor(x), Math.floor(y)];
      const [right, bottom] = [Math.min(width - 1, left + 1), Math.min(height - 1, top + 1)];
      const [a, b] = [x - left, y - top];
      for (let channel = 0; channel < 3; channel++) {
        const value = (column: number, row: number) => there[(row * width + column) * 4 + channel] as number;
        const upper = value(left, top) * (1 - a) + value(right, top) * a;
        const lower = value(left, bottom) * (1 - a) + value(right, bottom) * a;
        const difference = ((here[at * 4 + channel] as number) - (upper * (1 - b) + lower * b)) / 255;
        sum += difference * difference;
      }
      count++;
    }
  }
  return count === 0 ? Number.NaN : sum / count;
}
