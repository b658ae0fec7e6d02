/**
 * Gray pictures stay gray. The decoder knows nothing of grays: from a gray photograph and a gray
 * painting it makes lightness and, as noise, colors. How much of a result's chroma is meant is
 * therefore told by how colorful what it was made of is.
 */

import type { Area, PictureSource } from "./area.ts";
import { fromOklab, toOklab } from "./oklab.ts";
import type { Picture } from "./picture.ts";

/**
 * Between these colorfulnesses chroma fades in: below are scans and cameras that mean gray, above
 * is a tone or a small red balloon. A film that turns from gray to colors does so without a jump.
 */
const [GRAY, COLORFUL] = [2, 8];

/**
 * How far red, green and blue are apart: the root mean square, in bytes, of the largest less the
 * smallest; by alpha.
 */
class Colorfulness {
  #total = 0;
  #squares = 0;

  add({ data }: Picture): void {
    for (let at = 0; at < data.length; at += 4) {
      const [red, green, blue] = [data[at] as number, data[at + 1] as number, data[at + 2] as number];
      const alpha = data[at + 3] as number;
      const spread = Math.max(red, green, blue) - Math.min(red, green, blue);
      this.#total += alpha;
      this.#squares += alpha * spread * spread;
    }
  }

  /** From 0, gray, to 1. */
  share(): number {
    const root = this.#total === 0 ? 0 : Math.sqrt(this.#squares / this.#total);
    return Math.min(1, Math.max(0, (root - GRAY) / (COLORFUL - GRAY)));
  }
}

/**
 * How much of the chroma of what is painted from these is meant, from 0 to 1; the photograph is
 * read part by part.
 */
export async function chromaShare(
  paintings: readonly Picture[],
  photo: PictureSource,
  areas: readonly Area[],
): Promise<number> {
  let most = 0;
  for (const painting of paintings) {
    const colors = new Colorfulness();
    colors.add(painting);
    most = Math.max(most, colors.share());
  }
  if (most === 1) return 1;
  const colors = new Colorfulness();
  for (const area of areas) colors.add(await photo.read(area));
  return Math.max(most, colors.share());
}

/** A share of a picture's chroma (OKLab's a and b), and the photograph's for the rest of it. */
export function fadeChroma(
  stylized: Picture & { data: Uint8ClampedArray<ArrayBuffer> },
  photograph: Picture,
  share: number,
): Picture & { data: Uint8ClampedArray<ArrayBuffer> } {
  if (share === 1) return stylized;
  const data = new Uint8ClampedArray(stylized.data);
  const colors = (from: Picture["data"], at: number) =>
    toOklab(from[at] as number, from[at + 1] as number, from[at + 2] as number);
  for (let at = 0; at < data.length; at += 4) {
    const [lightness, a, b] = colors(data, at);
    const [, ownA, ownB] = colors(photograph.data, at);
    data.set(fromOklab([lightness, share * a + (1 - share) * ownA, share * b + (1 - share) * ownB]), at);
  }
  return { width: stylized.width, height: stylized.height, data };
}
