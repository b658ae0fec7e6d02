/**
 * What was measured, as docs/benchmarks.json keeps it: one entry a case, replaced when the case is
 * measured again.
 */

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Case } from "./cases.ts";
import { median } from "./median.ts";

/** What one process said of itself. */
export interface Reading {
  readonly seconds: number;
  /** With the style known. */
  readonly cachedSeconds?: number;
  readonly peakRssBytes: number;
  readonly roofGflops?: number;
  readonly tiles?: number;
  /** Of each kind of kernel in the time of all. */
  readonly shares?: Readonly<Record<string, number>>;
}

/**
 * A side's medians over the rounds, but its largest memory, and its times as ratios to our side's.
 */
export interface Measured extends Reading {
  /** 10^9 multiply-accumulates. */
  readonly gmac?: number;
  /** Ours over this side's, median of the rounds; of `range` the least and the most. */
  readonly ratio?: {
    readonly seconds: number;
    readonly range: readonly [number, number];
    readonly cachedSeconds?: number;
    readonly peakRssBytes: number;
  };
}

export interface Entry extends Pick<Case, "id" | "kind" | "preset" | "size" | "device" | "rounds" | "gmac"> {
  readonly machine: string;
  readonly threads: number;
  /** 2 x multiply-accumulates over seconds, and that over the roof of the same processes. */
  readonly gflops?: number;
  readonly ofRoof?: number;
  /** The first is ours. */
  readonly sides: Readonly<Record<string, Measured>>;
  /** Why a side was not measured. */
  readonly skipped: Readonly<Record<string, string>>;
}

/** An entry of the readings of every side, one for each round. */
export function entryOf(
  { id, kind, preset, size, device, gmac, sides }: Case,
  facts: Pick<Entry, "machine" | "threads" | "skipped">,
  readings: Readonly<Record<string, readonly Reading[]>>,
): Entry {
  const [own = []] = Object.values(readings);
  const measured = Object.entries(readings).map(([name, rounds], index) => {
    const side = sides[name];
    const summary = { ...summaryOf(rounds), ...(side?.gmac === undefined ? {} : { gmac: side.gmac }) };
    return [name, index === 0 ? summary : { ...summary, ratio: ratioOf(own, rounds) }] as const;
  });
  const [first] = measured;
  const rates: { gflops?: number; ofRoof?: number } = {};
  if (gmac !== undefined && first !== undefined) {
    const { seconds, roofGflops } = first[1];
    rates.gflops = (2 * gmac.whole) / seconds;
    if (roofGflops !== undefined) rates.ofRoof = rates.gflops / roofGflops;
  }
  return {
    id,
    kind,
    preset,
    size,
    device,
    ...facts,
    rounds: own.length,
    ...(gmac === undefined ? {} : { gmac }),
    ...rates,
    sides: Object.fromEntries(measured),
  };
}

function summaryOf(rounds: readonly Reading[]): Reading {
  const [first] = rounds;
  const all = (pick: (reading: Reading) => number | undefined) => rounds.flatMap((reading) => pick(reading) ?? []);
  const [cached, roofs] = [all((one) => one.cachedSeconds), all((one) => one.roofGflops)];
  return {
    seconds: median(all((one) => one.seconds)),
    ...(cached.length > 0 ? { cachedSeconds: median(cached) } : {}),
    peakRssBytes: Math.max(...all((one) => one.peakRssBytes)),
    ...(roofs.length > 0 ? { roofGflops: Math.max(...roofs) } : {}),
    ...(first?.tiles === undefined ? {} : { tiles: first.tiles }),
    ...(first?.shares === undefined ? {} : { shares: first.shares }),
  };
}

function ratioOf(ours: readonly Reading[], theirs: readonly Reading[]): NonNullable<Measured["ratio"]> {
  const ratios = (pick: (reading: Reading) => number | undefined) =>
    ours.flatMap((reading, round) => {
      const [own, other] = [pick(reading), theirs[round] && pick(theirs[round])];
      return own === undefined || other === undefined ? [] : [own / other];
    });
  const [seconds, cached] = [ratios((one) => one.seconds), ratios((one) => one.cachedSeconds)];
  return {
    seconds: median(seconds),
    range: [Math.min(...seconds), Math.max(...seconds)],
    ...(cached.length > 0 ? { cachedSeconds: median(cached) } : {}),
    peakRssBytes: median(ratios((one) => one.peakRssBytes)),
  };
}

/** The entries of a folder's benchmarks.json; none where there is no such file. */
export function readEntries(folder: string): Entry[] {
  const path = join(folder, "benchmarks.json");
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Entry[]) : [];
}

/** Writes a file as a whole or not at all, and the folders to it. */
export function writeWhole(folder: string, name: string, text: string): void {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(`${path}.part`, text);
  renameSync(`${path}.part`, path);
}
