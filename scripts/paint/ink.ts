/** "Ink": brush and water on paper. Ridges that fade into mist, a pine on a rock, a boat, a red sun and a seal. */
import { blend, Canvas, type Color, type Point, paint } from "./canvas.ts";
import { clamp, noise, octaves, type Random, randomStream, step } from "./noise.ts";

const width = 704;
const height = 528;
const inkColor: Color = paint(0x16181d);
const vermilion: Color = paint(0xc8321e);

export function ink(): Canvas {
  const random = randomStream(23);
  const canvas = new Canvas(width, height, paper);
  wash(
    canvas,
    (x, y) =>
      0.86 *
      step(47, 44.5, Math.hypot(x - 500, y - 118) + 1.2 * noise(x / 5, y / 5, 3)) *
      (0.86 + 0.3 * octaves(x / 26, y / 26, 4)),
    vermilion,
  );
  const ridges = [
    [214, 84, 0.2, 210, 150],
    [262, 98, 0.34, 160, 330],
    [318, 88, 0.5, 190, 620],
    [372, 70, 0.72, 120, 60],
  ] as const;
  for (const [index, [level, tall, dark, wide, peak]] of ridges.entries()) {
    const ridge = (x: number): number => {
      const bump = octaves(x / wide + 5 * index, 0.5, 110 + index, 6);
      return (
        level -
        tall * (0.35 + 1.5 * Math.max(-0.2, bump)) +
        5 * noise(x / 9, index, 120 + index) -
        90 * Math.exp(-(((x - peak) / 74) ** 2))
      );
    };
    // The wash is darkest along the ridge and runs out in the mist below it; its wet edge gathers pigment.
    wash(
      canvas,
      (x, y) => {
        const below = y - ridge(x);
        if (below < -1) return 0;
        const grain = 1 + 0.55 * octaves(x / 15, y / 34, 130 + index) + 0.25 * noise(x / 2.4, y / 2.4, 131);
        const folds = 0.5 + 0.5 * noise((x + 0.55 * below) / 13, below / 60, 140 + index);
        return (
          dark *
          step(-1, 1.5, below) *
          grain *
          (0.3 * Math.exp(-below / 4) + (0.35 + 0.65 * folds) * Math.exp(-below / (34 + 26 * folds)))
        );
      },
      blend(inkColor, paint(0x33475e), 0.75 - 0.22 * index),
    );
  }
  // Water: a few dry horizontal strokes.
  for (let i = 0; i < 34; i++) {
    const y = 430 + 84 * random();
    const x = random() * width;
    const long = 40 + 130 * random();
    canvas.stroke(wobble(x, y, x + long, y + 2, random, 2), blend(inkColor, paint(0x5a6f80), 0.4 + 0.4 * random()), {
      radius: 1 + 2.4 * random(),
      opacity: 0.2 + 0.25 * random(),
      bristle: 1,
      dryness: 0.9,
      body: 0,
    });
  }
  boat(canvas, random);
  pine(canvas, random);
  birds(canvas);
  seal(canvas);
  canvas.light(0.12, 0);
  return canvas;
}

function paper(x: number, y: number): Color {
  const fibre =
    0.035 * octaves(x / 3, y / 22, 101) + 0.03 * octaves(x / 24, y / 3, 102) + 0.04 * octaves(x / 120, y / 120, 103);
  const [r, g, b] = paint(0xf2e8d2);
  return [clamp(r + fibre), clamp(g + fibre), clamp(b + 1.2 * fibre)];
}

/** Transparent color over the whole sheet, as much as `amount` says. */
function wash(canvas: Canvas, amount: (x: number, y: number) => number, color: Color): void {
  for (let y = 0; y < canvas.height; y++)
    for (let x = 0; x < canvas.width; x++) {
      const a = clamp(amount(x, y));
      if (a > 0) canvas.dab(x, y, color, a);
    }
}

function wobble(ax: number, ay: number, bx: number, by: number, random: Random, size: number): Point[] {
  const [p, q] = [6.28 * random(), 6.28 * random()];
  return Array.from({ length: 17 }, (_, i) => {
    const t = i / 16;
    const sway = size * Math.sin(Math.PI * t) * (Math.sin(5 * t + p) + 0.5 * Math.sin(11 * t + q));
    const across = Math.hypot(bx - ax, by - ay) || 1;
    return [
      ax + (bx - ax) * t - ((by - ay) / across) * sway,
      ay + (by - ay) * t + ((bx - ax) / across) * sway,
    ] as const;
  });
}

function pine(canvas: Canvas, random: Random): void {
  const dry = { bristle: 1, dryness: 0.45, body: 0.6 };
  // The rock.
  for (let i = 0; i < 46; i++) {
    const x = -20 + 200 * random();
    const y = 396 + 0.34 * x + 120 * random() ** 2;
    const shade = blend(inkColor, paint(0x4a5560), random());
    canvas.stroke(wobble(x, y, x + 30 + 40 * random(), y + 26 + 40 * random(), random, 6), shade, {
      ...dry,
      radius: 4 + 8 * random(),
      opacity: 0.55,
    });
  }
  const limb = (path: Point[], radius: number): void => {
    for (let i = 0; i + 6 < path.length; i += 5) {
      const thin = radius * (1 - (0.72 * i) / path.length);
      canvas.stroke(path.slice(i, i + 9), inkColor, { ...dry, radius: thin, opacity: 0.92, dryness: 0.15 });
    }
  };
  const trunk: Point[] = [
    [70, 424],
    [96, 372],
    [84, 322],
    [112, 270],
    [106, 214],
    [138, 160],
    [132, 112],
  ];
  limb(smooth(trunk), 10);
  const branches: Point[][] = [
    [
      [96, 360],
      [150, 350],
      [196, 364],
      [246, 352],
    ],
    [
      [88, 318],
      [50, 300],
      [18, 306],
    ],
    [
      [108, 276],
      [160, 256],
      [206, 264],
      [262, 246],
    ],
    [
      [106, 226],
      [70, 206],
      [34, 208],
    ],
    [
      [124, 186],
      [168, 168],
      [214, 172],
    ],
    [
      [136, 146],
      [110, 118],
      [90, 116],
    ],
    [
      [132, 112],
      [152, 84],
      [180, 80],
    ],
  ];
  for (const branch of branches) limb(smooth(branch), 4.4);
  // Needles in fans along the branches.
  for (const branch of branches) {
    const line = smooth(branch);
    for (let i = Math.floor(line.length * 0.3); i < line.length; i += 3) {
      const [x, y] = line[i] ?? [0, 0];
      for (let k = 0; k < 13; k++) {
        const angle = -Math.PI / 2 + 2.7 * (random() - 0.5);
        const long = 9 + 13 * random();
        const [sx, sy] = [x + 12 * (random() - 0.5), y - 6 * random()];
        const green = blend(inkColor, paint(0x2f4f3a), 0.6 * random());
        canvas.stroke(
          [
            [sx, sy],
            [sx + long * Math.cos(angle), sy + long * Math.sin(angle) * 0.8],
          ],
          green,
          { radius: 0.85, opacity: 0.7, bristle: 0.4, dryness: 0.5, body: 0.3 },
        );
      }
    }
  }
}

/** Points of a Catmull-Rom curve through `points`. */
function smooth(points: readonly Point[]): Point[] {
  const out: Point[] = [];
  for (let i = 0; i + 1 < points.length; i++) {
    const [b, c] = [points[i] ?? [0, 0], points[i + 1] ?? [0, 0]];
    const [a, d] = [points[i - 1] ?? b, points[i + 2] ?? c];
    for (let t = 0; t < 1; t += 0.1) {
      const at = (k: 0 | 1): number =>
        0.5 *
        (2 * b[k] +
          (c[k] - a[k]) * t +
          (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k]) * t ** 2 +
          (3 * b[k] - a[k] - 3 * c[k] + d[k]) * t ** 3);
      out.push([at(0), at(1)]);
    }
  }
  return out;
}

function boat(canvas: Canvas, random: Random): void {
  const hull: Point[] = [
    [430, 452],
    [452, 464],
    [492, 467],
    [530, 459],
    [546, 448],
  ];
  canvas.stroke(smooth(hull), inkColor, { radius: 4.6, bristle: 0.8, opacity: 0.95, body: 0.5 });
  canvas.stroke(wobble(470, 462, 474, 400, random, 1), inkColor, { radius: 1.4, opacity: 0.9, body: 0.3 });
  canvas.stroke(
    smooth([
      [476, 404],
      [506, 420],
      [516, 446],
      [480, 452],
    ]),
    blend(inkColor, paint(0x8a6a4a), 0.55),
    { radius: 5.5, opacity: 0.5, bristle: 1, body: 0.3 },
  );
  canvas.stroke(wobble(440, 476, 536, 478, random, 1), blend(inkColor, paint(0x5a6f80), 0.5), {
    radius: 3,
    opacity: 0.3,
    bristle: 1,
    dryness: 0.8,
    body: 0,
  });
}

function birds(canvas: Canvas): void {
  for (const [x, y, s] of [
    [388, 132, 11],
    [414, 116, 9],
    [362, 152, 8],
    [436, 140, 7],
    [338, 128, 6],
  ] as const) {
    canvas.stroke(
      smooth([
        [x - s, y - 0.5 * s],
        [x - 0.4 * s, y - 0.45 * s],
        [x, y],
        [x + 0.4 * s, y - 0.55 * s],
        [x + s, y - 0.4 * s],
      ]),
      inkColor,
      { radius: 1.3, opacity: 0.9, body: 0.3 },
    );
  }
}

/** A carved seal of abstract strokes. */
function seal(canvas: Canvas): void {
  wash(
    canvas,
    (x, y) => {
      const [u, v] = [x - 640, y - 440];
      if (u < 0 || v < 0 || u > 36 || v > 46) return 0;
      const cut =
        u > 4 && u < 32 && v > 4 && v < 42 && (Math.abs((v % 12) - 8) < 1.8 || (Math.abs(u - 18) < 1.6 && v % 24 > 6));
      return (cut ? 0.08 : 0.92) * (0.85 + 0.25 * noise(x / 2, y / 2, 151));
    },
    vermilion,
  );
}
