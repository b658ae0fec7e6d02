/** `adaattn stylize`: photographs in the style of a painting, file by file. */
import { dirname, join } from "node:path";
import type { StrokeControls, TileControls } from "adaattn/internal";
import { checkPictureOutput } from "adaattn/internal/node";
import type { FilePicture, KeptMetadata, Model, PaintControls } from "adaattn/node";
import { listContents } from "../../files/contents.ts";
import { type Job, OutputFolders, type OutputOptions, planOutputs } from "../../files/outputs.ts";
import { checkStdin, STREAM } from "../../files/reading.ts";
import { StreamedResult } from "../../files/streamed.ts";
import { readStyleFiles, type StyleFiles, WHOLE } from "../../loading/styleFiles.ts";
import { follow, type LoadedStyles, type LoadOptions, loadStyles } from "../../loading/styles.ts";
import { createProgressLine, printError } from "../../terminal/terminal.ts";
import { type Content, type ContentSize, openContent, type PaintResult } from "./content.ts";
import { memoryLeft } from "./memory.ts";

/** The options of `adaattn stylize`, checked. */
export interface StylizeOptions extends LoadOptions, OutputOptions {
  /** How the photographs are painted. */
  readonly paint: PaintControls;
  readonly output: string;
  /** Whether folders in folders of contents are looked into, too. */
  readonly recursive: boolean;
  readonly size?: ContentSize | undefined;
  /** Of formats that lose something, from 1 to 100. */
  readonly quality?: number | undefined;
  /** How much of what the photograph's file says of it its result says, too. */
  readonly metadata: KeptMetadata;
  readonly strokeBy: StrokeControls["strokeBy"];
  readonly tile: TileControls["tile"];
  /** How many bytes the process may take, about. */
  readonly memory?: number | undefined;
  readonly quiet: boolean;
  readonly json: boolean;
}

/**
 * One picture's times in milliseconds; `style` is 0 where the style of the picture before was used
 * again.
 */
type Times = Record<"read" | "style" | "encode" | "attend" | "decode" | "write" | "total", number>;

/**
 * Stylizes every content, and carries on after one that fails.
 *
 * @returns how many contents failed; each has been reported on stderr.
 * @throws UsageError for names that cannot be meant; Error where the style or the model cannot be
 *   used at all; the signal's reason where it is aborted.
 */
export async function stylize(contents: readonly string[], options: StylizeOptions): Promise<number> {
  const { signal } = options;
  const progress = createProgressLine(process.stderr, { quiet: options.quiet, signal });
  let loaded: LoadedStyles | undefined;
  let failures = 0;
  const fail = (job: Job, error: unknown) => {
    signal.throwIfAborted();
    failures++;
    progress.clear();
    reportFailure(job, error, options);
  };
  await using folders = new OutputFolders();
  try {
    const { styles, masks, styleMasks, output } = options;
    const others = [...masks, ...styleMasks.filter((mask) => mask !== WHOLE)];
    const inputs = {
      styles: styles.map(({ path }) => path),
      names: [...new Set(styles.map(({ path, folder = path }) => folder))],
      others,
    };
    checkStdin([...contents, ...inputs.styles, ...others]);
    const listed = await listContents(contents, { recursive: options.recursive, except: output });
    const jobs = await planOutputs(listed, inputs, output, options);
    await using stream = output === STREAM ? await StreamedResult.open() : undefined;
    const files = await readStyleFiles(options);
    let memory: number | undefined;
    for (const [index, job] of jobs.entries()) {
      const task = jobs.length > 1 ? `[${index + 1}/${jobs.length}] ${job.content}` : job.content;
      if (job.isKept) {
        progress.clear();
        reportKept(job, options);
        continue;
      }
      progress.show(task, "read");
      const begun = performance.now();
      let content: Content;
      try {
        await folders.prepare(job);
        if (stream === undefined) await checkPictureOutput(job.output);
        content = await openContent(job.content, stream?.folder ?? dirname(job.output), options);
      } catch (error) {
        fail(job, error);
        continue;
      }
      const read = performance.now() - begun;
      await using opened = content;
      const reused = loaded !== undefined;
      loaded ??= await loadStyles(files, options, progress);
      const { model, shares } = loaded;
      // Once: an engine that keeps its buffers uses them again for the next picture.
      memory ??= memoryLeft(options.memory, model);
      try {
        const started = performance.now();
        const painting = {
          ...options.paint,
          strokeBy: options.strokeBy,
          tile: options.tile,
          memory,
          signal,
          onProgress: follow(progress, task),
        };
        const file = stream ? join(stream.folder, `result.${options.format ?? writable(opened.source)}`) : job.output;
        const result = await opened.paint(file, model, shares, painting, () => progress.show(task, "write", 1));
        await stream?.send(file);
        const shared = reused ? 0 : loaded.styleMilliseconds;
        const total = read + shared + (performance.now() - started);
        const times = { read, style: shared, ...result.milliseconds, write: result.write, total };
        progress.clear();
        const { source } = opened;
        const frames =
          source.pages > 1 ? [`${job.content} has ${source.pages} frames or pages; the first was painted.`] : [];
        const notes = [...frames, ...loaded.notes, ...shares.flatMap(({ style }) => style.notes), ...result.notes];
        report(job, { files, source, result, notes: [...new Set(notes)], times, model }, options);
      } catch (error) {
        fail(job, error);
      }
    }
  } finally {
    progress.clear();
    await loaded?.[Symbol.asyncDispose]();
  }
  return failures;
}

/** The ending of a result that is stored as its content is, where that can be written. */
function writable({ format }: FilePicture["source"]): string {
  return format === "gif" ? "png" : format;
}

/** What is told of one picture. */
interface PictureReport {
  readonly files: StyleFiles;
  readonly source: FilePicture["source"];
  readonly result: PaintResult;
  readonly notes: readonly string[];
  readonly times: Times;
  readonly model: Model;
}

/** Prints one finished picture on stdout: as a line to read, as a JSON object, or not at all. */
function report({ content, output }: Job, told: PictureReport, { styles, look, quiet, json }: StylizeOptions): void {
  const { files, source, result, notes, times, model } = told;
  const size = { width: result.width, height: result.height };
  if (json) {
    const milliseconds = Object.fromEntries(
      Object.entries(times).map(([name, time]) => [name, Math.round(time * 10) / 10]),
    );
    const { strength, color, grain, weights } = result.controls;
    printJson({
      content: { path: content, ...source },
      styles: styles.map(({ path, region }, index) => {
        const painting = files.paintings[index];
        const size = painting?.controls.size;
        return { path, ...painting?.picture.source, weight: weights[index], ...(region && { region }), size };
      }),
      output: { path: output, ...size },
      controls: { strength, color, grain, stroke: look.stroke ?? 1, rotate: look.rotate ?? 0 },
      notes,
      tiles: result.tiles,
      model: model.name,
      device: model.device,
      milliseconds,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
    });
  } else if (!quiet) {
    const { total, ...parts } = times;
    const seconds = (time: number) => (time / 1000).toFixed(2);
    const list = Object.entries(parts).map(([name, time]) => `${name} ${seconds(time)}`);
    // A picture on stdout leaves no place for words there.
    const told = output === STREAM ? process.stderr : process.stdout;
    told.write(
      `${output === STREAM ? "stdout" : output}  ${size.width} x ${size.height}  ${seconds(total)} s (${list.join(", ")})\n`,
    );
    for (const note of notes) process.stderr.write(`note: ${note}\n`);
  }
}

/** Says that one picture was not made since there is one already. */
function reportKept({ content, output }: Job, { styles, quiet, json }: StylizeOptions): void {
  if (json) {
    const paths = styles.map(({ path }) => ({ path }));
    printJson({ content: { path: content }, styles: paths, output: { path: output }, kept: true });
  } else if (!quiet) {
    process.stderr.write(`note: ${output} is there already and was kept; --overwrite yes replaces it.\n`);
  }
}

/**
 * Prints why one picture could not be made: a sentence on stderr and, where JSON is asked for, an
 * object on stdout too.
 */
function reportFailure({ content, output }: Job, error: unknown, { styles, json }: StylizeOptions): void {
  const message = printError(error);
  if (!json) return;
  const paths = styles.map(({ path }) => ({ path }));
  printJson({ content: { path: content }, styles: paths, output: { path: output }, error: message });
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
