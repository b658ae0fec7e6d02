/** `adaattn train` on the command line: its options and help, and the settings that they become. */

import { resolve } from "node:path";
import type { Command } from "commander";
import { DEFAULTS, LOSS_DEFAULTS, STAGE_DEFAULTS, type TrainSettings } from "#train/settings";
import type { Interruption } from "../../terminal/interrupt.ts";
import { oneOf, UsageError, wholeNumber, withoutGaps } from "../../terminal/usage.ts";
import {
  addFolderOptions,
  addTrainingOptions,
  checkTyped,
  positiveNumber,
  runFolder,
  type SharedFlags,
  typedSettings,
  weightNumber,
} from "./flags.ts";
import { RECIPE_NAMES, withRecipe } from "./recipes.ts";

const EXAMPLES = `
Examples:
  $ adaattn train --content photos --style paintings --out runs/mine
      goes on from the bundled model small, for your own paintings
  $ adaattn stylize lake.jpg --style wave.jpg -o out.jpg --model runs/mine/model
      paints with what has been learnt so far; the folder is kept up to date
  $ adaattn train --resume runs/mine
      goes on after Ctrl-C, a crash or a power cut; --steps 20000 makes it longer
  $ adaattn train --resume runs/mine --dashboard
      shows curves and contact sheets in the browser, of a finished run too
  $ adaattn train --content photos --style paintings --out runs/new --start none --loss-network vgg19.safetensors
      from nothing: first the decoder learns to invert the encoder (runs/new/decoder), then all of it to stylize
  $ adaattn train --recipe paper --content coco --style wikiart --encoder vgg19.safetensors --out runs/paper
      the network of the paper as the paper trains it, which takes a GPU or weeks

The run's folder holds config.json, metrics.jsonl, samples/, checkpoints/ (the newest three and the best) and model/.
Ctrl-C ends after the step under way, with a checkpoint; a second one ends at once.
Exit code: 0 trained to the last step, 1 something failed, 2 the command was used wrongly, 130 stopped by Ctrl-C.`;

/** The options of `adaattn train` as they are typed. */
interface TrainFlags extends SharedFlags {
  recipe?: string;
  stage?: string;
  start?: string;
  decoderSteps?: string;
  encoder?: string;
  lossNetwork?: string;
  test?: string;
  global?: string;
  local?: string;
  identity?: string;
  variation?: string;
  similarity?: string;
  temporal?: string;
  contentLoss?: string;
  transport?: string;
  selfSimilarity?: string;
  structure?: string;
  weave?: string;
  strokes?: string;
  globalLevels?: string;
  globalShares?: string;
  sleep?: string;
  supervision?: string;
  grain?: string;
  localLevels?: string;
  localKeys?: string;
  freezeEncoder?: boolean;
  encoderRate?: string;
  revive?: boolean;
}

/** Adds the command to the program. */
export function addTrainCommand(program: Command, interruption: Interruption): void {
  const { style, fineTuning, decoder } = STAGE_DEFAULTS;
  const command = program
    .command("train")
    .summary("train a network on folders of photographs and paintings")
    .description("Trains a network on folders of photographs and paintings.");
  addFolderOptions(command)
    .option("--recipe <NAME>", `settings that belong together: ${RECIPE_NAMES.join(", ")}; options beside it win`)
    .option("--start <MODEL|RUN|none>", "the first weights (default: the bundled model of the preset, else none)")
    .option("--stage <STAGE>", "style (the whole network) or decoder (the decoder alone) (default: style)")
    .option("--freeze-encoder", "leave the encoder as it is in the style stage, which takes less time and memory")
    .option(
      "--encoder-rate <SHARE>",
      `its share of the learning rate otherwise (default: ${LOSS_DEFAULTS.encoderRate})`,
    )
    .option("--revive", "wake what no picture wakes in the first weights, which stays dead otherwise")
    .option("--decoder-steps <N>", `steps of the decoder alone before the style, from none (default: ${decoder.steps})`)
    .option("--encoder <MODEL|RUN|FILE>", "where the encoder comes from (default: --start)")
    .option("--loss-network <MODEL|RUN|FILE>", "the encoder that judges, such as VGG-19 (default: that of small)")
    .option(
      "--test <FOLDER>",
      "content/ and style/ for the contact sheets, and to compare the data with (default: none)",
    );
  addTrainingOptions(command, {
    steps: `${fineTuning.steps}, from none ${style.steps}`,
    batch: `${style.batch}`,
    crop: `${style.crop}`,
    optimizer: style.optimizer,
    lr: `${fineTuning.rate}, from none ${style.rate}`,
    warmup: `${fineTuning.warmup}, from none ${style.warmup}`,
  });
  const { losses, globalShares, localLevels, localKeys, grain } = LOSS_DEFAULTS;
  command
    .option("--global <WEIGHT>", `weight of the global style loss (default: ${losses.global})`)
    .option("--local <WEIGHT>", `weight of the local feature loss (default: ${losses.local})`)
    .option(
      "--global-shares <LIST>",
      `shares of levels 1 to 5 in the global style loss (default: ${globalShares.join()})`,
    )
    .option("--global-levels <LIST>", "its levels, added up as in the paper instead")
    .option("--local-levels <LIST>", `levels of the local feature loss (default: ${localLevels.join()})`)
    .option("--local-keys <N>", `style positions that its target attends to, at most (default: ${localKeys})`)
    .option("--content-loss <WEIGHT>", `weight of the content loss (default: ${losses.content})`)
    .option("--transport <WEIGHT>", `weight of details being like the painting's (default: ${losses.transport})`)
    .option(
      "--self-similarity <WEIGHT>",
      `weight of likeness within the photograph (default: ${losses.selfSimilarity})`,
    )
    .option("--structure <WEIGHT>", `weight of light and dark as in the photograph (default: ${losses.structure})`)
    .option("--weave <WEIGHT>", `weight of fine grids, as upsampling leaves them (default: ${losses.weave})`)
    .option("--strokes <WEIGHT>", `weight of details as strong as the painting's (default: ${losses.strokes})`)
    .option("--identity <WEIGHT>", `weight of painting a picture in its own style (default: ${losses.identity})`)
    .option("--variation <WEIGHT>", `weight of the total variation (default: ${losses.variation})`)
    .option("--sleep <WEIGHT>", `weight of a fine on channels that hardly wake (default: ${losses.sleep})`)
    .option(
      "--supervision <WEIGHT>",
      `weight of deep levels telling what the loss network sees (default: ${losses.supervision})`,
    )
    .option("--grain <DEPTH>", `noise on half of the photographs, which brushwork can grow from (default: ${grain})`)
    .option("--similarity <WEIGHT>", `for video: weight of the cross-image similarity (default: ${losses.similarity})`)
    .option("--temporal <WEIGHT>", `for video: weight of what changes between frames (default: ${losses.temporal})`)
    .addHelpText("after", EXAMPLES)
    .action(async (flags: TrainFlags) => {
      const { folder, resuming } = runFolder(flags);
      if (resuming) refuseBesideResume(flags);
      const typed = withRecipe(flags.recipe, typedTrainSettings(flags));
      // Imported only here, so that help and usage errors do not wait for the engine to load.
      const { resumed, train } = await import("./train.ts");
      const base = resuming ? await resumed(folder, "train") : await newSettings(typed);
      const settings = { ...base, ...typed, losses: { ...base.losses, ...typed.losses } };
      checkTyped(settings);
      await train(folder, settings, { ...watching(flags), resuming, interruption });
    });
}

/** What of the flags says how the run is shown. */
export function watching({ dashboard = false, port, quiet = false, json = false }: SharedFlags) {
  if (port !== undefined && !dashboard) throw new UsageError("Expected --dashboard with --port but received none.");
  return { quiet, json, dashboard, port: port === undefined ? undefined : wholeNumber("--port", port, 1, 65535) };
}

type TypedSettings = Partial<Omit<TrainSettings, "losses">> & { readonly losses: Partial<TrainSettings["losses"]> };

function typedTrainSettings(flags: TrainFlags): TypedSettings {
  const { start, encoder, lossNetwork, test, stage, decoderSteps, localLevels, localKeys } = flags;
  const { globalLevels, globalShares } = flags;
  if (globalLevels !== undefined && globalShares !== undefined)
    throw new UsageError("Expected --global-levels or --global-shares but received both.");
  const levels = (option: string, list: string) => list.split(",").map((level) => wholeNumber(option, level, 1, 5));
  return {
    ...typedSettings(flags),
    ...withoutGaps({
      start,
      encoder,
      lossNetwork,
      test: test === undefined ? undefined : resolve(test),
      stage: stage === undefined ? undefined : oneOf("--stage", stage, ["decoder", "style"]),
      decoderSteps: wholeNumber("--decoder-steps", decoderSteps, 0, 2 ** 31 - 1),
    }),
    // Levels that are added up go before the shares of the defaults, or of the run that goes on.
    ...(globalLevels !== undefined && {
      globalLevels: levels("--global-levels", globalLevels),
      globalShares: undefined,
    }),
    ...withoutGaps({
      globalShares: globalShares?.split(",").map((share) => weightNumber("--global-shares", share) ?? 0),
      grain: weightNumber("--grain", flags.grain),
      encoderRate: positiveNumber("--encoder-rate", flags.encoderRate),
      localLevels: localLevels === undefined ? undefined : levels("--local-levels", localLevels),
      localKeys: wholeNumber("--local-keys", localKeys, 1, 2 ** 31 - 1),
    }),
    ...(flags.freezeEncoder && { trainEncoder: false }),
    ...(flags.revive && { revive: true }),
    losses: withoutGaps({
      global: weightNumber("--global", flags.global),
      local: weightNumber("--local", flags.local),
      content: weightNumber("--content-loss", flags.contentLoss),
      transport: weightNumber("--transport", flags.transport),
      selfSimilarity: weightNumber("--self-similarity", flags.selfSimilarity),
      structure: weightNumber("--structure", flags.structure),
      weave: weightNumber("--weave", flags.weave),
      strokes: weightNumber("--strokes", flags.strokes),
      identity: weightNumber("--identity", flags.identity),
      variation: weightNumber("--variation", flags.variation),
      similarity: weightNumber("--similarity", flags.similarity),
      temporal: weightNumber("--temporal", flags.temporal),
      sleep: weightNumber("--sleep", flags.sleep),
      supervision: weightNumber("--supervision", flags.supervision),
    }),
  };
}

function refuseBesideResume(flags: TrainFlags): void {
  for (const name of [
    "recipe",
    "preset",
    "stage",
    "start",
    "encoder",
    "lossNetwork",
    "decoderSteps",
    "freezeEncoder",
    "revive",
  ] as const) {
    const option = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (flags[name] !== undefined)
      throw new UsageError(
        `Expected no ${option} beside --resume, since the run has it already; start a new run with --start RUN.`,
      );
  }
}

async function newSettings(typed: TypedSettings): Promise<TrainSettings> {
  const { listModels } = await import("adaattn/node");
  const { preset = DEFAULTS.preset, stage = "style" } = typed;
  const { start = listModels().includes(preset) && stage === "style" ? preset : "none" } = typed;
  const defaults =
    stage === "decoder" ? STAGE_DEFAULTS.decoder : start === "none" ? STAGE_DEFAULTS.style : STAGE_DEFAULTS.fineTuning;
  return {
    ...DEFAULTS,
    ...LOSS_DEFAULTS,
    ...defaults,
    content: "",
    style: "",
    decoderSteps: STAGE_DEFAULTS.decoder.steps,
    preset,
    stage,
    start,
  };
}
