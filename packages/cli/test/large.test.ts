/**
 * `adaattn stylize` on pictures in tiles, with styles that are kept, and within a budget of memory.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { adaattn, temporaryFolder, waves } from "./command.ts";

const folder = await temporaryFolder();
const stylize = (...args: string[]) =>
  adaattn(["stylize", "lake.png", "--style", "wave.jpg", "--device", "cpu", "--threads", "1", ...args], {
    cwd: folder,
  });
const pixels = (name: string) => sharp(join(folder, name)).raw().toBuffer();

beforeAll(async () => {
  await waves(40, 56).jpeg().toFile(join(folder, "wave.jpg"));
  await waves(170, 150).png().toFile(join(folder, "lake.png"));
  const frames = await Promise.all(
    ([3, 4] as const).map((channels) => waves(64, 64, channels).ensureAlpha().png().toBuffer()),
  );
  await sharp(frames, { join: { animated: true } })
    .gif()
    .toFile(join(folder, "lake.gif"));
});

test("tiles make the same picture, through files on disk", async () => {
  expect(await stylize("-o", "whole.png", "--quiet")).toMatchObject({ code: 0 });
  const tiled = await stylize("-o", "tiled.png", "--tile", "64", "--json");
  expect(tiled).toMatchObject({ code: 0 });
  expect(JSON.parse(tiled.stdout)).toMatchObject({ output: { width: 170, height: 150 }, tiles: 9 });
  const [whole, other] = [await pixels("whole.png"), await pixels("tiled.png")];
  expect(other.length).toBe(whole.length);
  expect(whole.reduce((most, value, i) => Math.max(most, Math.abs(value - (other[i] ?? 999))), 0)).toBeLessThanOrEqual(
    1,
  );
  expect((await readdir(folder)).filter((name) => name.startsWith("."))).toEqual([]);
});

test("a style that was kept paints the same picture", async () => {
  expect(await stylize("-o", "first.png", "--style-cache", "styles")).toMatchObject({ code: 0 });
  expect(await readdir(join(folder, "styles"))).toHaveLength(1);
  expect(await stylize("-o", "second.png", "--style-cache", "styles")).toMatchObject({ code: 0 });
  expect((await pixels("first.png")).equals(await pixels("second.png"))).toBe(true);
  const refused = await stylize("-o", "third.png", "--style-cache", "wave.jpg");
  expect(refused).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("note: The style was not kept in wave.jpg."),
  });
});

test("strokes grow with the picture unless they go by pixels", async () => {
  const made = async (name: string, ...args: string[]) => {
    expect(await stylize("-o", name, "--quiet", ...args)).toMatchObject({ code: 0 });
    return sharp(join(folder, name)).resize(170, 150, { fit: "fill" }).raw().toBuffer();
  };
  const reference = await made("reference.png", "--size", "512");
  const apart = (other: Buffer) =>
    reference.reduce((sum, value, at) => sum + Math.abs(value - (other[at] ?? 999)), 0) / reference.length;
  const grown = apart(await made("grown.png", "--size", "800"));
  const plain = apart(await made("plain.png", "--size", "800", "--stroke-by", "pixels"));
  expect(grown).toBeLessThan(0.7 * plain);
});

test("fewer keys make another picture", async () => {
  expect(await stylize("-o", "few.png", "--keys", "16", "--quiet")).toMatchObject({ code: 0 });
  expect(await stylize("-o", "all.png", "--keys", "all", "--quiet")).toMatchObject({ code: 0 });
  expect((await pixels("few.png")).equals(await pixels("all.png"))).toBe(false);
});

test("an animated picture is painted by its first frame, and said to be", async () => {
  const outcome = await adaattn(
    ["stylize", "lake.gif", "--style", "wave.jpg", "--device", "cpu", "--size", "full", "-o", "frame.png"],
    { cwd: folder },
  );
  expect(outcome).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("note: lake.gif has 2 frames or pages; the first was painted."),
  });
});

test.each([
  [["--memory", "120MB"], /Expected at least \d+ MB for --memory, with small, but received 120 MB\./],
  [["--memory", "plenty"], /Expected an amount such as 1\.5GB or 800MB for --memory but received plenty\./],
  [["--tile", "10"], /Expected auto, off or a whole number from 64 to 65536 for --tile but received 10\./],
  [["--stroke-by", "inches"], /Expected one of picture, pixels for --stroke-by but received inches\./],
  [["--keys", "3"], /Expected all or a whole number from 16 to 1048576 for --keys but received 3\./],
])("%j is refused in one sentence", async (args, sentence) => {
  const { code, stderr } = await stylize("-o", "never.png", ...args);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(sentence) });
  expect(await readdir(folder)).not.toContain("never.png");
});
