/**
 * What serving costs, in four figures with what is wanted of each: throughput, latency, memory, and
 * a second worker. For a quiet machine with two cores or more; it takes some seven minutes a round.
 *
 *   npm run bench:load -- [--rounds 3] [--workers N] [--threads N] [--side 256] [--seconds 10] [--clients 1,2,4,8,16,32]
 *     [--requests 2000] [--film-seconds 40] [--film-rate 10] [--film-side 256] [--out FILE.json]
 */
import { writeFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { measureLoad } from "./load.ts";
import { measureWorkers } from "./workers.ts";

const text = (value: string) => ({ type: "string", default: value }) as const;
const { values } = parseArgs({
  options: {
    rounds: text("3"),
    workers: text(String(availableParallelism())),
    threads: { type: "string" },
    side: text("256"),
    seconds: text("10"),
    clients: text("1,2,4,8,16,32"),
    requests: text("2000"),
    "film-seconds": text("40"),
    "film-rate": text("10"),
    "film-side": text("256"),
    out: { type: "string" },
  },
});
const workers = Number(values.workers);
const settings = {
  workers,
  threads: Number(values.threads ?? Math.max(1, Math.floor(availableParallelism() / workers))),
  side: Number(values.side),
  seconds: Number(values.seconds),
  clients: values.clients.split(",").map(Number),
  requests: Number(values.requests),
};
const film = {
  seconds: Number(values["film-seconds"]),
  rate: Number(values["film-rate"]),
  side: Number(values["film-side"]),
};
const print = (line: string) => process.stdout.write(`${line}\n`);

const rounds = [];
for (let round = 1; round <= Number(values.rounds); round++) {
  print(`\nround ${round} of ${values.rounds}`);
  const begun = performance.now();
  rounds.push({ ...(await measureLoad(settings)), ...(await measureWorkers(film)) });
  print(`the round took ${((performance.now() - begun) / 60_000).toFixed(1)} minutes`);
}

const FIGURES = [
  { name: "saturation", what: "throughput, of the engine's", wanted: "at least 85 %", isMet: (x: number) => x >= 0.85 },
  { name: "tail", what: "p99 by median, at half the load", wanted: "at most 3", isMet: (x: number) => x <= 3 },
  {
    name: "growth",
    what: "memory's growth in the second half",
    wanted: "at most 2 %",
    isMet: (x: number) => x <= 0.02,
  },
  { name: "speedup", what: "two workers by one", wanted: "at least 1.7", isMet: (x: number) => x >= 1.7 },
] as const;
const shown = (name: string, value: number) =>
  ["saturation", "growth"].includes(name) ? `${(100 * value).toFixed(1)} %` : value.toFixed(2);
const median = (all: readonly number[]) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN;

print(`\n${"median of the rounds".padEnd(36)} ${"median".padStart(8)}  wanted         rounds`);
for (const { name, what, wanted, isMet } of FIGURES) {
  const all = rounds.map((round) => round[name]);
  const middle = median(all);
  const line = [what.padEnd(36), shown(name, middle).padStart(8), "", wanted.padEnd(14)];
  print(`${line.join(" ")} ${all.map((value) => shown(name, value)).join(", ")}${isMet(middle) ? "" : "  MISSED"}`);
}
const alone = rounds.map(({ engines }) => engines);
print(`two engines alone by one: ${alone.map((value) => value.toFixed(2)).join(", ")}`);
print(`frames of one and two workers: ${rounds.every(({ isIdentical }) => isIdentical) ? "identical" : "DIFFERENT"}`);
if (values.out !== undefined) {
  const machine = { cores: availableParallelism(), processor: cpus()[0]?.model, node: process.version };
  await writeFile(values.out, `${JSON.stringify({ machine, settings, film, rounds }, undefined, 2)}\n`);
}
