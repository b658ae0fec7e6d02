/** `adaattn stylize`: photographs in the style of a painting, file by file. */
import {
  checkPictureOutput,
  type FilePicture,
  loadModel,
  type Model,
  type Picture,
  type Progress,
  readPicture,
  type Style,
  writePicture,
} from "adaattn/node";
import { type Job, planOutputs } from "./outputs.ts";
import { createProgressLine, type ProgressLine, printError } from "./terminal.ts";
import { LONGEST_CONTENT, LONGEST_STYLE } from "./usage.ts";

/** The options of `adaattn stylize`, checked. */
export interface StylizeOptions {
  readonly style: string;
  readonly output: string;
  readonly model: string;
  readonly size?: number;
  readonly styleSize?: number;
  readonly device: "auto" | "cpu" | "webgpu";
  readonly threads?: number;
  readonly seed?: number;
  readonly quiet: boolean;
  readonly json: boolean;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** What all pictures of one command share, made once the first content has turned out to be readable. */
interface Studio extends AsyncDisposable {
  readonly model: Model;
  readonly style: Style;
}

/** One picture's times in milliseconds; `style` is 0 where the style of the picture before was used again. */
type Times = Record<"read" | "style" | "encode" | "attend" | "decode" | "write" | "total", number>;

/**
 * Stylises every content, and carries on after one that fails.
 *
 * @returns how many contents failed; each has been reported on stderr.
 * @throws UsageError for names that cannot be meant; Error where the style or the model cannot be used at all; the signal's
 *   reason where it is aborted.
 */
export async function stylize(contents: readonly string[], options: StylizeOptions): Promise<number> {
  const { signal } = options;
  const progress = createProgressLine(process.stderr, { quiet: options.quiet, signal });
  let studio: Studio | undefined;
  let failures = 0;
  const fail = (job: Job, error: unknown) => {
    signal.throwIfAborted();
    failures++;
    progress.clear();
    reportFailure(job, error, options);
  };
  try {
    const jobs = await planOutputs(contents, options.style, options.output);
    const painting = await readPicture(options.style, sized(options.styleSize, LONGEST_STYLE, signal));
    for (const [index, job] of jobs.entries()) {
      const task = jobs.length > 1 ? `[${index + 1}/${jobs.length}] ${job.content}` : job.content;
      progress.show(task, "read");
      const begun = performance.now();
      let picture: FilePicture;
      try {
        await checkPictureOutput(job.output);
        picture = await readPicture(job.content, sized(options.size, LONGEST_CONTENT, signal));
      } catch (error) {
        fail(job, error);
        continue;
      }
      const read = performance.now() - begun;
      const reused = studio !== undefined;
      studio ??= await openStudio(painting, options, progress);
      const { model, style } = studio;
      try {
        const started = performance.now();
        const result = await model.stylize(picture, style, { signal, onProgress: follow(progress, task) });
        progress.show(task, "write", 1);
        const writing = performance.now();
        await writePicture(job.output, result, { signal });
        const ended = performance.now();
        const shared = reused ? 0 : style.milliseconds;
        const total = read + shared + (ended - started);
        const times = { read, style: shared, ...result.milliseconds, write: ended - writing, total };
        progress.clear();
        report(job, { painting, picture, result, times, model }, options);
      } catch (error) {
        fail(job, error);
      }
    }
  } finally {
    progress.clear();
    await studio?.[Symbol.asyncDispose]();
  }
  return failures;
}

async function openStudio(painting: Picture, options: StylizeOptions, progress: ProgressLine): Promise<Studio> {
  const { device, threads, seed, signal } = options;
  let model: Model | undefined;
  try {
    progress.show(`model ${options.model}`);
    const opened = await loadModel(options.model, { device, signal, ...(threads === undefined ? {} : { threads }) });
    model = opened;
    progress.show(`style ${options.style}`);
    const onProgress = follow(progress, `style ${options.style}`);
    const style = await opened.style(painting, { signal, onProgress, ...(seed === undefined ? {} : { seed }) });
    return {
      model: opened,
      style,
      async [Symbol.asyncDispose]() {
        style.dispose();
        await opened.dispose();
      },
    };
  } catch (error) {
    await model?.dispose();
    throw error;
  }
}

function sized(asked: number | undefined, longestSide: number, signal: AbortSignal) {
  return asked === undefined ? { longestSide, signal } : { longerSide: asked, signal };
}

/** Shows the progress of one task, whose stages share the bar evenly. */
function follow(progress: ProgressLine, task: string): (event: Progress) => void {
  const stages = ["encode", "attend", "decode"];
  return ({ stage, fraction }) => {
    const before = Math.max(0, stages.indexOf(stage));
    progress.show(task, stage, stage === "style" ? fraction : (before + fraction) / stages.length);
  };
}

interface Made {
  readonly painting: FilePicture;
  readonly picture: FilePicture;
  readonly result: Picture;
  readonly times: Times;
  readonly model: Model;
}

/** Prints one finished picture on stdout: as a line to read, as a JSON object, or not at all. */
function report({ content, output }: Job, made: Made, { style, quiet, json }: StylizeOptions): void {
  const { painting, picture, result, times, model } = made;
  const size = { width: result.width, height: result.height };
  if (json) {
    const milliseconds = Object.fromEntries(
      Object.entries(times).map(([name, time]) => [name, Math.round(time * 10) / 10]),
    );
    printJson({
      content: { path: content, ...picture.source },
      style: { path: style, ...painting.source },
      output: { path: output, ...size },
      model: model.name,
      device: model.device,
      milliseconds,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
    });
  } else if (!quiet) {
    const { total, ...parts } = times;
    const seconds = (time: number) => (time / 1000).toFixed(2);
    const list = Object.entries(parts).map(([name, time]) => `${name} ${seconds(time)}`);
    process.stdout.write(`${output}  ${size.width} x ${size.height}  ${seconds(total)} s (${list.join(", ")})\n`);
  }
}

/** Prints why one picture could not be made: a sentence on stderr and, where JSON is asked for, an object on stdout too. */
function reportFailure({ content, output }: Job, error: unknown, { style, json }: StylizeOptions): void {
  const message = printError(error);
  if (json) printJson({ content: { path: content }, style: { path: style }, output: { path: output }, error: message });
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
