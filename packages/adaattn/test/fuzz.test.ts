/**
 * Files of tensors damaged at random, the same ones every time: whatever comes, the readers answer with tensors or with one
 * sentence, soon, and without taking memory that the file does not account for.
 *
 *   FUZZ_SECONDS=600 npx vitest run packages/adaattn/test/fuzz.test.ts      looks for longer
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { openTensors } from "../src/weights/open.ts";
import { writeSafetensors } from "../src/weights/safetensors.ts";
import { generator } from "./numbers.ts";
import { join, npy, pickled, pickledState, torchLegacy, torchZip, type Written, zip } from "./tensorFiles.ts";

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 3);

/** The longest that one file may take, in milliseconds; the machine may be busy. */
const LONGEST = 2000;

/** The most memory that one file may take beyond what inflating it gives, in bytes. */
const MOST_MEMORY = 64 * 2 ** 20;

type Bytes = Uint8Array<ArrayBuffer>;

const fixture = (name: string): Bytes => Uint8Array.from(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));

const tensors: ReadonlyMap<string, Written> = new Map([
  ["f.weight", { shape: [3, 2, 1, 1], data: Float32Array.of(1, 2, 3, 4, 5, 6), strides: [1, 3, 1, 1] }],
  ["f.bias", { shape: [3], data: Float64Array.of(1, 2, 3), type: "DoubleStorage" }],
  ["steps", { shape: [], data: BigInt64Array.of(7n), type: "LongStorage" }],
]);
const pickle = pickled.whole(pickledState(tensors)) as Bytes;
const array = npy([2, 3], new Float32Array(6)) as Bytes;
const stored = new Map([
  ["a", { shape: [2, 2], data: new Float32Array(4) }],
  ["b", { shape: [1], data: new Int32Array(1) }],
]);

/** A sound file, and how bytes that have been damaged become a file: some are packed afterwards, where a checksum would tell. */
const SEEDS: readonly (readonly [name: string, bytes: Bytes, pack: (bytes: Bytes) => Bytes])[] = [
  ["safetensors", writeSafetensors(stored, { k: "v" }), (bytes) => bytes],
  ["torch zip", fixture("small.pth"), (bytes) => bytes],
  ["torch zip, nested", fixture("nested.pth"), (bytes) => bytes],
  ["torch before 1.6", fixture("small-legacy.pth"), (bytes) => bytes],
  ["torch before 1.6, ours", torchLegacy(tensors), (bytes) => bytes],
  ["pickle", pickle, (bytes) => torchZip(tensors, bytes)],
  ["npz, deflated", zip([["a.npy", { content: array, deflate: true }]]), (bytes) => bytes],
  ["npz, ZIP64", zip([["a.npy", { content: array }]], true), (bytes) => bytes],
  ["array", array, (bytes) => zip([["a.npy", { content: bytes, deflate: true }]])],
];

/** Numbers that limits are made of. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** A copy with one to four wounds. */
function damage(seed: Bytes, random: (below: number) => number): Bytes {
  let bytes = seed.slice();
  for (let wounds = 1 + random(4); wounds > 0; wounds--) {
    const at = random(bytes.length);
    const kind = random(7);
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
    else if (kind === 1) bytes[at] = random(256);
    else if (kind === 2) bytes = bytes.slice(0, at);
    else if (kind === 3)
      bytes = join(bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + random(9))));
    else if (kind === 4) bytes = join(bytes.subarray(0, at), bytes.subarray(at, at + random(64)), bytes.subarray(at));
    else {
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
async function read(bytes: Bytes, label: string): Promise<string | undefined> {
  const begun = performance.now();
  const before = process.memoryUsage().arrayBuffers;
  let given = 0;
  let refusal: string | undefined;
  try {
    const { tensors: found } = await openTensors(bytes);
    for (const entry of found.values()) given += (await entry.read()).byteLength;
  } catch (error) {
    refusal = String(error);
    if (!/^Error: Expected [^\n]{10,600}\.$/.test(refusal)) {
      expect.fail(`${label} is refused without a sentence: ${refusal} ${error instanceof Error ? error.stack : ""}`);
    }
  }
  const took = performance.now() - begun;
  if (took > LONGEST) expect.fail(`${label} takes ${took.toFixed(0)} ms`);
  if (given > bytes.length * 1032) expect.fail(`${label} of ${bytes.length} bytes gives ${given}`);
  const more = process.memoryUsage().arrayBuffers - before;
  if (more > MOST_MEMORY + bytes.length * 1032) expect.fail(`${label} takes ${more} bytes`);
  return refusal;
}

test(
  "whatever is damaged, the answer is tensors or one sentence",
  async () => {
    const next = generator(9);
    // The low digits of a linear congruence repeat soon; the product takes the high ones.
    const random = (below: number) => Math.min(below - 1, Math.floor(((next() + 1) / 2) * below));
    const end = performance.now() + SECONDS * 1000;
    let cases = 0;
    let refused = 0;
    while (performance.now() < end) {
      const [name, seed, pack] = SEEDS[cases % SEEDS.length] ?? SEEDS[0] ?? expect.fail("no seeds");
      if ((await read(pack(damage(seed, random)), `case ${cases} (${name})`)) !== undefined) refused++;
      cases++;
    }
    expect(cases).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(cases / 3);
  },
  SECONDS * 1000 + 60_000,
);

test.each(SEEDS)("%s cut off anywhere is refused", async (name, seed, pack) => {
  expect(await read(pack(seed), name)).toBeUndefined();
  const step = Math.max(1, Math.floor(seed.length / 150));
  for (let length = 0; length < seed.length; length += step) {
    if ((await read(pack(seed.slice(0, length)), `${name}, ${length} bytes of it`)) === undefined) {
      expect.fail(`${length} of ${seed.length} bytes of ${name} are read`);
    }
  }
});

test("lists within lists in the header of safetensors are refused by a sentence", async () => {
  const nested = `{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
  const bytes = join([...new Uint8Array(BigUint64Array.of(BigInt(nested.length)).buffer)], nested);
  expect(await read(bytes, "a deep header")).toMatch(/Expected/);
});
