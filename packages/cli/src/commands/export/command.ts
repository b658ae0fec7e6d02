/** `adaattn export` on the command line: its options and help. */
import type { Command } from "commander";
import { paintFlags } from "../../options/controls.ts";
import { oneOf, UsageError } from "../../terminal/usage.ts";

const EXAMPLES = `
Examples:
  $ adaattn export --onnx small-onnx
      the whole network in one file: photographs of any size, paintings of 512 x 512 pixels
  $ adaattn export --onnx small-onnx --portable --fp16
      for runtimes other than ONNX Runtime, in half the bytes
  $ adaattn export --onnx small-1080p --size 1088x1920 --style-size 512x768
      for pictures of these sizes only, which some runtimes need
  $ adaattn export --onnx brushwork --size 768x1024 --grain 0.5
      with grain as \`adaattn stylize\` has it
  $ adaattn export --onnx parts --parts split --model models/released
      one file a part, so that a painting is encoded once

The folder's README.md lists inputs and outputs and shows how to run the files.
Exit code: 0 exported, 1 something failed, 2 the command was used wrongly, 130 stopped by Ctrl-C.`;

/** The options of `adaattn export` as they are typed. */
interface ExportFlags {
  onnx: string;
  model: string;
  parts: string;
  size?: string;
  styleSize?: string;
  grain?: string;
  fp16?: boolean;
  int8Encoder?: boolean;
  portable?: boolean;
  quiet?: boolean;
  json?: boolean;
}

/**
 * Adds the command to the program.
 *
 * @param context the signal of Ctrl-C.
 */
export function addExportCommand(program: Command, context: { readonly signal: AbortSignal }): void {
  program
    .command("export")
    .summary("write a model as ONNX files for other runtimes")
    .description("Writes a model as ONNX files, with a README of their inputs and outputs.")
    .requiredOption("--onnx <FOLDER>", "where the files go: a folder, new or empty")
    .option("-m, --model <NAME|FOLDER>", "a bundled model, or a folder with model.json and model.safetensors", "small")
    .option("--parts <PARTS>", "whole: one file; split: encoder, statistics, style, attention and decoder", "whole")
    .option("--size <HxW>", "the photographs' height and width, both multiples of 16 (default: any size)")
    .option("--style-size <HxW>", "the paintings' height and width, both multiples of 16 (default: 512x512)")
    .option("--grain <G>", "with --size: brushwork where photographs are flat, from 0 to 1 (default: 0)")
    .option("--fp16", "store weights as 16-bit floats: half the size; computing stays in 32 bits")
    .option("--int8-encoder", "store the encoder's weights as 8-bit integers: smaller still, a little less exact")
    .option("--portable", "use only operators of ONNX's own domain, opset 17")
    .option("-q, --quiet", "print nothing but errors (and JSON, where asked for)")
    .option("--json", "print the files and their sizes as one JSON object on stdout")
    .addHelpText("after", EXAMPLES)
    .action(async (flags: ExportFlags) => {
      const {
        onnx,
        model,
        size,
        styleSize,
        fp16 = false,
        int8Encoder = false,
        portable = false,
        quiet = false,
        json = false,
      } = flags;
      const parts = oneOf("--parts", flags.parts, ["whole", "split"]);
      if (parts === "split" && (size ?? styleSize) !== undefined) {
        throw new UsageError("Expected no --size and no --style-size with --parts split, whose files take every size.");
      }
      const { grain = 0 } = paintFlags({ grain: flags.grain });
      if (grain > 0 && size === undefined) {
        throw new UsageError("Expected --size HxW beside --grain, which is stored pixel by pixel.");
      }
      const options = {
        parts,
        grain,
        half: fp16,
        int8Encoder,
        portable,
        size: size === undefined ? undefined : sides("--size", size),
        styleSize: styleSize === undefined ? undefined : sides("--style-size", styleSize),
      };
      // Imported only here, so that help and usage errors do not wait for the engine to load.
      const { exportFiles } = await import("./export.ts");
      await exportFiles(onnx, { model, options, quiet, json, signal: context.signal });
    });
}

/** The height and width that an option was given, as HxW. */
function sides(option: string, text: string): { readonly height: number; readonly width: number } {
  const [, height = 0, width = 0] = (/^(\d{1,5})x(\d{1,5})$/.exec(text) ?? []).map(Number);
  if ([height, width].some((side) => side < 32 || side % 16 !== 0)) {
    throw new UsageError(
      `Expected HEIGHTxWIDTH in multiples of 16 from 32 on, such as 512x768, for ${option} but received ${text || "nothing"}.`,
    );
  }
  return { height, width };
}
