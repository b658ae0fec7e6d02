/**
 * The benchmarks: measures, keeps what it measured in docs/benchmarks.json, and draws
 * docs/benchmarks.md from that.
 *
 *   npm run bench                          every case that has not been measured on this machine
 *   npm run bench -- stylize/small start   those whose names begin so
 *   npm run bench -- --list | --report | --again | --rounds 1 | --threads 4 | --device webgpu | --machine "NAME" | --out FOLDER
 *
 * What is measured is kept case by case, so that it may be stopped and started again. WebGPU is
 * measured where `--device auto` would take it; `--device webgpu` measures it, and nothing else, on
 * whatever adapter there is.
 */

import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Device } from "adaattn";
import { allCases, type Case } from "./cases.ts";
import { reportFiles } from "./report.ts";
import { type Entry, entryOf, type Reading, readEntries, writeWhole } from "./results.ts";
import { Bench } from "./sides.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: "boolean", default: false },
    report: { type: "boolean", default: false },
    again: { type: "boolean", default: false },
    rounds: { type: "string" },
    threads: { type: "string", default: "2" },
    device: { type: "string" },
    machine: { type: "string", default: `${availableParallelism()} x ${cpus()[0]?.model ?? "unknown"}` },
    python: { type: "string", default: "/usr/bin/python3" },
    out: { type: "string", default: fileURLToPath(new URL("../docs", import.meta.url)) },
  },
});
const { machine, out } = options;
const threads = Number(options.threads);

function report(): void {
  for (const [name, text] of Object.entries(reportFiles(readEntries(out)))) writeWhole(out, name, text);
}

/** Measures a case: its sides in turn, round by round. */
function measure(bench: Bench, chosen: Case): Entry {
  const skipped: Record<string, string> = {};
  const readings: Record<string, Reading[]> = {};
  for (const [name, side] of Object.entries(chosen.sides)) {
    const obstacle = bench.obstacle(side);
    if (obstacle === undefined) readings[name] = [];
    else skipped[name] = obstacle;
  }
  for (let round = 0; round < Number(options.rounds ?? chosen.rounds); round++) {
    for (const [name, list] of Object.entries(readings)) {
      const side = chosen.sides[name];
      if (side !== undefined) list.push(bench.run(side));
    }
  }
  return entryOf(chosen, { machine, threads, skipped }, readings);
}

function devices(bench: Bench): Device[] {
  if (options.device === "cpu" || options.device === "webgpu") return [options.device];
  const { device } = JSON.parse(bench.ours(["device"])) as { device: Device };
  return device === "webgpu" ? ["cpu", "webgpu"] : ["cpu"];
}

function main(): void {
  if (options.report) {
    report();
    return;
  }
  using bench = new Bench({ python: options.python, threads });
  const isChosen = ({ id, onRequest = false }: Case) =>
    positionals.includes(id) ||
    (!onRequest && (positionals.length === 0 || positionals.some((start) => id.startsWith(start))));
  const isKept = ({ id }: Case) =>
    readEntries(out).some((entry) => entry.id === id && entry.machine === machine && entry.threads === threads);
  const cases = allCases(devices(bench));
  if (options.list) {
    for (const one of cases) console.log(`${isKept(one) ? "measured " : "         "} ${one.id}`);
    return;
  }
  const chosen = cases.filter(isChosen);
  if (chosen.length === 0)
    throw new Error(`Expected the begin of a case's name but received ${positionals.join(", ")}.`);
  for (const one of chosen.filter((one) => options.again || !isKept(one))) {
    const begun = performance.now();
    try {
      const entry = measure(bench, one);
      // Read again: another part of the suite may have been measured meanwhile.
      const others = readEntries(out).filter(({ id }) => id !== one.id);
      const order = (id: string) => cases.findIndex((known) => known.id === id);
      const entries = [...others, entry].sort((a, b) => order(a.id) - order(b.id));
      writeWhole(out, "benchmarks.json", `${JSON.stringify(entries, undefined, 2)}\n`);
      const times = Object.entries(entry.sides).map(([name, { seconds }]) => `${name} ${seconds.toFixed(3)} s`);
      console.log(`${one.id}: ${times.join(", ")} (measured for ${((performance.now() - begun) / 1000).toFixed(0)} s)`);
    } catch (error) {
      console.error(`${one.id}: ${error instanceof Error ? error.message : error}`);
      process.exitCode = 1;
    }
  }
  report();
}

main();
