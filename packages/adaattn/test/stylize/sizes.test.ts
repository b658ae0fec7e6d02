/**
 * The sizes at which pictures are looked at and painted where none is asked for, and where one is.
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NodeEngine } from "../../src/node/engine.ts";
import { Model } from "../../src/stylize/model.ts";
import type { Style } from "../../src/stylize/style.ts";
import { generatedWeights, tiny, waves } from "../models.ts";

let model: Model;
let style: Style;
beforeAll(async () => {
  model = await Model.load("tiny", tiny, generatedWeights(tiny), new NodeEngine({ threads: 1 }));
  style = await model.style(waves(48, 40));
});
afterAll(() => model.dispose());

const sizeOf = ({ width, height }: { width: number; height: number }) => [width, height];

describe("a painting", () => {
  test.each([
    [{}, [64, 512]],
    [{ stroke: 0.5 }, [32, 256]],
    [{ stroke: 2 }, [128, 1024]],
    [{ size: 800 }, [100, 800]],
  ])("of 100 x 800 pixels, with %j, is looked at at %j", async (options, expected) => {
    using taken = await model.style(waves(100, 800), options);
    expect(sizeOf(taken.source.painting)).toEqual(expected);
  });

  test("of fewer pixels is left as it is", () => {
    expect(sizeOf(style.source.painting)).toEqual([48, 40]);
  });

  test("of 24 megapixels takes no gigabytes", async () => {
    const data = new Uint8Array(6000 * 4000 * 4).fill(200);
    const before = process.resourceUsage().maxRSS * 1024;
    using taken = await model.style({ width: 6000, height: 4000, data });
    expect(sizeOf(taken.source.painting)).toEqual([512, 341]);
    expect(process.resourceUsage().maxRSS * 1024 - before).toBeLessThan(6e8);
  });
});

describe("a photograph", () => {
  const half = waves(2400, 64, 1, (at) => (at % 2400 < 1200 ? 0 : 255));

  test.each([
    [{}, [2048, 55]],
    [{ size: "full" }, [2400, 64]],
    [{ size: 1200 }, [1200, 32]],
  ] as const)("of 2400 x 64 pixels, with %j, is painted at %j, with its alpha", async (options, expected) => {
    const painted = await model.stylize(half, style, options);
    expect(sizeOf(painted)).toEqual(expected);
    const alpha = (x: number) => painted.data[4 * (Math.floor(x * painted.width) + 20 * painted.width) + 3];
    expect([alpha(0.1), alpha(0.4), alpha(0.6), alpha(0.9)]).toEqual([0, 0, 255, 255]);
  });

  test("of a size that there is not is refused in a sentence", async () => {
    await expect(model.stylize(waves(32, 32), style, { size: 8 })).rejects.toThrow(
      "Expected full or a whole number from 16 to 65535 for size but received 8.",
    );
    await expect(model.stylize(waves(640, 32), style, { size: 100 })).rejects.toThrow(
      "Expected a whole number of at least 16 for the height of the resized photograph but received 5.",
    );
  });
});
