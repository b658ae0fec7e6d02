/** `adaattn inspect` on the command line: its options and help. */
import type { Command } from "commander";
import { addLookOptions, type LookFlags } from "../../options/look.ts";
import { gather, numberOr, oneOf, threadsFlag, UsageError, wholeNumber } from "../../terminal/usage.ts";

const EXAMPLES = `
Examples:
  $ adaattn inspect lake.jpg --style starry-night.jpg --at 320,200 -o heat.png
      where in the painting the point 320 pixels from the left and 200 from the top looks
  $ adaattn inspect lake.jpg --style starry-night.jpg --map --level 4 -o look.png
      look-sources.png, the photograph put together from the painting, and look-entropy.png, how sharply each point looks
  $ adaattn inspect small --pictures photographs/ --style paintings/
      how alive a network is: dead channels by layer, and what each level of its attention looks at and changes

Exit code: 0 made, 1 something failed, 2 the command was used wrongly, 130 stopped by Ctrl-C.`;

/** The options of `adaattn inspect` as they are typed. */
interface InspectFlags extends LookFlags {
  style?: string;
  output?: string;
  pictures?: string;
  at?: string[];
  map?: boolean;
  level?: string;
  styleMask?: string;
  model: string;
  size?: string;
  device: string;
  threads?: string;
  quiet?: boolean;
  json?: boolean;
}

/** Adds the command to the program; `signal` is that of Ctrl-C. */
export function addInspectCommand(program: Command, { signal }: { readonly signal: AbortSignal }): void {
  const command = program
    .command("inspect")
    .summary("show where in a painting a photograph looks")
    .description(
      "Shows the attention: which points of a painting the points of a photograph (CONTENT) look at. Or, with --pictures, how alive " +
        "a network (MODEL) is.",
    )
    .argument("<CONTENT|MODEL>", "the photograph, or a bundled model or folder with --pictures")
    .option("-s, --style <IMAGE>", "the painting; with --pictures, a folder of paintings (default: the photographs)")
    .option("-o, --output <FILE>", "the picture: .png, .jpg, .webp, .avif or .tiff")
    .option("--pictures <FOLDER>", "tell how alive the network MODEL is on the photographs of a folder, 12 of them")
    .option("--at <X,Y>", "a point in pixels of the photograph's file; may be given several times", gather)
    .option("--map", "write FILE-sources and FILE-entropy for all points at once")
    .option("--level <LEVEL>", "3, 4 or 5: fine to coarse (default: 3)")
    .option("--style-mask <IMAGE>", "the part of the painting that is a source");
  addLookOptions(command)
    .option("-m, --model <NAME|FOLDER>", "a bundled model, or a folder with model.json and model.safetensors", "small")
    .option("--size <N>", `the photograph's longer side in pixels (default: as it is, up to 2048)`)
    .option("--device <DEVICE>", "auto, cpu or webgpu", "auto")
    .option("--threads <N>", "processor threads (default: all cores)")
    .option("-q, --quiet", "print nothing but errors (and JSON, where asked for)")
    .option(
      "--json",
      "print one JSON object on stdout: what each point looks at, and how sharply; or how alive the network is",
    )
    .addHelpText("after", EXAMPLES)
    .action(async (content: string, flags: InspectFlags) => {
      const {
        style,
        output,
        pictures,
        model,
        size,
        threads,
        map = false,
        at = [],
        quiet = false,
        json = false,
      } = flags;
      const engine = {
        device: oneOf("--device", flags.device, ["auto", "cpu", "webgpu"]),
        threads: threadsFlag(threads),
      };
      if (pictures !== undefined) {
        const { tellHealth } = await import("./health.ts");
        await tellHealth({ model: content, photographs: pictures, paintings: style, ...engine, quiet, json, signal });
        return;
      }
      if (style === undefined || output === undefined) {
        const missing = style === undefined ? "a painting (--style IMAGE)" : "where to write (-o FILE)";
        throw new UsageError(`Expected ${missing}, or --pictures FOLDER for a network, but received neither.`);
      }
      if (at.length === 0 && !map) {
        throw new UsageError("Expected a point (--at X,Y) or --map but received neither.");
      }
      const { inspectLevel, lookControls } = await import("../../options/controls.ts");
      const options = {
        content,
        style,
        output,
        model,
        map,
        quiet,
        json,
        signal,
        points: at.map(pointOf),
        look: lookControls(flags),
        level: inspectLevel(numberOr(flags.level)),
        ...engine,
        styleMask: flags.styleMask,
        size: wholeNumber("--size", size, 16, 65535),
      };
      const { inspect } = await import("./inspect.ts");
      await inspect(options);
    });
}

function pointOf(text: string): { x: number; y: number } {
  const [, x, y] = /^(\d+(?:\.\d+)?),(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (x === undefined || y === undefined) {
    throw new UsageError(`Expected two numbers such as 320,200 for --at but received ${text || "nothing"}.`);
  }
  return { x: Number(x), y: Number(y) };
}
