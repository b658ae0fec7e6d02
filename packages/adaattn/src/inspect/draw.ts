/**
 * Pictures of the attention: heat over a painting, the painting's pixels where the photograph
 * looks, and how sharply it looks.
 */

import { fromOklab, type Rgb } from "../picture/oklab.ts";
import type { Picture, Size } from "../picture/picture.ts";
import type { Attention, AttentionMap, Point } from "./attention.ts";

/** A picture made here, opaque. */
type Drawing = Picture & { readonly data: Uint8ClampedArray<ArrayBuffer> };

/**
 * The colors of heat, by equal steps of what is seen: lightness in OKLab rises evenly from nearly
 * black to nearly white, while the hue goes from violet through red to yellow.
 */
const RAMP: readonly Rgb[] = Array.from({ length: 256 }, (_, step) => {
  const t = step / 255;
  const hue = ((-70 + 180 * t) * Math.PI) / 180;
  const chroma = 0.2 * Math.sin(Math.PI * (0.12 + 0.8 * t));
  return fromOklab([0.14 + 0.82 * t, chroma * Math.cos(hue), chroma * Math.sin(hue)]);
});

/** The color of a heat from 0 to 1, as sRGB bytes that are not rounded. */
export function heatColor(heat: number): Rgb {
  return RAMP[Math.round(255 * Math.min(1, Math.max(0, heat)))] as Rgb;
}

/** How dark the painting lies under the heat. */
const DIMMED = 0.4;

/** What softmax rounds to 0 counts as this probability. */
const LEAST_PROBABILITY = 1e-37;

/** How heat is drawn. */
export interface HeatOptions {
  /**
   * What heat is. `"scores"`, the default: the score of a key, which is the logarithm of its
   * probability, from the median key's (0) to the best one's (1); it shows what else resembles the
   * point, however small its share. `"probabilities"`: the probability itself, as a share of the
   * best key's; it shows what really counts, which is often one key and nothing else.
   */
  readonly scale?: "scores" | "probabilities" | undefined;
  /**
   * A color for each row of the attention, in sRGB bytes, to tell points apart; by default heat has
   * the colors of `heatColor`.
   */
  readonly colors?: readonly (readonly [number, number, number])[] | undefined;
}

/**
 * The painting, dimmed and gray, under the heat of the attention, with a ring around what each
 * point looks at most. How sharp the attention is, its entropy says. Of several points, the hottest
 * counts.
 *
 * @param painting the style's `source.painting`.
 */
export function drawHeat(painting: Picture, attention: Attention, options: HeatOptions = {}): Drawing {
  const { scale = "scores", colors } = options;
  const { width, height } = painting;
  const heat = new Float32Array(width * height);
  const hottest = new Uint8Array(width * height);
  for (const [index, { probabilities }] of attention.rows.entries()) {
    const row =
      scale === "scores"
        ? spread(relativeScores(probabilities), attention, painting)
        : relativeToMost(spread(probabilities, attention, painting));
    for (let at = 0; at < heat.length; at++) {
      if ((row[at] as number) <= (heat[at] as number)) continue;
      heat[at] = row[at] as number;
      hottest[at] = index;
    }
  }
  const data = new Uint8ClampedArray(width * height * 4);
  for (let at = 0; at < heat.length; at++) {
    const t = heat[at] as number;
    const color = colors?.[hottest[at] as number] ?? heatColor(t);
    const [r = 0, g = 0, b = 0] = painting.data.subarray(at * 4, at * 4 + 3);
    const gray = DIMMED * (0.2126 * r + 0.7152 * g + 0.0722 * b);
    const cover = Math.min(1, 1.4 * t);
    for (let channel = 0; channel < 3; channel++) {
      data[at * 4 + channel] = gray * (1 - cover) + (color[channel] as number) * cover;
    }
    data[at * 4 + 3] = 255;
  }
  let drawn: Drawing = { width, height, data };
  for (const [index, { best }] of attention.rows.entries()) {
    const key = attention.keys[best];
    if (key !== undefined) drawn = drawMarks(drawn, [key], colors?.[index]);
  }
  return drawn;
}

function relativeToMost(values: Float32Array): Float32Array {
  const most = values.reduce((largest, value) => Math.max(largest, value), 0);
  return most === 0 ? values : values.map((value) => value / most);
}

function relativeScores(probabilities: Float32Array): Float32Array {
  const scores = probabilities.map((p) => Math.log(Math.max(p, LEAST_PROBABILITY)));
  const sorted = scores.toSorted();
  const [median, most] = [sorted[sorted.length >> 1] ?? 0, sorted.at(-1) ?? 0];
  // Where all keys are alike, all are looked at.
  if (most === median) return scores.fill(1);
  return scores.map((score) => Math.max(0, (score - median) / (most - median)));
}

/**
 * Values of keys spread over what each key stands for, and 0 where there are no keys, as a mask may
 * have it.
 */
function spread(values: Float32Array, { keys, cell }: Attention, { width, height }: Size): Float32Array {
  const deviation = 0.5 * Math.max(cell, Math.sqrt((width * height) / keys.length));
  const reach = Math.ceil(2.5 * deviation);
  const [sums, weights] = [new Float32Array(width * height), new Float32Array(width * height)];
  for (const [index, { x, y }] of keys.entries()) {
    for (let row = Math.max(0, Math.floor(y) - reach); row <= Math.min(height - 1, Math.floor(y) + reach); row++) {
      for (
        let column = Math.max(0, Math.floor(x) - reach);
        column <= Math.min(width - 1, Math.floor(x) + reach);
        column++
      ) {
        const away = ((column + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2) / (2 * deviation * deviation);
        const at = row * width + column;
        sums[at] = (sums[at] as number) + Math.exp(-away) * (values[index] as number);
        weights[at] = (weights[at] as number) + Math.exp(-away);
      }
    }
  }
  return sums.map((sum, at) => sum / Math.max(weights[at] as number, 0.3));
}

/** The picture with a ring, edged in black, around every point; its color is white by default. */
export function drawMarks(
  picture: Picture,
  points: readonly Point[],
  color: readonly [number, number, number] = [255, 255, 255],
): Drawing {
  const { width, height } = picture;
  const data = new Uint8ClampedArray(picture.data);
  const radius = Math.max(4, Math.min(width, height) / 40);
  const thickness = Math.max(1, radius / 5);
  for (const { x, y } of points) {
    const reach = Math.ceil(radius + 2 * thickness);
    for (let row = Math.max(0, Math.floor(y) - reach); row <= Math.min(height - 1, Math.floor(y) + reach); row++) {
      for (
        let column = Math.max(0, Math.floor(x) - reach);
        column <= Math.min(width - 1, Math.floor(x) + reach);
        column++
      ) {
        const away = Math.abs(Math.hypot(column + 0.5 - x, row + 0.5 - y) - radius);
        if (away > 2 * thickness) continue;
        const at = (row * width + column) * 4;
        data.set(away <= thickness ? color : [0, 0, 0], at);
      }
    }
  }
  return { width, height, data };
}

/**
 * The photograph put together from the painting: every position shows the patch of the painting
 * that it looks at most.
 *
 * @param painting the style's `source.painting`.
 * @param photo the photograph's size, which is the result's.
 */
export function drawSources(painting: Picture, map: AttentionMap, photo: Size): Drawing {
  const { cell } = map;
  return drawCells(map, photo, (position, dx, dy) => {
    const key = map.keys[map.best[position] as number] ?? { x: 0, y: 0 };
    const x = Math.min(painting.width - 1, Math.max(0, Math.floor(key.x - cell / 2) + dx));
    const y = Math.min(painting.height - 1, Math.max(0, Math.floor(key.y - cell / 2) + dy));
    const at = (y * painting.width + x) * 4;
    return [painting.data[at] as number, painting.data[at + 1] as number, painting.data[at + 2] as number];
  });
}

/**
 * The entropy of every position in the colors of heat: dark where one key alone is looked at,
 * bright where all are alike. Heat is the square root of the entropy over its largest, log(keys),
 * since it is mostly small.
 */
export function drawEntropy(map: AttentionMap, photo: Size): Drawing {
  const most = Math.log(Math.max(2, map.keys.length));
  return drawCells(map, photo, (position) => heatColor(Math.sqrt((map.entropy[position] as number) / most)));
}

function drawCells(
  { cell, width }: AttentionMap,
  photo: Size,
  colorOf: (position: number, dx: number, dy: number) => Rgb,
): Drawing {
  const data = new Uint8ClampedArray(photo.width * photo.height * 4).fill(255);
  for (let y = 0; y < photo.height; y++) {
    for (let x = 0; x < photo.width; x++) {
      const position = Math.floor(y / cell) * width + Math.floor(x / cell);
      data.set(colorOf(position, x % cell, y % cell), (y * photo.width + x) * 4);
    }
  }
  return { width: photo.width, height: photo.height, data };
}
