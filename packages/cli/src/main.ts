/** The command `adaattn`: reads what was typed, runs it, and turns every outcome into an exit code. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { watchInterruption } from "./interrupt.ts";
import { printError } from "./terminal.ts";
import { LONGEST_CONTENT, LONGEST_STYLE, oneOf, UsageError, wholeNumber } from "./usage.ts";

const STYLIZE_EXAMPLES = `
Examples:
  $ adaattn stylize lake.jpg --style starry-night.jpg -o lake-starry.png
      one photograph, as large as it is (at most ${LONGEST_CONTENT} pixels a side)
  $ adaattn stylize lake.jpg --style starry-night.jpg -o small.jpg --size 512
      its longer side made 512 pixels: quicker, with larger strokes
  $ adaattn stylize holiday/*.jpg --style starry-night.jpg -o painted/
      many photographs into a folder, as painted/NAME-starry-night.jpg
  $ adaattn stylize lake.jpg --style starry-night.jpg -o out.png --json --quiet
      sizes, times and memory as JSON, for scripts

Exit code: 0 all pictures made, 1 something failed, 2 the command was used wrongly, 130 stopped by Ctrl-C.`;

/** The options of `adaattn stylize` as they are typed. */
interface StylizeFlags {
  style: string;
  output: string;
  model: string;
  size?: string;
  styleSize?: string;
  device: string;
  threads?: string;
  seed?: string;
  quiet?: boolean;
  json?: boolean;
}

/**
 * Runs one command line.
 *
 * @param typed what was typed after `adaattn`.
 * @returns the exit code: 0, 1 where anything failed, 2 where the command cannot be meant.
 */
async function run(typed: readonly string[], signal: AbortSignal): Promise<number> {
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

  program
    .command("stylize")
    .summary("paint photographs in the style of a painting")
    .description("Paints photographs (CONTENT) in the style of a painting. Reads JPEG, PNG, WebP, AVIF, TIFF and GIF.")
    .argument("<CONTENT...>", "one or more photographs")
    .requiredOption("-s, --style <IMAGE>", "the painting")
    .requiredOption(
      "-o, --output <FILE|FOLDER>",
      "the result: .png, .jpg, .webp, .avif or .tiff; for several contents a folder",
    )
    .option("-m, --model <NAME|FOLDER>", "a bundled model, or a folder with model.json and model.safetensors", "small")
    .option("--size <N>", `the result's longer side in pixels (default: as the content is, up to ${LONGEST_CONTENT})`)
    .option(
      "--style-size <N>",
      `the painting's longer side while looking at it (default: as it is, up to ${LONGEST_STYLE})`,
    )
    .option("--device <DEVICE>", "auto, cpu or webgpu", "auto")
    .option("--threads <N>", "processor threads (default: all cores)")
    .option("--seed <N>", "for models that sample the painting at random: the same number, the same picture")
    .option("-q, --quiet", "print nothing but errors (and JSON, where asked for)")
    .option("--json", "print one JSON object a picture on stdout: sizes, milliseconds, memory")
    .addHelpText("after", STYLIZE_EXAMPLES)
    .action(async (contents: string[], flags: StylizeFlags) => {
      const { style, output, model, size, styleSize, threads, seed, quiet = false, json = false } = flags;
      const options = {
        ...{ style, output, model, quiet, json, signal },
        device: oneOf("--device", flags.device, ["auto", "cpu", "webgpu"]),
        ...(size === undefined ? {} : { size: wholeNumber("--size", size, 16, 65535) }),
        ...(styleSize === undefined ? {} : { styleSize: wholeNumber("--style-size", styleSize, 16, 65535) }),
        ...(threads === undefined ? {} : { threads: wholeNumber("--threads", threads, 1, 1024) }),
        ...(seed === undefined ? {} : { seed: wholeNumber("--seed", seed, 0, 2 ** 32 - 1) }),
      };
      // Imported only here, so that help and usage errors do not wait for the engine to load.
      const { stylize } = await import("./stylize.ts");
      const failures = await stylize(contents, options);
      if (failures > 0) code = 1;
    });

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
process.exitCode = await run(process.argv.slice(2), interruption.signal);
interruption.end();
