import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { add, input, log, reduceMean, reduceSum, square, subtract } from "@adaattn/graph";
import { distillObjective, Random, readAverage, Trainer, type TrainerOptions, trainingStep } from "@adaattn/train";
import { type ParameterShapes, readSafetensors, type TensorData } from "adaattn/network";
import { NodeEngine } from "adaattn/node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { observe } from "../../adaattn/test/observed.ts";
import { targets } from "../../graph/test/engines.ts";
import { miniature, pictures, randomEncoder } from "./miniature.ts";

let engine: NodeEngine;
let folder: string;
beforeAll(() => {
  engine = new NodeEngine({ threads: 2 });
});
afterAll(() => engine.dispose());
const folders: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "adaattn-run-"));
  folders.push(folder);
});
afterAll(() => Promise.all(folders.map((path) => rm(path, { recursive: true, force: true }))));

const parameters: ParameterShapes = new Map([
  ["middle", [1, 2]],
  ["edge", [1]],
]);
/**
 * Brings `middle` to points that come in batches, and the logarithm of `edge` with it, which is not
 * a number below 0.
 */
const step = trainingStep({
  parameters,
  objective: (weights) => ({
    points: reduceMean(square(subtract(weights("middle"), input("points", [4, 2])))),
    edge: add(reduceSum(square(log(weights("edge")))), reduceSum(square(weights("edge")))),
  }),
});
const initial = new Map([
  ["middle", Float32Array.of(0.5, -0.5)],
  ["edge", Float32Array.of(1)],
]);
const batch = (number: number): Record<string, TensorData> => {
  const random = new Random(number);
  return { points: { shape: [4, 2], data: Float32Array.from({ length: 8 }, () => 2 + random.normal()) } };
};

function options(changes: Partial<TrainerOptions> = {}): TrainerOptions {
  return { engine, step, parameters, initial, folder, steps: 10, rate: () => 0.05, batch, batchSize: 4, ...changes };
}

/** Trains and gives the averaged weights. */
async function train(all: TrainerOptions, signal?: AbortSignal): Promise<Map<string, Float32Array>> {
  await using trainer = await Trainer.open(all);
  await trainer.run(signal);
  return trainer.average();
}

/** The names of a run's checkpoints, as numbers, and the bytes of the newest. */
const stepsOf = async (path: string) =>
  (await readdir(join(path, "checkpoints"))).map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b);
const checkpointOf = async (path: string) =>
  readFile(join(path, "checkpoints", `${String((await stepsOf(path)).at(-1)).padStart(7, "0")}.safetensors`));
const stepOf = async (path: string) => readSafetensors(await checkpointOf(path)).metadata.step;
const tensorsOf = (bytes: Uint8Array) => readSafetensors(bytes).tensors;
const linesOf = async (path: string) =>
  (await readFile(join(path, "metrics.jsonl"), "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, number>);

describe("a run", () => {
  test("leaves a folder with metrics, samples and a checkpoint, and nothing in the engine", async () => {
    const observed = observe(engine);
    const [logged, sampled]: [unknown[], string[]] = [[], []];
    const average = await train(
      options({
        engine: observed.engine,
        folder: join(folder, "new", "run"),
        rate: (number) => 0.1 / number,
        logEvery: 4,
        checkpointEvery: 6,
        sampleEvery: 5,
        onLog: (line) => logged.push(line),
        sample: async (tensor, path) => {
          expect((await tensor.read()).data).toHaveLength(3);
          sampled.push(path);
        },
      }),
    );
    const run = join(folder, "new", "run");
    expect((await readdir(run)).sort()).toEqual(["checkpoints", "metrics.jsonl", "samples"]);
    expect(await stepsOf(run)).toEqual([6, 10]);
    const lines = await linesOf(run);
    expect(lines).toEqual(logged);
    // Every fourth step, those that are saved, and the last.
    expect(lines.map((line) => line.step)).toEqual([4, 6, 8, 10]);
    for (const line of lines) {
      expect(line).toEqual({
        step: line.step,
        samples: 4 * Number(line.step),
        rate: 0.1 / Number(line.step),
        "gradient.length": expect.any(Number),
        "loss.points": expect.any(Number),
        "loss.edge": expect.any(Number),
        loss: expect.closeTo(Number(line["loss.points"]) + Number(line["loss.edge"]), 5),
        seconds: expect.any(Number),
        samplesPerSecond: expect.any(Number),
        outside: expect.any(Number),
      });
      expect(line.outside).toBeGreaterThanOrEqual(0);
      expect(line.outside).toBeLessThan(1);
      expect(line.samplesPerSecond).toBeGreaterThan(0);
    }
    expect(sampled).toEqual(["0000005", "0000010"].map((name) => expect.stringContaining(join(run, "samples", name))));
    expect(await stepOf(run)).toBe("10");
    expect(await readAverage(run, parameters)).toEqual(average);
    expect([...average.keys()]).toEqual(["middle", "edge"]);
    expect([...observed.living.values()]).toEqual([]);
  });

  test("stopped and taken up again ends with the very bytes of an unbroken one", async () => {
    const encoder = randomEncoder(1);
    const { shapes, values } = encoder;
    const distilling = options({
      step: trainingStep({
        parameters: shapes,
        objective: distillObjective(miniature.encoder, randomEncoder(2), [1, 1, 1, 1, 1], 2, 32),
        clip: 5,
      }),
      parameters: shapes,
      initial: values,
      batch: (number) => ({ pictures: pictures(2, 32, number) }),
      steps: 9,
      rate: (number) => 0.01 / number,
    });
    const [whole, parts] = [join(folder, "whole"), join(folder, "parts")];
    const expected = await train({ ...distilling, folder: whole });
    // Stopped once by its number of steps and once by its signal, while the seventh is under way.
    await train({ ...distilling, folder: parts, steps: 4 });
    expect(await stepOf(parts)).toBe("4");
    const controller = new AbortController();
    const stopping = (number: number) => {
      // Batches are asked for two steps ahead.
      if (number === 9) controller.abort();
      return distilling.batch(number);
    };
    await train({ ...distilling, folder: parts, batch: stopping }, controller.signal);
    expect(await stepOf(parts)).toBe("7");
    expect(await checkpointOf(parts)).not.toEqual(await checkpointOf(whole));
    expect(await train({ ...distilling, folder: parts })).toEqual(expected);
    expect(tensorsOf(await checkpointOf(parts))).toEqual(tensorsOf(await checkpointOf(whole)));
    expect((await linesOf(parts)).map((line) => line.step)).toEqual([4, 7, 9]);
  });

  test("with two sizes that take turns, each step has its own, and a stop changes nothing", async () => {
    const sized = (count: number) =>
      trainingStep({
        parameters,
        objective: (weights) => ({
          points: reduceMean(square(subtract(weights("middle"), input("points", [count, 2])))),
          edge: reduceSum(square(weights("edge"))),
        }),
      });
    // Far points at every second step, which are two instead of four.
    const turning = (number: number): Record<string, TensorData> => {
      const [count, value] = number % 2 === 1 ? [4, 1] : [2, 100];
      return { points: { shape: [count, 2], data: new Float32Array(2 * count).fill(value) } };
    };
    const observed = observe(engine);
    const [whole, parts] = [join(folder, "whole"), join(folder, "parts")];
    const taking = options({
      engine: observed.engine,
      step: [sized(4), sized(2)],
      batch: turning,
      batchSize: [4, 2],
      turns: ["four", "two"],
      steps: 5,
      logEvery: 3,
    });
    await train({ ...taking, folder: whole });
    await train({ ...taking, folder: parts, steps: 3 });
    await train({ ...taking, folder: parts });
    expect(tensorsOf(await checkpointOf(parts))).toEqual(tensorsOf(await checkpointOf(whole)));
    expect([...observed.living.values()]).toEqual([]);
    const [first, second] = await linesOf(whole);
    expect([first?.samples, second?.samples]).toEqual([10, 16]);
    expect(first?.["two.loss"]).toBeGreaterThan(9000);
    expect(first?.["four.loss"]).toBeLessThan(10);
    expect(first?.loss).toBeCloseTo((2 * Number(first?.["four.loss"]) + Number(first?.["two.loss"])) / 3, 2);
  });

  test("killed at any moment goes on from its newest checkpoint as if it had not been", async () => {
    const [whole, killed] = [join(folder, "whole"), join(folder, "killed")];
    const changes = { steps: 8, logEvery: 1, checkpointEvery: 3 };
    await train(options({ ...changes, folder: whole }));
    const dying = (number: number) => {
      if (number === 8) throw new Error("the power is cut");
      return batch(number);
    };
    const dead = train(options({ ...changes, folder: killed, checkpointEvery: 3, batch: dying }));
    await expect(dead).rejects.toThrow("the power is cut");
    // What an error leaves is saved; a killed run leaves lines without a checkpoint, and half of
    // what it was writing.
    await rm(join(killed, "checkpoints", "0000007.safetensors"));
    await writeFile(join(killed, "checkpoints", ".adaattn-1-2.tmp"), "half");
    await appendFile(join(killed, "metrics.jsonl"), '{"step":8,"sam');
    await train(options({ ...changes, folder: killed }));
    expect(await readdir(join(killed, "checkpoints"))).toEqual(await readdir(join(whole, "checkpoints")));
    expect(await checkpointOf(killed)).toEqual(await checkpointOf(whole));
    const timeless = (line: Record<string, number>) => ({ ...line, seconds: 0, samplesPerSecond: 0, outside: 0 });
    expect((await linesOf(killed)).map(timeless)).toEqual((await linesOf(whole)).map(timeless));
  });

  test("keeps its three newest checkpoints and the one with the lowest running loss", async () => {
    // The points move away for good after the fourth step, so that the loss is lowest there.
    const leaving = (number: number): Record<string, TensorData> => {
      const points = { shape: [4, 2], data: new Float32Array(8).fill(number > 4 ? 1000 : 0.5) };
      return { points };
    };
    const kept: [number, number][] = [];
    await train(
      options({
        steps: 14,
        checkpointEvery: 2,
        batch: leaving,
        onCheckpoint: async (step, average) => void kept.push([step, average.get("middle")?.length ?? 0]),
      }),
    );
    expect(await stepsOf(folder)).toEqual([4, 10, 12, 14]);
    expect(readSafetensors(await checkpointOf(folder)).metadata).toMatchObject({ step: "14", bestStep: "4" });
    expect(kept).toEqual([2, 4, 6, 8, 10, 12, 14].map((step) => [step, 2]));
  });

  test("is told the reason where a batch cannot be had, and loses nothing", async () => {
    const failing = (number: number) => {
      if (number === 7) throw new Error("no picture can be read");
      return batch(number);
    };
    await expect(train(options({ batch: failing }))).rejects.toThrow("no picture can be read");
    expect(await stepOf(folder)).toBe("6");
  });

  test("that is complete gives its weights without another step", async () => {
    const expected = await train(options());
    const before = await checkpointOf(folder);
    const refuse = () => {
      throw new Error("no batch is needed");
    };
    expect(await train(options({ batch: refuse }))).toEqual(expected);
    expect(await train(options({ batch: refuse, steps: 20 }), AbortSignal.abort())).toEqual(expected);
    expect(await checkpointOf(folder)).toEqual(before);
  });
});

describe("losses that are not numbers", () => {
  test.each([
    ["at a step that is logged", { logEvery: 1 }],
    ["at a step that is neither logged nor saved", { logEvery: 1000 }],
    ["at the last step", { logEvery: 1000, steps: 8 }],
  ])("end the run %s and keep the checkpoint from before", async (_, changes) => {
    const broken = (number: number) => {
      const good = batch(number);
      return number === 8 ? { points: { shape: [4, 2], data: new Float32Array(8).fill(Number.NaN) } } : good;
    };
    await expect(train(options({ steps: 20, checkpointEvery: 5, batch: broken, ...changes }))).rejects.toThrow(
      new Error(
        `The losses of step 8 are not finite (gradient.length is NaN); the last good checkpoint is ${join(folder, "checkpoints", "0000005.safetensors")}.`,
      ),
    );
    expect(await stepOf(folder)).toBe("5");
    const { tensors } = readSafetensors(await checkpointOf(folder));
    for (const { data } of tensors.values())
      for (const value of data) expect(Number.isFinite(Number(value))).toBe(true);
    const steps = (await linesOf(folder)).map((line) => Number(line.step));
    expect(Math.max(...steps)).toBeLessThan(8);
    // It can be taken up again from there.
    await train(options({ steps: 20 }));
    expect(await stepOf(folder)).toBe("20");
  });

  test("end a run whose weights went wrong at once, before any checkpoint", async () => {
    const started = options({ initial: new Map([...initial, ["edge", Float32Array.of(-1)]]), logEvery: 1 });
    await expect(train(started)).rejects.toThrow(
      "The losses of step 1 are not finite (gradient.length is NaN); none was saved.",
    );
    expect(await readdir(folder)).toEqual(["samples"]);
  });
});

describe("a checkpoint", () => {
  test.each<[string, ParameterShapes, string]>([
    ["names", new Map([["other", [3]]]), "parameters.other of [3] in PATH but found none"],
    [
      "shapes",
      new Map([
        ["middle", [2, 1]],
        ["edge", [1]],
      ]),
      "parameters.middle of [2, 1] in PATH but found one of [1, 2]",
    ],
  ])("with other %s is refused and kept", async (_, shapes, missing) => {
    await train(options());
    const before = await checkpointOf(folder);
    const other = options({
      parameters: shapes,
      initial: new Map([...shapes].map(([name, shape]) => [name, new Float32Array(shape.reduce((a, b) => a * b))])),
    });
    const path = join(folder, "checkpoints", "0000010.safetensors");
    const refusal = `Expected the tensor ${missing.replace("PATH", path)}: it is of another architecture.`;
    await expect(train(other)).rejects.toThrow(new Error(refusal));
    await expect(readAverage(folder, shapes)).rejects.toThrow(new Error(refusal.replace("parameters.", "average.")));
    expect(await checkpointOf(folder)).toEqual(before);
  });

  test("that is damaged is refused and kept", async () => {
    await train(options());
    const damaged = (await checkpointOf(folder)).subarray(0, 100);
    const path = join(folder, "checkpoints", "0000010.safetensors");
    await writeFile(path, damaged);
    await expect(train(options())).rejects.toThrow(`Cannot read ${path}: `);
    expect(await checkpointOf(folder)).toEqual(damaged);
  });

  test("that cannot be read is no reason to start anew", async () => {
    await mkdir(join(folder, "checkpoints", "0000003.safetensors"), { recursive: true });
    await expect(train(options())).rejects.toThrow(/0000003\.safetensors: it is a folder/);
  });

  test("that is missing has no average", async () => {
    await expect(readAverage(folder, parameters)).rejects.toThrow(
      new Error(`Expected a checkpoint in ${folder} but found none.`),
    );
  });
});

test.skipIf(!targets.includes("webgpu"))("on a GPU only what is logged or saved is read back", async () => {
  await using gpu = new NodeEngine({ device: "webgpu" });
  const observed = observe(gpu);
  const [ours, theirs] = [join(folder, "gpu"), join(folder, "cpu")];
  await train(options({ engine: observed.engine, folder: ours, logEvery: 4 }));
  await train(options({ folder: theirs, logEvery: 1 }));
  const lines = await linesOf(ours);
  expect(lines.map((line) => line.step)).toEqual([4, 8, 10]);
  // A line is of the one step that was looked at, where on the CPU it is the mean since the line
  // before.
  const expected = await linesOf(theirs);
  for (const line of lines) expect(line.loss).toBeCloseTo(Number(expected[Number(line.step) - 1]?.loss), 4);
  // Two losses and the gradient's length for each line; four vectors for the checkpoint, and the
  // result.
  expect(observed.read).toHaveLength(3 * 3 + 4 + 1);
});
