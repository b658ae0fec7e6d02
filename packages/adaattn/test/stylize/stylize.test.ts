import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { constant, input, toOnnx } from "@adaattn/graph";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { targets } from "../../../graph/test/engines.ts";
import { type Device, outputOf } from "../../src/engine/engine.ts";
import { AdaattnError } from "../../src/error.ts";
import { type Architecture, architectureNamed, parametersOf } from "../../src/network/architecture.ts";
import { stylize } from "../../src/network/network.ts";
import { constantWeights } from "../../src/network/parameters.ts";
import { NodeEngine } from "../../src/node/engine.ts";
import { onWhite, type Picture, paddedSize, toPicture, toTensor } from "../../src/picture/picture.ts";
import { Model } from "../../src/stylize/model.ts";
import type { Progress } from "../../src/stylize/options.ts";
import { evenPositions } from "../../src/stylize/sampling.ts";
import type { Style } from "../../src/stylize/style.ts";
import { generatedWeights, tiny, tinyVideo, waves } from "../models.ts";
import { type Observer, observe } from "../observed.ts";

const open = (architecture: Architecture, device: Device = "cpu") =>
  Model.load(architecture.name, architecture, generatedWeights(architecture), new NodeEngine({ device }));

const equal = (a: Picture, b: Picture) => Buffer.compare(Buffer.from(a.data), Buffer.from(b.data)) === 0;

/** The largest difference of two pictures' bytes. */
function difference(a: Picture, b: Picture): number {
  return Math.max(...Array.from(a.data, (value, at) => Math.abs(value - (b.data[at] ?? 1000))));
}

describe("a model", () => {
  let observed: Observer;
  let model: Model;
  let style: Style;
  const photo = waves(50, 36, 2);
  beforeAll(async () => {
    observed = observe(new NodeEngine());
    model = await Model.load("tiny", tiny, generatedWeights(tiny), observed.engine);
    style = await model.style(waves(90, 70, 3));
  });
  afterAll(() => model.dispose());

  test.each([
    [16, 16],
    [17, 31],
    [100, 40],
    [33, 129],
    [48, 64],
  ])("keeps the size and the alpha of a photograph of %i x %i", async (width, height) => {
    const content = waves(width, height, width, (at) => (at * 7) % 256);
    const result = await model.stylize(content, style);
    expect([result.width, result.height, result.data.length]).toEqual([width, height, width * height * 4]);
    const alpha = (picture: Picture) => picture.data.filter((_, at) => at % 4 === 3);
    expect(Buffer.compare(Buffer.from(alpha(result)), Buffer.from(alpha(content)))).toBe(0);
    for (const time of Object.values(result.milliseconds)) expect(time).toBeGreaterThan(0);
  });

  test("paints colors rather than black and white", async () => {
    const { data } = await model.stylize(photo, style);
    const colors = data.filter((_, at) => at % 4 !== 3);
    expect(colors.filter((value) => value === 0 || value === 255).length).toBeLessThan(colors.length / 20);
    expect(Math.max(...colors) - Math.min(...colors)).toBeGreaterThan(60);
  });

  test("gives the same bytes whenever a style is used again", async () => {
    const first = await model.stylize(photo, style);
    const other = await model.stylize(waves(30, 80, 5), style);
    const again = await model.stylize(photo, style);
    expect(equal(first, again)).toBe(true);
    expect(equal(first, other)).toBe(false);
    using anew = await model.style(waves(90, 70, 3));
    expect(equal(first, await model.stylize(photo, anew))).toBe(true);
    using another = await model.style(waves(90, 70, 4));
    expect(equal(first, await model.stylize(photo, another))).toBe(false);
  });

  test("works on several photographs at once", async () => {
    const photos = [photo, waves(20, 30, 6), waves(64, 16, 7)];
    const alone: Picture[] = [];
    for (const one of photos) alone.push(await model.stylize(one, style));
    const together = await Promise.all(photos.map((one) => model.stylize(one, style)));
    expect(together.map((result, at) => equal(result, alone[at] ?? photo))).toEqual([true, true, true]);
  });

  test("ignores colors that a painting's alpha hides", async () => {
    const alpha = (at: number) => (at % 90 < 45 ? 0 : 200);
    const glass = waves(90, 70, 3, alpha);
    using transparent = await model.style(glass);
    using white = await model.style(onWhite(glass));
    const [left, right] = [await model.stylize(photo, transparent), await model.stylize(photo, white)];
    expect(equal(left, right)).toBe(true);
    expect(equal(left, await model.stylize(photo, style))).toBe(false);
  });

  test("reports its progress from 0 to 1, stage by stage", async () => {
    const events: Progress[] = [];
    const onProgress = (event: Progress) => events.push(event);
    (await model.style(waves(32, 32, 9), { onProgress })).dispose();
    expect(events).toEqual([0, 0.8, 1].map((fraction) => ({ stage: "style", fraction })));
    events.length = 0;
    await model.stylize(photo, style, { onProgress });
    expect(events).toEqual([
      { stage: "encode", fraction: 0 },
      { stage: "encode", fraction: 1 },
      ...[0, 1 / 3, 2 / 3, 1].map((fraction) => ({ stage: "attend", fraction })),
      { stage: "decode", fraction: 0 },
      { stage: "decode", fraction: 1 },
    ]);
  });

  describe("that is aborted", () => {
    const reason = new Error("enough");

    test("before it begins rejects with the reason, and reports no stage", async () => {
      const stages: string[] = [];
      const options = {
        signal: AbortSignal.abort(reason),
        onProgress: ({ stage, fraction }: Progress) => stages.push(`${stage} ${fraction}`),
      };
      await expect(model.stylize(photo, style, options)).rejects.toBe(reason);
      await expect(model.style(photo, options)).rejects.toBe(reason);
      expect(stages).toEqual(["encode 0", "style 0"]);
    });

    test.each([
      ["encode 0", "encode 0"],
      ["encode 1", "attend 0"],
      ["attend 0.33", "attend 0.33"],
      ["attend 1", "decode 0"],
      ["decode 0", "decode 0"],
    ])("at %s rejects with the reason, gets no further than %s and works afterwards", async (when, last) => {
      const expected = await model.stylize(photo, style);
      const controller = new AbortController();
      const seen: string[] = [];
      const onProgress = ({ stage, fraction }: Progress) => {
        seen.push(`${stage} ${Number(fraction.toFixed(2))}`);
        if (seen.at(-1) === when) controller.abort(reason);
      };
      await expect(model.stylize(photo, style, { signal: controller.signal, onProgress })).rejects.toBe(reason);
      expect(seen.at(-1)).toBe(last);
      expect(equal(await model.stylize(photo, style), expected)).toBe(true);
    });

    test("while the engine computes does not wait for it", async () => {
      const large = waves(700, 500, 8);
      const controller = new AbortController();
      const stages: string[] = [];
      const onProgress = ({ stage, fraction }: Progress) => stages.push(`${stage} ${fraction}`);
      const stylized = model.stylize(large, style, { signal: controller.signal, onProgress });
      setImmediate(() => controller.abort(reason));
      await expect(stylized).rejects.toBe(reason);
      // Above 512 pixels it is painted at several sizes, which is one stage.
      expect(stages).toEqual(["paint 0"]);
      expect(equal(await model.stylize(photo, style), await model.stylize(photo, style))).toBe(true);
    });

    test("while a style is made rejects with the reason", async () => {
      const controller = new AbortController();
      const onProgress = ({ fraction }: Progress) => fraction === 0.8 && controller.abort(reason);
      await expect(model.style(photo, { signal: controller.signal, onProgress })).rejects.toBe(reason);
    });
  });

  test("gives back every tensor but its styles'", async () => {
    const styles = () => [...observed.living.values()].sort();
    const own = [3, 4, 5].flatMap((level) =>
      ["key", "value", "valueMean"].map((name) => `${name}${level} of style of tiny`),
    );
    expect(styles()).toEqual(own.sort());
    await model.stylize(photo, style);
    await model.stylize(photo, style, { signal: AbortSignal.abort() }).catch(() => undefined);
    const controller = new AbortController();
    const onProgress = ({ stage }: Progress) => stage === "decode" && controller.abort();
    await model.stylize(photo, style, { signal: controller.signal, onProgress }).catch(() => undefined);
    expect(styles()).toEqual(own);
    const second = await model.style(photo);
    expect(styles()).toHaveLength(2 * own.length);
    second.dispose();
    expect(styles()).toEqual(own);
  });

  test.each<[string, (architecture: Architecture) => Promise<Model>]>([
    ["of the same build", () => open(tiny)],
    ["of another build", () => open(tinyVideo)],
  ])("refuses a style of another model %s in one sentence", async (_, openOther) => {
    await using other = await openOther(tiny);
    const foreign = await other.style(waves(90, 70, 3));
    await expect(model.stylize(photo, foreign)).rejects.toThrow(
      new AdaattnError("option", "Expected a style that this model, tiny, made but received another."),
    );
  });

  test("names itself where a style was disposed of", async () => {
    const gone = await model.style(photo);
    gone.dispose();
    await expect(model.stylize(photo, gone)).rejects.toThrow(
      new AdaattnError(
        "engine",
        "The engine cannot run attend 3 of tiny on cpu: the tensor for the input key was disposed of",
      ),
    );
  });

  test("refuses pictures that are too small or not whole", async () => {
    await expect(model.stylize(waves(15, 20), style)).rejects.toThrow(
      "Expected a whole number of at least 16 for the width of the photograph but received 15.",
    );
    await expect(model.style({ width: 20, height: 20, data: new Uint8Array(3) })).rejects.toThrow(
      "Expected 1600 bytes for the data of the painting of 20 x 20 pixels but received 3.",
    );
  });
});

describe("its parts give what the whole network gives:", () => {
  test.each([
    ["tiny, every style position", tiny, { width: 40, height: 24 }],
    ["tiny, sampled style positions", tiny, { width: 90, height: 70 }],
    ["tiny-video", tinyVideo, { width: 60, height: 30 }],
    ["small", architectureNamed("small"), { width: 80, height: 64 }],
  ])("%s", async (_, architecture, { width, height }) => {
    const [photo, painting] = [waves(50, 36, 2), waves(width, height, 3)];
    const weights = generatedWeights(architecture);
    const observed = observe(new NodeEngine());
    await using model = await Model.load("model", architecture, weights, observed.engine);
    const result = await model.stylize(photo, await model.style(painting));

    const [contentSize, styleSize] = [paddedSize(photo), paddedSize(painting)];
    const chosen = new Map(
      architecture.attention.modules.map(({ level, maxKeys }) => {
        const map = { width: styleSize.width / 2 ** (level - 1), height: styleSize.height / 2 ** (level - 1) };
        const positions = evenPositions(map, maxKeys);
        return [level, constant(positions, [positions.length])];
      }),
    );
    const shapes = [contentSize, styleSize].map((size) => [1, 3, size.height, size.width]);
    const [content, style] = [input("content", shapes[0] ?? []), input("style", shapes[1] ?? [])];
    const { output } = stylize(architecture, content, style, constantWeights(parametersOf(architecture), weights), {
      chosen,
    });
    const session = await observed.engine.load(toOnnx({ output }), "the whole network");
    const outputs = await session.run({
      content: { shape: shapes[0] ?? [], data: toTensor(photo, contentSize) },
      style: { shape: shapes[1] ?? [], data: toTensor(painting, styleSize) },
    });
    const parts = observed.read.at(-1);
    const whole = await outputOf(outputs, "output").read();
    // The values before they are clamped to a picture's, and the picture.
    expect(parts?.shape).toEqual(whole.shape);
    const values = whole.data as Float32Array;
    const worst = values.reduce((most, value, at) => Math.max(most, Math.abs(value - Number(parts?.data[at]))), 0);
    expect(worst).toBeLessThan(1e-4);
    const expected = toPicture(values, contentSize, photo);
    expect(difference(result, expected)).toBeLessThanOrEqual(1);
  });
});

describe("a model that chooses style positions at random", () => {
  const architecture: Architecture = { ...tiny, attention: { ...tiny.attention, sampling: "random" } };

  test("does so by its seed, 6666 unless another is given", async () => {
    await using model = await open(architecture);
    const [photo, painting] = [waves(40, 40, 2), waves(90, 70, 3)];
    const paint = async (seed?: number) => model.stylize(photo, await model.style(painting, { seed }));
    const usual = await paint();
    expect(equal(usual, await paint(6666))).toBe(true);
    expect(equal(usual, await paint(7))).toBe(false);
  });
});

test("disposing of a model ends its worker, and what it is asked for then is refused", async () => {
  const created = once(process, "worker") as Promise<[Worker]>;
  const model = await open(tiny);
  const [worker] = await created;
  const style = await model.style(waves(32, 32));
  const exited = once(worker, "exit");
  await model.dispose();
  await exited;
  expect(worker.threadId).toBe(-1);
  await expect(model.stylize(waves(32, 32), style)).rejects.toThrow(
    new AdaattnError("engine", "The engine cannot run encode of tiny on cpu: The engine was closed."),
  );
  await model.dispose();
});

test("a model that cannot be loaded says which tensor is missing", async () => {
  const weights = generatedWeights(tiny);
  weights.delete("merge.bias");
  await using engine = new NodeEngine();
  await expect(Model.load("tiny", tiny, weights, engine)).rejects.toThrow(
    new AdaattnError("file", "Expected the tensor merge.bias among the weights but it is missing"),
  );
});

describe.runIf(targets.includes("webgpu"))("on WebGPU", () => {
  test("a model paints what it paints on the CPU", async () => {
    // One level, and one size for both pictures: a software driver takes seconds to compile what
    // more of them need.
    const architecture: Architecture = { ...tinyVideo, attention: { ...tinyVideo.attention, kind: "softmax" } };
    await using cpu = await open(architecture);
    await using gpu = await open(architecture, "webgpu");
    expect(gpu.device).toBe("webgpu");
    const [photo, painting] = [waves(30, 20, 2), waves(32, 32, 3)];
    const expected = await cpu.stylize(photo, await cpu.style(painting));
    const actual = await gpu.stylize(photo, await gpu.style(painting));
    expect(difference(actual, expected)).toBeLessThanOrEqual(1);
  });
});
