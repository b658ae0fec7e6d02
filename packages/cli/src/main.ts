/**
 * The command `adaattn`: reads what was typed, runs it, and turns every outcome into an exit code.
 */
import { existsSync } from "node:fs";
import { CommanderError } from "commander";
import { createProgram } from "./program.ts";
import { type Interruption, watchInterruption } from "./terminal/interrupt.ts";
import { printError } from "./terminal/terminal.ts";
import { UsageError } from "./terminal/usage.ts";

/**
 * Runs one command line.
 *
 * @param typed what was typed after `adaattn`.
 * @returns the exit code: 0, 1 where anything failed, 2 where the command cannot be meant.
 */
async function run(typed: readonly string[], interruption: Interruption): Promise<number> {
  const { signal } = interruption;
  let code = 0;
  const program = createProgram(interruption, () => {
    code = 1;
  });
  for (const command of [program, ...program.commands]) {
    command.configureOutput({ outputError: (text, write) => write(explainDash(text, typed)) });
  }
  try {
    await program.parseAsync(typed, { from: "user" });
  } catch (error) {
    if (signal.aborted) return 1;
    // Commander has printed its own errors, the help or the version by now.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    printError(isServerMissing(error) ? SERVER_MISSING : error);
    return error instanceof UsageError ? 2 : 1;
  }
  return code;
}

/**
 * Says of a file whose name begins with a dash, and was therefore taken for an option, how to write
 * it.
 */
function explainDash(text: string, typed: readonly string[]): string {
  const unknown = /^error: unknown option '-(.*)'/.exec(text)?.[1];
  if (unknown === undefined) return text;
  // What is left of `-qash.png` once `-q` was found in it ends like it.
  const name = typed.find((one) => one.startsWith("-") && one.endsWith(unknown));
  if (name === undefined || !(existsSync(name) || /^-[^-=]*\.\w{2,5}$/.test(name))) return text;
  return `error: ${name} is taken for an option, since it begins with a dash. Write it as ./${name} instead.\n`;
}

/**
 * The published command comes without the server, which brings a web framework that nothing else
 * needs.
 */
const SERVER_MISSING = "The server is a package of its own. Install it beside this one: npm install @adaattn/server";

function isServerMissing(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    error.code === "ERR_MODULE_NOT_FOUND" &&
    error.message.includes("'@adaattn/server'")
  );
}

// Whoever reads the results may stop reading (`| head -1`); the pictures are still made.
process.stdout.on("error", () => undefined);
const interruption = watchInterruption();
process.exitCode = await run(process.argv.slice(2), interruption);
interruption.end();
