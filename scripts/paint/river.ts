/** "River": dots of unmixed paint. Trees, sails and their reflections; every dot leans towards its complement, as in Chevreul's law of contrast. */
import { blend, Canvas, type Color, difference, type Picture, paint, ramp } from "./canvas.ts";
import { clamp, noise, octaves, randomStream, step } from "./noise.ts";

const width = 704;
const height = 544;
const shore = 246;

const skyStops = [0x4f8fd8, 0x86b6e6, 0xbfc8ee, 0xf2bfcf, 0xffc27a].map(paint);
const leaf = [0x14335c, 0x1d6a48, 0x5fa43f, 0xd8d04b].map(paint);
const blossom = [0xb02a5b, 0xf06292, 0xffc1d5].map(paint);
const grass = [0x1c4a5a, 0x2f8a46, 0x8fbc40, 0xf0d54d].map(paint);

export function river(): Canvas {
  const random = randomStream(97);
  const canvas = new Canvas(width, height, (x, y) => blend(paint(0xf0e4cc), picture(x, y), 0.35));
  for (const [radius, count] of [
    [4.6, 12000],
    [3.4, 30000],
    [2.5, 60000],
  ] as const) {
    for (let i = 0; i < count; i++) {
      const x = random() * width;
      const y = random() * height;
      const wanted = picture(x, y);
      if (radius < 3 && difference(wanted, canvas.at(x, y)) < 0.2) continue;
      const size = radius * (0.75 + 0.5 * random());
      const angle = 6.28 * random();
      const dx = 0.9 * size * Math.cos(angle) * 0.5;
      const dy = 0.9 * size * Math.sin(angle) * 0.5;
      canvas.stroke(
        [
          [x - dx, y - dy],
          [x + dx, y + dy],
        ],
        divided(wanted, random),
        { radius: size * 0.62, opacity: 0.96, bristle: 0.25, body: 1.2 },
      );
    }
  }
  canvas.light(0.14);
  return canvas;
}

/** One of the colors that together, seen from afar, give `color`: lighter, darker, warmer, colder, or its complement. */
function divided(color: Color, random: () => number): Color {
  const mean = (color[0] + color[1] + color[2]) / 3;
  const vivid: Color = [
    mean + 1.45 * (color[0] - mean),
    mean + 1.45 * (color[1] - mean),
    mean + 1.45 * (color[2] - mean),
  ];
  const pick = random();
  const light = 0.24 * (random() - 0.5);
  const lean: Color =
    pick < 0.66
      ? vivid
      : pick < 0.75
        ? blend(vivid, paint(0xffb347), 0.4)
        : pick < 0.88
          ? blend(vivid, paint(0x3f5fc4), 0.4)
          : [mean - 0.8 * (vivid[0] - mean), mean - 0.8 * (vivid[1] - mean), mean - 0.8 * (vivid[2] - mean)];
  return [clamp(lean[0] + light), clamp(lean[1] + light), clamp(lean[2] + light)];
}

/** A crown of leaves: positive inside. */
function crown(x: number, y: number, cx: number, cy: number, rx: number, ry: number): number {
  return 1 - Math.hypot((x - cx) / rx, (y - cy) / ry) + 0.75 * octaves(x / 44, y / 38, cx);
}

const crowns = [
  [60, 96, 104, 84, 0],
  [186, 178, 58, 44, 0],
  [632, 78, 128, 92, 0],
  [540, 196, 46, 32, 1],
  [12, 190, 74, 52, 1],
  [690, 196, 70, 44, 0],
] as const;
const trunks = [
  [70, 96, 250, 9],
  [646, 90, 262, 11],
] as const;
const sails = [
  [330, 250, 150, 52, 0xfffaf0],
  [436, 238, 92, 32, 0xe8642b],
  [262, 236, 60, 20, 0xfff0d0],
] as const;

function land(x: number, y: number): Color | undefined {
  for (const [cx, foot, tall, wide, hex] of sails) {
    const t = (foot - y) / tall;
    if (t > 0.1 && t < 1 && x > cx - wide * 0.35 * (1 - t) && x < cx + wide * (1 - t))
      return blend(paint(hex), paint(0x8a6fb0), x < cx ? 0.35 : 0.06);
    if (t > -0.06 && t <= 0.1 && Math.abs(x - cx) < wide * (0.9 - 2 * (0.1 - t))) return paint(0x5a3320);
  }
  for (const [cx, cy, rx, ry, kind] of crowns) {
    const inside = crown(x, y, cx, cy, rx, ry);
    if (inside > 0)
      return ramp(
        kind ? blossom : leaf,
        0.5 + 0.62 * octaves(x / 26, y / 22, 61) + 0.0042 * (x - cx) - 0.0042 * (y - cy),
      );
  }
  for (const [cx, top, foot, wide] of trunks)
    if (
      y > top &&
      y < foot &&
      Math.abs(x - cx - 8 * Math.sin(y / 40)) < wide * (0.6 + (0.5 * (y - top)) / (foot - top))
    )
      return paint(0x4a2f45);
  const hill = shore - 24 - 20 * octaves(x / 150, 1, 62);
  if (y > hill && y < shore)
    return ramp(
      [paint(0x5b6fb0), paint(0x6fae8a), paint(0xb8cf78)],
      0.35 + (y - hill) / 40 + 0.6 * octaves(x / 40, y / 16, 63),
    );
  return undefined;
}

const picture: Picture = (x, y) => {
  const bank = 424 + 46 * Math.sin(x / 150 + 0.6) + 16 * octaves(x / 60, 2, 64);
  if (y > bank) {
    const flowers = noise(x / 7, y / 6, 65);
    const patch = octaves(x / 90, y / 50, 66);
    if (flowers > 0.55 && patch > 0) return paint(flowers > 0.75 ? 0xf5f0e6 : patch > 0.14 ? 0xe0324b : 0xf39c2d);
    return ramp(grass, 0.42 + 0.8 * octaves(x / 20, y / 44, 67) + 0.5 * patch - 0.4 * step(bank + 30, bank, y));
  }
  if (y < shore) {
    const air = ramp(skyStops, y / shore + 0.16 * octaves(x / 140, y / 60, 68));
    return land(x, y) ?? blend(air, paint(0xfff6e6), step(0.06, 0.4, octaves(x / 130, y / 44, 69)));
  }
  // The water: the shore upside down, moved sideways by waves, cooler and darker.
  const depth = (y - shore) / (bank - shore);
  const wave = 7 * Math.sin(y / (3 + 5 * depth) + 3 * octaves(x / 60, y / 20, 70)) * (0.3 + depth);
  const mirrored = shore - (y - shore) * 1.15;
  const above = land(x + wave, Math.max(0, mirrored)) ?? ramp(skyStops, mirrored / shore);
  const glint = noise(x / 22, y / 3.2, 71) > 0.5 - 0.2 * depth ? 0.42 : 0;
  return blend(blend(above, paint(0x2b63a8), 0.34 + 0.18 * depth), paint(0xfff3d0), glint);
};
