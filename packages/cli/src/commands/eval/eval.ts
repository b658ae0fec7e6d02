/**
 * `adaattn eval`: how near results come to their contents and styles, with a report to read and to
 * look at.
 */
import { mkdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Device, type Picture, writePicture } from "adaattn/node";
import { METRICS } from "#train";
import { listPictures } from "../../files/pictures.ts";
import { createProgressLine, printError } from "../../terminal/terminal.ts";
import { Bench, type Measurement } from "./bench.ts";
import { StagedFolder } from "./folder.ts";
import { METRIC_LABELS, ROW_LABELS, short } from "./labels.ts";
import { crossPairs, evenly, type Pair, readPairs } from "./pairs.ts";
import { type Failure, type PairReport, type Report, ROWS, summarizePairs } from "./report.ts";
import { checkPattern, type FindResult, findResults, nameOf } from "./results.ts";
import { REPORT_CONTENTS, writeReport } from "./writeReport.ts";

const DEFAULT_MODEL = "small";
const DEFAULT_PATTERN = "{content}_{style}";

/** The options of `adaattn eval`, checked. */
export interface EvalOptions {
  readonly content: string;
  readonly style: string;
  readonly report: string;
  readonly pairs?: string | undefined;
  readonly limit?: number | undefined;
  readonly results?: string | undefined;
  readonly pattern?: string | undefined;
  readonly lossNetwork?: string | undefined;
  readonly model?: string | undefined;
  /** The longer side of every picture, in pixels. */
  readonly size: number;
  readonly device: "auto" | Device;
  readonly threads?: number | undefined;
  readonly quiet: boolean;
  readonly json: boolean;
  /** The version of this command. */
  readonly version: string;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/**
 * Measures all pairs, carries on after one that fails, and writes the report at the end.
 *
 * @returns how many pairs failed; each reason has been reported on stderr once.
 * @throws UsageError for options that cannot be meant; Error where no pair could be measured at
 *   all; the signal's reason where it is aborted.
 */
export async function evaluate(options: EvalOptions): Promise<number> {
  const { results, signal, size, version } = options;
  const pattern = checkPattern(options.pattern ?? DEFAULT_PATTERN);
  const { pairs, resultOf } = await plan(options, pattern);
  await using folder = await StagedFolder.create(options.report, REPORT_CONTENTS);
  const progress = createProgressLine(process.stderr, { quiet: options.quiet, signal });
  try {
    const model = results === undefined ? (options.model ?? DEFAULT_MODEL) : undefined;
    const lossNetwork =
      options.lossNetwork === undefined ? `encoder of ${DEFAULT_MODEL}` : basename(options.lossNetwork);
    progress.show(`loss network ${lossNetwork}`);
    await using bench = await Bench.open({ ...options, model });
    const store = new PictureStore(folder.path, signal);
    const failures = new Map<Pair, Failure>();
    const reports = new Map<Pair, PairReport>();
    const begun = performance.now();
    for (const [index, pair] of inBlocks(pairs, bench.capacity).entries()) {
      const { content, style } = { content: pair.content.name, style: pair.style.name };
      const task = `[${index + 1}/${pairs.length}] ${content} in ${style}${timeLeft(begun, index, pairs.length)}`;
      try {
        const result = resultOf?.(pair);
        if (resultOf !== undefined && result === undefined) {
          throw new Error(`Expected a result named ${nameOf(pattern, content, style)} in ${results} but found none.`);
        }
        const measured = await bench.measure(pair, result, (stage) => progress.show(task, stage, index / pairs.length));
        reports.set(pair, await toReport(pair, measured, store));
      } catch (error) {
        signal.throwIfAborted();
        const message = error instanceof Error ? error.message : String(error);
        progress.clear();
        if (![...failures.values()].some((failure) => failure.error === message)) printError(error);
        failures.set(pair, { content, style, error: message });
      }
    }
    progress.show("report", "write", 1);
    if (reports.size === 0) throw new Error(`Expected at least one pair to measure but all ${pairs.length} failed.`);
    // In the order in which they were asked for.
    const listed = <Value>(values: ReadonlyMap<Pair, Value>) =>
      pairs.map((pair) => values.get(pair)).filter((value) => value !== undefined);
    const report: Report = {
      version,
      made: new Date().toISOString(),
      content: options.content,
      style: options.style,
      model: model ?? null,
      results: results ?? null,
      lossNetwork,
      device: bench.device,
      size,
      summary: summarizePairs(listed(reports)),
      pairs: listed(reports),
      failures: listed(failures),
    };
    await writeReport(folder.path, report, signal);
    signal.throwIfAborted();
    await folder.commit();
    progress.clear();
    print(report, options);
    return failures.size;
  } finally {
    progress.clear();
  }
}

/** The pairs to measure and, where others' results are measured, where each lies. */
async function plan(options: EvalOptions, pattern: string): Promise<{ pairs: Pair[]; resultOf?: FindResult }> {
  const { limit, results } = options;
  const [contents, styles] = [await listPictures(options.content), await listPictures(options.style)];
  const resultOf = results === undefined ? undefined : await findResults(results, pattern);
  const found = resultOf === undefined ? {} : { resultOf };
  if (options.pairs !== undefined) {
    const pairs = await readPairs(options.pairs, contents, styles);
    return { pairs: evenly(pairs, limit ?? pairs.length), ...found };
  }
  if (resultOf === undefined) return { pairs: crossPairs(contents, styles, limit) };
  // All that are there; which ones are missing only a list of pairs could say.
  const pairs = crossPairs(contents, styles).filter((pair) => resultOf(pair) !== undefined);
  if (pairs.length === 0) throw new Error(`Expected results named ${pattern} in ${results} but found none.`);
  return { pairs: evenly(pairs, limit ?? pairs.length), resultOf };
}

/**
 * The pairs in an order in which so many contents at a time are enough: style by style with some
 * contents, then with the next.
 */
export function inBlocks(pairs: readonly Pair[], contents: number): Pair[] {
  const rank = (role: "content" | "style") => {
    const paths = new Map<string, number>();
    for (const pair of pairs) if (!paths.has(pair[role].path)) paths.set(pair[role].path, paths.size);
    return (pair: Pair) => paths.get(pair[role].path) ?? 0;
  };
  const [content, style] = [rank("content"), rank("style")];
  const block = (pair: Pair) => Math.floor(content(pair) / contents);
  return [...pairs].sort((a, b) => block(a) - block(b) || style(a) - style(b) || content(a) - content(b));
}

/** The pictures of a report, each written once. */
class PictureStore {
  readonly #folder: string;
  readonly #signal: AbortSignal;
  readonly #written = new Set<string>();

  constructor(folder: string, signal: AbortSignal) {
    this.#folder = folder;
    this.#signal = signal;
  }

  /** Writes a picture and returns its address in the report. */
  async add(picture: Picture, ...names: readonly string[]): Promise<string> {
    const address = `pictures/${names.join("/")}.jpg`;
    if (this.#written.has(address)) return address;
    const path = join(this.#folder, address);
    await mkdir(dirname(path), { recursive: true });
    await writePicture(path, picture, { signal: this.#signal });
    this.#written.add(address);
    return address;
  }
}

async function toReport({ content, style }: Pair, measured: Measurement, store: PictureStore): Promise<PairReport> {
  const { pictures, ...metrics } = measured;
  return {
    content: content.name,
    style: style.name,
    width: pictures.result.width,
    height: pictures.result.height,
    ...metrics,
    pictures: {
      content: await store.add(pictures.content, "contents", content.name),
      style: await store.add(pictures.style, "styles", style.name),
      result: await store.add(pictures.result, "results", content.name, style.name),
    },
  };
}

/** Such as ", 4 min left", from the pace so far. */
function timeLeft(begun: number, done: number, all: number): string {
  if (done === 0) return "";
  const seconds = ((performance.now() - begun) / 1000 / done) * (all - done);
  if (seconds < 90) return `, ${Math.ceil(seconds)} s left`;
  return seconds < 5400 ? `, ${Math.round(seconds / 60)} min left` : `, ${(seconds / 3600).toFixed(1)} h left`;
}

/** Prints the summary on stdout: as one JSON object, as a table, or not at all. */
function print(report: Report, { report: folder, json, quiet }: EvalOptions): void {
  const { pairs, failures, summary } = report;
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...report, report: folder, pairs: pairs.length })}\n`);
    return;
  }
  if (quiet) return;
  const lines = [["", "median", "quartiles", "mean", ...ROWS.slice(1).map((row) => ROW_LABELS[row])]];
  for (const metric of METRICS) {
    const { median, lowerQuartile, upperQuartile, mean } = summary.result[metric];
    const anchors = ROWS.slice(1).map((row) => short(summary[row][metric].median));
    const { name, better } = METRIC_LABELS[metric];
    const label = `${name} (${better === "low" ? "lower" : "higher"} is better)`;
    lines.push([label, short(median), `${short(lowerQuartile)} to ${short(upperQuartile)}`, short(mean), ...anchors]);
  }
  if (summary.seconds !== null) {
    const { median, lowerQuartile, upperQuartile, mean } = summary.seconds;
    lines.push(["Seconds", short(median), `${short(lowerQuartile)} to ${short(upperQuartile)}`, short(mean), "", ""]);
  }
  const widths = lines[0]?.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0))) ?? [];
  for (const line of lines) {
    process.stdout.write(
      `${line
        .map((field, at) => field.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd()}\n`,
    );
  }
  const failed = failures.length > 0 ? `, ${failures.length} failed` : "";
  process.stdout.write(
    `${pairs.length} pairs measured by ${report.lossNetwork}${failed}: ${join(folder, "index.html")}\n`,
  );
}
