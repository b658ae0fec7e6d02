/**
 * A canvas of colored paint that has a thickness, and a brush of bristles.
 *
 * A stroke follows a path; every bristle has its own load of paint, so that the stroke is streaky along its length, dries out towards
 * its end and leaves ridges. Light from the upper left then falls on the thickness. The order of layers, coarse to fine, with strokes only
 * where the canvas still differs from the picture in mind, is that of Hertzmann, "Painterly rendering with curved brush strokes of
 * multiple sizes", SIGGRAPH 1998.
 */
import { clamp, mix, noise, octaves, type Random } from "./noise.ts";

/** Red, green and blue in [0, 1]. */
export type Color = readonly [number, number, number];
export type Point = readonly [number, number];
/** The picture in mind: a color for every point, in pixels. */
export type Picture = (x: number, y: number) => Color;
/** The direction of the brush at a point, in radians. */
export type Direction = (x: number, y: number) => number;

export interface BrushOptions {
  radius: number;
  /** How much of what lies below is covered, in [0, 1]. */
  opacity?: number;
  /** How much single bristles differ in load and color, in [0, 1]. */
  bristle?: number;
  /** How much the paint runs out towards the end of the stroke, in [0, 1]. */
  dryness?: number;
  /** Height of the paint, in pixels. */
  body?: number;
}

export interface LayerOptions extends BrushOptions {
  /** Distance of neighbouring strokes, in pixels. */
  spacing: number;
  /** Longest stroke, in pixels. */
  length: number;
  /** Difference of color (0 to about 1.7) from which a place is painted again. */
  threshold: number;
  /** A stroke ends where the picture differs from its own color by more than this. */
  edge: number;
  /** Random change of color and brightness from stroke to stroke. */
  variety: number;
}

export class Canvas {
  readonly width: number;
  readonly height: number;
  readonly color: Float32Array;
  readonly thickness: Float32Array;
  readonly #visited: Uint32Array;
  #strokes = 0;

  constructor(width: number, height: number, ground: Picture) {
    this.width = width;
    this.height = height;
    this.color = new Float32Array(width * height * 3);
    this.thickness = new Float32Array(width * height);
    this.#visited = new Uint32Array(width * height);
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) this.color.set(ground(x, y), 3 * (y * width + x));
  }

  at(x: number, y: number): Color {
    const i = 3 * (clamp(Math.round(y), 0, this.height - 1) * this.width + clamp(Math.round(x), 0, this.width - 1));
    return [this.color[i] ?? 0, this.color[i + 1] ?? 0, this.color[i + 2] ?? 0];
  }

  /** Mix a color into one pixel. */
  dab(x: number, y: number, [red, green, blue]: Color, opacity: number): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    const i = 3 * (y * this.width + x);
    this.color[i] = mix(this.color[i] ?? 0, red, opacity);
    this.color[i + 1] = mix(this.color[i + 1] ?? 0, green, opacity);
    this.color[i + 2] = mix(this.color[i + 2] ?? 0, blue, opacity);
  }

  /** One stroke of the brush along a path. */
  stroke(path: readonly Point[], color: Color, options: BrushOptions): void {
    const { radius, opacity = 1, bristle = 0.5, dryness = 0.3, body = 1 } = options;
    const id = ++this.#strokes;
    const line = resample(path, 0.6);
    const across = Math.ceil(radius / 0.6);
    for (const [index, [px, py]] of line.entries()) {
      const [ax, ay] = line[Math.max(0, index - 2)] ?? [px, py];
      const [bx, by] = line[Math.min(line.length - 1, index + 2)] ?? [px, py];
      const size = Math.hypot(bx - ax, by - ay) || 1;
      const t = index / Math.max(1, line.length - 1);
      const end = Math.min(index, line.length - 1 - index) * 0.6;
      const reach = radius * Math.min(1, Math.sqrt((end + 0.35 * radius) / radius));
      for (let k = -across; k <= across; k++) {
        const offset = k * 0.6;
        if (Math.abs(offset) > reach) continue;
        const x = Math.round(px - ((by - ay) / size) * offset);
        const y = Math.round(py + ((bx - ax) / size) * offset);
        if (x < 0 || y < 0 || x >= this.width || y >= this.height) continue;
        const pixel = y * this.width + x;
        if (this.#visited[pixel] === id) continue;
        this.#visited[pixel] = id;
        // Each bristle is a line of noise that hardly changes along the stroke.
        const hair = noise(offset * 1.15, index * 0.022, id) * 0.65 + noise(offset * 0.4, index * 0.01, id + 7) * 0.35;
        const load = clamp(1.15 + bristle * hair - dryness * t * (1.1 - hair));
        const rim = clamp((reach - Math.abs(offset)) * 0.9 + 0.35);
        const cover = opacity * rim * load;
        const shade = 1 + 0.22 * bristle * hair;
        this.dab(x, y, [color[0] * shade, color[1] * shade, color[2] * shade], cover);
        const ridge = body * (0.55 + 0.9 * bristle * hair + 0.5 * (Math.abs(offset) / radius) ** 4 + 0.25 * t);
        this.thickness[pixel] = mix(this.thickness[pixel] ?? 0, ridge + 0.25 * (this.thickness[pixel] ?? 0), cover);
      }
    }
  }

  /** Cover the canvas with strokes that follow `direction`, in random order, where it is not yet like `picture`. */
  layer(picture: Picture, direction: Direction, random: Random, options: LayerOptions): void {
    const starts: Point[] = [];
    for (let y = 0; y < this.height; y += options.spacing)
      for (let x = 0; x < this.width; x += options.spacing)
        starts.push([x + (random() - 0.5) * 1.6 * options.spacing, y + (random() - 0.5) * 1.6 * options.spacing]);
    for (let i = starts.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      const a = starts[i];
      const b = starts[j];
      if (a && b) [starts[i], starts[j]] = [b, a];
    }
    for (const [x, y] of starts) {
      const wanted = picture(x, y);
      const jitter: Color = [random() - 0.5, random() - 0.5, random() - 0.5];
      const light = 1 + options.variety * (random() - 0.5);
      const size = 0.7 + 0.6 * random();
      if (difference(wanted, this.at(x, y)) < options.threshold) continue;
      const path: Point[] = [[x, y]];
      let [cx, cy] = [x, y];
      for (let run = 0; run < options.length * size; run += 2) {
        const angle = direction(cx, cy);
        cx += 2 * Math.cos(angle);
        cy += 2 * Math.sin(angle);
        if (difference(picture(cx, cy), wanted) > options.edge) break;
        path.push([cx, cy]);
      }
      if (path.length < 2) path.push([x + 1.5 * Math.cos(direction(x, y)), y + 1.5 * Math.sin(direction(x, y))]);
      const v = 0.6 * options.variety;
      const color: Color = [
        clamp(wanted[0] * light + v * jitter[0]),
        clamp(wanted[1] * light + v * jitter[1]),
        clamp(wanted[2] * light + v * jitter[2]),
      ];
      this.stroke(path, color, { ...options, radius: options.radius * size });
    }
  }

  /** Light from the upper left on the thickness of the paint and on the weave of the cloth. */
  light(strength: number, weave = 0.02): void {
    const { width, height, thickness, color } = this;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const here = y * width + x;
        const left = thickness[y * width + Math.max(0, x - 1)] ?? 0;
        const right = thickness[y * width + Math.min(width - 1, x + 1)] ?? 0;
        const above = thickness[Math.max(0, y - 1) * width + x] ?? 0;
        const below = thickness[Math.min(height - 1, y + 1) * width + x] ?? 0;
        const slope = (right - left) * 0.6 + (below - above) * 0.8;
        const cloth =
          weave * (Math.sin(x * 2.1 + octaves(x / 9, y / 40, 3)) + Math.sin(y * 2.1 + octaves(x / 40, y / 9, 4)));
        const gain = clamp(1 + strength * slope + cloth, 0.45, 1.6);
        const gloss = 0.35 * strength * Math.max(0, slope - 0.5);
        for (let c = 0; c < 3; c++) {
          color[3 * here + c] = clamp((color[3 * here + c] ?? 0) * gain + gloss);
        }
      }
    }
  }

  toBytes(): Uint8Array {
    return Uint8Array.from(this.color, (value) => Math.round(255 * clamp(value)));
  }
}

export function difference(a: Color, b: Color): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

export function blend(a: Color, b: Color, t: number): Color {
  return [mix(a[0], b[0], t), mix(a[1], b[1], t), mix(a[2], b[2], t)];
}

/** A color written as `0xrrggbb`. */
export function paint(hex: number): Color {
  return [((hex >> 16) & 255) / 255, ((hex >> 8) & 255) / 255, (hex & 255) / 255];
}

/** The color at `t` in [0, 1] of evenly spaced stops. */
export function ramp(stops: readonly Color[], t: number): Color {
  const place = clamp(t) * (stops.length - 1);
  const index = Math.min(stops.length - 2, Math.floor(place));
  const [a, b] = [stops[index], stops[index + 1]];
  if (!a || !b) throw new Error(`Expected two stops or more for ramp but received ${stops.length}`);
  return blend(a, b, place - index);
}

function resample(path: readonly Point[], spacing: number): Point[] {
  const out: Point[] = [];
  let carry = 0;
  for (let i = 1; i < path.length; i++) {
    const [ax, ay] = path[i - 1] ?? [0, 0];
    const [bx, by] = path[i] ?? [0, 0];
    const size = Math.hypot(bx - ax, by - ay);
    let at = carry;
    for (; at < size; at += spacing) out.push([mix(ax, bx, at / size), mix(ay, by, at / size)]);
    carry = at - size;
  }
  return out;
}
