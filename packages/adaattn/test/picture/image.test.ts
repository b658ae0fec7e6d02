import { describe, expect, test } from "vitest";
import {
  checkPicture,
  fitWithin,
  isOpaque,
  onWhite,
  type Picture,
  paddedSize,
  toPicture,
  toTensor,
} from "../../src/picture/picture.ts";

/** A picture whose pixel at (x, y) has red x, green y, blue x + y and alpha 255 - x. */
function ramp(width: number, height: number): Picture {
  const data = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set([x, y, x + y, 255 - x], (y * width + x) * 4);
  }
  return { width, height, data };
}

describe("sizes", () => {
  test.each([
    [4000, 3000, 512, 512, 384],
    [3000, 4000, 512, 384, 512],
    [100, 100, 2048, 2048, 2048],
    [1001, 667, 500, 500, 333],
    [10000, 1, 100, 100, 1],
    [3, 2, 7, 7, 5],
  ])("%i x %i within %i is %i x %i", (width, height, longer, expectedWidth, expectedHeight) => {
    expect(fitWithin(width, height, longer)).toEqual({ width: expectedWidth, height: expectedHeight });
  });

  test("are padded to the next multiple", () => {
    expect(paddedSize({ width: 16, height: 17 })).toEqual({ width: 16, height: 32 });
    expect(paddedSize({ width: 9, height: 8 }, 8)).toEqual({ width: 16, height: 8 });
  });
});

describe("tensors", () => {
  test("hold planes from 0 to 1", () => {
    const data = new Uint8ClampedArray([255, 0, 51, 0, 0, 102, 255, 255]);
    expect([...toTensor({ width: 2, height: 1, data })]).toEqual([1, 0, 0, 0.4, 0.2, 1].map(Math.fround));
  });

  test("come back as the same picture, alpha included", () => {
    const picture = ramp(19, 21);
    const padded = paddedSize(picture);
    const tensor = toTensor(picture, padded);
    expect(tensor.length).toBe(3 * 32 * 32);
    const back = toPicture(tensor, padded, picture);
    expect([back.width, back.height]).toEqual([19, 21]);
    expect([...back.data]).toEqual([...picture.data]);
  });

  test("are padded by mirroring without repeating the edge", () => {
    const tensor = toTensor(ramp(3, 2), { width: 6, height: 4 });
    const rows = (plane: number) =>
      [0, 1, 2, 3].map((y) =>
        [...tensor.subarray(plane * 24 + y * 6, plane * 24 + y * 6 + 6)].map((v) => Math.round(v * 255)),
      );
    expect(rows(0)).toEqual(Array(4).fill([0, 1, 2, 1, 0, 1]));
    expect(rows(1)).toEqual([Array(6).fill(0), Array(6).fill(1), Array(6).fill(0), Array(6).fill(1)]);
    expect(rows(2)[1]).toEqual([1, 2, 3, 2, 1, 2]);
  });

  test("of one column are padded too", () => {
    expect([...toTensor({ width: 1, height: 1, data: new Uint8Array(4).fill(255) }, { width: 2, height: 2 })]).toEqual(
      Array(12).fill(1),
    );
  });

  test("are clamped and rounded on the way back", () => {
    const tensor = new Float32Array([-0.5, 1.7, Number.NaN, 0.4 / 255, 0.6 / 255, 254.6 / 255]);
    const content = { width: 2, height: 1, data: new Uint8Array([9, 9, 9, 7, 9, 9, 9, 8]) };
    expect([...toPicture(tensor, content, content).data]).toEqual([0, 0, 1, 7, 255, 0, 255, 8]);
  });
});

describe("alpha", () => {
  test("is told apart from opacity", () => {
    expect(isOpaque({ width: 1, height: 1, data: new Uint8Array([0, 0, 0, 255]) })).toBe(true);
    expect(isOpaque({ width: 1, height: 1, data: new Uint8Array([0, 0, 0, 254]) })).toBe(false);
  });

  test("is laid on white, and an opaque picture left alone", () => {
    const picture = { width: 3, height: 1, data: new Uint8Array([9, 8, 7, 0, 0, 100, 200, 51, 1, 2, 3, 255]) };
    expect([...onWhite(picture).data]).toEqual([255, 255, 255, 255, 204, 224, 244, 255, 1, 2, 3, 255]);
    const opaque = { width: 1, height: 1, data: new Uint8Array([1, 2, 3, 255]) };
    expect(onWhite(opaque)).toBe(opaque);
  });
});

describe("a picture from outside", () => {
  const data = new Uint8Array(16 * 16 * 4);
  test("is accepted at 16 x 16", () => checkPicture({ width: 16, height: 16, data }, "the content"));
  test.each<[string, Picture, string]>([
    [
      "too narrow",
      { width: 15, height: 16, data },
      "Expected a whole number of at least 16 for the width of the content but received 15.",
    ],
    [
      "broken",
      { width: 16, height: 16.5, data },
      "Expected a whole number of at least 16 for the height of the content but received 16.5.",
    ],
    [
      "short",
      { width: 17, height: 16, data },
      "Expected 1088 bytes for the data of the content of 17 x 16 pixels but received 1024.",
    ],
  ])("is refused where it is %s", (_, picture, message) => {
    expect(() => checkPicture(picture, "the content")).toThrow(message);
  });
});
