/** `adaattn eval` on the command line: its options and help. */
import type { Command } from "commander";
import { gather, oneOf, threadsFlag, UsageError, wholeNumber } from "../../terminal/usage.ts";

const EXAMPLES = `
Examples:
  $ adaattn eval --content photos --style paintings --limit 40 --report report
      40 pairs, the same ones every time, painted by the bundled model and measured by its encoder
  $ adaattn eval --content photos --style paintings --loss-network vgg19-normalised.safetensors --report report
      every photograph in every style, measured by VGG-19, as in the literature
  $ adaattn eval --content photos --style paintings --results theirs --pattern "{content}_{style}" --report report
      the results that anything else made, such as theirs/lake_starry-night.png
  $ adaattn eval --video walk.mp4 --style starry-night.jpg --model small-video
      how steady a video is, beside the original and the model for photographs

The report is a folder: open index.html; metrics.json and metrics.csv hold the numbers.
Exit code: 0 all pairs measured, 1 something failed, 2 the command was used wrongly, 130 stopped by Ctrl-C.`;

/** The options of `adaattn eval` as they are typed. */
interface EvalFlags {
  content?: string;
  style: string;
  report?: string;
  video?: string[];
  flow?: string;
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
 * @param context the command's version, the signal of Ctrl-C, and what is called where a pair
 *   failed.
 */
export function addEvalCommand(
  program: Command,
  context: { readonly version: string; readonly signal: AbortSignal; readonly failed: () => void },
): void {
  program
    .command("eval")
    .summary("measure how well photographs are painted")
    .description("Measures stylized pictures: those that a model makes now, or those that lie in a folder.")
    .option("--content <FOLDER>", "the photographs")
    .requiredOption("--style <FOLDER>", "the paintings; with --video, or one painting")
    .option(
      "--report <FOLDER>",
      "where the report goes: a folder that is new, empty or an earlier report; with --video a .json file",
    )
    .option(
      "--video <FILE>",
      "measure how steady this video is when painted, instead of photographs; may be repeated",
      gather,
    )
    .option(
      "--flow <FOLDER>",
      "with --video, the input's optical flow as 000001-000002.flo and so on (default: estimated)",
    )
    .option("--pairs <FILE>", "which content in which style: CSV, text or JSON lines (default: all in all)")
    .option("--limit <N>", "at most so many of the pairs, evenly chosen (with --video pairs of frames, default: 100)")
    .option("--results <FOLDER>", "measure these results instead of making any; with --video a painted video, besides")
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
      const { limit, size, threads, video, flow, content, report, quiet = false, json = false, ...rest } = flags;
      const common = {
        quiet,
        json,
        version: context.version,
        signal: context.signal,
        size: wholeNumber("--size", size, 32, 8192),
        device: oneOf("--device", flags.device, ["auto", "cpu", "webgpu"]),
        threads: threadsFlag(threads),
      };
      if (video !== undefined) {
        const { style, model, results } = rest;
        const other = Object.entries({
          content,
          pairs: rest.pairs,
          pattern: rest.pattern,
          "loss-network": rest.lossNetwork,
        });
        const unused = other.find(([, value]) => value !== undefined);
        if (unused) throw new UsageError(`Expected --video or --${unused[0]} but received both.`);
        const options = {
          videos: video,
          style,
          ...common,
          limit: wholeNumber("--limit", limit ?? "100", 1, 1_000_000),
        };
        const given = Object.entries({ model, results, flow, report }).filter(([, value]) => value !== undefined);
        const { evaluateVideos } = await import("./video.ts");
        await evaluateVideos({ ...options, ...Object.fromEntries(given) });
        return;
      }
      if (content === undefined || report === undefined) {
        const missing = content === undefined ? "--content" : "--report";
        throw new UsageError(`Expected ${missing}, or --video instead of photographs, but received neither.`);
      }
      if (rest.results !== undefined && rest.model !== undefined) {
        throw new UsageError("Expected --model or --results but received both; results are measured as they are.");
      }
      if (rest.results === undefined && rest.pattern !== undefined) {
        throw new UsageError("Expected --results with --pattern, which names the results, but received none.");
      }
      const options = {
        ...rest,
        content,
        report,
        ...common,
        limit: wholeNumber("--limit", limit, 1, 1_000_000),
      };
      // Imported only here, so that help and usage errors do not wait for the engine to load.
      const { evaluate } = await import("./eval.ts");
      if ((await evaluate(options)) > 0) context.failed();
    });
}
