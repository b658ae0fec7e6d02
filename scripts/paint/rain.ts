/** "Rain": palette knife. A street at night: lamps, umbrellas and a tram, everything doubled in the wet stones. */
import { blend, Canvas, type Color, type Direction, type Picture, paint, ramp } from "./canvas.ts";
import { clamp, lattice, noise, octaves, randomStream, step } from "./noise.ts";

const width = 560;
const height = 704;
const ground = 402;
const vanish: readonly [number, number] = [290, 352];

const night = [0x0b1140, 0x1c2f86, 0x2f6fc4, 0x22a3b8, 0x8a3fa0].map(paint);
const lamp = [0xfffbe0, 0xffe066, 0xffa81f, 0xf4511e, 0xb0184f].map(paint);
const leaves = [0x8e1c4a, 0xd8341f, 0xf58a1f, 0xffc93c, 0x2e8f6b].map(paint);
const lamps = [
  [96, 214, 1],
  [190, 274, 0.62],
  [238, 308, 0.4],
  [474, 208, 1],
  [392, 278, 0.6],
  [342, 310, 0.38],
] as const;
const people = [
  [352, 470, 1.25, 0xd81b60],
  [252, 420, 0.72, 0x00897b],
  [300, 408, 0.5, 0xfdd835],
] as const;

export function rain(): Canvas {
  const random = randomStream(64);
  const canvas = new Canvas(width, height, (x, y) =>
    blend(paint(0x101638), paint(0x3a1444), 0.5 + octaves(x / 80, y / 80, 5)),
  );
  const knife = { bristle: 0.35, dryness: 0.35, edge: 0.42 };
  canvas.layer(picture, drag, random, {
    ...knife,
    radius: 11,
    spacing: 11,
    length: 44,
    threshold: 0,
    variety: 0.3,
    body: 1.6,
  });
  canvas.layer(picture, drag, random, {
    ...knife,
    radius: 6,
    spacing: 7,
    length: 28,
    threshold: 0.08,
    variety: 0.34,
    body: 2,
  });
  canvas.layer(picture, drag, random, {
    ...knife,
    radius: 3.2,
    spacing: 5,
    length: 20,
    threshold: 0.16,
    variety: 0.3,
    body: 2,
  });
  canvas.layer(picture, drag, random, {
    ...knife,
    radius: 1.7,
    spacing: 3,
    length: 12,
    threshold: 0.24,
    variety: 0.22,
    body: 1.5,
  });
  canvas.light(0.3);
  return canvas;
}

/** What stands above the street at a point; `undefined` is air. */
function things(x: number, y: number): Color | undefined {
  for (const [cx, foot, s, hex] of people) {
    const u = (x - cx) / s;
    const v = (y - foot) / s;
    if (v > -62 && v < -44 && Math.hypot(u, (v + 44) * 1.5) < 27)
      return blend(paint(hex), paint(0xffffff), clamp(0.25 - u / 60));
    if (Math.abs(u) < 1 && v > -46 && v < -30) return paint(0x20140f);
    if (Math.hypot(u - 2, v + 36) < 4.5) return paint(0x3a2018);
    if (v > -32 && v < -10 && Math.abs(u) < 6.5 + 0.22 * (v + 32)) return paint(0x1a2a5c);
    if (v >= -10 && v < 0 && Math.abs(Math.abs(u) - 4) < 2.6) return paint(0x14101c);
  }
  for (const [cx, cy, s] of lamps) {
    if (Math.hypot(x - cx, (y - cy) * 0.8) < 9 * s + 2) return lamp[0];
    if (Math.abs(x - cx) < 2.2 * s + 0.4 && y > cy && y < ground + 70 * s - 30) return paint(0x1a1420);
  }
  return undefined;
}

function scene(x: number, y: number): Color {
  const thing = things(x, y);
  if (thing) return thing;
  let halo = 0;
  for (const [cx, cy, s] of lamps) halo = Math.max(halo, s * Math.exp(-Math.hypot(x - cx, y - cy) / (30 + 34 * s)));
  const gap = Math.abs(x - vanish[0]) / 250;
  const roof = vanish[1] - 330 * gap ** 0.8 + 12 * noise(x / 24, 1, 171);
  const crown =
    0.72 -
    Math.min(Math.hypot((x - 40) / 190, (y - 120) / 150), Math.hypot((x - 530) / 180, (y - 110) / 160)) +
    0.4 * octaves(x / 46, y / 40, 172);
  let color = ramp(night, 0.42 + 0.9 * octaves(x / 110, y / 90, 173) + 0.1 * gap);
  color = blend(
    color,
    ramp(lamp, 0.35 + Math.hypot(x - vanish[0], (y - vanish[1]) * 1.3) / 330),
    0.9 * Math.exp(-Math.hypot(x - vanish[0], y - vanish[1]) / 110),
  );
  if (y > roof && crown < 0) {
    const scale = 8 + 26 * gap;
    const lit = lattice(Math.floor(x / scale), Math.floor((y - vanish[1]) / (scale * 1.3)), 174);
    const pane =
      Math.abs(((((x / scale) % 1) + 1) % 1) - 0.5) < 0.3 &&
      Math.abs((((((y - vanish[1]) / (scale * 1.3)) % 1) + 1) % 1) - 0.5) < 0.32;
    const wall = ramp(
      [paint(0x1a1550), paint(0x4a2a7c), paint(0x1f4f8c), paint(0x8c2f5c)],
      0.5 + 0.9 * octaves(x / 70, y / 110, 175),
    );
    color = pane && lit > 0.5 ? ramp(lamp, 0.1 + 0.7 * (lit - 0.5)) : wall;
  }
  if (crown > 0) color = ramp(leaves, 0.45 + 0.95 * octaves(x / 30, y / 30, 176) + 0.5 * halo);
  return blend(color, ramp(lamp, 0.9 - 0.9 * halo), clamp(1.15 * halo));
}

const picture: Picture = (x, y) => {
  if (y < ground) return scene(x, y);
  const thing = y < ground + 70 ? things(x, y) : undefined;
  if (thing) return thing;
  const depth = (y - ground) / (height - ground);
  const stones = noise(x / (10 + 26 * depth), y / (4 + 10 * depth), 177);
  const above = scene(x + (6 + 16 * depth) * noise(x / 14, y / 7, 178), ground - (y - ground) * 0.98);
  const wet = ramp(
    [paint(0x10174c), paint(0x23409a), paint(0x6a2f86), paint(0x16707c)],
    0.45 + 0.9 * octaves(x / 90, y / 60, 179),
  );
  let shine = 0;
  for (const [cx, , s] of lamps) {
    const path = cx + (cx - vanish[0]) * depth * 0.55;
    shine = Math.max(shine, s * Math.exp(-Math.abs(x - path) / (13 + 30 * depth)) * (0.65 + 0.5 * stones));
  }
  const center = Math.exp(-Math.abs(x - vanish[0]) / (34 + 70 * depth)) * step(1, 0.1, depth) * (0.7 + 0.4 * stones);
  const mirrored = blend(wet, above, 0.56 + 0.3 * stones);
  return blend(
    mirrored,
    ramp(lamp, 0.75 - 0.6 * Math.max(shine, center)),
    clamp(1.05 * Math.max(shine, 0.85 * center)),
  );
};

/** The knife is pulled down the walls, along the street and across the reflections. */
const drag: Direction = (x, y) => {
  if (y < ground) return Math.PI / 2 + 1.3 * noise(x / 40, y / 40, 181);
  return noise(x / 30, y / 14, 182) > 0.1 ? Math.PI / 2 + 0.2 : 0.25 * noise(x / 60, y / 60, 183);
};
