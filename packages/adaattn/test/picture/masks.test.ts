import { describe, expect, test } from "vitest";
import { AdaattnError } from "../../src/error.ts";
import { architectureNamed } from "../../src/network/architecture.ts";
import { maskOnGrid, readMask, resizedNote } from "../../src/picture/masks.ts";
import { parseColor, regionMasks } from "../../src/picture/regions.ts";
import { Mixture } from "../../src/stylize/mixture.ts";
import { chosenPositions } from "../../src/stylize/positions.ts";
import { preparePainting } from "../../src/stylize/styleSource.ts";
import { waves } from "../models.ts";
import { grayMask, painted } from "../similarity.ts";

describe("a mask", () => {
  test("is 1 where it is white, 0 where it is black or transparent", () => {
    const mask = painted(16, 16, (x, y) => (y > 8 ? [255, 255, 255, 0] : x < 8 ? [255, 255, 255] : [51, 51, 51]));
    const { data } = readMask(mask, "the mask");
    expect([data[0], data[15], data[255]]).toEqual([1, expect.closeTo(0.2), 0]);
  });

  test("is averaged over the cells of a grid, whatever its size", () => {
    const picture = { width: 32, height: 16 };
    const grid = { width: 4, height: 2 };
    // The left three quarters, at three sizes and two aspect ratios.
    for (const [width, height] of [
      [32, 16],
      [128, 16],
      [20, 50],
    ] as const) {
      const mask = readMask(
        grayMask(width, height, (x) => (x < width * 0.75 ? 1 : 0)),
        "the mask",
      );
      expect([...maskOnGrid(mask, picture, grid, 8)]).toEqual([1, 1, 1, 0, 1, 1, 1, 0]);
    }
    const soft = readMask(
      grayMask(32, 16, (x) => (x < 20 ? 1 : 0)),
      "the mask",
    );
    expect([...maskOnGrid(soft, picture, grid, 8)].slice(0, 4)).toEqual([1, 1, 0.5, 0]);
  });

  test("reaches to the padding by its edge", () => {
    const mask = readMask(
      grayMask(20, 16, (x) => (x > 9 ? 1 : 0)),
      "the mask",
    );
    expect([...maskOnGrid(mask, { width: 20, height: 16 }, { width: 4, height: 1 }, 16)]).toEqual([0.375, 1, 1, 1]);
  });

  test("that is black everywhere is refused", () => {
    expect(() =>
      readMask(
        grayMask(16, 16, () => 0),
        "the mask of style 2",
      ),
    ).toThrow(
      new AdaattnError(
        "option",
        "Expected white somewhere in the mask of style 2 but received one that is black everywhere.",
      ),
    );
  });

  test("of another size is noted, and of another aspect ratio too", () => {
    const size = (width: number, height: number) => ({ width, height });
    expect(resizedNote(size(40, 30), size(40, 30), "the photograph")).toBe(undefined);
    expect(resizedNote(size(80, 60), size(40, 30), "the photograph")).toBe(
      "A mask of 80 x 60 pixels was resized to the photograph of 40 x 30.",
    );
    expect(resizedNote(size(80, 80), size(40, 30), "the painting")).toBe(
      "A mask of 80 x 80 pixels was resized to the painting of 40 x 30, which has another aspect ratio.",
    );
  });
});

describe("regions in colors", () => {
  const at = (x: number, y: number) => (y * 30 + x) * 4;

  test("are told apart, and what is of no named color belongs to none", () => {
    const mask = painted(30, 30, (x) => (x < 10 ? [250, 4, 0] : x < 20 ? [0, 0, 255] : [0, 255, 0]));
    const [red, blue] = regionMasks(mask, ["red", "#00f"]);
    expect([0, 15, 25].map((x) => red?.data[at(x, 5)])).toEqual([expect.closeTo(251, -1), 0, 0]);
    expect([0, 15, 25].map((x) => blue?.data[at(x, 5)])).toEqual([expect.closeTo(4, -1), 255, 0]);
  });

  test("blend where the mask does, and end where it is transparent", () => {
    const mask = painted(30, 30, (x, y) => [255 - x * 8.5, 0, x * 8.5, y < 15 ? 255 : 0]);
    const [red, blue] = regionMasks(mask, ["red", "blue", "lime"].slice(0, 2));
    for (const x of [3, 15, 27]) {
      expect(red?.data[at(x, 0)]).toBeCloseTo(255 - x * 8.5, -1);
      expect((red?.data[at(x, 0)] ?? 0) + (blue?.data[at(x, 0)] ?? 0)).toBeCloseTo(255, -1);
      expect(red?.data[at(x, 20)]).toBe(0);
    }
  });

  test.each<[string, string[], string]>([
    [
      "a text that is no color",
      ["red", "rot"],
      "Expected a color such as red or #ff0000 for a region but received rot.",
    ],
    [
      "a color that is not in the mask",
      ["red", "lime"],
      "Expected a region of lime in the mask but received one without it; it has #ff0000, #0000ff.",
    ],
    ["a color twice", ["red", "red"], "Expected one style for each region but received two for red."],
    [
      "a color by two names",
      ["red", "#F00"],
      "Expected one style for each region but received red and #F00, which are the same color.",
    ],
  ])("refuse %s", (_, colors, sentence) => {
    const mask = painted(30, 30, (x) => (x < 20 ? [255, 0, 0] : [0, 0, 255]));
    expect(() => regionMasks(mask, colors)).toThrow(new AdaattnError("option", sentence));
  });

  test("are named by words and by hexadecimal digits", () => {
    expect(["Red", "#f80", "#0A0b0C", "lime"].map(parseColor)).toEqual([
      [255, 0, 0],
      [255, 136, 0],
      [10, 11, 12],
      [0, 255, 0],
    ]);
    expect(["", "#ff", "rgb(1,2,3)", "constructor"].map(parseColor)).toEqual(Array(4).fill(undefined));
  });
});

describe("the shares of styles", () => {
  const photo = { width: 32, height: 16 };
  const grid = { width: 4, height: 2 };
  const row = (values: Float32Array | undefined) =>
    [...(values ?? [])].slice(0, 4).map((value) => Number(value.toFixed(6)));

  test("are the weights over their sum, times the strength", () => {
    const mixture = new Mixture([{ weight: 3 }, { weight: 1 }], 0.5, photo);
    expect(mixture.weights).toEqual([0.75, 0.25]);
    const shares = mixture.sharesOn(grid, 8);
    expect(shares?.styles.map(row)).toEqual([Array(4).fill(0.375), Array(4).fill(0.125)]);
    expect(row(shares?.own)).toEqual(Array(4).fill(0.5));
  });

  test("need no mixing for one style everywhere at strength 1", () => {
    const white = grayMask(16, 16, () => 1);
    expect(new Mixture([{ weight: 7 }], 1, photo).sharesOn(grid, 8)).toBe(undefined);
    expect(new Mixture([{ mask: white }], 1, photo).sharesOn(grid, 8)).toBe(undefined);
    expect(new Mixture([{}], 0.99, photo).sharesOn(grid, 8)).not.toBe(undefined);
  });

  test("follow the masks, and leave the rest to the photograph", () => {
    const left = grayMask(32, 16, (x) => (x < 8 ? 1 : x < 16 ? 0.5 : 0));
    const right = grayMask(32, 16, (x) => (x < 8 ? 0 : x < 16 ? 0.5 : x < 24 ? 1 : 0));
    const shares = new Mixture([{ mask: left }, { mask: right }], 1, photo).sharesOn(grid, 8);
    expect(shares?.styles.map((style) => row(style).map((value) => value.toFixed(1)))).toEqual([
      ["1.0", "0.5", "0.0", "0.0"],
      ["0.0", "0.5", "1.0", "0.0"],
    ]);
    expect(row(shares?.own).map(Math.round)).toEqual([0, 0, 0, 1]);
  });

  test("go by the weights where masks overlap", () => {
    const white = grayMask(16, 16, () => 1);
    const shares = new Mixture([{ mask: white, weight: 1 }, { weight: 3 }], 1, photo).sharesOn(grid, 8);
    expect(shares?.styles.map((style) => style[0])).toEqual([0.25, 0.75]);
    expect(shares?.own[0]).toBe(0);
  });
});

describe("the positions of a painting with a mask", () => {
  const { attention } = architectureNamed("small");
  const [module] = attention.modules;
  if (module === undefined) throw new Error("small has levels");
  const size = { width: 256, height: 192 };
  const choose = (mask?: ReturnType<typeof grayMask>, sampling: "even" | "random" = "even") =>
    chosenPositions({ ...attention, sampling }, module, preparePainting(waves(256, 192), mask, { seed: 1 }), size);

  test("are the same without one and with a white one", () => {
    expect(choose(grayMask(40, 30, () => 1))).toEqual(choose());
  });

  test.each(["even", "random"] as const)("lie inside it, and are as many as there may be (%s)", (sampling) => {
    const positions = [
      ...choose(
        grayMask(256, 192, (x) => (x < 200 ? 1 : 0)),
        sampling,
      ),
    ].map(Number);
    expect(positions.every((at) => at % 64 < 50)).toBe(true);
    expect(positions.length).toBeLessThanOrEqual(module.maxKeys);
    expect(positions.length).toBeGreaterThan(module.maxKeys / 2);
    expect(new Set(positions).size).toBe(positions.length);
  });

  test("are all that it leaves where these are few, and never none", () => {
    expect([...choose(grayMask(256, 192, (x, y) => (x < 8 && y < 4 ? 1 : 0)))]).toEqual([0n, 1n]);
    expect([...choose(grayMask(256, 192, (x, y) => (x === 130 && y === 60 ? 1 : 0)))]).toEqual([15n * 64n + 32n]);
  });

  test("are turned and enlarged with the painting", () => {
    const top = grayMask(256, 192, (_, y) => (y < 96 ? 1 : 0));
    const { painting, mask } = preparePainting(waves(256, 192), top, { rotate: 90, stroke: 0.5 });
    expect([painting.width, painting.height, mask?.width, mask?.height]).toEqual([96, 128, 96, 128]);
    // What was above is on the right of a painting that was turned clockwise.
    expect([mask?.data[(64 * 96 + 5) * 4], mask?.data[(64 * 96 + 90) * 4]]).toEqual([0, 255]);
  });
});
