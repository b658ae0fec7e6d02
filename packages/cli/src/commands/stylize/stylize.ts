/** `adaattn stylize`: photographs in the style of a painting, file by file. */
import {
  cachedStyle,
  checkPictureOutput,
  type FilePicture,
  loadModel,
  type Model,
  type PaintControls,
  type Progress,
  regionMasks,
  type Style,
  type StyleControls,
  type StyleShare,
  type TileControls,
} from "adaattn/node";
import { type Job, planOutputs } from "../../files/outputs.ts";
import { type Painting, readMaskFile, readPainting } from "../../files/reading.ts";
import type { StyleText } from "../../options/styles.ts";
import { createProgressLine, type ProgressLine, printError } from "../../terminal/terminal.ts";
import { type Content, type ContentSize, openContent, type PaintedContent } from "./content.ts";
import { memoryLeft } from "./memory.ts";

/** The options of `adaattn stylize`, checked. */
export interface StylizeOptions {
  readonly styles: readonly StyleText[];
  /** One with a region for each style, or one for each style, or none. */
  readonly masks: readonly string[];
  /** One for each style, or none. */
  readonly styleMasks: readonly string[];
  /** How the paintings are looked at. */
  readonly look: StyleControls;
  /** How the photographs are painted. */
  readonly paint: PaintControls;
  readonly output: string;
  readonly model: string;
  readonly size?: ContentSize;
  readonly tile: TileControls["tile"];
  /** How many bytes the process may take, about. */
  readonly memory?: number;
  /** Where styles are kept. */
  readonly styleCache?: string;
  readonly device: "auto" | "cpu" | "webgpu";
  readonly threads?: number;
  readonly quiet: boolean;
  readonly json: boolean;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** What of that a studio needs, whatever it paints. */
export type StudioOptions = Pick<
  StylizeOptions,
  "styles" | "masks" | "styleMasks" | "look" | "model" | "device" | "threads" | "signal" | "styleCache"
>;

/** What `--style-mask` is given for a painting that is a source as a whole. */
const WHOLE = "none";

/** Everything that is read once, whatever the number of contents. */
export interface Materials {
  readonly paintings: readonly Painting[];
  readonly styleMasks: readonly (FilePicture | undefined)[];
  /** Where in the content each style goes, in grey. */
  readonly masks: readonly StyleShare["mask"][];
}

/** What all pictures of one command share, made once the first content has turned out to be readable. */
export interface Studio extends AsyncDisposable {
  readonly model: Model;
  readonly shares: readonly StyleShare[];
  /** How long the styles took, together. */
  readonly styleMilliseconds: number;
  /** Sentences on what did not go as it was asked for. */
  readonly notes: readonly string[];
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
    const { styles, masks, styleMasks, output } = options;
    const others = [...masks, ...styleMasks.filter((mask) => mask !== WHOLE)];
    const jobs = await planOutputs(contents, { styles: styles.map(({ path }) => path), others }, output);
    const materials = await readMaterials(options);
    for (const [index, job] of jobs.entries()) {
      const task = jobs.length > 1 ? `[${index + 1}/${jobs.length}] ${job.content}` : job.content;
      progress.show(task, "read");
      const begun = performance.now();
      let content: Content;
      try {
        await checkPictureOutput(job.output);
        content = await openContent(job.content, job.output, options);
      } catch (error) {
        fail(job, error);
        continue;
      }
      const read = performance.now() - begun;
      await using opened = content;
      const reused = studio !== undefined;
      studio ??= await openStudio(materials, options, progress);
      const { model, shares } = studio;
      const memory = memoryLeft(options.memory, model);
      try {
        const started = performance.now();
        const painting = { ...options.paint, tile: options.tile, memory, signal, onProgress: follow(progress, task) };
        const result = await opened.paint(model, shares, painting, () => progress.show(task, "write", 1));
        const shared = reused ? 0 : studio.styleMilliseconds;
        const total = read + shared + (performance.now() - started);
        const times = { read, style: shared, ...result.milliseconds, write: result.write, total };
        progress.clear();
        const { source } = opened;
        const frames =
          source.pages > 1 ? [`${job.content} has ${source.pages} frames or pages; the first was painted.`] : [];
        const notes = [...frames, ...studio.notes, ...shares.flatMap(({ style }) => style.notes), ...result.notes];
        report(job, { materials, source, result, notes: [...new Set(notes)], times, model }, options);
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

/** Reads paintings and masks. */
export async function readMaterials({ styles, masks, styleMasks, look, signal }: StudioOptions): Promise<Materials> {
  const paintings = await Promise.all(styles.map(({ path }) => readPainting(path, look, signal)));
  const read = (path: string) => (path === WHOLE ? undefined : readMaskFile(path, signal));
  const [grey, sources] = [await Promise.all(masks.map(read)), await Promise.all(styleMasks.map(read))];
  const colours = styles.flatMap(({ region }) => region ?? []);
  const [coloured] = grey;
  const regions = coloured !== undefined && colours.length > 0 ? regionMasks(coloured, colours) : grey;
  return { paintings, styleMasks: sources, masks: regions };
}

/** Loads the model and takes the styles. */
export async function openStudio(
  { paintings, styleMasks, masks }: Materials,
  options: StudioOptions,
  progress: ProgressLine,
): Promise<Studio> {
  const { device, threads, signal } = options;
  let model: Model | undefined;
  try {
    progress.show(`model ${options.model}`);
    const opened = await loadModel(options.model, { device, signal, ...(threads === undefined ? {} : { threads }) });
    model = opened;
    const styles: Style[] = [];
    const notes: string[] = [];
    for (const [index, { path }] of options.styles.entries()) {
      const { picture, controls } = paintings[index] as Painting;
      progress.show(`style ${path}`);
      const onProgress = follow(progress, `style ${path}`);
      const asked = { ...controls, mask: styleMasks[index], signal, onProgress };
      const made = options.styleCache
        ? await cachedStyle(opened, picture, asked, options.styleCache)
        : { style: await opened.style(picture, asked) };
      styles.push(made.style);
      if ("note" in made && made.note !== undefined) notes.push(made.note);
    }
    return {
      model: opened,
      shares: styles.map((style, index) => ({ style, weight: options.styles[index]?.weight, mask: masks[index] })),
      styleMilliseconds: styles.reduce((sum, { milliseconds }) => sum + milliseconds, 0),
      notes,
      async [Symbol.asyncDispose]() {
        for (const style of styles) style.dispose();
        await opened.dispose();
      },
    };
  } catch (error) {
    await model?.dispose();
    throw error;
  }
}

/** Shows the progress of one task, whose stages share the bar evenly. */
function follow(progress: ProgressLine, task: string): (event: Progress) => void {
  const stages = ["encode", "attend", "decode"];
  return ({ stage, fraction }) => {
    const before = Math.max(0, stages.indexOf(stage));
    // A picture in tiles is encoded, and then painted.
    const done = stage === "style" ? fraction : stage === "paint" ? (1 + 2 * fraction) / 3 : (before + fraction) / 3;
    progress.show(task, stage, done);
  };
}

interface Made {
  readonly materials: Materials;
  readonly source: FilePicture["source"];
  readonly result: PaintedContent;
  readonly notes: readonly string[];
  readonly times: Times;
  readonly model: Model;
}

/** Prints one finished picture on stdout: as a line to read, as a JSON object, or not at all. */
function report({ content, output }: Job, made: Made, { styles, look, quiet, json }: StylizeOptions): void {
  const { materials, source, result, notes, times, model } = made;
  const size = { width: result.width, height: result.height };
  if (json) {
    const milliseconds = Object.fromEntries(
      Object.entries(times).map(([name, time]) => [name, Math.round(time * 10) / 10]),
    );
    const { strength, color, weights } = result.controls;
    printJson({
      content: { path: content, ...source },
      styles: styles.map(({ path, region }, index) => {
        const painting = materials.paintings[index];
        const size = painting?.controls.size;
        return { path, ...painting?.picture.source, weight: weights[index], ...(region && { region }), size };
      }),
      output: { path: output, ...size },
      controls: { strength, color, stroke: look.stroke ?? 1, rotate: look.rotate ?? 0 },
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
    process.stdout.write(`${output}  ${size.width} x ${size.height}  ${seconds(total)} s (${list.join(", ")})\n`);
    for (const note of notes) process.stderr.write(`note: ${note}\n`);
  }
}

/** Prints why one picture could not be made: a sentence on stderr and, where JSON is asked for, an object on stdout too. */
function reportFailure({ content, output }: Job, error: unknown, { styles, json }: StylizeOptions): void {
  const message = printError(error);
  if (!json) return;
  const paths = styles.map(({ path }) => ({ path }));
  printJson({ content: { path: content }, styles: paths, output: { path: output }, error: message });
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
