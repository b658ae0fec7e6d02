/**
 * Damages files at random and watches what readers make of them: whatever comes, they answer with
 * what the file holds or with one sentence, soon, and without taking memory that it does not
 * account for. Damaged files that reach code which none reached before are damaged further
 * (coverage.ts).
 *
 *   npm run fuzz                            every reader for ten minutes
 *   FUZZ_SECONDS=60 npx vitest run fuzz     for a minute
 *
 * Without FUZZ_SECONDS every run begins with the same damage; with it each has its own, which
 * FUZZ_SEED repeats.
 */

import { expect } from "vitest";
import { Coverage } from "./coverage.ts";

/** How long each reader is tried for. */
export const FUZZ_SECONDS = Number(process.env.FUZZ_SECONDS ?? 2);

const FUZZ_SEED = Number(process.env.FUZZ_SEED ?? (process.env.FUZZ_SECONDS ? Date.now() % 1e9 : 9));

export type Bytes = Uint8Array<ArrayBuffer>;

/**
 * A sound file, and how bytes that have been damaged become a file: some are packed afterwards,
 * where a checksum would tell.
 */
export interface Seed {
  readonly name: string;
  readonly bytes: Bytes;
  readonly pack?: (bytes: Bytes) => Bytes;
}

/** What a reader must keep to. */
export interface Reader {
  /** Reads a file to the end; resolves to the bytes that it gives. */
  read(bytes: Bytes): Promise<number> | number;
  /** What every refusal looks like. */
  readonly sentence: RegExp;
  /**
   * The longest that one file may take, in milliseconds; 2000 by default, since the machine may be
   * busy.
   */
  readonly longest?: number;
  /**
   * The most bytes that may come out of a file's own, for each of them; what it takes beyond that
   * is at most 64 MiB.
   */
  readonly mostGiven: number;
}

/** The most memory that one file may take beyond what it gives, in bytes. */
const MOST_MEMORY = 64 * 2 ** 20;

/**
 * Whole numbers from 0 to below a limit, the same ones for the same seed (a linear congruence; its
 * low digits repeat soon).
 */
export function randomIntegers(seed: number): (below: number) => number {
  let state = (seed * 2654435761) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Bytes, numbers and text one after another. */
export function joinBytes(...parts: readonly Uint8Array[]): Bytes {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Numbers that limits are made of. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** A copy with one to four wounds. */
export function damage(seed: Bytes, random: (below: number) => number): Bytes {
  let bytes = seed.slice();
  for (let wounds = 1 + random(4); wounds > 0; wounds--) {
    const at = random(bytes.length);
    const kind = random(7);
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
    else if (kind === 1) bytes[at] = random(256);
    else if (kind === 2) bytes = bytes.slice(0, at);
    else if (kind === 3) bytes = joinBytes(bytes.subarray(0, at), bytes.subarray(at + 1 + random(9)));
    else if (kind === 4) {
      bytes = joinBytes(bytes.subarray(0, at), bytes.subarray(at, at + random(64)), bytes.subarray(at));
    } else {
      const edge = BigInt(EDGES[random(EDGES.length)] ?? 0) << BigInt(kind === 6 ? 32 : 0);
      const width = [1, 2, 4, 8][random(4)] ?? 1;
      const value = new Uint8Array(BigUint64Array.of(edge).buffer, kind === 6 ? 8 - width : 0, width);
      bytes.set(value.subarray(0, Math.max(0, bytes.length - at)), at);
    }
    if (bytes.length === 0) break;
  }
  return bytes;
}

/** Reads all of a file; returns how it was refused, if it was, after checking what that cost. */
export async function tryReading(reader: Reader, bytes: Bytes, label: string): Promise<string | undefined> {
  const begun = performance.now();
  const before = process.memoryUsage().arrayBuffers;
  let given = 0;
  let refusal: string | undefined;
  try {
    given = await reader.read(bytes);
  } catch (error) {
    refusal = String(error);
    if (!reader.sentence.test(refusal)) {
      expect.fail(`${label} is refused without a sentence: ${refusal} ${error instanceof Error ? error.stack : ""}`);
    }
  }
  const took = performance.now() - begun;
  if (took > (reader.longest ?? 2000)) expect.fail(`${label} takes ${took.toFixed(0)} ms`);
  const most = bytes.length * reader.mostGiven;
  if (given > most) expect.fail(`${label} of ${bytes.length} bytes gives ${given}`);
  const more = process.memoryUsage().arrayBuffers - before;
  if (more > MOST_MEMORY + most) expect.fail(`${label} takes ${more} bytes`);
  return refusal;
}

/** Files between two looks at what code ran: a look takes as long as some of them. */
const BATCH = 16;

/**
 * Tries a reader on damaged files until the time is over: most are refused, and no refusal is
 * anything but a sentence.
 */
export async function fuzz(reader: Reader, seeds: readonly Seed[], fewestCases = 100): Promise<void> {
  using coverage = new Coverage();
  const random = randomIntegers(FUZZ_SEED);
  const end = performance.now() + FUZZ_SECONDS * 1000;
  const corpus = [...seeds];
  const read = ({ name, bytes, pack = (damaged) => damaged }: Seed) => {
    const file = pack(bytes);
    const shown = Buffer.from(file.subarray(0, 3000)).toString("base64");
    return tryReading(reader, file, `${name}, FUZZ_SEED=${FUZZ_SEED}, beginning with ${shown},`);
  };
  for (const seed of seeds) await read(seed);
  coverage.isNew(true);
  let cases = 0;
  let refused = 0;
  while (performance.now() < end || cases < fewestCases) {
    const batch = Array.from({ length: BATCH }, (): Seed => {
      // Every other one is of a sound file: most of the rest are refused early, whatever happens to
      // them next.
      const from = random(2) === 0 ? seeds : corpus;
      const chosen = from[random(from.length)] ?? expect.fail("no seeds");
      return { ...chosen, bytes: damage(chosen.bytes, random) };
    });
    for (const one of batch) if ((await read(one)) !== undefined) refused++;
    cases += batch.length;
    if (!coverage.isNew(false)) continue;
    for (const one of batch) {
      await read(one);
      if (coverage.isNew(true) && one.bytes.length > 0) corpus.push(one);
    }
  }
  if (process.env.FUZZ_SECONDS) {
    console.log(`${cases} damaged files, ${refused} of them refused; ${corpus.length - seeds.length} reached new code`);
  }
  expect(refused).toBeGreaterThan(cases / 4);
}
