/**
 * `adaattn distill` on the command line: its options and help, and the settings that they become.
 */

import type { Command } from "commander";
import { DEFAULTS, type DistillSettings, STAGE_DEFAULTS } from "#train/settings";
import type { Interruption } from "../../terminal/interrupt.ts";
import { UsageError } from "../../terminal/usage.ts";
import { watching } from "./command.ts";
import {
  addFolderOptions,
  addTrainingOptions,
  checkTyped,
  runFolder,
  type SharedFlags,
  typedSettings,
} from "./flags.ts";

const EXAMPLES = `
Examples:
  $ adaattn distill --content photos --style paintings --teacher vgg19-quarter.safetensors --out runs/encoder
      an encoder for the network small, in runs/encoder/encoder.safetensors
  $ adaattn train --content photos --style paintings --start none --encoder runs/encoder --out runs/new
      a network around it

A teacher of other widths than the network's encoder is seen through a linear map a level, which is learnt along.
Exit code: 0 trained to the last step, 1 something failed, 2 the command was used wrongly, 130 stopped by Ctrl-C.`;

/** The options of `adaattn distill` as they are typed. */
interface DistillFlags extends SharedFlags {
  teacher?: string;
}

/** Adds the command to the program. */
export function addDistillCommand(program: Command, interruption: Interruption): void {
  const { steps, batch, crop, rate, warmup } = STAGE_DEFAULTS.distill;
  const command = program
    .command("distill")
    .summary("train an encoder to give another's features")
    .description("Trains the encoder of a network to give the features of another encoder, such as VGG-19.");
  addFolderOptions(command).option("--teacher <FILE|MODEL|RUN>", "the encoder whose features are learnt");
  addTrainingOptions(command, {
    steps: `${steps}`,
    batch: `${batch}`,
    crop: `${crop}`,
    optimizer: STAGE_DEFAULTS.distill.optimizer,
    lr: `${rate}`,
    warmup: `${warmup}`,
  });
  command.addHelpText("after", EXAMPLES).action(async (flags: DistillFlags) => {
    const { folder, resuming } = runFolder(flags);
    const { teacher } = flags;
    if (resuming && teacher !== undefined)
      throw new UsageError("Expected no --teacher beside --resume, since the run has it already.");
    if (!resuming && teacher === undefined)
      throw new UsageError("Expected --teacher but received none; --help has examples.");
    const typed = typedSettings(flags);
    // Imported only here, so that help and usage errors do not wait for the engine to load.
    const { resumed, train } = await import("./train.ts");
    const settings: DistillSettings = resuming
      ? { ...(await resumed(folder, "distill")), ...typed }
      : {
          ...DEFAULTS,
          ...STAGE_DEFAULTS.distill,
          stage: "distill",
          teacher: teacher ?? "",
          content: "",
          style: "",
          ...typed,
        };
    checkTyped(settings);
    await train(folder, settings, { ...watching(flags), resuming, interruption });
  });
}
