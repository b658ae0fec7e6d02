/** `adaattn stylize` on the command line: its options and help. */
import type { Command } from "commander";
import type { PaintFlags } from "../../options/controls.ts";
import { addLookOptions, type LookFlags } from "../../options/look.ts";
import { gather, oneOf, threadsFlag, UsageError, wholeNumber } from "../../terminal/usage.ts";

const EXAMPLES = `
Examples:
  $ adaattn stylize lake.jpg --style monet-water-lilies -o lake-monet.jpg
      in the style of a bundled painting; adaattn styles lists them
  $ adaattn stylize lake.jpg --style starry-night.jpg -o lake-starry.png
      one photograph, as large as it is (at most 2048 pixels a side)
  $ adaattn stylize lake.jpg --style starry-night.jpg -o small.jpg --size 512
      its longer side made 512 pixels: quicker, with the same strokes
  $ adaattn stylize holiday/*.jpg --style starry-night.jpg -o painted/
      many photographs into a folder, as painted/NAME-starry-night.jpg; --overwrite no goes on with what is missing
  $ adaattn stylize holiday/ --recursive --style starry-night.jpg -o painted/ --format webp --quality 80
      every photograph below a folder, into folders alike
  $ curl -s https://example.org/lake.jpg | adaattn stylize - --style starry-night.jpg -o - --format png > lake.png
      from stdin to stdout; adaattn stylize https://example.org/lake.jpg fetches it itself
  $ adaattn stylize lake.jpg --style monet/ -o lake-monet.jpg
      in a mixture of all paintings in a folder
  $ adaattn stylize lake.jpg --style starry-night.jpg --strength 0.6 --color content -o lake-half.jpg
      nearer to the photograph, and in its colors
  $ adaattn stylize lake.jpg --style starry-night.jpg --grain 0.5 -o lake-brushwork.jpg
      with brushwork in an even sky
  $ adaattn stylize lake.jpg --style starry-night.jpg:2 --style ink.jpg:1 -o lake-both.jpg
      two parts of one style and one of another
  $ adaattn stylize lake.jpg --style starry-night.jpg@blue --style ink.jpg@red --mask sky.png -o lake-sky.jpg
      one style where sky.png is blue, another where it is red
  $ adaattn stylize lake.jpg --style starry-night.jpg -o lake-large.png --size full --memory 1.5GB
      every pixel that it has, in tiles, in no more memory than that
  $ adaattn stylize holiday/*.jpg --style starry-night.jpg -o painted/ --style-cache ~/.cache/adaattn/styles
      the painting is encoded once, also for the next time
  $ adaattn stylize lake.jpg --style starry-night.jpg -o out.png --json --quiet
      sizes, times, controls and memory as JSON, for scripts

Exit code: 0 all pictures made, 1 something failed, 2 the command was used wrongly, 130 stopped by Ctrl-C.`;

/** What `--format` takes: the endings of results, without their dots. */
const ENDINGS = ["jpg", "jpeg", "png", "webp", "avif", "tif", "tiff"] as const;

/** The options of `adaattn stylize` as they are typed. */
interface StylizeFlags extends LookFlags, PaintFlags {
  style?: string[];
  output: string;
  mask?: string[];
  styleMask?: string[];
  model: string;
  size?: string;
  strokeBy: string;
  recursive?: boolean;
  quality?: string;
  format?: string;
  metadata: string;
  overwrite: string;
  device: string;
  threads?: string;
  seed?: string;
  tile?: string;
  memory?: string;
  styleCache?: string;
  quiet?: boolean;
  json?: boolean;
}

/**
 * Adds the command to the program.
 *
 * @param context the signal of Ctrl-C, and what is called where a picture failed.
 */
export function addStylizeCommand(
  program: Command,
  context: { readonly signal: AbortSignal; readonly failed: () => void },
): void {
  const command = program
    .command("stylize")
    .summary("paint photographs in the style of a painting")
    .description("Paints photographs (CONTENT) in the style of a painting. Reads JPEG, PNG, WebP, AVIF, TIFF and GIF.")
    .argument(
      "<CONTENT...>",
      "one or more photographs: files, folders, http(s) addresses, or - for one on stdin (a file of that name is ./-)",
    )
    .option("--recursive", "look into the folders of a folder, too; the results lie in folders alike")
    .option(
      "-s, --style <IMAGE|NAME[:WEIGHT][@COLOR]>",
      "the painting: a file, an http(s) address, -, or a name that adaattn styles lists (default: van-gogh-starry-night); a folder stands for all pictures in it; given several times, several are mixed by their weights, or go each to the region of the mask that has its color",
      gather,
    )
    .requiredOption(
      "-o, --output <FILE|FOLDER>",
      "the result: .png, .jpg, .webp, .avif or .tiff; for several contents a folder; folders are made where they are missing; - for stdout",
    )
    .option(
      "--format <ENDING>",
      "the format of results in a folder or on stdout, such as png (default: as the content's)",
    )
    .option("--quality <N>", "from 1 to 100 (default: 92 for JPEG, 90 for WebP, 70 for AVIF; others lose nothing)")
    .option(
      "--metadata <none|safe|all>",
      "what the result says of the photograph: safe, copyright, creator, date and dots an inch; all, camera and place, too",
      "safe",
    )
    .option(
      "--overwrite <yes|no|number>",
      "where there is a result already: yes replaces it, no keeps it and paints the others, number takes a new name such as lake-2.jpg",
      "yes",
    )
    .option("--strength <T>", "0 is the photograph, 1 the style, up to 4 beyond it (default: 1)")
    .option(
      "--color <OF>",
      "style; content, the photograph's chroma; match, the painting recolored first (default: style)",
    )
    .option("--grain <G>", "brushwork where the photograph is flat, from 0 to 1 (default: 0)")
    .option(
      "--mask <IMAGE>",
      "where the style goes: white or gray, one for each style, or one with regions in colors; the photograph stays elsewhere",
      gather,
    )
    .option("--style-mask <IMAGE>", "the part of the painting that is a source, one for each style, or none", gather);
  addLookOptions(command)
    .option("-m, --model <NAME|FOLDER>", "a bundled model, or a folder with model.json and model.safetensors", "small")
    .option(
      "--size <N|full>",
      `the result's longer side in pixels; full: as the content is, however large (default: the same, up to 2048)`,
    )
    .option(
      "--stroke-by <picture|pixels>",
      "picture: strokes are as large in the picture as at 512 pixels, so that every size has the same composition; pixels: the larger the picture, the finer they are",
      "picture",
    )
    .option("--tile <N|auto|off>", "paint in tiles of at most N pixels a side; the result is the same (default: auto)")
    .option(
      "--memory <AMOUNT>",
      "about what the process may take, such as 1.5GB (default: half of what is free, up to 4GB)",
    )
    .option("--style-cache <FOLDER>", "keep the encoded paintings here, and find them here again")
    .option("--device <DEVICE>", "auto, cpu or webgpu", "auto")
    .option("--threads <N>", "processor threads (default: all cores)")
    .option("--seed <N>", "for models that sample the painting at random: the same number, the same picture")
    .option("-q, --quiet", "print nothing but errors (and JSON, where asked for)")
    .option("--json", "print one JSON object a picture on stdout: sizes, controls, milliseconds, memory")
    .addHelpText("after", EXAMPLES)
    .action(async (contents: string[], flags: StylizeFlags) => {
      const { output, model, size, threads, quiet = false, json = false, mask: masks = [], styleMask = [] } = flags;
      // What takes time to load is imported only here, so that help and unknown options do not wait
      // for it.
      const { lookControls, paintFlags, strokeByFlag, tileFlag } = await import("../../options/controls.ts");
      const { memoryFlag } = await import("./memory.ts");
      const { checkMasks, DEFAULT_STYLE, findStyle } = await import("../../options/styles.ts");
      const { OVERWRITING } = await import("../../files/outputs.ts");
      const { openFolders } = await import("../../loading/styleFiles.ts");
      const styles = await openFolders((flags.style ?? [DEFAULT_STYLE]).map(findStyle));
      checkMasks(styles, masks, styleMask);
      if (output === "-" && json) {
        throw new UsageError("Expected a file for --output, since --json prints on stdout, but received -.");
      }
      const options = {
        styles,
        masks,
        styleMasks: styleMask,
        output,
        recursive: flags.recursive ?? false,
        model,
        quiet,
        json,
        signal: context.signal,
        look: lookControls(flags),
        paint: paintFlags(flags),
        metadata: oneOf("--metadata", flags.metadata, ["none", "safe", "all"]),
        overwrite: oneOf("--overwrite", flags.overwrite, OVERWRITING),
        format: flags.format === undefined ? undefined : oneOf("--format", flags.format, ENDINGS),
        quality: wholeNumber("--quality", flags.quality, 1, 100),
        device: oneOf("--device", flags.device, ["auto", "cpu", "webgpu"]),
        size: size === "full" ? ("full" as const) : wholeNumber("--size", size, 16, 65535),
        memory: flags.memory === undefined ? undefined : memoryFlag(flags.memory),
        styleCache: flags.styleCache,
        strokeBy: strokeByFlag(flags.strokeBy),
        tile: tileFlag(flags.tile),
        threads: threadsFlag(threads),
      };
      const { stylize } = await import("./stylize.ts");
      if ((await stylize(contents, options)) > 0) context.failed();
    });
}
