/**
 * The files of a report: JSON with everything, CSV with a line for each measured picture, and a
 * page to look at.
 */
import { join } from "node:path";
import { replaceFile } from "adaattn/internal/node";
import { METRICS } from "#train";
import { page } from "./page.ts";
import { type Report, ROWS } from "./report.ts";

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
