import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { input, toOnnx } from "@adaattn/graph";
import {
  DEFAULTS,
  type DistillSettings,
  distillEncoder,
  findEncoder,
  type KindComparison,
  LOSS_DEFAULTS,
  newestCheckpoint,
  type RunConfig,
  type RunStart,
  readConfig,
  type TrainingEvents,
  type TrainSettings,
  trainModel,
} from "@adaattn/train";
import { architectures, parametersOf, readSafetensors, writeSafetensors } from "adaattn/network";
import { loadModel, NodeEngine, readModel } from "adaattn/node";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { differences } from "../src/run/folder.ts";
import { HealthCheck } from "../src/run/health.ts";
import { miniature, randomEncoder } from "./miniature.ts";

// A network that trains in no time, as if it were a preset.
Object.assign(architectures, { miniature });

let folder: string;
const at = (name: string) => join(folder, name);
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeAll(async () => {
  // Only the first engine of a process flushes denormals in the thread that calls it, which may
  // decide a last bit: runs are compared among later ones, on that thread alone.
  await using first = new NodeEngine();
  (await first.load(toOnnx({ y: input("x", [1]) }), "nothing")).dispose();
  folder = await mkdtemp(join(tmpdir(), "adaattn-training-"));
  for (const kind of ["content", "style"]) {
    await mkdir(at(kind));
    for (let number = 0; number < 3; number++) {
      const data = Buffer.alloc(48 * 40 * 3).map((_, byte) => 128 + 100 * Math.sin(byte / (7 + number + kind.length)));
      await sharp(data, { raw: { width: 48, height: 40, channels: 3 } })
        .png()
        .toFile(at(`${kind}/${number}.png`));
    }
  }
  await writeFile(at("content/damaged.jpg"), "not a JPEG");
  for (const [name, seed] of [
    ["encoder", 1],
    ["judge", 2],
  ] as const) {
    const { shapes, values } = randomEncoder(seed);
    const tensors = [...shapes].map(
      ([tensor, shape]) => [tensor, { shape, data: values.get(tensor) ?? new Float32Array() }] as const,
    );
    await writeFile(at(`${name}.safetensors`), writeSafetensors(new Map(tensors)));
    await writeFile(at(`${name}-lacking.safetensors`), writeSafetensors(new Map(tensors.slice(0, -1))));
  }
});

/** What sharp makes a plain picture of. */
const SIZE = { width: 64, height: 64, channels: 3 } as const;

/** The smallest training that there is. */
function settings(changes: Partial<TrainSettings> = {}): TrainSettings {
  return {
    ...DEFAULTS,
    ...LOSS_DEFAULTS,
    preset: "miniature",
    stage: "style",
    start: "none",
    decoderSteps: 0,
    content: at("content"),
    style: at("style"),
    encoder: at("encoder.safetensors"),
    lossNetwork: at("judge.safetensors"),
    threads: 1,
    steps: 6,
    batch: 2,
    crop: 32,
    optimizer: "muon",
    rate: 1e-4,
    warmup: 2,
    logEvery: 2,
    ...changes,
  };
}

const tensorsOf = async (run: string) => readSafetensors(await readFile((await newestCheckpoint(run)) ?? "")).tensors;

test("a run that is stopped after three of six steps and resumed ends bit for bit as one that is not", async () => {
  const [whole, parts] = [at("whole"), at("parts")];
  const [bad, started, notices]: [string[], RunStart[], string[]] = [[], [], []];
  const events: TrainingEvents = {
    onBadFile: (path) => bad.push(path),
    onStart: (run) => started.push(run),
    onNotice: (sentence) => notices.push(sentence),
  };
  await trainModel(whole, settings(), events);
  expect(bad).toEqual([at("content/damaged.jpg")]);
  const controller = new AbortController();
  const stop = (step: number) => step === 3 && controller.abort();
  await trainModel(parts, settings(), { ...events, onStep: stop, signal: controller.signal });
  const kept = await readConfig(parts);
  await trainModel(parts, kept as TrainSettings, events);
  expect(await tensorsOf(parts)).toEqual(await tensorsOf(whole));
  expect(started.map(({ step, steps, stage }) => [stage, step, steps])).toEqual([
    ["style", 0, 6],
    ["style", 0, 6],
    ["style", 3, 6],
  ]);
  // Random weights may leave channels dead, which is told of each sitting.
  expect(notices.filter((sentence) => !sentence.startsWith("No picture wakes"))).toEqual([]);
  const last = (await readFile(join(parts, "metrics.jsonl"), "utf8")).trim().split("\n").at(-1) ?? "";
  expect(Object.keys(JSON.parse(last))).toEqual(
    expect.arrayContaining(["step", "loss.sleep", "loss.supervision", "dead.encoder.1_1", "perplexity.3", "effect.5"]),
  );
  // Heads are trained along: a checkpoint has them with their moments, the model does not.
  const saved = await tensorsOf(parts);
  for (const part of ["parameters", "first", "second", "average"])
    for (const head of ["4.weight", "5.weight", "decoder.weight", "decoder.bias"])
      expect(saved.get(`${part}.supervision.${head}`)?.data.some((value) => value !== 0)).toBe(true);

  // What a run leaves behind.
  const files = ["checkpoints", "config.json", "encoder.safetensors", "loss-network.safetensors"];
  expect((await readdir(parts)).sort()).toEqual([...files, "metrics.jsonl", "model", "samples"]);
  expect(await readdir(join(parts, "samples"))).toEqual(["0000006.jpg"]);
  const sheet = await sharp(join(parts, "samples/0000006.jpg")).metadata();
  expect([sheet.width, sheet.height]).toEqual([8 * 192, 3 * 192]);
  await using model = await loadModel(join(parts, "model"), { device: "cpu" });
  expect(model.architecture).toBe(miniature);
  const { weights } = await readModel(join(parts, "model"));
  const average = (await tensorsOf(parts)).get("average.merge.weight")?.data as Float32Array;
  expect(weights.get("merge.weight")?.[5]).toBeCloseTo(Number(average[5]), 3);
  const file = readSafetensors(await readFile(join(parts, "model/model.safetensors"))).tensors;
  expect([...file.keys()].sort()).toEqual([...parametersOf(miniature).keys()].sort());
});

test("what is dead in a network is measured, and each layer told of once", async () => {
  const { weights } = await readModel(join(at("parts"), "model"));
  const sentences: string[] = [];
  const flat = (value: number) => ({ width: 40, height: 40, data: new Uint8ClampedArray(6400).fill(value) });
  const pairs = [{ content: flat(90), style: flat(160) }];
  const check = new HealthCheck(miniature, pairs, { device: "cpu", threads: 1 }, (sentence) =>
    sentences.push(sentence),
  );
  const dead = new Map(weights).set(
    "decoder.3_1.bias",
    new Float32Array(weights.get("decoder.3_1.bias")?.length ?? 0).fill(-1e6),
  );
  for (let time = 0; time < 2; time++) {
    const line = await check.examine(dead);
    expect(line["dead.decoder.3_1"]).toBe(1);
    expect(line["effect.3"]).toBe(0);
    expect(line["perplexity.3"]).toBeGreaterThanOrEqual(1);
  }
  expect(sentences.filter((sentence) => sentence.includes("decoder.3_1"))).toHaveLength(1);
});

test("dead channels of the first weights are woken once, told of and written down", async () => {
  const notices: string[] = [];
  const onNotice = (sentence: string) => notices.push(sentence);
  await trainModel(at("woken"), settings({ revive: true, steps: 1 }), { onNotice });
  const woken = notices.filter((sentence) => /^Woke \d of the \d channels of /.test(sentence));
  expect(woken).not.toEqual([]);
  const kept = await readConfig(at("woken"));
  expect(kept.woken?.filter(({ dead, left }) => dead > left)).toHaveLength(woken.length);
  await trainModel(at("woken"), { ...(kept as TrainSettings), steps: 2 }, { onNotice });
  expect(notices.filter((sentence) => sentence.startsWith("Woke"))).toEqual(woken);
  expect((await readConfig(at("woken"))).woken).toEqual(kept.woken);
  expect(JSON.parse(await readFile(at("woken/model/model.json"), "utf8"))).toMatchObject({
    training: { revive: true },
  });
});

test("sizes of crops take turns", async () => {
  await trainModel(at("turns"), settings({ crop: [32, 48], batch: [3, 2], steps: 3 }));
  const lines = (await readFile(at("turns/metrics.jsonl"), "utf8")).trim().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as Record<string, number>).samples)).toEqual([5, 8]);
  for (const name of ["crop32.loss", "crop48.loss"]) expect(JSON.parse(lines[0] ?? "")[name]).toBeGreaterThan(0);
  expect(JSON.parse(await readFile(at("turns/model/model.json"), "utf8"))).toMatchObject({
    training: { samples: 8, crop: [32, 48], batch: [3, 2] },
  });
});

test("windows are compared with the pictures of a test folder, and a large difference told", async () => {
  for (const kind of ["content", "style"]) {
    await mkdir(at(`test/${kind}`), { recursive: true });
    for (const name of ["a", "b"]) {
      // Photographs as those that are trained on, and paintings without any detail.
      if (kind === "content") await copyFile(at("content/0.png"), at(`test/content/${name}.png`));
      else await sharp({ create: { ...SIZE, background: "#102" } }).toFile(at(`test/style/${name}.png`));
    }
  }
  const [told, notices]: [KindComparison[], string[]] = [[], []];
  const test = at("test");
  const events = {
    onLevels: (compared: readonly KindComparison[]) => told.push(...compared),
    onNotice: (sentence: string) => notices.push(sentence),
  };
  await trainModel(at("levels"), settings({ test, steps: 1, crop: [32, 48], batch: [2, 2] }), events);
  expect(told.map(({ kind, crop, levels }) => [kind, crop, levels.map(({ level }) => level)])).toEqual(
    ["photographs", "paintings"].flatMap((kind) => [32, 48].map((crop) => [kind, crop, [1, 2, 3, 4, 5]])),
  );
  const first = told.find(({ kind, crop }) => kind === "paintings" && crop === 32)?.levels[0];
  expect(first?.pictures.deviation).toBeLessThan(0.1);
  expect(first?.windows.deviation).toBeGreaterThan(0.2);
  expect(first?.difference).toBeGreaterThan(0.25);
  expect(notices.join("\n")).toContain(
    `Windows of 32 pixels look to the loss network unlike the paintings of ${test} at 512 pixels, at level 1 by `,
  );
  expect(JSON.parse(await readFile(at("levels/levels.json"), "utf8"))).toEqual(told);
});

test("losses on pairs of frames are asked for by their weights", async () => {
  const losses = { ...LOSS_DEFAULTS.losses, similarity: 100, temporal: 50 };
  await trainModel(at("video"), settings({ losses, steps: 2, logEvery: 1 }));
  const lines = (await readFile(at("video/metrics.jsonl"), "utf8")).trim().split("\n");
  expect(lines).toHaveLength(2);
  for (const line of lines) {
    const values = JSON.parse(line) as Record<string, number>;
    for (const name of ["loss.similarity", "loss.temporal"]) expect(values[name]).toBeGreaterThan(0);
  }
  expect((await readConfig(at("video"))) as TrainSettings).toMatchObject({ losses });
});

test("a run of before a loss was known goes on without it, and takes it up where that is asked for", async () => {
  const { weave: _, strokes: __, sleep: ___, supervision: ____, ...known } = LOSS_DEFAULTS.losses;
  const { calm: _____, ...others } = settings({ losses: known as TrainSettings["losses"], steps: 1, logEvery: 1 });
  const old: TrainSettings = others;
  await trainModel(at("old"), old);
  const [line = ""] = (await readFile(at("old/metrics.jsonl"), "utf8")).split("\n");
  const names = Object.keys(JSON.parse(line)).filter((name) => name.startsWith("loss."));
  expect(names).toContain("loss.structure");
  expect(names).not.toContain("loss.weave");
  expect(names).not.toContain("loss.strokes");
  expect(names).not.toContain("loss.sleep");
  const headsOf = async () => [...(await tensorsOf(at("old"))).keys()].filter((name) => name.includes("supervision"));
  expect(await headsOf()).toEqual([]);
  await trainModel(at("old"), { ...((await readConfig(at("old"))) as TrainSettings), steps: 2 });
  expect(await headsOf()).toEqual([]);
  // The checkpoint has no heads: they begin at 0.
  const notices: string[] = [];
  const onNotice = (sentence: string) => notices.push(sentence);
  await trainModel(at("old"), settings({ steps: 3, logEvery: 1 }), { onNotice });
  expect(await headsOf()).toHaveLength(16);
  expect(notices.join("\n")).toContain("calm true instead of unset");
  const last = JSON.parse((await readFile(at("old/metrics.jsonl"), "utf8")).trim().split("\n").at(-1) ?? "");
  expect(last).toMatchObject({ step: 3, "loss.supervision": expect.any(Number), "loss.sleep": expect.any(Number) });
  // And are left aside where they are no longer asked for.
  await trainModel(at("old"), { ...old, steps: 4 });
  expect(await headsOf()).toEqual([]);
});

test("what makes a run go on otherwise is told by name", () => {
  const before: RunConfig = { ...settings(), environment: { node: "20.0.0", threads: 2 } };
  const now: RunConfig = { ...settings({ rate: 2e-4, logEvery: 5 }), environment: { node: "20.0.0", threads: 1 } };
  expect(differences(before, before)).toEqual([]);
  expect(differences(before, now)).toEqual(["rate 0.0002 instead of 0.0001", "threads 1 instead of 2"]);
});

test("from nothing the decoder comes first, with an encoder that was distilled before", async () => {
  const encoder: DistillSettings = {
    ...settings({ steps: 1 }),
    stage: "distill",
    teacher: at("judge.safetensors"),
  };
  await distillEncoder(at("learnt"), encoder);
  const learnt = await findEncoder(at("learnt"));
  expect(learnt.encoder).toBe(miniature.encoder);
  const begun: string[] = [];
  const fresh = settings({ decoderSteps: 1, steps: 1, encoder: at("learnt") });
  await trainModel(at("fresh"), fresh, { onStart: ({ stage }) => begun.push(stage) });
  expect(begun).toEqual(["decoder", "style"]);
  for (const run of [at("fresh"), at("fresh/decoder")]) {
    // The style stage trains the encoder along, unless it is told to leave it.
    const trained = run === at("fresh");
    expect(isDeepStrictEqual((await findEncoder(run)).values, learnt.values)).toBe(!trained);
    expect((await readModel(join(run, "model"))).architecture).toBe(miniature);
  }
  expect(JSON.parse(await readFile(at("fresh/model/model.json"), "utf8"))).toMatchObject({
    architecture: "miniature",
    weights: "model.safetensors, fp16, the moving average at step 1",
    training: { stage: "style", steps: 1, samples: 2, losses: { global: 50, structure: 7, weave: 0.35, strokes: 0.5 } },
  });
});

test.each<[string, Partial<TrainSettings>, string]>([
  [
    "a loss network without a tensor",
    { lossNetwork: "lacking" },
    "Expected the tensor encoder.5_1.bias of [4] in PATH but found none",
  ],
  [
    "a start that is none",
    { start: "nowhere" },
    "There is no model nowhere. Choose small, small-video or the path of a folder",
  ],
  [
    "a start of another network",
    { start: "small" },
    "Expected the tensor attention.3.f.weight of [8, 8, 1, 1] in small but found one of",
  ],
  [
    "an encoder of other widths",
    { encoder: "small" },
    "Expected an encoder of the widths 2, 2, 4, 4, 4 for miniature but received one of 16, 32, 64, 128, 128.",
  ],
])("%s is an error in one sentence, before anything is trained", async (name, changes, sentence) => {
  const run = at(`refused ${name}`);
  const path = at("judge-lacking.safetensors");
  const asked = settings({ ...changes, ...(changes.lossNetwork && { lossNetwork: path }) });
  await expect(trainModel(run, asked)).rejects.toThrow(sentence.replace("PATH", path));
  expect(existsSync(join(run, "checkpoints"))).toBe(false);
  expect(existsSync(join(run, "trainer.pid"))).toBe(false);
});

test("a run that another process is training is left alone", async () => {
  await mkdir(at("held"));
  await writeFile(at("held/trainer.pid"), String(process.ppid));
  await expect(trainModel(at("held"), settings())).rejects.toThrow(
    `The run in ${at("held")} is being trained by the process ${process.ppid}. Stop that one first.`,
  );
  expect(await readdir(at("held"))).toEqual(["trainer.pid"]);
});

test.each<[Partial<TrainSettings>, string]>([
  [{ crop: 40 }, "Expected a multiple of 16 of at least 32 pixels for the crop but received 40."],
  [{ steps: 0 }, "Expected a whole number of at least 1 for the number of steps but received 0."],
  [{ rate: 0 }, "Expected a number above 0 for the learning rate but received 0."],
  [{ crop: [32, 64] }, "Expected as many numbers for the batch as sizes of crops, 2, but received 1."],
  [
    { crop: [32, 64], batch: [2, 2], stage: "decoder" },
    "Expected one size of crops for the decoder stage but received 2.",
  ],
  [{ crop: [32, 40], batch: [2, 2] }, "Expected a multiple of 16 of at least 32 pixels for the crop but received 40."],
  [
    { revive: true, stage: "decoder" },
    "Expected the style stage for waking dead channels but received the decoder stage.",
  ],
  [{ batch: 1 }, "Expected a batch of at least 2, one sample being for the identity loss, but received 1."],
  [{ localLevels: [6] }, "Expected levels from 1 to 5 for the local loss but received 6."],
  [{ globalLevels: [] }, "Expected levels from 1 to 5 for the global loss but received none."],
  [
    { globalShares: [1, 2] },
    "Expected five numbers of at least 0 for the shares of the global loss but received 1, 2.",
  ],
  [{ grain: 2 }, "Expected a number from 0 to 1 for the grain but received 2."],
  [{ soft: -1 }, "Expected a number from 0 to 1 for the share of soft crops but received -1."],
  [{ localKeys: 0 }, "Expected a whole number of at least 1 for the style positions of the local loss but received 0."],
])("settings that cannot be meant are refused: %j", async (changes, sentence) => {
  await expect(trainModel(at("never"), settings(changes))).rejects.toThrow(new Error(sentence));
  expect(existsSync(at("never"))).toBe(false);
});
