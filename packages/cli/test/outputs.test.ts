/**
 * Where results go: folders that are made, results that are there already, and how they are stored.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readPicture } from "adaattn/node";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { adaattn, temporaryFolder, waves } from "./command.ts";

const folder = await temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);

beforeAll(async () => {
  await waves(40, 56).jpeg().toFile(at("wave.jpg"));
  await waves(64, 48).jpeg().toFile(at("lake.jpg"));
  await waves(48, 48).jpeg().toFile(at("hill.jpg"));
});

/** Paints these contents in the style of the wave. */
function stylize(contents: string[], output: string, ...more: string[]) {
  const args = ["stylize", ...contents, "--style", "wave.jpg", "-o", output, "--device", "cpu", ...more];
  return adaattn(args, { cwd: folder });
}

test("a folder that is missing is made, with those around it", async () => {
  const outcome = await stylize(["lake.jpg", "hill.jpg"], "new/deep", "--quiet", "--format", "webp");
  expect(outcome).toMatchObject({ code: 0, stdout: "", stderr: "" });
  expect((await readdir(at("new", "deep"))).sort()).toEqual(["hill-wave.webp", "lake-wave.webp"]);
  expect((await sharp(at("new", "deep", "lake-wave.webp")).metadata()).format).toBe("webp");
  expect(await stylize(["lake.jpg"], "other/deep/one.png", "--quiet")).toMatchObject({ code: 0, stderr: "" });
  expect(await readdir(at("other", "deep"))).toEqual(["one.png"]);
}, 60_000);

test("--quality decides how much is kept", async () => {
  const sizeOf = async (name: string, ...more: string[]) => {
    expect(await stylize(["lake.jpg"], name, "--quiet", ...more)).toMatchObject({ code: 0, stderr: "" });
    return (await readFile(at(name))).length;
  };
  const [low, usual, high] = [
    await sizeOf("low.jpg", "--quality", "10"),
    await sizeOf("usual.jpg"),
    await sizeOf("high.jpg", "--quality", "100"),
  ];
  expect(low * 1.5).toBeLessThan(usual);
  expect(usual * 1.2).toBeLessThan(high);
  // Pictures that are not taken into memory as a whole are stored by the same code, but written by
  // another.
  expect(await sizeOf("tiled.jpg", "--quality", "10", "--tile", "64")).toBeLessThan(low * 1.2);
}, 180_000);

test("--overwrite says what becomes of a result that is there", async () => {
  await mkdir(at("there"));
  const names = async () => (await readdir(at("there"))).sort();
  const old = Buffer.from("as it was");
  await writeFile(at("there", "lake-wave.jpg"), old);

  const kept = await stylize(["lake.jpg", "hill.jpg"], "there", "--overwrite", "no", "--json");
  expect(kept.code).toBe(0);
  const [first, second] = kept.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  expect(first).toEqual({
    content: { path: "lake.jpg" },
    styles: [{ path: "wave.jpg" }],
    output: { path: join("there", "lake-wave.jpg") },
    kept: true,
  });
  expect(second).toMatchObject({ output: { path: join("there", "hill-wave.jpg"), width: 48 } });
  expect(await readFile(at("there", "lake-wave.jpg"))).toEqual(old);

  const told = await stylize(["lake.jpg"], "there/lake-wave.jpg", "--overwrite", "no");
  expect({ code: told.code, stdout: told.stdout }).toEqual({ code: 0, stdout: "" });
  expect(told.stderr).toBe("note: there/lake-wave.jpg is there already and was kept; --overwrite yes replaces it.\n");

  const numbered = await stylize(["lake.jpg", "../x/lake.jpg"], "there", "--overwrite", "number", "--quiet");
  // The second is missing; a name was planned for it all the same.
  expect(numbered.code).toBe(1);
  expect(numbered.stderr).toMatch(/^error: Cannot read \.\.\/x\/lake\.jpg/);
  expect(await names()).toEqual(["hill-wave.jpg", "lake-wave-2.jpg", "lake-wave.jpg"]);
  expect(await readFile(at("there", "lake-wave.jpg"))).toEqual(old);

  expect(await stylize(["lake.jpg"], "there", "--quiet")).toMatchObject({ code: 0 });
  expect(await names()).toEqual(["hill-wave.jpg", "lake-wave-2.jpg", "lake-wave.jpg"]);
  expect((await sharp(at("there", "lake-wave.jpg")).metadata()).width).toBe(64);
}, 180_000);

test("copyright and date are kept and the place is not, unless --metadata says otherwise", async () => {
  const exif = { IFD0: { Copyright: "Ann" }, IFD3: { GPSLatitudeRef: "N", GPSLatitude: "51/1 30/1 0/1" } };
  await waves(48, 64).withExif(exif).jpeg().toFile(at("said.jpg"));
  const saidBy = async (...more: string[]) => {
    expect(await stylize(["said.jpg"], "says.jpg", "--quiet", ...more)).toMatchObject({ code: 0, stderr: "" });
    const { metadata } = await readPicture(at("says.jpg"));
    return { copyright: metadata.copyright, place: metadata.exif.IFD3.GPSLatitude };
  };
  expect(await saidBy()).toEqual({ copyright: "Ann", place: undefined });
  expect(await saidBy("--metadata", "none", "--tile", "64")).toEqual({ copyright: undefined, place: undefined });
  expect(await saidBy("--metadata", "all", "--tile", "64")).toEqual({ copyright: "Ann", place: "51/1 30/1 0/1" });
}, 180_000);
