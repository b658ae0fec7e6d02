/**
 * The command's grammar: every subcommand with its options, as it is run and as the documentation
 * lists it.
 */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { addEvalCommand } from "./commands/eval/command.ts";
import { addExportCommand } from "./commands/export/command.ts";
import { addImportCommand } from "./commands/import/command.ts";
import { addInspectCommand } from "./commands/inspect/command.ts";
import { addServeCommand } from "./commands/serve/command.ts";
import { addWorkerCommand } from "./commands/serve/worker.ts";
import { addStylizeCommand } from "./commands/stylize/command.ts";
import { addTrainCommand } from "./commands/train/command.ts";
import { addDistillCommand } from "./commands/train/distill.ts";
import { addVideoCommand } from "./commands/video/command.ts";
import type { Interruption } from "./terminal/interrupt.ts";

/**
 * The program `adaattn`, ready to parse.
 *
 * @param failed called where something failed that does not end the command, such as one of many
 *   pictures.
 */
export function createProgram(interruption: Interruption, failed: () => void): Command {
  const { signal } = interruption;
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const program = new Command("adaattn")
    .description("Paints photographs in the style of paintings.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .showHelpAfterError("Run it with --help for examples.")
    .addHelpText("after", "\nRun adaattn stylize --help for examples.")
    .exitOverride();

  addStylizeCommand(program, { signal, failed });
  addInspectCommand(program, { signal });
  addTrainCommand(program, interruption);
  addDistillCommand(program, interruption);
  addImportCommand(program, { signal });
  addExportCommand(program, { signal });
  addVideoCommand(program, interruption, { version, failed });
  addServeCommand(program, interruption, { version });
  addWorkerCommand(program, interruption);
  addEvalCommand(program, { version, signal, failed });

  program
    .command("styles")
    .summary("list the bundled paintings")
    .description("Lists the bundled paintings, by the names that --style takes.")
    .option("--json", "print one JSON array on stdout")
    .action(async ({ json = false }: { json?: boolean }) => {
      const { styles } = await import("./commands/styles.ts");
      styles({ json });
    });

  program
    .command("doctor")
    .summary("print versions, engines and models")
    .description("Prints versions, the engines that work on this machine, and the bundled models.")
    .option("--probe", "try the GPU again; otherwise what came of it is remembered while drivers and versions stay")
    .option("--json", "print one JSON object on stdout")
    .action(async ({ json = false, probe = false }: { json?: boolean; probe?: boolean }) => {
      const { doctor } = await import("./commands/doctor.ts");
      await doctor({ version, json, probe });
    });
  return program;
}
