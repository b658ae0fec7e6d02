/** The command `adaattn`: reads what was typed, runs it, and turns every outcome into an exit code. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addDistillCommand } from "./distillCommand.ts";
import { addEvalCommand } from "./evalCommand.ts";
import { addImportCommand } from "./importCommand.ts";
import { addInspectCommand } from "./inspectCommand.ts";
import { type Interruption, watchInterruption } from "./interrupt.ts";
import { addStylizeCommand } from "./stylizeCommand.ts";
import { printError } from "./terminal.ts";
import { addTrainCommand } from "./trainCommand.ts";
import { UsageError } from "./usage.ts";
import { addVideoCommand } from "./videoCommand.ts";

/**
 * Runs one command line.
 *
 * @param typed what was typed after `adaattn`.
 * @returns the exit code: 0, 1 where anything failed, 2 where the command cannot be meant.
 */
async function run(typed: readonly string[], interruption: Interruption): Promise<number> {
  const { signal } = interruption;
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  let code = 0;
  const program = new Command("adaattn")
    .description("Paints photographs in the style of paintings.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand(false)
    .showHelpAfterError("Run it with --help for examples.")
    .addHelpText("after", "\nRun adaattn stylize --help for examples.")
    .exitOverride();

  addStylizeCommand(program, { signal, failed: () => (code = 1) });
  addInspectCommand(program, { signal });
  addTrainCommand(program, interruption);
  addDistillCommand(program, interruption);
  addImportCommand(program, { signal });
  addVideoCommand(program, interruption, { version, failed: () => (code = 1) });
  addEvalCommand(program, { version, signal, failed: () => (code = 1) });

  program
    .command("doctor")
    .summary("print versions, engines and models")
    .description("Prints versions, the engines that work on this machine, and the bundled models.")
    .option("--json", "print one JSON object on stdout")
    .action(async ({ json = false }: { json?: boolean }) => {
      const { doctor } = await import("./doctor.ts");
      await doctor({ version, json });
    });

  try {
    await program.parseAsync(typed, { from: "user" });
  } catch (error) {
    if (signal.aborted) return 1;
    // Commander has printed its own errors, the help or the version by now.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    printError(error);
    return error instanceof UsageError ? 2 : 1;
  }
  return code;
}

// Whoever reads the results may stop reading (`| head -1`); the pictures are still made.
process.stdout.on("error", () => undefined);
const interruption = watchInterruption();
process.exitCode = await run(process.argv.slice(2), interruption);
interruption.end();
