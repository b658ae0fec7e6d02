/** `adaattn eval` on the command line: its options and help. */
import type { Command } from "commander";
import { oneOf, UsageError, wholeNumber } from "./usage.ts";

const EXAMPLES = `
Examples:
  $ adaattn eval --content photos --style paintings --limit 40 --report report
      40 pairs, the same ones every time, painted by the bundled model and measured by its encoder
  $ adaattn eval --content photos --style paintings --loss-network vgg19-normalised.safetensors --report report
      every photograph in every style, measured by VGG-19, as in the literature
  $ adaattn eval --content photos --style paintings --results theirs --pattern "{content}_{style}" --report report
      the results that anything else made, such as theirs/lake_starry-night.png

The report is a folder: open index.html; metrics.json and metrics.csv hold the numbers.
Exit code: 0 all pairs measured, 1 something failed, 2 the command was used wrongly, 130 stopped by Ctrl-C.`;

/** The options of `adaattn eval` as they are typed. */
interface EvalFlags {
  content: string;
  style: string;
  report: string;
  pairs?: string;
  limit?: string;
  results?: string;
  pattern?: string;
  lossNetwork?: string;
  model?: string;
  size: string;
  device: string;
  threads?: string;
  quiet?: boolean;
  json?: boolean;
}

/**
 * Adds the command to the program.
 *
 * @param context the command's version, the signal of Ctrl-C, and what is called where a pair failed.
 */
export function addEvalCommand(
  program: Command,
  context: { readonly version: string; readonly signal: AbortSignal; readonly failed: () => void },
): void {
  program
    .command("eval")
    .summary("measure how well photographs are painted")
    .description("Measures stylised pictures: those that a model makes now, or those that lie in a folder.")
    .requiredOption("--content <FOLDER>", "the photographs")
    .requiredOption("--style <FOLDER>", "the paintings")
    .requiredOption("--report <FOLDER>", "where the report goes: a folder that is new, empty or an earlier report")
    .option("--pairs <FILE>", "which content in which style: CSV, text or JSON lines (default: all in all)")
    .option("--limit <N>", "at most so many of the pairs, evenly chosen")
    .option("--results <FOLDER>", "measure these results instead of making any")
    .option(
      "--pattern <NAME>",
      "how the results are named, with any ending or a given one (default: {content}_{style})",
    )
    .option("--loss-network <FILE>", "the encoder that measures, as safetensors (default: that of the model small)")
    .option("-m, --model <NAME|FOLDER>", "a bundled model, or a folder with its files (default: small)")
    .option("--size <N>", "the longer side of all pictures in pixels", "512")
    .option("--device <DEVICE>", "auto, cpu or webgpu", "auto")
    .option("--threads <N>", "processor threads (default: all cores)")
    .option("-q, --quiet", "print nothing but errors (and JSON, where asked for)")
    .option("--json", "print the summary as one JSON object on stdout")
    .addHelpText("after", EXAMPLES)
    .action(async (flags: EvalFlags) => {
      const { limit, size, threads, quiet = false, json = false, ...rest } = flags;
      if (rest.results !== undefined && rest.model !== undefined) {
        throw new UsageError("Expected --model or --results but received both; results are measured as they are.");
      }
      if (rest.results === undefined && rest.pattern !== undefined) {
        throw new UsageError("Expected --results with --pattern, which names the results, but received none.");
      }
      const options = {
        ...rest,
        ...{ quiet, json, version: context.version, signal: context.signal },
        size: wholeNumber("--size", size, 32, 8192),
        device: oneOf("--device", flags.device, ["auto", "cpu", "webgpu"]),
        ...(limit === undefined ? {} : { limit: wholeNumber("--limit", limit, 1, 1_000_000) }),
        ...(threads === undefined ? {} : { threads: wholeNumber("--threads", threads, 1, 1024) }),
      };
      // Imported only here, so that help and usage errors do not wait for the engine to load.
      const { evaluate } = await import("./eval.ts");
      if ((await evaluate(options)) > 0) context.failed();
    });
}
