/**
 * Regions painted with a brush: for each painting a plane that says where it goes. The brush is
 * soft; what it adds to one painting it takes from the others, so that together they never cover
 * more than everything.
 */

import type { Picture, Size } from "adaattn";
import { fitWithin } from "adaattn/web";

/**
 * How long the longer side of the planes is: the finest grid of the network has a cell for every
 * four pixels.
 */
const PLANE_SIDE = 320;

/** Planes by painting, 0 to 255, row after row; immutable, so that a history can keep them. */
export interface Regions extends Size {
  readonly planes: Readonly<Record<string, Uint8Array>>;
}

export interface Brush {
  /** Whose region is painted; undefined erases. */
  readonly painting: string | undefined;
  /** From the middle to the edge, as a share of the planes' longer side. */
  readonly radius: number;
}

/** Regions in which nothing is painted, for a photograph. */
export function emptyRegions({ width, height }: Size): Regions {
  return { ...fitWithin(width, height, PLANE_SIDE), planes: {} };
}

/** The regions with one more dab of the brush along a line, whose ends are given from 0 to 1. */
export function dab(
  regions: Regions,
  brush: Brush,
  from: readonly [number, number],
  to: readonly [number, number],
): Regions {
  const { width, height } = regions;
  const radius = brush.radius * Math.max(width, height);
  const [x0, y0, x1, y1] = [from[0] * width, from[1] * height, to[0] * width, to[1] * height];
  const planes: Record<string, Uint8Array> = {};
  for (const [painting, plane] of Object.entries(regions.planes)) planes[painting] = plane.slice();
  if (brush.painting !== undefined) planes[brush.painting] ??= new Uint8Array(width * height);
  const left = Math.max(0, Math.floor(Math.min(x0, x1) - radius));
  const right = Math.min(width - 1, Math.ceil(Math.max(x0, x1) + radius));
  const top = Math.max(0, Math.floor(Math.min(y0, y1) - radius));
  const bottom = Math.min(height - 1, Math.ceil(Math.max(y0, y1) + radius));
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const away = distance(x + 0.5, y + 0.5, x0, y0, x1, y1) / radius;
      if (away >= 1) continue;
      // Full to three quarters of the radius, then softly to nothing.
      const cover = away < 0.75 ? 1 : (1 - away) * 4;
      const at = y * width + x;
      for (const [painting, plane] of Object.entries(planes)) {
        const old = plane[at] as number;
        plane[at] = painting === brush.painting ? Math.max(old, cover * 255) : Math.min(old, 255 * (1 - cover));
      }
    }
  }
  for (const [painting, plane] of Object.entries(planes)) if (!plane.some(Boolean)) delete planes[painting];
  return { width, height, planes };
}

/**
 * How far a color may be from the one that was clicked, and how much may change from one place to
 * the next, both by the mean difference of the channels.
 */
const ALIKE = { color: 34, edge: 13 } as const;

/**
 * The regions with all that hangs together with a place of the photograph and resembles it in color,
 * up to the next edge, given to a painting; undefined erases there.
 *
 * @param photo the photograph, at the size of the regions.
 * @param at where, from 0 to 1.
 */
export function fill(
  regions: Regions,
  photo: Picture,
  painting: string | undefined,
  at: readonly [number, number],
): Regions {
  const { width, height } = regions;
  if (photo.width !== width || photo.height !== height)
    throw new RangeError(`Expected a photo of ${width} x ${height} but received ${photo.width} x ${photo.height}.`);
  const { data } = photo;
  const between = (a: number, b: number) => {
    let sum = 0;
    for (let channel = 0; channel < 3; channel++)
      sum += Math.abs((data[a * 4 + channel] as number) - (data[b * 4 + channel] as number));
    return sum / 3;
  };
  const place = (share: number, side: number) => Math.min(side - 1, Math.max(0, Math.floor(share * side)));
  const seed = place(at[1], height) * width + place(at[0], width);
  const found = new Uint8Array(width * height);
  found[seed] = 1;
  const waiting = [seed];
  for (let here = waiting.pop(); here !== undefined; here = waiting.pop()) {
    const x = here % width;
    for (const next of [x > 0 ? here - 1 : -1, x < width - 1 ? here + 1 : -1, here - width, here + width]) {
      if (next < 0 || next >= found.length || found[next] === 1) continue;
      if (between(seed, next) > ALIKE.color || between(here, next) > ALIKE.edge) continue;
      found[next] = 1;
      waiting.push(next);
    }
  }
  return given(regions, painting, (index) => found[index] === 1);
}

/** The regions of a painting turned around: it goes where it did not, and nowhere where it did. */
export function invert(regions: Regions, painting: string): Regions {
  const { width, height, planes } = regions;
  const { [painting]: own, ...others } = planes;
  const inverted = Object.fromEntries(
    Object.entries(others).map(([id, plane]) => [id, plane.map((value, at) => Math.min(value, own?.[at] ?? 0))]),
  );
  return whole({
    width,
    height,
    planes: { ...inverted, [painting]: Uint8Array.from({ length: width * height }, (_, at) => 255 - (own?.[at] ?? 0)) },
  });
}

/** The regions in which a painting, or none, has all of the places that are asked for. */
function given(regions: Regions, painting: string | undefined, isAsked: (at: number) => boolean): Regions {
  const { width, height } = regions;
  const planes: Record<string, Uint8Array> = { ...regions.planes };
  if (painting !== undefined) planes[painting] ??= new Uint8Array(width * height);
  for (const [id, plane] of Object.entries(planes))
    planes[id] = plane.map((value, at) => (isAsked(at) ? (id === painting ? 255 : 0) : value));
  return whole({ width, height, planes });
}

/** Without planes in which nothing is. */
function whole({ width, height, planes }: Regions): Regions {
  return {
    width,
    height,
    planes: Object.fromEntries(Object.entries(planes).filter(([, plane]) => plane.some(Boolean))),
  };
}

/**
 * The regions for other paintings: the only one takes over all, else those of others go; undefined
 * where none is left.
 */
export function regionsFor(regions: Regions, paintings: readonly string[]): Regions | undefined {
  const { width, height, planes } = regions;
  const [only] = paintings;
  if (paintings.length === 1 && only !== undefined) {
    const all = new Uint8Array(width * height);
    for (const plane of Object.values(planes)) {
      for (const [at, value] of plane.entries()) all[at] = Math.min(255, (all[at] as number) + value);
    }
    return { width, height, planes: { [only]: all } };
  }
  const kept = Object.entries(planes).filter(([painting]) => paintings.includes(painting));
  return kept.length === 0 ? undefined : { width, height, planes: Object.fromEntries(kept) };
}

/** How far a point is from a line between two others. */
function distance(x: number, y: number, x0: number, y0: number, x1: number, y1: number): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / length));
  return Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
}

/** A painting's region as a mask: white where it goes. */
export function maskOf({ width, height, planes }: Regions, painting: string): Picture | undefined {
  const plane = planes[painting];
  if (plane === undefined) return undefined;
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (const [at, value] of plane.entries()) data.fill(value, at * 4, at * 4 + 3);
  return { width, height, data };
}

/**
 * Colors of the paintings' regions, in order; the page's style sheet has the same as --region-1
 * and on.
 */
export const REGION_COLORS: readonly (readonly [number, number, number])[] = [
  [214, 84, 42],
  [38, 121, 178],
  [72, 138, 62],
  [138, 88, 168],
];

/**
 * The regions in colors, transparent where there is none, for showing them over the photograph.
 */
export function drawRegions({ width, height, planes }: Regions, paintings: readonly string[]): Picture {
  const data = new Uint8ClampedArray(width * height * 4);
  for (const [index, painting] of paintings.entries()) {
    const plane = planes[painting];
    const color = REGION_COLORS[index % REGION_COLORS.length];
    if (plane === undefined || color === undefined) continue;
    for (const [at, value] of plane.entries()) {
      if (value > (data[at * 4 + 3] as number) * 2) data.set([...color, value / 2], at * 4);
    }
  }
  return { width, height, data };
}
