/**
 * What a run is trained with: config.json holds it, so that a run can be resumed by its folder
 * alone.
 */

import type { StyleWeights } from "../step/objectives.ts";
import type { Optimizer } from "../step/step.ts";

/** What all kinds of runs have. */
export interface RunSettings {
  /** The name of the architecture. */
  readonly preset: string;
  /** A folder of photographs. */
  readonly content: string;
  /** A folder of paintings. */
  readonly style: string;
  readonly device: "cpu" | "webgpu";
  /** Threads on the CPU; all cores by default. */
  readonly threads?: number | undefined;
  readonly steps: number;
  /** Samples a step; a list has a number for each of the sizes. */
  readonly batch: number | readonly number[];
  /**
   * The side of the square crops that are trained on, in pixels. Sizes of a list take turns, a step
   * each, which only the style stage can.
   */
  readonly crop: number | readonly number[];
  /**
   * The share of crops that are enlarged, since many pictures that people have are soft
   * (data/crops.ts); 0 to 1.
   */
  readonly soft: number;
  /** How gradients become steps (step/step.ts). */
  readonly optimizer: Optimizer;
  /** The highest learning rate. */
  readonly rate: number;
  /** Over so many steps the learning rate rises from 0. */
  readonly warmup: number;
  /** The largest length of the gradient; longer ones are shortened to it. */
  readonly clip: number;
  readonly seed: number;
  readonly logEvery: number;
  readonly checkpointEvery: number;
  readonly sampleEvery: number;
}

/** A size of crops, and how many of them a step sees. */
export interface Turn {
  readonly crop: number;
  readonly batch: number;
}

/** The sizes that take turns, in their order; hardly ever more than one. */
export function turnsOf({ crop, batch }: Pick<RunSettings, "crop" | "batch">): readonly [Turn, ...Turn[]] {
  const counts = [batch].flat();
  const [first, ...others] = [crop].flat().map((side, at) => ({ crop: side, batch: counts[at] ?? 0 }));
  if (first === undefined) throw new Error("Expected at least one size of crops but received none.");
  return [first, ...others];
}

/** How many samples the first `steps` steps see. */
export function samplesOf(turns: readonly Pick<Turn, "batch">[], steps: number): number {
  const count = ({ batch }: Pick<Turn, "batch">, at: number) =>
    batch * Math.ceil(Math.max(0, steps - at) / turns.length);
  return turns.reduce((sum, turn, at) => sum + count(turn, at), 0);
}

/** How an encoder is distilled. */
export interface DistillSettings extends RunSettings {
  readonly stage: "distill";
  /** The encoder whose features are learnt: a file, a model or a run. */
  readonly teacher: string;
}

/** How a network is trained. */
export interface TrainSettings extends RunSettings {
  /**
   * The decoder alone, inverting the encoder, or everything but the encoder on the style losses.
   */
  readonly stage: "decoder" | "style";
  /** The model, run or file whose weights are the first ones, or "none". */
  readonly start: string;
  /** Steps of the decoder stage that come first where the style stage starts from nothing. */
  readonly decoderSteps: number;
  /** The model, run or file that the encoder comes from; where `start` has one, that by default. */
  readonly encoder?: string | undefined;
  /** The encoder that judges: a file, a model or a run; that of the model `small` by default. */
  readonly lossNetwork?: string | undefined;
  /** Whether the style stage trains the encoder along; if not, it is frozen. */
  readonly trainEncoder: boolean;
  /**
   * Whether the dead channels of the first weights are woken before the style stage's first step
   * (revive.ts); not by default.
   */
  readonly revive?: boolean | undefined;
  /** The share of the learning rate that the encoder learns at, above 0. */
  readonly encoderRate: number;
  readonly losses: StyleWeights;
  /** The levels of the global style loss; `globalShares` goes before them. */
  readonly globalLevels: readonly number[];
  /**
   * The shares of levels 1 to 5 in the global style loss. With them it and the local loss are
   * relative to how large a level's features usually are; without, they are sums as in the paper.
   */
  readonly globalShares?: readonly number[] | undefined;
  /** The levels of the local feature loss. */
  readonly localLevels: readonly number[];
  /** To at most so many style positions the target of the local feature loss attends. */
  readonly localKeys: number;
  /**
   * The deviation of the smooth noise on half of the photographs, which only the network sees; 0 to
   * 1 (data/grain.ts).
   */
  readonly grain: number;
  /**
   * Whether gradients are held in the style stage (step/waking.ts): no picture's counts more than
   * twice the batch's median, Norm enlarges none by hundreds, and channels of deep layers that are
   * asleep get a hundredth of theirs. Not by default.
   */
  readonly calm?: boolean | undefined;
  /**
   * A folder with content/ and style/, whose pictures the contact sheets show; pictures of the data
   * by default.
   */
  readonly test?: string | undefined;
}

/**
 * What the stages are trained with where nobody says otherwise; models/small/NOTES.md says where
 * the numbers come from.
 */
export const STAGE_DEFAULTS = {
  distill: { steps: 4000, batch: 8, crop: 96, optimizer: "adam", rate: 1.5e-3, warmup: 100 },
  decoder: { steps: 4000, batch: 8, crop: 96, optimizer: "adam", rate: 8e-4, warmup: 100 },
  style: { steps: 4000, batch: 4, crop: 128, optimizer: "muon", rate: 4e-4, warmup: 200 },
  /** The style stage where it goes on from a model that has been through it. */
  fineTuning: { steps: 2000, batch: 4, crop: 128, optimizer: "muon", rate: 2e-4, warmup: 100 },
} as const;

/** What all stages are trained with where nobody says otherwise. */
export const DEFAULTS = {
  preset: "small",
  device: "cpu",
  soft: 0.45,
  clip: 1,
  seed: 1,
  logEvery: 20,
  checkpointEvery: 250,
  sampleEvery: 500,
} as const;

/** The losses of the style stage where nobody says otherwise. */
export const LOSS_DEFAULTS = {
  losses: {
    global: 50,
    local: 0.3,
    content: 0.4,
    transport: 6,
    selfSimilarity: 4,
    structure: 7,
    weave: 0.35,
    strokes: 0.5,
    identity: 10,
    variation: 0,
    similarity: 0,
    temporal: 0,
    sleep: 10,
    supervision: 2,
  },
  globalLevels: [1, 2, 3, 4, 5],
  globalShares: [0.8, 2, 3, 3, 2.5],
  localLevels: [3, 4, 5],
  localKeys: 1024,
  grain: 0.1,
  calm: true,
  trainEncoder: true,
  encoderRate: 0.3,
} as const;

/**
 * The least side of a crop: level 5 then has two positions a side, which its reflected border
 * needs.
 */
const LEAST_CROP = 32;

/**
 * Checks settings that came from outside.
 *
 * @throws Error with one sentence for the first rule that is broken.
 */
export function checkSettings(settings: TrainSettings | DistillSettings): void {
  const whole: [keyof RunSettings, string, number][] = [
    ["steps", "the number of steps", 1],
    ["warmup", "the steps of warm-up", 0],
    ["seed", "the seed", 0],
    ["logEvery", "the steps from one line of metrics to the next", 1],
    ["checkpointEvery", "the steps from one checkpoint to the next", 1],
    ["sampleEvery", "the steps from one contact sheet to the next", 1],
  ];
  for (const [key, label, least] of whole) expectWhole(settings[key], label, least);
  const turns = turnsOf(settings);
  const counts = [settings.batch].flat().length;
  if (counts !== turns.length)
    throw new Error(
      `Expected as many numbers for the batch as sizes of crops, ${turns.length}, but received ${counts}.`,
    );
  if (turns.length > 1 && settings.stage !== "style")
    throw new Error(`Expected one size of crops for the ${settings.stage} stage but received ${turns.length}.`);
  for (const { crop, batch } of turns) {
    expectWhole(batch, "the batch", 1);
    if (!(Number.isSafeInteger(crop) && crop >= LEAST_CROP && crop % 16 === 0)) {
      throw new Error(`Expected a multiple of 16 of at least ${LEAST_CROP} pixels for the crop but received ${crop}.`);
    }
  }
  const least = Math.min(...turns.map(({ batch }) => batch));
  expectShare(settings.soft, "the share of soft crops");
  expectPositive(settings.rate, "the learning rate");
  expectPositive(settings.clip, "the largest length of the gradient");
  if (settings.stage === "distill") {
    if (least < 2) throw new Error("Expected a batch of at least 2, a photograph and a painting, but received 1.");
    return;
  }
  if (settings.revive && settings.stage === "decoder")
    throw new Error("Expected the style stage for waking dead channels but received the decoder stage.");
  expectWhole(settings.decoderSteps, "the steps of the decoder stage", 0);
  for (const [name, weight] of Object.entries(settings.losses)) {
    if (!(weight >= 0 && Number.isFinite(weight)))
      throw new Error(`Expected a number of at least 0 for the weight of the ${name} loss but received ${weight}.`);
  }
  if (least < 2 && (settings.stage === "decoder" || settings.losses.identity > 0)) {
    const why = settings.stage === "decoder" ? "a photograph and a painting" : "one sample being for the identity loss";
    throw new Error(`Expected a batch of at least 2, ${why}, but received ${least}.`);
  }
  expectLevels(settings.globalLevels, "the global loss");
  const shares = settings.globalShares;
  if (shares && !(shares.length === 5 && shares.every((share) => share >= 0) && shares.some((share) => share > 0))) {
    throw new Error(
      `Expected five numbers of at least 0 for the shares of the global loss but received ${shares.join(", ") || "none"}.`,
    );
  }
  expectShare(settings.grain, "the grain");
  expectPositive(settings.encoderRate, "the encoder's share of the learning rate");
  expectLevels(settings.localLevels, "the local loss");
  expectWhole(settings.localKeys, "the style positions of the local loss", 1);
}

function expectLevels(levels: readonly number[], label: string): void {
  if (levels.length > 0 && levels.every((level) => [1, 2, 3, 4, 5].includes(level))) return;
  throw new Error(`Expected levels from 1 to 5 for ${label} but received ${levels.join(", ") || "none"}.`);
}

function expectShare(value: number, label: string): void {
  if (!(value >= 0 && value <= 1)) throw new Error(`Expected a number from 0 to 1 for ${label} but received ${value}.`);
}

function expectWhole(value: unknown, label: string, least: number): void {
  if (!(Number.isSafeInteger(value) && Number(value) >= least)) {
    throw new Error(`Expected a whole number of at least ${least} for ${label} but received ${value}.`);
  }
}

function expectPositive(value: number, label: string): void {
  if (!(value > 0 && Number.isFinite(value))) {
    throw new Error(`Expected a number above 0 for ${label} but received ${value}.`);
  }
}
