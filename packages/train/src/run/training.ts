/**
 * Training as a whole: settings in, a run's folder out. A run that its folder already holds goes on
 * from its newest checkpoint.
 */

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { checkDevice, engineVersions, replaceFile } from "adaattn/internal/node";
import {
  type Architecture,
  architectureNamed,
  type Engine,
  encoderParameters,
  stylizingParameters,
  type WeightValues,
} from "adaattn/network";
import { NodeEngine } from "adaattn/node";
import { Dataset } from "../data/dataset.ts";
import { Random } from "../data/random.ts";
import { scheduledRate } from "../step/schedule.ts";
import { trainingStep } from "../step/step.ts";
import { encoderFile, normalizeLevels, readEncoder, renamed, type TrainedEncoder } from "../weights/encoders.ts";
import { writeModel } from "../weights/modelFolder.ts";
import { pickTensors } from "../weights/tensorFile.ts";
import { newestCheckpoint } from "./checkpoint.ts";
import { differences, findConfig, holdRun, type RunConfig, readConfig, writeConfig } from "./folder.ts";
import { HealthCheck } from "./health.ts";
import { compareLevels, type KindComparison } from "./levels.ts";
import { revive } from "./revive.ts";
import { openSampleSheet, samplePairs } from "./sampleSheet.ts";
import {
  checkSettings,
  type DistillSettings,
  type RunSettings,
  STAGE_DEFAULTS,
  samplesOf,
  type TrainSettings,
  type Turn,
  turnsOf,
} from "./settings.ts";
import {
  type Data,
  decoderParameters,
  decoderStage,
  distillStage,
  firstWeights,
  measuringBatch,
  type Stage,
  styleStage,
  styleUnits,
} from "./stages.ts";
import { type MetricsLine, Trainer } from "./trainer.ts";
import { ENCODER_FILE, findEncoder, startWeights } from "./weightSources.ts";

/** How many of the contact sheet's pairs a network is examined with. */
const EXAMINED_PAIRS = 3;

const LOSS_NETWORK_FILE = "loss-network.safetensors";
const LEVELS_FILE = "levels.json";

/** A notice is given where windows differ from pictures by more than this at a level. */
const LARGE_DIFFERENCE = 0.25;

/** A run that begins or goes on. */
export interface RunStart {
  readonly folder: string;
  readonly stage: "distill" | "decoder" | "style";
  /** Steps done in earlier sittings. */
  readonly step: number;
  /** Steps in all. */
  readonly steps: number;
  /** How many photographs and paintings there are. */
  readonly pictures: { readonly content: number; readonly style: number };
}

/** What is told while training goes on. */
export interface TrainingEvents {
  /** Ends the run after the step under way, with a checkpoint. */
  readonly signal?: AbortSignal | undefined;
  readonly onStart?: ((run: RunStart) => void) | undefined;
  /**
   * Called before the first step of a style stage that has `test`: how what it trains on looks to
   * the loss network, beside pictures at 512 pixels.
   */
  readonly onLevels?: ((compared: readonly KindComparison[]) => void) | undefined;
  readonly onStep?: ((step: number) => void) | undefined;
  readonly onLog?: ((line: MetricsLine) => void) | undefined;
  /** Called once for every picture that cannot be read. */
  readonly onBadFile?: ((path: string, reason: string) => void) | undefined;
  /**
   * A sentence about something that is not as it was, such as why a run cannot go on bit for bit.
   */
  readonly onNotice?: ((sentence: string) => void) | undefined;
}

/**
 * Trains a network on the style losses, the encoder along or not, or its decoder alone. Where the
 * style stage starts from nothing, the decoder is trained first, as a run of its own in
 * `folder`/decoder.
 *
 * @throws Error with one sentence for wrong settings, folders without pictures, weights that do not
 *   fit, or losses that are not numbers; what was saved before stays.
 */
export async function trainModel(folder: string, settings: TrainSettings, events: TrainingEvents = {}): Promise<void> {
  checkSettings(settings);
  await using engine = await openEngine(settings);
  let source = settings.start === "none" ? undefined : settings.start;
  const begun = (await newestCheckpoint(folder)) !== undefined;
  if (settings.stage === "style" && source === undefined && settings.decoderSteps > 0 && !begun) {
    source = join(folder, "decoder");
    const first = { ...settings, ...STAGE_DEFAULTS.decoder, stage: "decoder" as const, steps: settings.decoderSteps };
    await runStage(source, first, engine, events, async (context) => {
      // So that the whole can be resumed from here on.
      await writeConfig(folder, { ...settings, environment: {} });
      return decoderRun(context, first, undefined);
    });
    if (events.signal?.aborted) return;
  }
  const prepare = settings.stage === "decoder" ? decoderRun : styleRun;
  await runStage(folder, settings, engine, events, (context) => prepare(context, settings, source));
}

/**
 * Distils an encoder: the one of the preset learns to give the features of a teacher. The result is
 * encoder.safetensors in the run's folder.
 *
 * @throws Error as {@link trainModel}.
 */
export async function distillEncoder(
  folder: string,
  settings: DistillSettings,
  events: TrainingEvents = {},
): Promise<void> {
  checkSettings(settings);
  await using engine = await openEngine(settings);
  await runStage(folder, settings, engine, events, async (context) => {
    const { architecture, data } = context;
    const teacher = await judgeOf(context, settings.teacher, settings);
    const own = encoderParameters(architecture.encoder);
    return {
      stages: [
        await distillStage(context.engine, architecture, teacher, data, { ...settings, ...turnsOf(settings)[0] }),
      ],
      keep: (average) =>
        replaceFile(
          join(folder, ENCODER_FILE),
          encoderFile({ encoder: architecture.encoder, shapes: own, values: average }),
        ),
    };
  });
}

/**
 * One engine for all stages: of the engines of a process, only the first flushes denormals in all
 * its threads, which both speed and the last bits depend on.
 */
async function openEngine({ device, threads }: RunSettings): Promise<NodeEngine> {
  await checkDevice(device);
  return new NodeEngine({ device, threads });
}

/** What a run has at hand. */
interface Context {
  readonly folder: string;
  /**
   * Whether the folder has a checkpoint to go on from; then what the run keeps goes before what the
   * settings name.
   */
  readonly resuming: boolean;
  readonly architecture: Architecture;
  readonly engine: Engine;
  readonly data: Data;
  readonly events: TrainingEvents;
}

/** What a run does. */
interface Plan {
  /** A stage for each of the sizes that take turns, which differ in their objective and batches. */
  readonly stages: readonly [Stage, ...Stage[]];
  /**
   * All weights of the network that people use, of which training averages some; undefined where
   * there is none yet.
   */
  readonly whole?: (average: WeightValues) => WeightValues;
  /** Makes what people use out of the averaged weights. */
  readonly keep: (average: WeightValues, step: number) => Promise<void>;
}

async function runStage(
  folder: string,
  settings: TrainSettings | DistillSettings,
  engine: Engine,
  events: TrainingEvents,
  plan: (context: Context) => Promise<Plan>,
): Promise<void> {
  const architecture = architectureNamed(settings.preset);
  const { signal, onBadFile, onStep, onLog } = events;
  const { soft, clip, optimizer } = settings;
  const turns = turnsOf(settings);
  const openFolder = (path: string, stream: number) =>
    Dataset.open(path, { crop: turns[0].crop, soft, seed: Random.of(settings.seed, stream).state, onBadFile });
  await using contents = await openFolder(settings.content, 1);
  await using styles = await openFolder(settings.style, 2);
  await using _ = await holdRun(folder);
  const pictures = { content: contents.size, style: styles.size };
  const resuming = (await newestCheckpoint(folder)) !== undefined;
  await recordConfig(folder, settings, pictures, resuming ? events.onNotice : undefined);

  const data = { contents, styles };
  const { stages, whole, keep } = await plan({
    folder,
    resuming,
    architecture,
    engine,
    data,
    events,
  });
  const { parameters, heads, initial, paint } = stages[0];
  const test = "test" in settings ? settings.test : undefined;
  const pairs =
    paint && (await samplePairs({ contents: contents.paths, styles: styles.paths, seed: settings.seed, test }));
  using sheet =
    paint && pairs && (await openSampleSheet(engine, new Map([...parameters, ...(heads ?? [])]), paint, pairs));
  const encoderRate = "encoderRate" in settings ? settings.encoderRate : 1;
  const rateShare = (name: string) => (name.startsWith("encoder.") ? encoderRate : 1);
  const { device, threads } = settings;
  const check =
    whole &&
    pairs &&
    new HealthCheck(architecture, pairs.slice(0, EXAMINED_PAIRS), { device, threads }, events.onNotice);
  await using trainer = await Trainer.open({
    engine,
    parameters,
    heads,
    initial,
    folder,
    onStep,
    onLog,
    step: stages.map(({ objective }) => trainingStep({ parameters, heads, objective, clip, optimizer, rateShare })),
    steps: settings.steps,
    rate: (step) => scheduledRate(settings, step),
    batch: (step) => (stages[(step - 1) % stages.length] ?? stages[0]).batch(step),
    batchSize: turns.map(({ batch }) => batch),
    turns: turns.length > 1 ? turns.map(({ crop }) => `crop${crop}`) : undefined,
    logEvery: settings.logEvery,
    checkpointEvery: settings.checkpointEvery,
    sampleEvery: settings.sampleEvery,
    sample: sheet && ((average, path) => sheet.draw(average, path)),
    examine: whole && check && ((average) => check.examine(whole(average))),
    onCheckpoint: (step, average) => keep(average, step),
  });
  events.onStart?.({ folder, stage: settings.stage, step: trainer.step, steps: settings.steps, pictures });
  await trainer.run(signal);
}

/** Writes config.json, and tells what is not as it was when the run was last trained. */
async function recordConfig(
  folder: string,
  settings: TrainSettings | DistillSettings,
  pictures: RunStart["pictures"],
  onNotice: TrainingEvents["onNotice"],
): Promise<void> {
  const { threads = availableParallelism() } = settings;
  const environment = {
    ...engineVersions(),
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    threads,
    photographs: pictures.content,
    paintings: pictures.style,
  };
  const before = await findConfig(folder);
  const config: RunConfig = { ...settings, environment, ...(before?.woken && { woken: before.woken }) };
  if (before && onNotice) {
    const changed = differences(before, config);
    if (settings.device === "webgpu") changed.push("a GPU adds up in no fixed order");
    if (changed.length > 0)
      onNotice(`The run goes on, but not bit for bit as it would have without a stop: ${changed.join("; ")}.`);
  }
  await writeConfig(folder, config);
}

async function decoderRun(context: Context, settings: TrainSettings, source: string | undefined): Promise<Plan> {
  const { architecture, data } = context;
  const encoder = await encoderFor(context, settings);
  const lossNetwork = await judgeOf(context, settings.lossNetwork ?? "small", settings);
  const initial = await initialWeights(context, source, settings.seed);
  const own = new Map([...initial].filter(([name]) => decoderParameters(architecture).has(name)));
  // With the attention that needs no training, a decoder alone stylizes already.
  const whole = (average: WeightValues) => new Map([...encoder.values, ...initial, ...average]);
  return {
    stages: [decoderStage(architecture, encoder, lossNetwork, own, data, turnsOf(settings)[0])],
    whole,
    keep: (average, step) => keepModel(context, settings, whole(average), step),
  };
}

async function styleRun(context: Context, settings: TrainSettings, source: string | undefined): Promise<Plan> {
  const { architecture, data } = context;
  const encoder = await encoderFor(context, settings);
  const lossNetwork = await judgeOf(context, settings.lossNetwork ?? "small", settings);
  const first = new Map([...encoder.values, ...(await initialWeights(context, source, settings.seed))]);
  const initial = settings.revive && !context.resuming ? await woken(context, settings, first) : first;
  const whole = (average: WeightValues) => new Map([...encoder.values, ...average]);
  const { globalShares: shares } = settings;
  const [turn, ...others] = turnsOf(settings);
  if (settings.test !== undefined && !context.resuming) await tellLevels(context, lossNetwork, settings, settings.test);
  const relative = shares && { shares, units: await styleUnits(context.engine, lossNetwork, data, turn.crop) };
  const stageOf = (size: Turn) =>
    styleStage(architecture, encoder, lossNetwork, initial, data, { ...settings, ...size, relative });
  return {
    stages: [stageOf(turn), ...others.map(stageOf)],
    whole,
    keep: (average, step) => keepModel(context, settings, whole(average), step),
  };
}

/** Compares windows with pictures, tells of it, and keeps it as levels.json. */
async function tellLevels(
  { folder, engine, data, events }: Context,
  lossNetwork: TrainedEncoder,
  settings: TrainSettings,
  test: string,
): Promise<void> {
  const compared = await compareLevels(engine, lossNetwork, data, turnsOf(settings), test);
  await replaceFile(join(folder, LEVELS_FILE), new TextEncoder().encode(`${JSON.stringify(compared, null, 2)}\n`));
  events.onLevels?.(compared);
  for (const { kind, crop, levels } of compared) {
    const far = levels.filter(({ difference }) => difference > LARGE_DIFFERENCE);
    if (far.length === 0) continue;
    const list = far.map(({ level, difference }) => `${level} by ${difference.toFixed(2)}`).join(", ");
    events.onNotice?.(
      `Windows of ${crop} pixels look to the loss network unlike the ${kind} of ${test} at 512 pixels, at level ${list}; ` +
        "other pictures, a larger --crop or another --soft may bring them nearer.",
    );
  }
}

/** The first weights with their dead channels woken, which is told and written into config.json. */
async function woken(
  { folder, engine, architecture, data, events: { onNotice } }: Context,
  { test, seed, trainEncoder }: TrainSettings,
  first: WeightValues,
): Promise<Map<string, Float32Array>> {
  const pairs = await samplePairs({ contents: data.contents.paths, styles: data.styles.paths, seed, test });
  const { weights, layers } = await revive(engine, architecture, first, pairs, { trainsEncoder: trainEncoder, seed });
  if (layers.length === 0) onNotice?.("Pictures wake every channel of the first weights; none had to be woken.");
  for (const { name, channels, dead, left } of layers) {
    if (dead > left) onNotice?.(`Woke ${dead - left} of the ${channels} channels of ${name}, which no picture woke.`);
    if (left > 0) {
      const why = trainEncoder ? "waking them would change the picture" : "the encoder is frozen";
      onNotice?.(`Left ${left} of the ${channels} channels of ${name} asleep, since ${why}.`);
    }
  }
  await writeConfig(folder, { ...(await readConfig(folder)), woken: layers });
  return weights;
}

function keepModel(
  { folder, architecture }: Context,
  settings: TrainSettings,
  weights: WeightValues,
  step: number,
): Promise<void> {
  const { stage, batch, crop, soft, optimizer, rate, warmup, clip, seed } = settings;
  const { losses, globalLevels, globalShares, localLevels, localKeys, grain, trainEncoder, encoderRate } = settings;
  const { revive: revived, calm } = settings;
  const levels = globalShares ? { globalShares } : { globalLevels };
  const style = { losses, ...levels, localLevels, localKeys, grain, calm };
  return writeModel(join(folder, "model"), architecture, weights, {
    weights: `model.safetensors, fp16, the moving average at step ${step}`,
    training: {
      stage,
      steps: step,
      samples: samplesOf(turnsOf(settings), step),
      batch,
      crop,
      soft,
      optimizer,
      rate,
      warmup,
      clip,
      seed,
      ...(stage === "style" && {
        ...style,
        trainEncoder,
        ...(trainEncoder && { encoderRate }),
        ...(revived && { revive: true }),
      }),
    },
  });
}

/** The frozen encoder, which the run keeps a copy of. */
async function encoderFor(
  { folder, resuming, architecture }: Context,
  settings: TrainSettings,
): Promise<TrainedEncoder> {
  const kept = join(folder, ENCODER_FILE);
  if (resuming) return renamed(await readEncoder(kept), architecture.encoder, kept);
  const source = settings.encoder ?? (settings.start === "none" ? settings.preset : settings.start);
  const found = await findEncoder(source).catch((error: Error) => {
    if (settings.encoder !== undefined) throw error;
    throw new Error(`${error.message} Say where the encoder comes from.`, { cause: error });
  });
  const encoder = renamed(found, architecture.encoder, architecture.name);
  await replaceFile(kept, encoderFile(encoder));
  return encoder;
}

/**
 * The encoder that judges or teaches, with a mean activation of 1 at every level; the run keeps a
 * copy of it.
 */
async function judgeOf(
  { folder, resuming, engine, data }: Context,
  source: string,
  settings: Pick<RunSettings, "crop" | "batch">,
): Promise<TrainedEncoder> {
  const kept = join(folder, LOSS_NETWORK_FILE);
  if (resuming) return readEncoder(kept);
  const found = await findEncoder(source);
  const levels = found.encoder.levels.length;
  if (levels < 5) throw new Error(`Expected a network of five levels in ${source} but it has ${levels}.`);
  const [{ crop }] = turnsOf(settings);
  const lossNetwork = await normalizeLevels(engine, found, await measuringBatch(data), crop);
  await replaceFile(kept, encoderFile(lossNetwork));
  return lossNetwork;
}

/** The first weights of everything but the encoder, from a source that may have no attention. */
async function initialWeights(
  { resuming, architecture }: Context,
  source: string | undefined,
  seed: number,
): Promise<Map<string, Float32Array>> {
  const fresh = firstWeights(architecture, seed);
  // A run that has a checkpoint goes on from there, even if what it started from is gone.
  if (source === undefined || resuming) return fresh;
  const { file, path, prefix } = await startWeights(source);
  const required = decoderParameters(architecture);
  const wanted = [...stylizingParameters(architecture)].filter(
    ([name]) => required.has(name) || file.tensors.has(prefix + name),
  );
  return new Map([...fresh, ...pickTensors(file, new Map(wanted), path, prefix)]);
}
