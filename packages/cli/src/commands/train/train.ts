/**
 * `adaattn train` and `adaattn distill`: a run, told on the terminal and, where asked for, on a
 * page.
 */

import { basename, join } from "node:path";
import {
  type DistillSettings,
  distillEncoder,
  type KindComparison,
  type MetricsLine,
  newestCheckpoint,
  readConfig,
  type TrainingEvents,
  type TrainSettings,
  trainingProcess,
  trainModel,
} from "#train";
import type { Interruption } from "../../terminal/interrupt.ts";
import { createProgressLine } from "../../terminal/terminal.ts";
import { UsageError } from "../../terminal/usage.ts";
import { type Dashboard, openDashboard } from "./dashboard.ts";

/** How a run is shown, and whether it is a new one. */
export interface TrainOptions {
  readonly resuming: boolean;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly dashboard: boolean;
  readonly port: number | undefined;
  readonly interruption: Interruption;
}

/** The settings of a run that goes on. */
export async function resumed(folder: string, command: "train"): Promise<TrainSettings>;
export async function resumed(folder: string, command: "distill"): Promise<DistillSettings>;
export async function resumed(folder: string, command: "train" | "distill"): Promise<TrainSettings | DistillSettings> {
  const { environment: _, ...settings } = await readConfig(folder);
  const own = settings.stage === "distill" ? "distill" : "train";
  if (own !== command)
    throw new UsageError(`Expected a run of adaattn ${command} for --resume but ${folder} is one of adaattn ${own}.`);
  return settings;
}

/**
 * Trains a run to its last step or until Ctrl-C, which it answers with a checkpoint.
 *
 * @throws UsageError where a new run would replace one; Error where training fails.
 */
export async function train(
  folder: string,
  settings: TrainSettings | DistillSettings,
  options: TrainOptions,
): Promise<void> {
  const { interruption, dashboard: shown } = options;
  const { signal } = interruption;
  const newest = await newestCheckpoint(folder);
  if (!options.resuming && newest !== undefined) {
    throw new UsageError(
      `Expected a new folder for --out, since ${folder} holds a run; go on with it by --resume ${folder}.`,
    );
  }
  interruption.wait("Stopping after this step, with a checkpoint. Ctrl-C again stops at once.");
  const dashboard = shown ? await openDashboard(folder, options.port) : undefined;
  try {
    if (dashboard) tell(options, "dashboard", { url: dashboard.url }, `dashboard ${dashboard.url}`);
    const complete = newest !== undefined && Number.parseInt(basename(newest), 10) >= settings.steps;
    // One process trains a run; others may look at it.
    const others = await Promise.all([folder, join(folder, "decoder")].map(trainingProcess));
    if (dashboard && (complete || others.some((pid) => pid !== undefined))) return await look(dashboard, signal);
    await follow(folder, settings, options);
  } finally {
    await dashboard?.close();
  }
}

/** Serves the dashboard until Ctrl-C. */
async function look(dashboard: Dashboard, signal: AbortSignal): Promise<void> {
  process.stderr.write(`Nothing is trained here; the dashboard stays at ${dashboard.url} until Ctrl-C.\n`);
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}

/** Trains and tells about it. */
async function follow(folder: string, settings: TrainSettings | DistillSettings, options: TrainOptions): Promise<void> {
  const { signal } = options.interruption;
  const progress = createProgressLine(process.stderr, { quiet: options.quiet, signal });
  let run = { stage: "", step: 0, steps: 0 };
  let begun = { step: 0, time: 0 };
  progress.show(`opening ${folder}`);
  const note = (sentence: string) => {
    progress.clear();
    process.stderr.write(`${sentence}\n`);
  };
  const events: TrainingEvents = {
    signal,
    onStart(start) {
      progress.clear();
      run = { stage: start.stage, step: start.step, steps: start.steps };
      begun = { step: start.step, time: performance.now() };
      const { content, style } = start.pictures;
      const { stage, step, steps } = start;
      const text = `${stage}  ${content} photographs, ${style} paintings  step ${step}/${steps}  ${start.folder}`;
      tell(options, "start", { ...start }, text);
    },
    onLevels(compared) {
      progress.clear();
      tell(options, "levels", { compared }, compared.map(levelsText).join("\n"));
    },
    onStep(step) {
      const left = ((run.steps - step) * (performance.now() - begun.time)) / 1000 / (step - begun.step);
      progress.show(`training ${run.stage}`, `step ${step} of ${run.steps}, ${duration(left)} left`, step / run.steps);
    },
    onLog(line) {
      progress.clear();
      tell(options, "log", { stage: run.stage, ...line }, metricsText(line, run.steps));
    },
    onBadFile: (path, reason) => !options.quiet && note(`Left out ${path}: ${reason.split("\n")[0]}`),
    onNotice: (sentence) => !options.quiet && note(sentence),
  };
  try {
    if (settings.stage === "distill") await distillEncoder(folder, settings, events);
    else await trainModel(folder, settings, events);
  } finally {
    progress.clear();
  }
  const result = settings.stage === "distill" ? join(folder, "encoder.safetensors") : join(folder, "model");
  if (signal.aborted) tell(options, "stopped", { folder }, `stopped; go on with --resume ${folder}`);
  else tell(options, "end", { folder, result }, `done  ${result}`);
}

/** Prints an event on stdout: as a line to read, as a JSON object, or not at all. */
function tell(
  { json, quiet }: TrainOptions,
  event: string,
  facts: Readonly<Record<string, unknown>>,
  text: string,
): void {
  if (json) process.stdout.write(`${JSON.stringify({ event, ...facts })}\n`);
  else if (!quiet) process.stdout.write(`${text}\n`);
}

/** How windows look to the loss network beside pictures, to read. */
function levelsText({ kind, crop, levels }: KindComparison): string {
  const short = (value: number) => value.toFixed(2).padStart(6);
  const rows = levels.map(({ level, windows, pictures, difference }) =>
    [
      `level ${level}`,
      `windows ${short(windows.mean)} ${short(windows.deviation)}`,
      `pictures ${short(pictures.mean)} ${short(pictures.deviation)}`,
      `difference ${short(difference)}`,
    ].join("  "),
  );
  const title = `${kind} to the loss network, mean and deviation: windows of ${crop} pixels, and pictures at 512`;
  return [title, ...rows].join("\n");
}

/** A line of metrics to read: the total loss, its terms, the learning rate and the speed. */
function metricsText(line: MetricsLine, steps: number): string {
  const short = (value: number) => String(Number(value.toPrecision(3)));
  const terms = Object.entries(line).filter(([name]) => name.startsWith("loss."));
  return [
    `step ${line.step}/${steps}`,
    `loss ${short(line.loss ?? Number.NaN)}`,
    ...terms.map(([name, value]) => `${name.slice("loss.".length)} ${short(value)}`),
    `lr ${short(line.rate ?? Number.NaN)}`,
    `${short(line.samplesPerSecond ?? Number.NaN)} samples/s`,
    `${(100 * (line.outside ?? 0)).toFixed(1)} % outside the engine`,
  ].join("  ");
}

/** Seconds to read, such as "3 h 20 min". */
function duration(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
