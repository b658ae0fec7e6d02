/** `adaattn import` on the command line: its options and help. */
import type { Command } from "commander";
import { gather, threadsFlag, UsageError } from "../../terminal/usage.ts";

const EXAMPLES = `
Examples:
  $ adaattn import --image vgg_normalised.pth latest_net_*.pth -o models/released
      the released network for pictures; then: adaattn stylize ... --model models/released
  $ adaattn import --video vgg_normalised.pth latest_net_*.pth -o models/released-video
      the released network for video
  $ adaattn import --encoder vgg19-dcbb9e9d.pth --pictures photos -o vgg19.safetensors
      torchvision's VGG-19, normalized over the photographs of a folder, for --loss-network
  $ adaattn import --image https://example.org/adaattn.safetensors --sha256 0f3a... -o models/other
      downloaded once into the cache, continued where the connection breaks

Files are told apart by the tensors in them: PyTorch's .pth (zip, and from before 1.6), safetensors and NumPy's .npz.
Nothing in them is ever run.
Exit code: 0 imported, 1 something failed, 2 the command was used wrongly, 130 stopped by Ctrl-C.`;

/** The options of `adaattn import` as they are typed. */
interface ImportFlags {
  image?: boolean;
  video?: boolean;
  encoder?: boolean;
  output: string;
  sha256?: string[];
  pictures?: string;
  half?: boolean;
  threads?: string;
  quiet?: boolean;
  json?: boolean;
}

/**
 * Adds the command to the program.
 *
 * @param context the signal of Ctrl-C.
 */
export function addImportCommand(program: Command, context: { readonly signal: AbortSignal }): void {
  program
    .command("import")
    .summary("make a model's folder from weights of other programs")
    .description("Reads released weights (FILE or URL, in any order) and writes a folder for --model.")
    .argument("<FILE|URL...>", "the files that together hold the network")
    .option("--image", "the released network for pictures: encoder, two attention files and decoder")
    .option("--video", "the released network for video: encoder, attention and decoder")
    .option("--encoder", "VGG-19 alone, as one safetensors file, for --loss-network")
    .requiredOption("-o, --output <FOLDER|FILE>", "the model's folder, new or empty; with --encoder a file")
    .option("--sha256 <HEX>", "what a URL's file must hash to; once for each URL, in their order", gather)
    .option("--pictures <FOLDER>", "photographs to normalize a VGG-19 of torchvision or Keras over")
    .option("--half", "store 16-bit floats: half the size")
    .option("--threads <N>", "processor threads for normalizing (default: all cores)")
    .option("-q, --quiet", "print nothing but errors (and JSON, where asked for)")
    .option("--json", "print what was imported as one JSON object on stdout")
    .addHelpText("after", EXAMPLES)
    .action(async (sources: string[], flags: ImportFlags) => {
      const { threads, image, video, encoder, quiet = false, json = false, half = false, ...rest } = flags;
      const [target, ...others] = [image && "image", video && "video", encoder && "encoder"].filter(
        (name): name is "image" | "video" | "encoder" => typeof name === "string",
      );
      if (target === undefined || others.length > 0) {
        throw new UsageError("Expected one of --image, --video and --encoder, which say what to import.");
      }
      // ImportedModel only here, so that help and usage errors do not wait for the engine to load.
      const { importWeights } = await import("./import.ts");
      await importWeights(sources, {
        ...rest,
        target,
        half,
        quiet,
        json,
        signal: context.signal,
        threads: threadsFlag(threads),
      });
    });
}
