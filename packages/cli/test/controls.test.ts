/** The controls of `adaattn stylize`, and `adaattn inspect`, as they are typed. */
import { copyFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { parseStyleText } from "../src/options/styles.ts";
import { adaattn, temporaryFolder, waves } from "./command.ts";

const folder = await temporaryFolder();

/** Left half of one color, right half of another. */
const halves = (width: number, height: number, left: string, right: string) =>
  sharp({ create: { width, height, channels: 3, background: right } }).composite([
    { input: { create: { width: width >> 1, height, channels: 3, background: left } }, left: 0, top: 0 },
  ]);

beforeAll(async () => {
  await waves(96, 64).png().toFile(join(folder, "lake.png"));
  await waves(64, 80).png().toFile(join(folder, "wave.png"));
  await halves(64, 64, "#c02020", "#e0d0a0").png().toFile(join(folder, "flat.png"));
  await copyFile(join(folder, "flat.png"), join(folder, "a:b@2.png"));
  await halves(96, 64, "#ff0000", "#0000ff").png().toFile(join(folder, "regions.png"));
  await halves(40, 40, "#ffffff", "#000000").png().toFile(join(folder, "left.png"));
  await sharp({ create: { width: 20, height: 20, channels: 3, background: "#000" } })
    .png()
    .toFile(join(folder, "black.png"));
});

interface Line {
  styles: Record<string, unknown>[];
  controls: Record<string, unknown>;
  notes: string[];
}

/** Runs the command and gives what it prints as JSON and the pixels that it wrote. */
async function paint(...args: string[]): Promise<{ line: Line; pixels: Buffer }> {
  const output = `out-${Math.random().toString(36).slice(2)}.png`;
  const typed = ["stylize", "lake.png", ...args, "-o", output, "--json", "--quiet", "--device", "cpu"];
  const { code, stdout, stderr } = await adaattn(typed, { cwd: folder });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return { line: JSON.parse(stdout) as Line, pixels: await sharp(join(folder, output)).removeAlpha().raw().toBuffer() };
}

const difference = (a: Uint8Array, b: Uint8Array) =>
  a.reduce((sum, value, at) => sum + Math.abs(value - (b[at] ?? 0)), 0) / a.length;

test("strength, color, grain, stroke and rotation are told and change the picture", async () => {
  const plain = await paint("-s", "wave.png");
  const photo = await sharp(join(folder, "lake.png")).removeAlpha().raw().toBuffer();
  const [none, mixed, turned, grained] = [
    await paint("-s", "wave.png", "--strength", "0"),
    await paint("-s", "wave.png", "--strength", "0.5", "--color", "content"),
    await paint("-s", "wave.png", "--stroke", "1.5", "--style-rotate", "90", "--color", "match"),
    await paint("-s", "wave.png", "--grain", "0.8"),
  ];
  expect(plain.line).toMatchObject({
    styles: [{ path: "wave.png", weight: 1, size: 80 }],
    controls: { strength: 1, color: "style", grain: 0, stroke: 1, rotate: 0 },
    notes: [],
  });
  expect(mixed.line.controls).toEqual({ strength: 0.5, color: "content", grain: 0, stroke: 1, rotate: 0 });
  expect(turned.line.controls).toEqual({ strength: 1, color: "match", grain: 0, stroke: 1.5, rotate: 90 });
  expect(grained.line.controls).toEqual({ strength: 1, color: "style", grain: 0.8, stroke: 1, rotate: 0 });
  expect(difference(none.pixels, photo)).toBeLessThan(1);
  expect(difference(plain.pixels, photo)).toBeGreaterThan(5);
  for (const { pixels } of [mixed, turned, grained]) expect(difference(pixels, plain.pixels)).toBeGreaterThan(3);
}, 60_000);

test("several styles have weights, and names may hold colons and at signs", async () => {
  const { line, pixels } = await paint("-s", "wave.png:3", "-s", "a:b@2.png:1");
  expect(line.styles).toEqual([
    expect.objectContaining({ path: "wave.png", weight: 0.75 }),
    expect.objectContaining({ path: "a:b@2.png", weight: 0.25 }),
  ]);
  const [first, second] = [await paint("-s", "wave.png"), await paint("-s", "a:b@2.png")];
  expect(difference(pixels, first.pixels)).toBeGreaterThan(2);
  expect(difference(pixels, second.pixels)).toBeGreaterThan(2);
}, 60_000);

test.each([
  ["C:\\art\\a.jpg", { path: "C:\\art\\a.jpg" }],
  ["C:\\art\\a.jpg:2", { path: "C:\\art\\a.jpg", weight: 2 }],
  ["photo@2x.png", { path: "photo@2x.png" }],
  ["photo@2x.png:.5@#0f0", { path: "photo@2x.png", weight: 0.5, region: "#0f0" }],
  ["a.webp@Red:1e1", { path: "a.webp", weight: 10, region: "Red" }],
  ["a:b.jpg@navy", { path: "a:b.jpg", region: "navy" }],
  ["archive:3", { path: "archive", weight: 3 }],
])("--style %s is read", (text, expected) => {
  expect(parseStyleText(text)).toEqual(expected);
});

test("regions are those of a mask in colors, or of gray masks, which are the same", async () => {
  const colored = await paint("-s", "wave.png@red", "-s", "flat.png@#00f", "--mask", "regions.png");
  expect(colored.line.styles).toEqual([
    expect.objectContaining({ path: "wave.png", region: "red" }),
    expect.objectContaining({ path: "flat.png", region: "#00f" }),
  ]);
  await halves(40, 40, "#000000", "#ffffff").png().toFile(join(folder, "right.png"));
  const gray = await paint("-s", "wave.png", "-s", "flat.png", "--mask", "left.png", "--mask", "right.png");
  expect(gray.line.notes).toEqual([
    "A mask of 40 x 40 pixels was resized to the photograph of 96 x 64, which has another aspect ratio.",
  ]);
  expect(difference(colored.pixels, gray.pixels)).toBeLessThan(1);
  const photo = await sharp(join(folder, "lake.png")).removeAlpha().raw().toBuffer();
  const one = await paint("-s", "wave.png", "--mask", "left.png");
  const right = (pixels: Buffer) => pixels.filter((_, at) => Math.floor(at / 3) % 96 > 85);
  expect(difference(right(one.pixels), right(photo))).toBeLessThan(1);
  expect(difference(one.pixels, photo)).toBeGreaterThan(3);
}, 60_000);

test("a style's mask chooses the part of the painting that counts", async () => {
  const [whole, left] = [await paint("-s", "flat.png"), await paint("-s", "flat.png", "--style-mask", "left.png")];
  const both = await paint("-s", "flat.png", "-s", "flat.png", "--style-mask", "none", "--style-mask", "left.png");
  expect(difference(whole.pixels, left.pixels)).toBeGreaterThan(3);
  expect(difference(both.pixels, left.pixels)).toBeGreaterThan(1);
  expect(left.line.notes).toEqual(["A mask of 40 x 40 pixels was resized to the painting of 64 x 64."]);
}, 60_000);

describe.concurrent("what cannot be meant is said in one sentence, and ends with", () => {
  const good = ["-s", "wave.png"];
  const two = ["-s", "wave.png@red", "-s", "flat.png@blue"];
  test.each<[number, string[], string]>([
    [2, [...good, "--strength", "-1"], "Expected a number from 0 to 4 for --strength but received -1."],
    [2, [...good, "--strength", "half"], "Expected a number from 0 to 4 for --strength but received half."],
    [2, [...good, "--color", "mine"], "Expected one of style, content, match for --color but received mine."],
    [2, [...good, "--stroke", "4"], "Expected a number from 0.5 to 2 for --stroke but received 4."],
    [2, [...good, "--style-rotate", "x"], "Expected a number from -360 to 360 for --style-rotate but received x."],
    [2, ["-s", "wave.png:0"], "Expected a number above 0 for the weight of wave.png but received 0."],
    [2, ["-s", "wave.png:-2"], "Expected a number above 0 for the weight of wave.png but received -2."],
    [2, ["-s", "wave.png:much"], "Expected a number above 0 for the weight of wave.png but received much."],
    [2, ["-s", "wave.png:"], "Expected a number above 0 for the weight of wave.png but received nothing."],
    [2, ["-s", "wave.png@rde"], "Expected a color such as red or #ff0000 for the region of wave.png but received rde."],
    [2, two, "Expected one --mask, in whose colors the regions are, but received none."],
    [
      2,
      ["-s", "wave.png@red", "-s", "flat.png", "--mask", "regions.png"],
      "Expected a region for every style, or for none, but flat.png has none; write flat.png@COLOR.",
    ],
    [
      2,
      ["-s", "wave.png@red", "-s", "flat.png@#f00", "--mask", "regions.png"],
      "Expected one style for each region but received wave.png and flat.png for #f00.",
    ],
    [
      2,
      [...good, "--mask", "left.png", "--mask", "black.png"],
      "Expected as many --mask as --style, or one in whose colors the styles have regions (--style FILE@COLOR), but received 2 for 1.",
    ],
    [
      2,
      [...good, "--style-mask", "left.png", "--style-mask", "black.png"],
      "Expected as many --style-mask as --style (none stands for a whole painting) but received 2 for 1.",
    ],
    [
      1,
      ["-s", "wave.png@lime", "--mask", "regions.png"],
      "Expected a region of lime in the mask but received one without it; it has #ff0000, #0000ff.",
    ],
    [
      1,
      [...good, "--mask", "black.png"],
      "Expected white somewhere in the mask of style 1 but received one that is black everywhere.",
    ],
    [
      1,
      [...good, "--style-mask", "black.png"],
      "Expected white somewhere in the mask of the painting but received one that is black everywhere.",
    ],
    [1, ["-s", "none.png:2"], "Cannot read none.png: it does not exist. Check its name and folder."],
    [1, ["-s", "wave.png@2x.png"], "Cannot read wave.png@2x.png: it does not exist. Check its name and folder."],
  ])(
    "%i: %j",
    async (expected, args, sentence) => {
      const typed = ["stylize", "lake.png", ...args, "-o", "bad.png", "--quiet", "--device", "cpu"];
      const { code, stdout, stderr } = await adaattn(typed, { cwd: folder });
      expect({ code, stdout, stderr }).toEqual({ code: expected, stdout: "", stderr: `error: ${sentence}\n` });
      expect(await readdir(folder)).not.toContain("bad.png");
    },
    60_000,
  );
});

describe("inspect", () => {
  const inspect = (...args: string[]) => adaattn(["inspect", "lake.png", "-s", "flat.png", ...args], { cwd: folder });

  test("writes where points look, where all look, and how sharply", async () => {
    const { code, stdout } = await inspect("--at", "10,20", "--at", "90,60", "--map", "-o", "look.png", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      content: { path: "lake.png", width: 96, height: 64, format: "png", pages: 1 },
      style: { path: "flat.png", width: 64, height: 64, format: "png", pages: 1, seen: { width: 64, height: 64 } },
      outputs: ["look.png", "look-sources.png", "look-entropy.png"],
      level: 3,
      points: [
        { at: { x: 10, y: 20 }, entropy: expect.any(Number), looksAt: expect.any(Array) },
        { at: { x: 90, y: 60 }, entropy: expect.any(Number), looksAt: expect.any(Array) },
      ],
      meanEntropy: expect.any(Number),
      notes: [],
    });
    const sizes = await Promise.all(
      ["look.png", "look-sources.png", "look-entropy.png"].map(async (name) => {
        const { width, height } = await sharp(join(folder, name)).metadata();
        return [width, height];
      }),
    );
    expect(sizes).toEqual([
      [64, 64],
      [96, 64],
      [96, 64],
    ]);
  }, 60_000);

  test("takes points in the file's pixels, whatever the size it is looked at", async () => {
    const looks = async (...args: string[]) => {
      const { stdout } = await inspect("--at", "90,60", "-o", "at.png", "--json", ...args);
      return (JSON.parse(stdout) as { points: { at: unknown }[] }).points[0]?.at;
    };
    expect(await looks("--size", "48", "--level", "4")).toEqual({ x: 90, y: 60 });
  }, 60_000);

  test("tells how alive a network is", async () => {
    const { code, stdout } = await adaattn(["inspect", "small", "--pictures", "."], { cwd: folder });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^encoder\.1_1 +\d+ of +16 channels dead/);
    expect(stdout).toMatch(
      /attention 5 +looks at \d+\.\d of \d+ keys; upside down, the picture changes by \d+\.\d of 255\n$/,
    );
    const told = await adaattn(["inspect", "small", "--pictures", "lake.png", "-s", "wave.png", "--json"], {
      cwd: folder,
    });
    expect(JSON.parse(told.stdout)).toMatchObject({
      model: "small",
      pairs: 1,
      levels: [{ level: 3 }, { level: 4 }, { level: 5 }],
    });
    const { stderr } = await adaattn(["inspect", "lake.png"], { cwd: folder });
    expect(stderr).toBe(
      "error: Expected a painting (--style IMAGE), or --pictures FOLDER for a network, but received neither.\n",
    );
  });

  test.each<[number, string[], string]>([
    [2, [], "Expected a point (--at X,Y) or --map but received neither."],
    [2, ["--at", "10"], "Expected two numbers such as 320,200 for --at but received 10."],
    [2, ["--at", "1,2", "--level", "2"], "Expected one of 3, 4, 5 for --level but received 2."],
    [1, ["--at", "96,2"], "Expected a point within the photograph of 96 x 64 pixels for --at but received 96,2."],
  ])(
    "refuses with %i %j",
    async (expected, args, sentence) => {
      const { code, stderr } = await inspect(...args, "-o", "bad.png", "--quiet");
      expect({ code, stderr }).toEqual({ code: expected, stderr: `error: ${sentence}\n` });
    },
    60_000,
  );
});
