import { describe, expect, test } from "vitest";
import { NodeEngine } from "../../src/node/engine.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { Model } from "../../src/stylize/model.ts";
import type { StyleShare, StylizedPicture } from "../../src/stylize/options.ts";
import type { Style } from "../../src/stylize/style.ts";
import { SceneCuts } from "../../src/video/scenes.ts";
import { StyleTimeline } from "../../src/video/timeline.ts";
import { LEAD, stylizeVideo, type VideoFrame } from "../../src/video/video.ts";
import { generatedWeights, tiny, waves } from "../models.ts";

/** Styles that are only told apart. */
const [first, second, third] = ["first", "second", "third"].map((name) => ({ name }) as unknown as Style) as [
  Style,
  Style,
  Style,
];

const weights = (shares: readonly StyleShare[]) =>
  shares.map(({ style, weight = 1 }) => [
    (style as unknown as { name: string }).name,
    Math.round(weight * 1000) / 1000,
  ]);

describe("key styles", () => {
  const keys = [
    { seconds: 4, style: third },
    { seconds: 0, style: first },
    { seconds: 2, style: [{ style: second, weight: 3 }, { style: third }] },
  ];

  test.each([
    [0, [["first", 1]]],
    [1.9, [["first", 1]]],
    [2, [["first", 1]]],
    [
      2.5,
      [
        ["first", 0.5],
        ["second", 0.375],
        ["third", 0.125],
      ],
    ],
    [
      3,
      [
        ["second", 3],
        ["third", 1],
      ],
    ],
    [
      4.25,
      [
        ["second", 0.563],
        ["third", 0.188],
        ["third", 0.25],
      ],
    ],
    [9, [["third", 1]]],
  ])("fade into each other: at %s s", (seconds, expected) => {
    expect(weights(new StyleTimeline(keys, 1).at(seconds))).toEqual(expected);
  });

  test("change at once where they do not fade, and a fade ends where the next begins", () => {
    expect(weights(new StyleTimeline(keys, 0).at(2))).toEqual([
      ["second", 3],
      ["third", 1],
    ]);
    expect(weights(new StyleTimeline(keys, 10).at(3))).toEqual([
      ["first", 0.5],
      ["second", 0.375],
      ["third", 0.125],
    ]);
  });

  test("are refused where none is there at first, or two at one time", () => {
    expect(() => new StyleTimeline([{ seconds: 1, style: first }], 1)).toThrow(
      "Expected a key style at 0 seconds but the first is at 1.",
    );
    expect(() => new StyleTimeline([], 1)).toThrow("the first is at no time");
    expect(
      () =>
        new StyleTimeline(
          [
            { seconds: 0, style: first },
            { seconds: 0, style: second },
          ],
          1,
        ),
    ).toThrow("received two at 0 seconds");
    expect(() => new StyleTimeline(first, -1)).toThrow("of at least 0 for the fade but received -1");
    expect(() => new StyleTimeline([{ seconds: 0, style: [{ style: first, weight: 0 }] }], 1)).toThrow(
      "a number above 0",
    );
  });
});

/** A picture moved to the left. */
function moved({ width, height, data }: Picture, by: number): Picture {
  const result = new Uint8ClampedArray(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + Math.min(width - 1, x + by)) * 4;
      result.set(data.subarray(from, from + 4), (y * width + x) * 4);
    }
  }
  return { width, height, data: result };
}

function brighter(picture: Picture, by: number): Picture {
  return { ...picture, data: picture.data.map((value, at) => (at % 4 === 3 ? value : Math.min(255, value + by))) };
}

describe("cuts", () => {
  const [a, b] = [
    brighter(waves(160, 90, 1), 60),
    waves(160, 90, 9).data.map((value, at) => (at % 4 === 3 ? 255 : value / 3)),
  ];
  const dark = { ...a, data: b };

  test("are where one scene ends and another begins", () => {
    const frames = [a, moved(a, 1), moved(a, 2), dark, moved(dark, 1), moved(dark, 2), a, moved(a, 1)];
    const cuts = new SceneCuts();
    expect(frames.map((frame) => cuts.next(frame))).toEqual([true, false, false, true, false, false, true, false]);
  });

  test("are not in pans and fades", () => {
    const cuts = new SceneCuts();
    const frames = [0, 4, 8, 12, 16, 20]
      .map((by) => moved(a, by))
      .concat([0, -12, -24, -36, -48].map((by) => brighter(moved(a, 20), by)));
    expect(frames.map((frame) => cuts.next(frame)).lastIndexOf(true)).toBe(0);
  });
});

describe("a video", () => {
  /** A model that marks what it painted, and counts how much it has begun and not ended. */
  function recorder(fails?: number) {
    const calls: { first: number | undefined; shares: readonly StyleShare[] }[] = [];
    let [running, most] = [0, 0];
    const model = {
      observe: () => Promise.reject(new Error("Expected no lead.")),
      async stylize(photo: Picture, shares: Style | readonly StyleShare[]): Promise<StylizedPicture> {
        most = Math.max(most, ++running);
        calls.push({ first: photo.data[0], shares: shares as readonly StyleShare[] });
        const turn = calls.length;
        await new Promise((resolve) => setTimeout(resolve, 5 * (turn % 3)));
        running--;
        if (turn === fails) throw new Error("Expected no failure.");
        return { ...photo, data: new Uint8ClampedArray(photo.data) } as unknown as StylizedPicture;
      },
    };
    return { model, calls, running: () => running, most: () => most };
  }

  const flat = (value: number): Picture => ({ width: 16, height: 16, data: new Uint8Array(1024).fill(value) });
  const frames = (...values: number[]): VideoFrame[] =>
    values.map((value, at) => ({ picture: flat(value), seconds: at / 10 }));

  async function collect(stream: ReturnType<typeof stylizeVideo>) {
    const results: [number | undefined, number, boolean, boolean][] = [];
    for await (const { picture, seconds, startsScene, isRepeated } of stream) {
      results.push([picture.data[0], seconds, startsScene, isRepeated]);
    }
    return results;
  }

  test("comes out in order, with its times, cuts and repeated frames", async () => {
    const { model, calls, most } = recorder();
    const results = await collect(stylizeVideo(model, frames(10, 11, 11, 11, 200, 201), first));
    expect(results).toEqual([
      [10, 0, true, false],
      [11, 0.1, false, false],
      [11, 0.2, false, true],
      [11, 0.3, false, true],
      [200, 0.4, true, false],
      [201, 0.5, false, false],
    ]);
    expect(calls.map((call) => call.first)).toEqual([10, 11, 200, 201]);
    expect(most()).toBe(2);
  });

  test("that stands still is painted anew while styles fade", async () => {
    const { model, calls } = recorder();
    const keys = [
      { seconds: 0, style: first },
      { seconds: 0.2, style: second },
    ];
    await collect(stylizeVideo(model, frames(1, 1, 1, 1, 1, 1, 1), keys, { fade: 0.2 }));
    expect(calls.map(({ shares }) => weights(shares))).toEqual([
      [["first", 1]],
      [
        ["first", 0.5],
        ["second", 0.5],
      ],
      [["second", 1]],
    ]);
  });

  test("is pulled no faster than it is read", async () => {
    const { model } = recorder();
    let pulled = 0;
    async function* source() {
      for (const frame of frames(...Array.from({ length: 50 }, (_, at) => at))) {
        pulled++;
        yield frame;
      }
    }
    const stream = stylizeVideo(model, source(), first);
    await stream.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(pulled).toBe(2);
    await stream.return();
  });

  test("that fails, or is left, leaves nothing running", async () => {
    const failing = recorder(3);
    await expect(collect(stylizeVideo(failing.model, frames(1, 2, 3, 4, 5, 6), first))).rejects.toThrow(
      "Expected no failure.",
    );
    expect(failing.running()).toBe(0);
    const left = recorder();
    for await (const _ of stylizeVideo(left.model, frames(1, 2, 3, 4), first)) break;
    expect(left.running()).toBe(0);
  });

  test("that is begun in the middle, with frames to look at before, is as if it had been begun at the start", async () => {
    await using model = await Model.load("tiny", tiny, generatedWeights(tiny), new NodeEngine());
    using style = await model.style(waves(64, 64, 3), { stroke: 1.3 });
    const all = Array.from({ length: LEAD + 3 }, (_, at) => ({
      picture: waves(40, 32, 2 + at / 50),
      seconds: at / 25,
    }));
    const paint = async (from: number, lead: number) => {
      const pictures: Buffer[] = [];
      for await (const { picture } of stylizeVideo(model, all.slice(from), style, { lead, grain: 0.5 })) {
        pictures.push(Buffer.from(picture.data));
      }
      return pictures;
    };
    const whole = await paint(0, 0);
    expect(whole).toHaveLength(all.length);
    const [one, two] = await paint(1, LEAD);
    expect([one?.equals(whole.at(-2) as Buffer), two?.equals(whole.at(-1) as Buffer)]).toEqual([true, true]);
    // Without a lead it is another picture.
    expect((await paint(all.length - 1, 0))[0]?.equals(whole.at(-1) as Buffer)).toBe(false);
  });
});
