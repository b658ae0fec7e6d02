/** "Wheat": thick paint. A low sun over a wheat field, cypresses, violet hills; the brush follows the wind. */
import { blend, Canvas, type Color, type Direction, type Picture, paint, ramp } from "./canvas.ts";
import { noise, octaves, randomStream, step } from "./noise.ts";

const width = 704;
const height = 560;
const horizon = 0.46 * height;
const sun: readonly [number, number] = [500, 118];

const sky = [0x1f6f8b, 0x3fa7a6, 0x9ed3b2, 0xf6dd8a, 0xf7b64a].map(paint);
const glow = [0xfff3b0, 0xffd94f, 0xf9a825, 0xe9782c].map(paint);
const field = [0x7a4a12, 0xc77f1a, 0xe8a91f, 0xf6cf4b, 0xfbe38c].map(paint);
const hills = [0x24306e, 0x3f5aa6, 0x6a6fb8, 0x9aa0d0].map(paint);

export function wheat(): Canvas {
  const random = randomStream(41);
  const canvas = new Canvas(width, height, (x, y) =>
    blend(paint(0xb5651d), paint(0x8a4a1c), 0.5 + 0.5 * octaves(x / 90, y / 90, 5)),
  );
  const shared = { threshold: 0.06, edge: 0.3 };
  canvas.layer(picture, wind, random, {
    ...shared,
    radius: 9,
    spacing: 9,
    length: 60,
    threshold: 0,
    edge: 0.5,
    variety: 0.25,
    body: 0.8,
  });
  canvas.layer(picture, wind, random, {
    ...shared,
    radius: 4.4,
    spacing: 5,
    length: 38,
    variety: 0.34,
    body: 1.3,
    bristle: 0.7,
  });
  canvas.layer(picture, wind, random, {
    ...shared,
    radius: 2.5,
    spacing: 4,
    length: 24,
    threshold: 0.17,
    variety: 0.36,
    body: 1.5,
    bristle: 0.7,
  });
  canvas.layer(picture, wind, random, {
    ...shared,
    radius: 1.5,
    spacing: 3,
    length: 15,
    threshold: 0.24,
    variety: 0.3,
    body: 1.3,
  });
  for (let i = 0; i < 150; i++) {
    const depth = random() ** 1.3;
    const x = random() * width;
    const y = horizon + 14 + depth * (height - horizon - 20);
    const side = noise(x / 110, y / 60, 39);
    const size = 1.6 + 3.6 * depth;
    if (side < 0 || cypress(x, y) > -6) continue;
    const petal = paint(random() < 0.8 ? 0xd7352a : 0xf06a3a);
    canvas.stroke(
      [
        [x - size, y],
        [x, y + 0.4 * size],
        [x + size, y - 0.2 * size],
      ],
      petal,
      { radius: size * 0.8, body: 2 },
    );
  }
  canvas.light(0.42);
  return canvas;
}

function ridge(x: number): number {
  return horizon - 26 - 34 * octaves(x / 190, 0.3, 11) - 14 * Math.sin(x / 96);
}

/** How far inside a cypress a point lies: positive inside. */
function cypress(x: number, y: number): number {
  let inside = Number.NEGATIVE_INFINITY;
  for (const [cx, foot, tall, wide] of [
    [150, 400, 330, 36],
    [206, 392, 225, 27],
    [98, 396, 160, 22],
  ] as const) {
    const t = (foot - y) / tall;
    if (t < 0 || t > 1) continue;
    const flame = wide * Math.sin(Math.PI * Math.min(1, 0.12 + 0.88 * t ** 0.75)) + 5 * noise(y / 14, cx, 21);
    inside = Math.max(inside, flame - Math.abs(x - cx - 9 * Math.sin(t * 5 + cx)));
  }
  return inside;
}

/** A farmhouse between hills and field: gable, roof, wall and windows. */
function house(x: number, y: number): Color | undefined {
  const u = x - 330;
  const v = y - (horizon - 22);
  if (u < 0 || u > 92 || v > 50) return undefined;
  const gable = u < 30 ? Math.abs(u - 15) * 1.25 : 0;
  if (v < gable || v < 0) return undefined;
  if (u >= 30 && v < 20) return paint(0xb8402a);
  if ((u > 8 && u < 20 && v > 26) || (u > 46 && u < 56 && v > 28 && v < 40) || (u > 70 && u < 80 && v > 28 && v < 40))
    return paint(0x31507e);
  return paint(u < 30 ? 0xfbf0d0 : 0xe3c79a);
}

const picture: Picture = (x, y) => {
  if (cypress(x, y) > 0) {
    const tongue = noise(x / 8 + 2 * Math.sin(y / 30), y / 46, 22);
    return ramp([paint(0x0d2b2a), paint(0x1d5138), paint(0x3c7a3e), paint(0x8a9a3a)], 0.42 + 0.55 * tongue);
  }
  const building = house(x, y);
  if (building) return building;
  const toSun = Math.hypot(x - sun[0], y - sun[1]);
  if (y < ridge(x)) {
    if (toSun < 40) return glow[0] ?? [1, 1, 1];
    const rings = 0.5 + 0.5 * Math.cos(toSun / 8.5 + 2 * noise(x / 40, y / 40, 31));
    const air = ramp(sky, y / horizon + 0.28 * octaves(x / 130, y / 60, 32) + 0.06 * Math.sin(toSun / 13));
    const cloud = step(0.1, 0.42, octaves(x / 150 + 3, y / 52, 33));
    const bright = blend(air, paint(0xfdf0cf), 0.75 * cloud);
    return blend(bright, ramp(glow, toSun / 170 + 0.25 * rings), step(190, 45, toSun) * (0.55 + 0.45 * rings));
  }
  if (y < horizon + 6 * noise(x / 50, 1, 34)) {
    return ramp(hills, 0.5 + 0.7 * octaves(x / 60, y / 26, 35) + (y - ridge(x)) / 180);
  }
  const depth = (y - horizon) / (height - horizon);
  const rows = Math.sin((x - 420) / (10 + 60 * depth) + 3 * octaves(x / 120, y / 90, 36));
  const stalk = octaves(x / (3 + 7 * depth), y / (16 + 44 * depth), 37);
  const wheatColor = ramp(field, 0.55 + 0.14 * rows + 0.62 * stalk);
  const path = Math.abs(x - 420 - 130 * Math.sin(depth * 2.4) - 60 * depth) < 6 + 44 * depth;
  return path ? ramp([paint(0x4f7a3a), paint(0x8fa84e), paint(0xd8b46a)], 0.5 + 0.9 * stalk) : wheatColor;
};

const wind: Direction = (x, y) => {
  if (cypress(x, y) > -3) return -Math.PI / 2 + 0.7 * noise(x / 26, y / 40, 51);
  if (y > horizon) {
    const depth = (y - horizon) / (height - horizon);
    return -Math.PI / 2 + 0.55 + 0.9 * octaves(x / 90, y / 70, 52) - 0.3 * depth;
  }
  if (y > ridge(x)) return Math.atan2(ridge(x + 4) - ridge(x - 4), 8) + 0.3 * noise(x / 20, y / 20, 53);
  const dx = x - sun[0];
  const dy = y - sun[1];
  const around = Math.atan2(dx, -dy);
  const gust = 0.15 + 1.9 * octaves(x / 210, y / 150, 54, 3);
  const near = step(210, 60, Math.hypot(dx, dy));
  return Math.atan2(
    near * Math.sin(around) + (1 - near) * Math.sin(gust),
    near * Math.cos(around) + (1 - near) * Math.cos(gust),
  );
};
