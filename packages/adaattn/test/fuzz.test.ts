/** Readers of weights and pictures on damaged files; fuzzing.ts says what they must keep to. */
import { readFileSync } from "node:fs";
import sharp from "sharp";
import { expect, test } from "vitest";
import { type Bytes, FUZZ_SECONDS, fuzz, type Reader, type Seed, tryReading } from "../../graph/test/fuzzing.ts";
import { openTensors } from "../src/import/open.ts";
import { readPicture } from "../src/node/pictures.ts";
import { writeSafetensors } from "../src/weights/safetensors.ts";
import { waves } from "./models.ts";
import { join, npy, pickled, pickledState, torchLegacy, torchZip, type Written, zip } from "./tensorFiles.ts";

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

const SEEDS: readonly Seed[] = [
  { name: "safetensors", bytes: writeSafetensors(stored, { k: "v" }) },
  { name: "torch zip", bytes: fixture("small.pth") },
  { name: "torch zip, nested", bytes: fixture("nested.pth") },
  { name: "torch before 1.6", bytes: fixture("small-legacy.pth") },
  { name: "torch before 1.6, ours", bytes: torchLegacy(tensors) },
  { name: "pickle", bytes: pickle, pack: (bytes) => torchZip(tensors, bytes) },
  { name: "npz, deflated", bytes: zip([["a.npy", { content: array, deflate: true }]]) },
  { name: "npz, ZIP64", bytes: zip([["a.npy", { content: array }]], true) },
  { name: "array", bytes: array, pack: (bytes) => zip([["a.npy", { content: bytes, deflate: true }]]) },
];

const tensorFiles: Reader = {
  async read(bytes) {
    let given = 0;
    for (const entry of (await openTensors(bytes)).tensors.values()) given += (await entry.read()).byteLength;
    return given;
  },
  sentence: /^AdaattnError: Expected [^\n]{10,600}\.$/,
  // What deflate can make of a byte.
  mostGiven: 1032,
};

const LONG = FUZZ_SECONDS * 1000 + 60_000;

test("a damaged file of tensors gives tensors or one sentence", () => fuzz(tensorFiles, SEEDS), LONG);

test.each(SEEDS)("$name cut off anywhere is refused", async ({ name, bytes, pack = (cut) => cut }) => {
  expect(await tryReading(tensorFiles, pack(bytes), name)).toBeUndefined();
  const step = Math.max(1, Math.floor(bytes.length / 150));
  for (let length = 0; length < bytes.length; length += step) {
    const cut = pack(bytes.slice(0, length));
    if ((await tryReading(tensorFiles, cut, `${name}, ${length} bytes of it`)) === undefined) {
      expect.fail(`${length} of ${bytes.length} bytes of ${name} are read`);
    }
  }
});

test("lists within lists in the header of safetensors are refused by a sentence", async () => {
  const nested = `{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
  const bytes = join([...new Uint8Array(BigUint64Array.of(BigInt(nested.length)).buffer)], nested);
  expect(await tryReading(tensorFiles, bytes, "a deep header")).toMatch(/Expected/);
});

const pixels = waves(48, 32);
const drawn = () => sharp(pixels.data, { raw: { width: 48, height: 32, channels: 4 } });
const PICTURES: readonly Seed[] = await Promise.all(
  (["png", "jpeg", "webp", "gif", "tiff", "avif"] as const).map(async (name) => ({
    name,
    bytes: Uint8Array.from(await drawn().toFormat(name).toBuffer()),
  })),
);

const MOST_PIXELS = 2 ** 20;

const pictures: Reader = {
  async read(bytes) {
    const { width, height, data } = await readPicture(bytes, { mostPixels: MOST_PIXELS });
    expect(data.length).toBe(width * height * 4);
    expect(width * height).toBeLessThanOrEqual(MOST_PIXELS);
    // Formats that say "all white" in a few bytes may give as many pixels as are allowed.
    return 0;
  },
  sentence: /^AdaattnError: Cannot read the picture: [^\n]{10,300}\.$/,
  mostGiven: 0,
};

test("a damaged picture gives pixels or one sentence", () => fuzz(pictures, PICTURES), LONG);
