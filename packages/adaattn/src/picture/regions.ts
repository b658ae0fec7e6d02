/**
 * Regions painted in colors: from one picture in flat colors to a gray mask for each of them. A
 * pixel between two of the colors, as at an edge that was smoothed or feathered, belongs to both in
 * proportion.
 */

import { AdaattnError } from "../error.ts";
import type { Rgb } from "./oklab.ts";
import { checkPicture, type Picture } from "./picture.ts";

/** Colors that can be named; as in CSS, green is #008000 and lime #00ff00. */
const NAMED: Readonly<Record<string, string>> = {
  aqua: "#00ffff",
  black: "#000000",
  blue: "#0000ff",
  brown: "#a52a2a",
  cyan: "#00ffff",
  fuchsia: "#ff00ff",
  gray: "#808080",
  green: "#008000",
  grey: "#808080",
  lime: "#00ff00",
  magenta: "#ff00ff",
  maroon: "#800000",
  navy: "#000080",
  olive: "#808000",
  orange: "#ffa500",
  pink: "#ffc0cb",
  purple: "#800080",
  red: "#ff0000",
  silver: "#c0c0c0",
  teal: "#008080",
  white: "#ffffff",
  yellow: "#ffff00",
};

/**
 * A pixel further than this from every mixture of two regions' colors (in bytes, Euclidean) belongs
 * to none.
 */
const FARTHEST = 48;

/** How many of a mask's colors an error lists. */
const LISTED = 6;

/** The bytes of a color such as red, #f00 or #ff0000; undefined for any other text. */
export function parseColor(text: string): Rgb | undefined {
  const name = text.toLowerCase();
  const hex = Object.hasOwn(NAMED, name) ? (NAMED[name] as string) : name;
  const digits = /^#([0-9a-f]{3}|[0-9a-f]{6})$/.exec(hex)?.[1];
  if (digits === undefined) return undefined;
  const byte = (at: number) =>
    digits.length === 3
      ? Number.parseInt(digits.charAt(at).repeat(2), 16)
      : Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16);
  return [byte(0), byte(1), byte(2)];
}

/**
 * A gray mask for each of these colors (red, #f00 and #ff0000 are one). Pixels of other colors
 * belong to no region, and neither do transparent ones; stylized, they stay as the photograph has
 * them.
 *
 * @throws Error with one sentence where a text is no color, two are the same, or the mask has
 *   nothing of one.
 */
export function regionMasks(mask: Picture, colors: readonly string[]): Picture[] {
  checkPicture(mask, "the mask");
  const regions = colors.map((text, index) => {
    const color = parseColor(text);
    if (color === undefined) {
      throw new AdaattnError(
        "option",
        `Expected a color such as red or #ff0000 for a region but received ${text || "nothing"}.`,
      );
    }
    const same = colors.slice(0, index).find((other) => parseColor(other)?.join() === color.join());
    if (same !== undefined) {
      const both = same === text ? `two for ${text}` : `${same} and ${text}, which are the same color`;
      throw new AdaattnError("option", `Expected one style for each region but received ${both}.`);
    }
    return color;
  });

  const { width, height, data } = mask;
  const masks = regions.map(() => new Uint8ClampedArray(width * height * 4).fill(255));
  const known = new Map<number, readonly number[]>();
  for (let at = 0; at < data.length; at += 4) {
    const [r, g, b] = [data[at] as number, data[at + 1] as number, data[at + 2] as number];
    const key = (r << 16) | (g << 8) | b;
    let shares = known.get(key);
    if (shares === undefined) {
      shares = mixtureOf([r, g, b], regions);
      known.set(key, shares);
    }
    for (let index = 0; index < masks.length; index++) {
      const value = (shares[index] as number) * (data[at + 3] as number);
      (masks[index] as Uint8ClampedArray).fill(value, at, at + 3);
    }
  }
  for (const [index, gray] of masks.entries()) {
    if (!gray.some((value, at) => at % 4 === 0 && value >= 128)) {
      throw new AdaattnError(
        "option",
        `Expected a region of ${colors[index]} in the mask but received one without it; it has ${commonColors(mask)}.`,
      );
    }
  }
  return masks.map((gray) => ({ width, height, data: gray }));
}

/**
 * How much of each region's color is in a color: that of the mixture of at most two which comes
 * nearest.
 */
function mixtureOf(color: Rgb, regions: readonly Rgb[]): number[] {
  const shares = regions.map(() => 0);
  let nearest = FARTHEST;
  for (const [i, one] of regions.entries()) {
    for (const [j, other] of regions.entries()) {
      if (j > i || (j === i && regions.length > 1)) continue;
      const along = one.map((value, channel) => (other[channel] as number) - value);
      const length = along.reduce((sum, value) => sum + value * value, 0);
      const offset = color.map((value, channel) => value - (one[channel] as number));
      const dot = offset.reduce((sum, value, channel) => sum + value * (along[channel] as number), 0);
      const t = length === 0 ? 0 : Math.min(1, Math.max(0, dot / length));
      const distance = Math.hypot(...offset.map((value, channel) => value - t * (along[channel] as number)));
      if (distance >= nearest) continue;
      nearest = distance;
      shares.fill(0);
      shares[j] = t;
      shares[i] = 1 - t;
    }
  }
  return shares;
}

function commonColors({ data }: Picture): string {
  const counts = new Map<string, number>();
  for (let at = 0; at < data.length; at += 4) {
    if ((data[at + 3] as number) < 128) continue;
    const hex = `#${[0, 1, 2].map((i) => (data[at + i] as number).toString(16).padStart(2, "0")).join("")}`;
    counts.set(hex, (counts.get(hex) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a).map(([hex]) => hex);
  if (sorted.length === 0) return "no pixel that is not transparent";
  const shown = sorted.slice(0, LISTED).join(", ");
  return sorted.length > LISTED ? `${shown} and ${sorted.length - LISTED} others` : shown;
}
