/** "Stained glass". Pieces of streaked glass between leads: a sun over hills, a river, lilies; light comes through from behind. */
import { blend, Canvas, type Color, paint } from "./canvas.ts";
import { clamp, lattice, noise, octaves, randomStream, step } from "./noise.ts";

const width = 576;
const height = 704;
const lead = paint(0x14110f);
const sun: readonly [number, number] = [300, 236];

const glass = {
  disc: [0xffe66b, 0xffb52e],
  ray: [0xf26b21, 0xd42a2a, 0xf9a11b, 0xb5174b],
  sky: [0x1b4fa8, 0x2f86c9, 0x12316f, 0x5b3fa0, 0x3fb0c8],
  hill: [0x1d7a4a, 0x53a548, 0x0f5a50, 0x9cc13c],
  water: [0x0f6fa5, 0x18a0b0, 0x1b3f8b, 0x6fd0d6],
  leaf: [0x2f8f3f, 0x7fbf3a, 0x176a3c],
  petal: [0xf7f3e8, 0xf4a6c0, 0xe2407a, 0xffd6de],
  heart: [0xffd23f],
  frame: [0x7a1f3d, 0xc4342f, 0x23386f, 0xe0a52c],
} as const;
type Kind = keyof typeof glass;

/** A piece of the design: the kind of glass and a number that differs from its neighbours'. */
type Piece = readonly [Kind, number];

export function stainedGlass(): Canvas {
  const random = randomStream(7);
  const seeds: [number, number][] = [];
  // Points at least 30 px apart make the smaller pieces into which large areas are cut.
  for (let tries = 0; tries < 6000; tries++) {
    const p: [number, number] = [random() * width, random() * height];
    if (seeds.every(([x, y]) => Math.hypot(x - p[0], (y - p[1]) * 1.25) > 34)) seeds.push(p);
  }
  const nearest = (x: number, y: number): readonly [number, number] => {
    let best = Number.POSITIVE_INFINITY;
    let second = best;
    let index = 0;
    for (const [i, [sx, sy]] of seeds.entries()) {
      const d = Math.hypot(x - sx, (y - sy) * 1.25);
      if (d < best) [second, best, index] = [best, d, i];
      else if (d < second) second = d;
    }
    return [index, second - best];
  };
  const cut: readonly Kind[] = ["sky", "hill", "water"];
  const canvas = new Canvas(width, height, () => lead);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const wx = x + 1.6 * noise(x / 19, y / 19, 81);
      const wy = y + 1.6 * noise(x / 19, y / 19, 82);
      const piece = design(wx, wy);
      const [cell, gap] = nearest(wx, wy);
      const cutHere = cut.includes(piece[0]);
      let seam = cutHere ? step(1.4, 3.6, gap) : 1;
      for (const [dx, dy] of [
        [3.2, 0],
        [-3.2, 0],
        [0, 3.2],
        [0, -3.2],
        [2.2, 2.2],
        [-2.2, 2.2],
        [2.2, -2.2],
        [-2.2, -2.2],
      ] as const) {
        const other = design(wx + dx, wy + dy);
        if (other[0] !== piece[0] || other[1] !== piece[1]) seam = Math.min(seam, 0);
      }
      canvas.dab(x, y, seam > 0 ? shine(piece, cutHere ? cell : 0, x, y) : lead, Math.max(seam, seam > 0 ? 0 : 1));
      canvas.thickness[y * width + x] =
        seam > 0 ? 0.5 * octaves(x / 7, y / 16, 83) : 2.6 + 0.5 * noise(x / 2, y / 2, 84);
    }
  }
  canvas.light(0.26, 0);
  return canvas;
}

/** Glass of one piece: its color, streaks and seeds in it, and more light near the sun. */
function shine([kind, number]: Piece, cell: number, x: number, y: number): Color {
  const colors = glass[kind].map(paint);
  const id = cell * 31 + number * 7;
  const own = colors[Math.floor(lattice(id, 3, 91) * colors.length)] ?? lead;
  const next = colors[Math.floor(lattice(id, 9, 92) * colors.length)] ?? own;
  const turn = 6.28 * lattice(id, 5, 93);
  const along = x * Math.cos(turn) + y * Math.sin(turn);
  const across = y * Math.cos(turn) - x * Math.sin(turn);
  const streak = octaves(along / 90, across / 11, id);
  const tint = blend(own, next, clamp(0.22 + 0.5 * streak));
  const bubble = noise(x / 2.2, y / 2.2, 94) > 0.86 ? 0.25 : 0;
  const behind = 0.72 + 0.5 * Math.exp(-Math.hypot(x - sun[0], y - sun[1]) / 230) + 0.3 * streak + bubble;
  const white = clamp(0.2 * (behind - 0.9));
  return [clamp(tint[0] * behind + white), clamp(tint[1] * behind + white), clamp(tint[2] * behind + white)];
}

function design(x: number, y: number): Piece {
  const rim = Math.min(x, y, width - x, height - y);
  if (rim < 13) return ["frame", 100 + Math.floor((x + y) / 46)];
  if (rim < 27) return ["frame", 300 + Math.floor((x - y + 2000) / 30)];
  for (const [cx, cy, r] of [
    [148, 566, 62],
    [404, 600, 70],
    [286, 648, 46],
  ] as const) {
    const dx = x - cx;
    const dy = (y - cy) * 1.25;
    const d = Math.hypot(dx, dy);
    if (d < 0.2 * r) return ["heart", cx];
    const angle = Math.atan2(dy, dx) + 6.283;
    for (const [ring, petals, reach] of [
      [0, 7, 0.66],
      [1, 9, 1],
    ] as const) {
      const turn = ((angle + 0.4 * ring) / 6.283) * petals;
      const bulge = Math.sqrt(Math.abs(Math.sin(Math.PI * (turn % 1))));
      if (d < r * reach * (0.62 + 0.38 * bulge)) return ["petal", cx + 20 * ring + Math.floor(turn)];
    }
    if (Math.hypot(dx + 0.7 * r, dy - 0.75 * r) < 0.6 * r) return ["leaf", cx + 1];
    if (Math.hypot(dx - 0.85 * r, dy - 0.6 * r) < 0.55 * r) return ["leaf", cx + 2];
  }
  const toSun = Math.hypot(x - sun[0], y - sun[1]);
  const far = 372 - 46 * Math.sin(x / 92 + 0.6) - 12 * Math.sin(x / 37);
  const near = 432 + 34 * Math.sin(x / 120 - 1.2);
  const bank = 500 - 20 * Math.sin(x / 88);
  if (y > near + 6 && y > bank) return ["water", Math.floor((y - bank) / 40 + 0.5 * Math.sin(x / 46))];
  if (y > near) return ["hill", 2];
  if (y > far) return ["hill", 1];
  if (toSun < 58) return ["disc", 1];
  const angle = (Math.atan2(y - sun[1], x - sun[0]) + 6.283) / 6.283;
  const rays = 20;
  const length = 58 + (Math.floor(angle * rays) % 2 === 0 ? 118 : 70);
  if (toSun < length) return ["ray", (Math.floor(angle * rays) % rays) + (toSun < 100 ? 40 : 0)];
  return ["sky", Math.floor(angle * 10) % 10];
}
