/** What an evaluation found, and its forms: JSON with everything, CSV with a line for each measured picture, and a page to look at. */
import { join } from "node:path";
import { METRICS, type Metrics, type Summary, summarise } from "@adaattn/train";
import { replaceFile } from "adaattn/node";
import { page } from "./page.ts";

/** What is measured for each pair: the result, and beside it the content and the style as if they were results. */
export const ROWS = ["result", "identity", "styleCopy"] as const;
export type RowName = (typeof ROWS)[number];

/** One pair's metrics. */
export interface PairReport extends Readonly<Record<RowName, Metrics>> {
  /** Names of the pictures. */
  readonly content: string;
  readonly style: string;
  /** The size in pixels at which the result was measured. */
  readonly width: number;
  readonly height: number;
  /** How long stylising took, the style being known, from pixels to pixels; null for the results of others. */
  readonly seconds: number | null;
  /** Where the pictures lie in the report, as relative addresses. */
  readonly pictures: Readonly<Record<"content" | "style" | "result", string>>;
}

/** A pair that could not be measured. */
export interface Failure {
  readonly content: string;
  readonly style: string;
  readonly error: string;
}

/** A whole evaluation. */
export interface Report {
  /** The version of this command. */
  readonly version: string;
  /** When it was made, as ISO 8601. */
  readonly made: string;
  /** The folders of contents and styles, as they were typed. */
  readonly content: string;
  readonly style: string;
  /** The model that stylised, or null where results of others were scored. */
  readonly model: string | null;
  /** The folder of others' results, or null. */
  readonly results: string | null;
  /** The network that measured. */
  readonly lossNetwork: string;
  readonly device: string;
  /** The longer side of all pictures, in pixels. */
  readonly size: number;
  readonly summary: ReportSummary;
  readonly pairs: readonly PairReport[];
  readonly failures: readonly Failure[];
}

/** Every metric over all pairs, for results and anchors; seconds for results alone, where they are known. */
export type ReportSummary = Readonly<Record<RowName, Readonly<Record<keyof Metrics, Summary>>>> & {
  readonly seconds: Summary | null;
};

/** Summarises at least one pair. */
export function summarisePairs(pairs: readonly PairReport[]): ReportSummary {
  const of = (row: RowName) =>
    Object.fromEntries(METRICS.map((metric) => [metric, summarise(pairs.map((pair) => pair[row][metric]))])) as Record<
      keyof Metrics,
      Summary
    >;
  const seconds = pairs.flatMap((pair) => (pair.seconds === null ? [] : [pair.seconds]));
  return {
    result: of("result"),
    identity: of("identity"),
    styleCopy: of("styleCopy"),
    seconds: seconds.length > 0 ? summarise(seconds) : null,
  };
}

/** The names in the folder of a report. */
export const REPORT_CONTENTS = ["index.html", "metrics.csv", "metrics.json", "pictures"];

/** Writes a report into a folder that holds its pictures already. */
export async function writeReport(folder: string, report: Report, signal: AbortSignal): Promise<void> {
  const json = JSON.stringify(report, shortened, 1);
  const shown = JSON.parse(json) as Report;
  const write = (name: string, text: string) => replaceFile(join(folder, name), new TextEncoder().encode(text), signal);
  await write("metrics.json", `${json}\n`);
  await write("metrics.csv", toCsv(shown));
  await write("index.html", page(shown));
}

/** Numbers with seven digits, which is what the engine computes with. */
function shortened(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(7)) : value;
}

function toCsv({ pairs }: Report): string {
  const lines = [["content", "style", "row", "width", "height", ...METRICS, "seconds"]];
  for (const pair of pairs) {
    for (const row of ROWS) {
      const values = METRICS.map((metric) => String(pair[row][metric]));
      const seconds = row === "result" && pair.seconds !== null ? String(pair.seconds) : "";
      lines.push([pair.content, pair.style, row, String(pair.width), String(pair.height), ...values, seconds]);
    }
  }
  return lines.map((fields) => `${fields.map(quoted).join(",")}\n`).join("");
}

function quoted(field: string): string {
  return /[",\n\r]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
