/** Controls on a network with generated weights: what must hold whatever the weights. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { targets } from "../../../graph/test/engines.ts";
import { AdaattnError } from "../../src/error.ts";
import type { Architecture } from "../../src/network/architecture.ts";
import { NodeEngine } from "../../src/node/engine.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { Model } from "../../src/stylize/model.ts";
import type { Progress } from "../../src/stylize/options.ts";
import type { Style } from "../../src/stylize/style.ts";
import { generatedWeights, tiny, tinyVideo, waves } from "../models.ts";
import { type Observer, observe } from "../observed.ts";
import { grayMask, meanDifference, painted } from "../similarity.ts";

const equal = (a: Picture, b: Picture) => Buffer.compare(Buffer.from(a.data), Buffer.from(b.data)) === 0;

/** The largest difference of two pictures' bytes, where it counts. */
function difference(a: Picture, b: Picture, counts: (x: number, y: number) => boolean = () => true): number {
  let most = 0;
  for (const [at, value] of a.data.entries()) {
    const pixel = at >> 2;
    if (counts(pixel % a.width, Math.floor(pixel / a.width)))
      most = Math.max(most, Math.abs(value - (b.data[at] ?? 1000)));
  }
  return most;
}

let observed: Observer;
let model: Model;
let one: Style;
let other: Style;
let plain: Picture;
let plainOther: Picture;
const photo = waves(70, 54, 2);
const white = grayMask(30, 30, () => 1);

beforeAll(async () => {
  observed = observe(new NodeEngine());
  model = await Model.load("tiny", tiny, generatedWeights(tiny), observed.engine);
  one = await model.style(waves(90, 70, 3));
  other = await model.style(painted(64, 64, (x, y) => [200 - x, 40 + y, 30]));
  plain = await model.stylize(photo, one);
  plainOther = await model.stylize(photo, other);
});
afterAll(() => model.dispose());

describe("what changes nothing gives the plain result exactly:", () => {
  test.each<[string, () => Promise<Picture>]>([
    ["strength 1", () => model.stylize(photo, one, { strength: 1, color: "style" })],
    ["a single style of any weight", () => model.stylize(photo, [{ style: one, weight: 3 }])],
    ["one region that covers all", () => model.stylize(photo, [{ style: one, mask: white }])],
  ])("%s", async (_, paint) => {
    expect(equal(await paint(), plain)).toBe(true);
  });

  test("a style's mask that is white, a stroke of 1, a turn of 360 degrees", async () => {
    using style = await model.style(waves(90, 70, 3), { mask: white, stroke: 1, rotate: 360, size: 90 });
    expect(equal(await model.stylize(photo, style), plain)).toBe(true);
  });
});

describe("parts that make up a whole give the plain result, but for rounding:", () => {
  test.each<[string, () => Promise<Picture>]>([
    ["two halves of one style", () => model.stylize(photo, [{ style: one }, { style: one }])],
    [
      "two regions of one style, with a soft edge",
      () =>
        model.stylize(photo, [
          { style: one, mask: grayMask(35, 27, (x) => 1 - x / 34) },
          { style: one, mask: grayMask(35, 27, (x) => x / 34) },
        ]),
    ],
    [
      "two regions of one style, of different weights",
      () =>
        model.stylize(photo, [
          { style: one, weight: 9, mask: grayMask(70, 54, (x) => (x < 30 ? 1 : 0)) },
          { style: one, weight: 1, mask: grayMask(70, 54, (x) => (x < 30 ? 0 : 1)) },
        ]),
    ],
  ])("%s", async (_, paint) => {
    expect(difference(await paint(), plain)).toBeLessThanOrEqual(1);
  });
});

describe("strength", () => {
  test("0 gives the photograph back, whatever the style", async () => {
    for (const style of [one, other]) {
      expect(difference(await model.stylize(photo, style, { strength: 0 }), photo)).toBeLessThanOrEqual(1);
    }
  });

  test("leads evenly from the photograph to the style, and beyond", async () => {
    const [toPhoto, toPlain]: [number[], number[]] = [[], []];
    for (const strength of [0, 0.25, 0.5, 0.75, 1, 1.5]) {
      const result = await model.stylize(photo, one, { strength });
      toPhoto.push(meanDifference(result, photo));
      toPlain.push(meanDifference(result, plain));
    }
    for (let step = 1; step < toPhoto.length; step++) expect(toPhoto[step]).toBeGreaterThan(toPhoto[step - 1] ?? 0);
    for (let step = 1; step < 5; step++) expect(toPlain[step]).toBeLessThan(toPlain[step - 1] ?? 0);
    expect(toPlain[4]).toBe(0);
    expect(toPlain[5]).toBeGreaterThan(1);
  });
});

describe("several styles", () => {
  test("are mixed by the ratio of their weights", async () => {
    const mixed = (first: number, second: number) =>
      model.stylize(photo, [
        { style: one, weight: first },
        { style: other, weight: second },
      ]);
    const [even, same, more] = [await mixed(1, 1), await mixed(5, 5), await mixed(3, 1)];
    expect(equal(even, same)).toBe(true);
    expect(even.controls).toEqual({ strength: 1, color: "style", grain: 0, weights: [0.5, 0.5] });
    expect(meanDifference(even, plain)).toBeGreaterThan(1);
    expect(meanDifference(even, plainOther)).toBeGreaterThan(1);
    expect(meanDifference(more, plain)).toBeLessThan(meanDifference(even, plain));
    expect(meanDifference(more, plainOther)).toBeGreaterThan(meanDifference(even, plainOther));
    const swapped = await model.stylize(photo, [{ style: other }, { style: one }]);
    expect(difference(swapped, even)).toBeLessThanOrEqual(1);
  });

  test("each have their region, and the photograph stays where there is none", async () => {
    const wide = waves(300, 64, 5);
    const [left, right] = [await model.stylize(wide, one), await model.stylize(wide, other)];
    const third = (which: number) => grayMask(75, 16, (x) => (Math.floor(x / 25) === which ? 1 : 0));
    const result = await model.stylize(wide, [
      { style: one, mask: third(0) },
      { style: other, mask: third(2) },
    ]);
    // A decoder of these levels sees some thirty pixels to either side.
    expect(difference(result, left, (x) => x < 60)).toBeLessThanOrEqual(1);
    expect(difference(result, wide, (x) => x > 140 && x < 160)).toBeLessThanOrEqual(1);
    expect(difference(result, right, (x) => x > 240)).toBeLessThanOrEqual(1);
    expect(result.notes).toEqual(["A mask of 75 x 16 pixels was resized to the photograph of 300 x 64."]);
  });

  test("refuse what they are not meant for, in one sentence", async () => {
    const black = grayMask(20, 20, () => 0);
    const typo = { style: one, wieght: 2 };
    const cases: [Parameters<Model["stylize"]>[1], string][] = [
      [[typo], "Expected a control that there is (weight) but received wieght."],
      [[], "Expected at least one style but received an empty list."],
      [[{ style: one, weight: 0 }], "Expected a number above 0 for the weight of style 1 but received 0."],
      [
        [{ style: one }, { style: other, weight: Number.NaN }],
        "Expected a number above 0 for the weight of style 2 but received NaN.",
      ],
      [
        [{ style: one }, { style: other, mask: black }],
        "Expected white somewhere in the mask of style 2 but received one that is black everywhere.",
      ],
      [
        [{ style: one, mask: { width: 20, height: 20, data: new Uint8Array(5) } }],
        "Expected 1600 bytes for the data of the mask of style 1 of 20 x 20 pixels but received 5.",
      ],
    ];
    for (const [styles, sentence] of cases)
      await expect(model.stylize(photo, styles)).rejects.toThrow(new AdaattnError("option", sentence));
    await expect(model.stylize(photo, one, { strength: 5 })).rejects.toThrow(
      new AdaattnError("option", "Expected a number from 0 to 4 for strength but received 5."),
    );
    await expect(model.style(waves(40, 40), { mask: black })).rejects.toThrow(
      new AdaattnError(
        "option",
        "Expected white somewhere in the mask of the painting but received one that is black everywhere.",
      ),
    );
    await expect(model.style(waves(20, 20), { rotate: 45 })).rejects.toThrow(
      new AdaattnError(
        "option",
        "Expected at least 16 pixels a side for the painting once it is resized and turned but received 14 x 14; choose a larger size or stroke.",
      ),
    );
  });
});

test("every control changes the picture, and all together do", async () => {
  const painting = waves(90, 70, 3);
  using stroked = await model.style(painting, { stroke: 2 });
  using turned = await model.style(painting, { rotate: 90 });
  using masked = await model.style(painting, { mask: grayMask(90, 70, (x) => (x < 20 ? 1 : 0)) });
  const regions = [
    { style: stroked, weight: 2, mask: grayMask(70, 54, (x) => (x < 40 ? 1 : 0)) },
    { style: masked, mask: grayMask(70, 54, (x) => (x < 30 ? 0 : 1)) },
  ];
  const results = [
    await model.stylize(photo, stroked),
    await model.stylize(photo, turned),
    await model.stylize(photo, masked),
    await model.stylize(photo, one, { color: "content" }),
    await model.stylize(photo, one, { color: "match" }),
    await model.stylize(photo, one, { strength: 0.5 }),
    await model.stylize(photo, regions, { strength: 0.8, color: "match" }),
    await model.stylize(photo, regions, { strength: 0.8, color: "content" }),
  ];
  for (const [index, result] of results.entries()) {
    expect(meanDifference(result, plain), `result ${index}`).toBeGreaterThan(0.8);
    for (const earlier of results.slice(0, index)) expect(meanDifference(result, earlier)).toBeGreaterThan(0.5);
  }
});

test("every tensor but the styles' is given back, also where the call is aborted", async () => {
  const styles = () => [...observed.living.values()].sort();
  const before = styles();
  const shares = [{ style: one }, { style: other, mask: grayMask(70, 54, (x) => x / 69) }];
  const options = { strength: 0.5, color: "match" } as const;
  await model.stylize(photo, shares, options);
  expect(styles()).toEqual(before);
  const stages: string[] = [];
  await model.stylize(photo, shares, {
    ...options,
    onProgress: ({ stage, fraction }: Progress) => stages.push(`${stage} ${fraction.toFixed(2)}`),
  });
  for (const last of new Set(stages)) {
    const controller = new AbortController();
    const onProgress = ({ stage, fraction }: Progress) => {
      if (`${stage} ${fraction.toFixed(2)}` === last) controller.abort();
    };
    await model.stylize(photo, shares, { ...options, onProgress, signal: controller.signal }).catch(() => undefined);
    await model.attentionMap(photo, one, { onProgress, signal: controller.signal }).catch(() => undefined);
  }
  expect(styles()).toEqual(before);
});

test("progress of several styles rises from 0 to 1 in every stage", async () => {
  const events: Progress[] = [];
  const onProgress = (event: Progress) => events.push(event);
  await model.stylize(photo, [{ style: one }, { style: other }], { strength: 0.5, onProgress });
  const attend = events.filter(({ stage }) => stage === "attend").map(({ fraction }) => fraction);
  expect(attend).toEqual([0, 1 / 6, 1 / 3, 1 / 2, 2 / 3, 5 / 6, 1].map((fraction) => expect.closeTo(fraction)));
});

describe.runIf(targets.includes("webgpu"))("on WebGPU", () => {
  test("mixing, strength and rows of attention are what they are on the CPU", async () => {
    // One level, and few sizes: a software driver takes seconds to compile what more of them need.
    const architecture: Architecture = { ...tinyVideo, attention: { ...tinyVideo.attention, kind: "softmax" } };
    const run = async (device: "cpu" | "webgpu") => {
      await using opened = await Model.load(
        "tiny",
        architecture,
        generatedWeights(architecture),
        new NodeEngine({ device }),
      );
      const content = waves(30, 20, 2);
      const styles = [await opened.style(waves(32, 32, 3)), await opened.style(waves(32, 32, 4))];
      const masks = [grayMask(30, 20, (x) => x / 29), undefined];
      const shares = styles.map((style, index) => ({ style, mask: masks[index] }));
      const picture = await opened.stylize(content, shares, { strength: 0.7 });
      const [first] = styles;
      if (first === undefined) throw new Error("there are two styles");
      const { rows } = await opened.attention(content, first, [{ x: 12, y: 7 }]);
      return { picture, row: rows[0]?.probabilities ?? new Float32Array() };
    };
    const [cpu, gpu] = [await run("cpu"), await run("webgpu")];
    expect(difference(gpu.picture, cpu.picture)).toBeLessThanOrEqual(1);
    expect(gpu.row.length).toBe(64);
    for (const [at, value] of gpu.row.entries()) expect(value).toBeCloseTo(cpu.row[at] ?? Number.NaN, 4);
  });
});
