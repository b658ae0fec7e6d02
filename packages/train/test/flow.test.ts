import { estimateFlow, type Flow, grayOf, readFlow, visiblePixels, warpingError, writeFlow } from "@adaattn/train";
import type { Picture } from "adaattn";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";

/** A photograph, larger than the frames that are cut out of it. */
const PHOTO = new URL("../../../assets/contents/bridge.jpg", import.meta.url).pathname;
const [WIDTH, HEIGHT] = [192, 128];

let photo: { data: Buffer; info: { width: number; height: number } };
beforeAll(async () => {
  const image = sharp(PHOTO).resize(320, 240, { fit: "cover" }).ensureAlpha().raw();
  photo = await image.toBuffer({ resolveWithObject: true });
});

/** A frame whose pixel (x, y) is the photograph's at the place that `place` gives. */
function view(place: (x: number, y: number) => readonly [number, number]): Picture {
  const data = new Uint8ClampedArray(WIDTH * HEIGHT * 4);
  for (let row = 0; row < HEIGHT; row++) {
    for (let column = 0; column < WIDTH; column++) {
      const [x, y] = place(column, row);
      const [left, top] = [Math.floor(x), Math.floor(y)];
      const [a, b] = [x - left, y - top];
      for (let channel = 0; channel < 4; channel++) {
        const value = (u: number, v: number) => photo.data[(v * photo.info.width + u) * 4 + channel] as number;
        const upper = value(left, top) * (1 - a) + value(left + 1, top) * a;
        const lower = value(left, top + 1) * (1 - a) + value(left + 1, top + 1) * a;
        data[(row * WIDTH + column) * 4 + channel] = upper * (1 - b) + lower * b;
      }
    }
  }
  return { width: WIDTH, height: HEIGHT, data };
}

/** Median and mean distance of a flow from the true one, away from the edges by `margin` pixels. */
function error(flow: Flow, truth: (x: number, y: number) => readonly [number, number], margin = 16) {
  const errors: number[] = [];
  for (let y = margin; y < HEIGHT - margin; y++) {
    for (let x = margin; x < WIDTH - margin; x++) {
      const [u, v] = truth(x, y);
      const at = y * WIDTH + x;
      errors.push(Math.hypot((flow.x[at] as number) - u, (flow.y[at] as number) - v));
    }
  }
  errors.sort((a, b) => a - b);
  return { median: errors[errors.length >> 1] ?? 9, mean: errors.reduce((sum, one) => sum + one, 0) / errors.length };
}

const flowOf = (from: Picture, to: Picture) => estimateFlow(grayOf(from), grayOf(to));
const [LEFT, TOP] = [60, 50];
const still = () => view((x, y) => [x + LEFT, y + TOP]);

describe("optical flow", () => {
  test.each([
    [0, 0],
    [0.5, -0.25],
    [3, -2],
    [-11.5, 6.25],
    [20, 10],
  ])("of a photograph moved by %s, %s pixels is that motion", (right, down) => {
    const flow = flowOf(
      still(),
      view((x, y) => [x + LEFT - right, y + TOP - down]),
    );
    const { median, mean } = error(flow, () => [right, down], 28);
    expect(median).toBeLessThan(0.1);
    expect(mean).toBeLessThan(0.4);
  });

  test("of a photograph that comes nearer and turns is right everywhere", () => {
    const [cos, sin] = [1.05 * Math.cos(0.03), 1.05 * Math.sin(0.03)];
    const [cx, cy] = [WIDTH / 2, HEIGHT / 2];
    // Where a pixel goes; the second frame takes its pixels from where they come from.
    const there = (x: number, y: number) =>
      [cx + cos * (x - cx) - sin * (y - cy), cy + sin * (x - cx) + cos * (y - cy)] as const;
    const back = (x: number, y: number) => {
      const scale = cos * cos + sin * sin;
      return [cx + (cos * (x - cx) + sin * (y - cy)) / scale, cy + (-sin * (x - cx) + cos * (y - cy)) / scale] as const;
    };
    const second = view((x, y) => {
      const [u, v] = back(x, y);
      return [u + LEFT, v + TOP];
    });
    const { median, mean } = error(flowOf(still(), second), (x, y) => {
      const [u, v] = there(x, y);
      return [u - x, v - y];
    });
    expect(median).toBeLessThan(0.12);
    expect(mean).toBeLessThan(0.4);
  });

  test("survives its file", () => {
    const flow: Flow = { width: 2, height: 1, x: Float32Array.of(1.5, -2), y: Float32Array.of(0, 1e10) };
    const bytes = writeFlow(flow);
    expect(readFlow(bytes, "a.flo")).toEqual({ ...flow, y: Float32Array.of(0, Number.NaN) });
    expect(() => readFlow(bytes.subarray(0, 20), "a.flo")).toThrow(
      "Cannot read a.flo: it should hold 28 bytes for 2 x 1 pixels but has 20.",
    );
    expect(() => readFlow(new TextEncoder().encode("not a flow file"), "a.flo")).toThrow("it is not a .flo file");
  });
});

describe("warping error", () => {
  test("of a moved photograph is small, and of flicker is what flickers", () => {
    const [first, second] = [still(), view((x, y) => [x + LEFT - 4, y + TOP + 2])];
    const [forward, backward] = [flowOf(first, second), flowOf(second, first)];
    const visible = visiblePixels(forward, backward);
    const share = visible.reduce((sum, one) => sum + one, 0) / visible.length;
    expect(share).toBeGreaterThan(0.8);
    const own = warpingError(first, second, forward, visible);
    expect(own).toBeLessThan(0.002);
    const flat = (value: number) => ({ ...first, data: first.data.map((_, at) => (at % 4 === 3 ? 255 : value)) });
    // |51 / 255|^2 in each of three channels.
    expect(warpingError(flat(100), flat(151), forward, visible)).toBeCloseTo(0.12, 6);
    expect(warpingError(first, second, { ...forward, x: forward.x.map(() => 0) }, visible)).toBeGreaterThan(5 * own);
  });

  test("leaves out what leaves the frame or is hidden by something that moves", () => {
    const size = { width: 40, height: 30 };
    const count = size.width * size.height;
    const uniform = (x: number): Flow => ({ ...size, x: new Float32Array(count).fill(x), y: new Float32Array(count) });
    const leaving = visiblePixels(uniform(10), uniform(-10));
    expect(leaving.reduce((sum, one) => sum + one, 0)).toBe(30 * 30);
    // A block moves right by 6 over a still ground: the ground that it covers has no way back.
    const moving = (from: number, by: number): Flow => {
      const flow = uniform(0);
      for (let y = 10; y < 20; y++) flow.x.fill(by, y * 40 + from, y * 40 + from + 10);
      return flow;
    };
    const visible = visiblePixels(moving(10, 6), moving(16, -6));
    const row = Array.from(visible.subarray(15 * 40, 16 * 40)).join("");
    expect(row).toBe(`${"1".repeat(9)}0${"1".repeat(9)}0${"0".repeat(6)}${"1".repeat(14)}`);
  });
});
