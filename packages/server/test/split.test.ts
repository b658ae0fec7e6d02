/** How a video is split, and that its stretches are painted as the whole of it would be. */
import { LEAD, SceneCuts } from "adaattn/internal";
import { loadModel, readPicture, stylizeVideo, type VideoFrame } from "adaattn/node";
import { describe, expect, it } from "vitest";
import { LEAD_TO_CUT, split } from "../src/video/plan.ts";
import { picture } from "./helpers.ts";

const even = {
  first: 0,
  last: 100,
  cuts: [0],
  keys: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  still: new Set<number>(),
  fps: 10,
};

describe("a video is split", () => {
  it("at key frames, each stretch with a lead and a key frame to spare before it", () => {
    expect(split(even)).toEqual([
      { from: 0, to: 50, lead: 0 },
      { from: 50, to: 100, lead: LEAD, seek: 1 },
    ]);
  });

  it("rather at a cut, which needs no lead but to be found", () => {
    expect(split({ ...even, cuts: [0, 33, 40, 48] })).toEqual([
      { from: 0, to: 48, lead: 0 },
      { from: 48, to: 100, lead: LEAD_TO_CUT, seek: 3 },
    ]);
  });

  it("anywhere where there is neither, but not into a crumb at the end", () => {
    expect(split({ ...even, last: 105, keys: [0] }).map(({ from, to }) => [from, to])).toEqual([
      [0, 50],
      [50, 105],
    ]);
    expect(split({ ...even, first: 7, last: 12, keys: [] })).toEqual([{ from: 7, to: 12, lead: 0 }]);
  });

  it("never before a frame that equals the one before it, and not counting those for the lead", () => {
    const still = new Set([...Array(60).keys()].map((at) => at + 30));
    const [first, second] = split({ ...even, last: 200, keys: [], still });
    expect(first).toMatchObject({ from: 0, to: 90 });
    expect(second).toMatchObject({ from: 90, lead: 60 + LEAD });
  });

  it("into stretches that follow each other without a gap, whatever the video", () => {
    for (let seed = 1; seed < 200; seed++) {
      const next = (at: number, most: number) =>
        Math.floor(Math.abs(Math.sin(seed * 12.9898 + at * 78.233)) * 43758.5453) % most;
      const [first, length] = [next(1, 50), 1 + next(2, 500)];
      const some = (at: number, share: number) =>
        [...Array(length).keys()].map((one) => one + first).filter((one) => next(at + one, share) === 0);
      const still = new Set(some(3, 3).filter((one) => one > first));
      const cuts = some(900, 40).filter((one) => !still.has(one));
      const film = { first, last: first + length, cuts, keys: some(2000, 12).map((one) => one / 10), still, fps: 10 };
      const segments = split(film);
      expect(segments[0]?.from).toBe(first);
      expect(segments.at(-1)?.to).toBe(first + length);
      for (const [index, { from, to, lead, seek }] of segments.entries()) {
        expect(to).toBeGreaterThan(from);
        expect(from - lead).toBeGreaterThanOrEqual(first);
        if (index > 0) expect(from).toBe(segments[index - 1]?.to);
        if (seek !== undefined) expect(seek).toBeLessThanOrEqual((from - lead) / 10);
        expect(still.has(from)).toBe(false);
      }
    }
  });
});

it("a stretch from the middle of a scene has the very pixels of the whole", async () => {
  const model = await loadModel("small", { threads: 1, device: "cpu" });
  await using _ = model;
  const read = async (seed: number, size = 32) =>
    readPicture(new Uint8Array(await (await picture(size, size, seed)).arrayBuffer()));
  using style = await model.style(await read(3, 48));
  using other = await model.style(await read(4, 48));
  const [base, cut] = [await read(1), await read(9)];
  // A scene that brightens slowly, with a frame that is shown twice, and a cut to another.
  const frames = Array.from({ length: 64 }, (_, at): VideoFrame => {
    const level = at === 40 ? 39 : at;
    const data = (at < 52 ? base : cut).data.map((value, index) =>
      index % 4 === 3 ? 255 : at < 52 ? Math.min(255, value * 0.5 + level * 2) : 255 - value * 0.3,
    );
    return { picture: { width: 32, height: 32, data }, seconds: at / 10 };
  });
  const keys = [
    { seconds: 0, style },
    { seconds: 3, style: other },
  ];
  const hash = (data: Uint8ClampedArray) => Buffer.from(data).toString("base64");
  const whole: string[] = [];
  for await (const frame of stylizeVideo(model, frames, keys, { fade: 0.5 })) whole.push(hash(frame.picture.data));

  const scenes = new SceneCuts();
  const cuts = frames.flatMap((frame, at) => (scenes.next(frame.picture) ? at : []));
  expect(cuts).toEqual([0, 52]);
  for (const [from, to] of [
    [30, 36],
    [41, 54],
    [52, 56],
  ] as const) {
    // One more where a repeated frame is among them.
    const lead = cuts.includes(from) ? LEAD_TO_CUT : LEAD + (from > 40 ? 1 : 0);
    async function* part() {
      yield* frames.slice(from - lead, to);
    }
    const painted: string[] = [];
    for await (const frame of stylizeVideo(model, part(), keys, { fade: 0.5, lead }))
      painted.push(hash(frame.picture.data));
    expect(painted).toEqual(whole.slice(from, to));
  }
});
