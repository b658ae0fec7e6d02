import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { addEvalCommand } from "../src/commands/eval/command.ts";
import { inBlocks } from "../src/commands/eval/eval.ts";
import { StagedFolder } from "../src/commands/eval/folder.ts";
import { page } from "../src/commands/eval/page.ts";
import { crossPairs, evenly, type Pair, readPairs } from "../src/commands/eval/pairs.ts";
import type { Report } from "../src/commands/eval/report.ts";
import { findResults } from "../src/commands/eval/results.ts";
import { listPictures, type NamedPicture } from "../src/files/pictures.ts";
import { UsageError } from "../src/terminal/usage.ts";
import { adaattn, type Outcome, temporaryFolder, waves } from "./command.ts";

const folder = await temporaryFolder();
const path = (...names: string[]) => join(folder, ...names);

beforeAll(async () => {
  for (const name of ["photos", "paintings", "theirs", "empty"]) await mkdir(path(name));
  await waves(48, 36).jpeg().toFile(path("photos", "lake.jpg"));
  await waves(40, 56, 4).png().toFile(path("photos", "a glass.png"));
  await writeFile(path("photos", "broken.jpg"), "Dear diary, today I painted nothing.");
  await writeFile(path("photos", "notes.txt"), "no picture");
  await waves(44, 44).rotate(90).png().toFile(path("paintings", "wave.png"));
  await waves(64, 40).negate().webp().toFile(path("paintings", "sea_<b>.webp"));
});

const named = (...names: string[]): NamedPicture[] => names.map((name) => ({ name, path: `${name}.jpg` }));
const names = (pairs: readonly Pair[]) => pairs.map(({ content, style }) => `${content.name} ${style.name}`);

describe("pairs", () => {
  test("are all contents in all styles", () => {
    const pairs = names(crossPairs(named("a", "b", "c", "d"), named("x", "y")));
    expect([...pairs].sort()).toEqual(["a x", "a y", "b x", "b y", "c x", "c y", "d x", "d y"]);
  });

  test.each([
    [6, 4, 7],
    [24, 24, 40],
    [5, 3, 15],
    [10, 10, 3],
  ])(
    "of %i contents and %i styles, limited to %i, take none more than once more than another",
    (rows, columns, limit) => {
      const pictures = (count: number) => named(...Array.from({ length: count }, (_, at) => `${at}`));
      const pairs = crossPairs(pictures(rows), pictures(columns), limit);
      expect(new Set(names(pairs)).size).toBe(limit);
      for (const role of ["content", "style"] as const) {
        const counts = new Map<string, number>();
        for (const pair of pairs) counts.set(pair[role].name, (counts.get(pair[role].name) ?? 0) + 1);
        expect(counts.size).toBe(Math.min(limit, role === "content" ? rows : columns));
        expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(1);
      }
    },
  );

  test("are chosen evenly from a list", () => {
    expect(evenly(["a", "b", "c", "d", "e", "f"], 3)).toEqual(["a", "c", "e"]);
    expect(evenly(["a", "b"], 5)).toEqual(["a", "b"]);
  });

  test("come in blocks of few contents, style by style", () => {
    const pairs = inBlocks(crossPairs(named("a", "b", "c"), named("x", "y")), 2);
    expect(names(pairs)).toEqual(["a x", "b x", "a y", "b y", "c x", "c y"]);
  });

  const contents = named("lake", "my house", "o,k");
  const styles = named("wave", "sea");
  test.each([
    ["text", "lake wave\n\n# a comment\nlake sea", ["lake wave", "lake sea"]],
    ["CSV", 'lake.jpg,wave\n"my house",sea\n"o,k",sea\nlake,wave\n', ["lake wave", "my house sea", "o,k sea"]],
    ["CSV with a header", "seed,Style,content\n1,wave,lake\n2,sea.jpg,my house\n", ["lake wave", "my house sea"]],
    ["tabs", "my house\tpaintings/wave.jpg\r\n", ["my house wave"]],
    ["JSON lines", '{"content": "photos/lake.jpg", "style": "sea"}', ["lake sea"]],
  ])("are read from %s", async (label, text, expected) => {
    await writeFile(path(`${label}.txt`), text);
    expect(names(await readPairs(path(`${label}.txt`), contents, styles))).toEqual(expected);
  });

  test.each([
    ["lake wave\nlake moon", "Expected one of the given styles in line 2 of FILE but received moon."],
    ["lake", "Expected one of the given styles in line 1 of FILE but received nothing."],
    ["# nothing", "Expected pairs of a content and a style in FILE but found none."],
    ['{"content": 1', 'Expected a JSON object for line 1 of FILE but received {"content": 1.'],
  ])("are refused where a file says %j", async (text, message) => {
    await writeFile(path("bad.txt"), text);
    const sentence = message.replace("FILE", path("bad.txt"));
    await expect(readPairs(path("bad.txt"), contents, styles)).rejects.toThrow(sentence);
  });

  test("need folders of pictures with different names", async () => {
    expect((await listPictures(path("photos"))).map(({ name }) => name)).toEqual(["a glass", "broken", "lake"]);
    expect(await listPictures(path("photos", "lake.jpg"))).toHaveLength(1);
    await expect(listPictures(path("empty"))).rejects.toThrow(`Expected pictures in ${path("empty")} but found none.`);
    await expect(listPictures(path("none"))).rejects.toThrow(`Cannot read ${path("none")}: it is not a folder`);
    await mkdir(path("twins"));
    for (const name of ["a.jpg", "a.png"]) await writeFile(path("twins", name), "");
    await expect(listPictures(path("twins"))).rejects.toThrow("different names");
  });
});

test("results are found by their names, whatever their endings and case", async () => {
  await mkdir(path("found", "Sea"), { recursive: true });
  for (const name of ["lake_wave.PNG", "lake-in-sea.jpg", "Sea/lake.webp"]) await writeFile(path("found", name), "");
  const [lake, wave, sea] = named("lake", "wave", "sea");
  if (!lake || !wave || !sea) throw new Error("Expected three pictures");
  const found = async (pattern: string, style: NamedPicture) =>
    (await findResults(path("found"), pattern))({ content: lake, style });
  expect(await found("{content}_{style}", wave)).toBe(path("found", "lake_wave.PNG"));
  expect(await found("{content}_{style}.png", wave)).toBe(path("found", "lake_wave.PNG"));
  expect(await found("{content}_{style}.jpg", wave)).toBeUndefined();
  expect(await found("{content}-in-{style}", sea)).toBe(path("found", "lake-in-sea.jpg"));
  expect(await found("{style}/{content}", sea)).toBe(path("found", "Sea", "lake.webp"));
});

describe("a folder that appears whole", () => {
  test("is not there before it is complete, and replaces an earlier one", async () => {
    for (const text of ["first", "second"]) {
      await using staged = await StagedFolder.create(path("whole"), ["index.html"]);
      await writeFile(join(staged.path, "index.html"), text);
      await staged.commit();
      expect(await readFile(path("whole", "index.html"), "utf8")).toBe(text);
    }
    {
      await using staged = await StagedFolder.create(path("whole"), ["index.html"]);
      await writeFile(join(staged.path, "index.html"), "never");
    }
    expect(await readFile(path("whole", "index.html"), "utf8")).toBe("second");
    expect((await readdir(folder)).filter((name) => name.endsWith(".tmp") || name.endsWith(".old"))).toEqual([]);
  });

  test("replaces nothing else", async () => {
    await expect(StagedFolder.create(path("photos"), ["index.html"])).rejects.toThrow(
      `Cannot write to ${path("photos")}: it holds a glass.png, which an earlier report does not.`,
    );
    await expect(StagedFolder.create(path("no", "where"), [])).rejects.toThrow("does not exist. Create it first");
    await expect(StagedFolder.create(path("photos", "lake.jpg"), [])).rejects.toThrow("it is not a folder");
  });
});

const EVAL = [
  "eval",
  "--content",
  "photos",
  "--style",
  "paintings",
  "--size",
  "64",
  "--threads",
  "1",
  "--device",
  "cpu",
];

describe("all contents in all styles, one content being broken,", () => {
  let outcome: Outcome;
  let report: Report;
  beforeAll(async () => {
    outcome = await adaattn([...EVAL, "--report", "report"], { cwd: folder });
    report = JSON.parse(await readFile(path("report", "metrics.json"), "utf8")) as Report;
  }, 30_000);

  test("are measured but for the broken one, which is told once", () => {
    const sentence = `Cannot read ${join("photos", "broken.jpg")}: it is not a JPEG, PNG, WebP, AVIF, TIFF or GIF picture.`;
    expect(outcome.code, outcome.stderr).toBe(1);
    expect(outcome.stderr.split("\n").filter((line) => line.startsWith("error:"))).toEqual([
      `error: ${sentence} Convert it to one of these first.`,
    ]);
    expect(report.failures).toHaveLength(2);
    expect(report.failures[0]).toMatchObject({ content: "broken", error: expect.stringContaining(sentence) });
    expect(report.pairs).toHaveLength(4);
    expect(outcome.stdout).toMatch(
      /^ +median +quartiles[\s\S]*SSIM[\s\S]*\n4 pairs measured by encoder of small, 2 failed: report/,
    );
  });

  test("stand beside the anchors, and are summarised", () => {
    expect(report).toMatchObject({
      model: "small",
      results: null,
      lossNetwork: "encoder of small",
      size: 64,
      device: "cpu",
    });
    for (const { identity, styleCopy, result, seconds, width, height } of report.pairs) {
      expect(Math.max(width, height)).toBe(64);
      expect(identity).toMatchObject({ contentDistance: 0, structuralSimilarity: 1 });
      expect(styleCopy.styleDistance).toBeLessThan(identity.styleDistance);
      expect(styleCopy.histogramDistance).toBeLessThan(0.03);
      for (const value of Object.values(result)) expect(value).toBeGreaterThan(-1);
      expect(result.contentDistance).toBeGreaterThan(0);
      expect(seconds).toBeGreaterThan(0);
    }
    const distances = report.pairs.map(({ result }) => result.styleDistance).sort((a, b) => a - b);
    const median = ((distances[1] ?? 0) + (distances[2] ?? 0)) / 2;
    expect(report.summary.result.styleDistance).toMatchObject({ count: 4, median: expect.closeTo(median, 5) });
  });

  test("are listed as CSV, three lines a pair", async () => {
    const lines = (await readFile(path("report", "metrics.csv"), "utf8")).trim().split("\n");
    expect(lines[0]).toBe(
      "content,style,row,width,height,contentDistance,styleDistance,patchSimilarity,structuralSimilarity,histogramDistance,seconds",
    );
    expect(lines).toHaveLength(1 + 4 * 3);
    expect(lines.filter((line) => line.startsWith("lake,wave,identity,64,48,0,"))).toHaveLength(1);
    expect(
      await readPairs(
        path("report", "metrics.csv"),
        await listPictures(path("photos")),
        await listPictures(path("paintings")),
      ),
    ).toHaveLength(4);
  });

  test("are shown on a page that asks for nothing but its pictures", async () => {
    const html = await readFile(path("report", "index.html"), "utf8");
    expect(html).not.toMatch(/https?:|<link|@import|sea_<b>/);
    const sources = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, source = ""]) => source);
    expect(sources).toContain("pictures/results/a%20glass/sea_%3Cb%3E.jpg");
    for (const source of sources) {
      const { width = 0, height = 0 } = await sharp(path("report", decodeURIComponent(source))).metadata();
      expect(Math.max(width, height)).toBe(64);
    }
    expect(page(report)).toBe(html);
  });
});

test("results of others are measured as they are, also where the content has another size", async () => {
  await copyFile(path("photos", "lake.jpg"), path("theirs", "lake-wave.jpg"));
  await sharp(path("photos", "lake.jpg"))
    .resize(64, 64, { fit: "fill" })
    .png()
    .toFile(path("theirs", "lake-sea_<b>.png"));
  await writeFile(path("pairs.csv"), "lake,wave\nlake,sea_<b>\na glass,wave\n");
  const theirs = ["--results", "theirs", "--pattern", "{content}-{style}", "--report", "theirs-report"];
  const args = [...EVAL, ...theirs, "--pairs", "pairs.csv", "--json"];
  const { code, stdout, stderr } = await adaattn(args, { cwd: folder });
  expect(code).toBe(1);
  expect(stderr).toContain("error: Expected a result named a glass-wave in theirs but found none.\n");
  expect(JSON.parse(stdout)).toMatchObject({ pairs: 2, model: null, results: "theirs", report: "theirs-report" });
  const { pairs } = JSON.parse(await readFile(path("theirs-report", "metrics.json"), "utf8")) as Report;
  expect(pairs[0]?.result).toEqual(pairs[0]?.identity);
  expect(pairs[1]).toMatchObject({ width: 64, height: 64, seconds: null });
  // The content stretched as the result is, by the same filter from a slightly larger picture.
  expect(pairs[1]?.result.structuralSimilarity).toBeGreaterThan(0.98);
}, 30_000);

describe("used wrongly or in vain, it says why:", () => {
  const parse = async (...more: string[]) => {
    const program = new Command().exitOverride();
    const { signal } = new AbortController();
    addEvalCommand(program, { version: "0", signal, failed: () => undefined });
    const folders = ["--content", path("photos"), "--style", path("paintings"), "--report", path("vain")];
    await program.parseAsync(["eval", ...folders, "--quiet", ...more], { from: "user" });
  };

  test.each([
    ["--limit 0", ["--limit", "0"], "Expected a whole number from 1 to 1000000 for --limit but received 0."],
    ["--size 31", ["--size", "31"], "Expected a whole number from 32 to 8192 for --size but received 31."],
    [
      "a pattern without names",
      ["--results", path("theirs"), "--pattern", "out.png"],
      "Expected a name with {content} and {style} for --pattern but received out.png.",
    ],
    [
      "a pattern for nothing",
      ["--pattern", "{content}{style}"],
      "Expected --results with --pattern, which names the results, but received none.",
    ],
    [
      "a model and results",
      ["--results", path("theirs"), "--model", "small"],
      "Expected --model or --results but received both; results are measured as they are.",
    ],
  ])("%s", async (_, more, sentence) => {
    await expect(parse(...more)).rejects.toThrow(new UsageError(sentence));
  });

  test("no results", async () => {
    const sentence = `Expected results named {content}_{style} in ${path("empty")} but found none.`;
    await expect(parse("--results", path("empty"))).rejects.toThrow(new Error(sentence));
  });

  test("a loss network that is none", async () => {
    await expect(parse("--loss-network", path("photos", "notes.txt"))).rejects.toThrow(path("photos", "notes.txt"));
    expect(await readdir(folder)).not.toContain("vain");
  });

  test("no report", async () => {
    const { code, stdout, stderr } = await adaattn(["eval", "--content", "photos", "--style", "paintings"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^error: Expected --report, or --video instead of photographs, but received neither\.\n/);
  }, 30_000);
});

test("stopped, it leaves nothing", async () => {
  const before = await readdir(folder);
  const { code, signal, stderr } = await adaattn([...EVAL, "--size", "512", "--report", "stopped"], {
    cwd: folder,
    interrupt: { signal: "SIGINT", at: "[1/6]", sent: () => undefined },
  });
  expect(signal === "SIGINT" || code === 130, `${code} ${stderr}`).toBe(true);
  expect(await readdir(folder)).toEqual(before);
}, 30_000);
