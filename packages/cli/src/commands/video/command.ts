/** `adaattn video` on the command line: its options and help. */
import type { Command } from "commander";
import type { PaintFlags } from "../../options/controls.ts";
import { addLookOptions, type LookFlags } from "../../options/look.ts";
import type { Interruption } from "../../terminal/interrupt.ts";
import { gather, oneOf, threadsFlag, UsageError, wholeNumber } from "../../terminal/usage.ts";

const EXAMPLES = `
Examples:
  $ adaattn video walk.mp4 --style starry-night.jpg -o walk-starry.mp4 --size 512
      frame by frame, with the sound of the original
  $ adaattn video walk.mp4 --style starry-night.jpg@0s --style ink.jpg@5s -o walk-both.mp4 --fade 2
      one style, which fades into another from the fifth to the seventh second
  $ adaattn video walk.mp4 --style starry-night.jpg -o walk.webm --start 1:05 --end 1:20
      fifteen seconds of it, as VP9
  $ adaattn video walk.mp4 --style starry-night.jpg -o walk-starry.mp4 --resume
      goes on with what was killed before
  $ adaattn video frames/ --style starry-night.jpg --frames painted/ --fps 24
      numbered pictures in and out

Needs ffmpeg and ffprobe. Ctrl-C closes the file properly after the frame at hand.
Exit code: 0 all of it painted, 1 something failed, 2 the command was used wrongly, 130 stopped by Ctrl-C.`;

/** The options of `adaattn video` as they are typed. */
interface VideoFlags extends LookFlags, PaintFlags {
  style: string[];
  output?: string;
  frames?: string;
  fade: string;
  size?: string;
  fps?: string;
  start?: string;
  end?: string;
  codec?: string;
  crf?: string;
  bitrate?: string;
  resume?: boolean;
  mask?: string[];
  styleMask?: string[];
  model: string;
  device: string;
  threads?: string;
  seed?: string;
  metadata: string;
  quiet?: boolean;
  json?: boolean;
}

/**
 * Adds the command to the program.
 *
 * @param context the command's version, and what is called where not all of a video could be
 *   painted.
 */
export function addVideoCommand(
  program: Command,
  interruption: Interruption,
  context: { readonly version: string; readonly failed: () => void },
): void {
  const command = program
    .command("video")
    .summary("paint a video in the style of a painting")
    .description(
      "Paints a video, or a folder of numbered pictures, in the style of a painting. Reads whatever ffmpeg does.",
    )
    .argument("<VIDEO|FOLDER>", "the video")
    .requiredOption(
      "-s, --style <IMAGE[:WEIGHT][@TIME]>",
      "the painting; given several times, several are mixed by their weights or, with times such as @5s, follow each other",
      gather,
    )
    .option("-o, --output <FILE>", "the result: .mp4, .m4v, .mov, .webm, .mkv or .gif")
    .option("--frames <FOLDER>", "write the frames as numbered PNG pictures, too or instead")
    .option("--fade <SECONDS>", "how long a style takes to fade into the next", "1")
    .option("--size <N>", "the result's longer side in pixels (default: as the video is, up to 1280)")
    .option("--fps <N>", "frames a second, such as 24 or 29.97 (default: as the video has, or 25 for a folder)")
    .option("--start <TIME>", "where to begin, such as 5s or 1:05")
    .option("--end <TIME>", "where to end")
    .option("--codec <CODEC>", "h264, vp9, av1, prores or gif (default: by the name's ending)")
    .option("--crf <N>", "constant quality, lower is better (default: 18 for h264, 30 for vp9 and av1)")
    .option("--bitrate <BITS>", "bits a second instead, such as 4M")
    .option("--resume", "go on with a job that was killed, after its last whole two seconds")
    .option("--strength <T>", "0 is the video, 1 the style, up to 4 beyond it (default: 1)")
    .option("--color <OF>", "style; content, the video's chroma; match, the painting recolored first (default: style)")
    .option("--grain <G>", "brushwork where the video is flat, from 0 to 1 (default: 0)")
    .option("--mask <IMAGE>", "where the style goes in every frame, as for adaattn stylize", gather)
    .option("--style-mask <IMAGE>", "the part of the painting that is a source, one for each style, or none", gather);
  addLookOptions(command)
    .option(
      "-m, --model <NAME|FOLDER>",
      "a bundled model (small-video is steady, small flickers), or a folder with model.json and model.safetensors",
      "small-video",
    )
    .option("--device <DEVICE>", "auto, cpu or webgpu", "auto")
    .option("--threads <N>", "processor threads (default: all cores)")
    .option("--seed <N>", "for models that sample the painting at random: the same number, the same picture")
    .option(
      "--metadata <none|safe|all>",
      "what the result says of itself: nothing; who made it, when and its title; or all, its place too",
      "safe",
    )
    .option("-q, --quiet", "print nothing but errors (and JSON, where asked for)")
    .option("--json", "print one JSON object on stdout: sizes, frames, times, memory")
    .addHelpText("after", EXAMPLES)
    .action(async (input: string, flags: VideoFlags) => {
      const { output, frames, size, threads, model, mask: masks = [], styleMask: styleMasks = [] } = flags;
      if (output === undefined && frames === undefined) {
        throw new UsageError("Expected --output or --frames, for the result, but received neither.");
      }
      // What takes time to load is imported only here, so that help and unknown options do not wait
      // for it.
      const { lookControls, paintFlags } = await import("../../options/controls.ts");
      const { checkMasks } = await import("../../options/styles.ts");
      const times = await import("./times.ts");
      const styles = flags.style.map(times.parseTimedStyle);
      checkMasks(styles, masks, styleMasks);
      if (!styles.some(({ seconds }) => seconds === 0)) {
        throw new UsageError("Expected a --style from the begin, such as IMAGE@0s, but received none.");
      }
      const [start, end] = [flags.start, flags.end].map((text, at) =>
        text === undefined ? undefined : times.timeOf(at === 0 ? "--start" : "--end", text),
      );
      if (end !== undefined && end <= (start ?? 0)) {
        throw new UsageError(`Expected an --end after --start, which is at ${start ?? 0} s, but received ${end} s.`);
      }
      const film = output === undefined ? undefined : await filmOf(output, flags);
      const options = {
        styles,
        masks,
        styleMasks,
        model,
        version: context.version,
        signal: interruption.signal,
        look: lookControls(flags),
        paint: paintFlags(flags),
        fade: times.timeOf("--fade", flags.fade),
        resume: flags.resume ?? false,
        metadata: oneOf("--metadata", flags.metadata, ["none", "safe", "all"]),
        quiet: flags.quiet ?? false,
        json: flags.json ?? false,
        device: oneOf("--device", flags.device, ["auto", "cpu", "webgpu"]),
        film,
        frames,
        start,
        end,
        rate: flags.fps === undefined ? undefined : times.rateOf("--fps", flags.fps),
        size: wholeNumber("--size", size, 16, 16384),
        threads: threadsFlag(threads),
      };
      const { paintVideo } = await import("./video.ts");
      if (!(await paintVideo(input, options, interruption))) context.failed();
    });
}

/** The film that is asked for. */
async function filmOf(path: string, { codec, crf, bitrate }: VideoFlags) {
  const { VIDEO_CODECS, videoTarget } = await import("adaattn/node");
  const { bitsOf } = await import("./times.ts");
  const chosen = codec === undefined ? undefined : oneOf("--codec", codec, VIDEO_CODECS);
  const quality = {
    crf: wholeNumber("--crf", crf, 0, 63),
    bitrate: bitrate === undefined ? undefined : bitsOf("--bitrate", bitrate),
  };
  try {
    return { path, target: videoTarget(path, chosen, quality) };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
