/**
 * The options that `adaattn train` and `adaattn distill` share: how they are typed, and the
 * settings that they become.
 */

import { resolve } from "node:path";
import type { Command } from "commander";
import { checkSettings, DEFAULTS, type DistillSettings, type RunSettings, type TrainSettings } from "#train/settings";
import { oneOf, UsageError, wholeNumber, withoutGaps } from "../../terminal/usage.ts";

/** The shared options as they are typed. */
export interface SharedFlags {
  content?: string;
  style?: string;
  out?: string;
  resume?: string;
  preset?: string;
  steps?: string;
  batch?: string;
  crop?: string;
  soft?: string;
  optimizer?: string;
  lr?: string;
  warmup?: string;
  seed?: string;
  logEvery?: string;
  checkpointEvery?: string;
  sampleEvery?: string;
  device?: string;
  threads?: string;
  dashboard?: boolean;
  port?: string;
  quiet?: boolean;
  json?: boolean;
}

/** Adds the options that say where things lie. */
export function addFolderOptions(command: Command): Command {
  return command
    .option("--content <FOLDER>", "photographs, with all folders below it")
    .option("--style <FOLDER>", "paintings, with all folders below it")
    .option("-o, --out <RUN>", "the folder of the new run")
    .option("--resume <RUN>", "go on with a run from its newest checkpoint; options beside it replace those of the run")
    .option("--preset <NAME>", "the network (default: small)");
}

/**
 * Adds the options that say how to train; `defaults` tells what the number of steps and the like
 * are without them.
 */
export function addTrainingOptions(
  command: Command,
  defaults: Readonly<Record<"steps" | "batch" | "crop" | "optimizer" | "lr" | "warmup", string>>,
): Command {
  return command
    .option("--steps <N>", `steps in all (default: ${defaults.steps})`)
    .option("--batch <N,...>", `samples a step; one number for each size of --crop (default: ${defaults.batch})`)
    .option(
      "--crop <N,...>",
      `the side of the square crops in pixels, a multiple of 16; sizes take turns (default: ${defaults.crop})`,
    )
    .option("--soft <SHARE>", `the share of crops that are enlarged, as soft pictures are (default: ${DEFAULTS.soft})`)
    .option("--optimizer <NAME>", `how gradients become steps: muon or adam (default: ${defaults.optimizer})`)
    .option("--lr <RATE>", `the highest learning rate (default: ${defaults.lr})`)
    .option("--warmup <N>", `steps over which the learning rate rises (default: ${defaults.warmup})`)
    .option("--seed <N>", "the same number draws the same pictures and first weights (default: 1)")
    .option("--log-every <N>", "steps from one line of metrics to the next (default: 20)")
    .option("--checkpoint-every <N>", "steps from one checkpoint to the next (default: 250)")
    .option("--sample-every <N>", "steps from one contact sheet to the next (default: 500)")
    .option("--device <DEVICE>", "cpu or webgpu (default: cpu)")
    .option("--threads <N>", "processor threads (default: all cores)")
    .option("--dashboard", "serve a page with curves and contact sheets on this machine while training")
    .option("--port <N>", "the dashboard's port (default: 8017, or any that is free)")
    .option("-q, --quiet", "print nothing but errors (and JSON, where asked for)")
    .option("--json", "print one JSON object a line on stdout: start, every line of metrics, end");
}

const LARGEST = 2 ** 31 - 1;

/** The settings that were typed; those that were not are missing. */
export function typedSettings(flags: SharedFlags): Partial<RunSettings> {
  const whole = (name: string, text: string | undefined, least: number) =>
    text === undefined ? undefined : wholeNumber(name, text, least, LARGEST);
  /** One number, or several with commas between them. */
  const list = (name: string, text: string | undefined, least: number) => {
    if (!text?.includes(",")) return whole(name, text, least);
    return text.split(",").map((part) => wholeNumber(name, part, least, LARGEST));
  };
  const folder = (path: string | undefined) => (path === undefined ? undefined : resolve(path));
  const { preset, device, optimizer } = flags;
  return withoutGaps({
    preset,
    // Absolute, so that the run can be resumed from another folder.
    content: folder(flags.content),
    style: folder(flags.style),
    device: device === undefined ? undefined : oneOf("--device", device, ["cpu", "webgpu"]),
    threads: whole("--threads", flags.threads, 1),
    steps: whole("--steps", flags.steps, 1),
    batch: list("--batch", flags.batch, 1),
    crop: list("--crop", flags.crop, 16),
    soft: weightNumber("--soft", flags.soft),
    optimizer: optimizer === undefined ? undefined : oneOf("--optimizer", optimizer, ["adam", "muon"]),
    rate: positiveNumber("--lr", flags.lr),
    warmup: whole("--warmup", flags.warmup, 0),
    seed: whole("--seed", flags.seed, 0),
    logEvery: whole("--log-every", flags.logEvery, 1),
    checkpointEvery: whole("--checkpoint-every", flags.checkpointEvery, 1),
    sampleEvery: whole("--sample-every", flags.sampleEvery, 1),
  });
}

/** The number above 0 that an option was given, if it was. */
export function positiveNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!(value > 0 && Number.isFinite(value)))
    throw new UsageError(`Expected a number above 0 for ${option} but received ${text || "nothing"}.`);
  return value;
}

/** The number of at least 0 that an option was given, if it was. */
export function weightNumber(option: string, text: string | undefined): number | undefined {
  return text !== undefined && Number(text) === 0 && text.trim() !== "" ? 0 : positiveNumber(option, text);
}

/** Which run is meant: a new one or one that goes on. */
export function runFolder(flags: SharedFlags): { readonly folder: string; readonly resuming: boolean } {
  const { out, resume } = flags;
  if (resume !== undefined) {
    if (out !== undefined)
      throw new UsageError("Expected --out or --resume but received both; --resume goes on in the run's own folder.");
    return { folder: resume, resuming: true };
  }
  const missing = (["content", "style", "out"] as const).filter((name) => flags[name] === undefined);
  if (missing.length > 0)
    throw new UsageError(
      `Expected ${missing.map((name) => `--${name}`).join(", ")} but received none; --help has examples.`,
    );
  return { folder: out ?? "", resuming: false };
}

/** Checks settings as the library does, a rule that is broken being a wrong use of the command. */
export function checkTyped(settings: TrainSettings | DistillSettings): void {
  try {
    checkSettings(settings);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
