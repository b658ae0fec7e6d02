import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { ADAATTN, adaattn, type Outcome, run, temporaryFolder, waves } from "./command.ts";

const folder = await temporaryFolder();

beforeAll(async () => {
  await mkdir(join(folder, "painted"));
  await waves(40, 56).jpeg().toFile(join(folder, "wave.jpg"));
  await waves(64, 48).jpeg().toFile(join(folder, "lake.jpg"));
  await waves(64, 48).withMetadata({ orientation: 6 }).jpeg().toFile(join(folder, "turned.jpg"));
  await waves(50, 33, 4).png().toFile(join(folder, "glass.png"));
  await waves(33, 50).toColourspace("rgb16").tiff().toFile(join(folder, "deep.tiff"));
  await waves(16, 16).webp().toFile(join(folder, "tiny.webp"));
  await waves(40, 40).avif().toFile(join(folder, "field.avif"));
  await waves(40, 40).gif().toFile(join(folder, "old.gif"));
});

/** What --json prints for a picture that was made. */
interface Line {
  content: { path: string; width: number; height: number; format: string };
  styles: { path: string; width: number; height: number; format: string; weight: number; size: number }[];
  output: { path: string; width: number; height: number };
  model: string;
  device: string;
  milliseconds: Record<string, number>;
  peakRssBytes: number;
}

describe("several contents into a folder", () => {
  let outcome: Outcome;
  let lines: Line[];
  beforeAll(async () => {
    const contents = ["turned.jpg", "glass.png", "deep.tiff", "tiny.webp", "field.avif", "old.gif"];
    const args = ["stylize", ...contents, "--style", "wave.jpg", "-o", "painted", "--json", "--device", "cpu"];
    outcome = await adaattn(args, { cwd: folder });
    lines = outcome.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Line);
  }, 60_000);

  test("are all made, each in its own format where that can be written", async () => {
    expect(outcome).toMatchObject({ code: 0, signal: null });
    const files = [
      "deep-wave.tiff",
      "field-wave.avif",
      "glass-wave.png",
      "old-wave.png",
      "tiny-wave.webp",
      "turned-wave.jpg",
    ];
    expect((await readdir(join(folder, "painted"))).sort()).toEqual(files);
    const formats = await Promise.all(
      files.map(async (file) => (await sharp(join(folder, "painted", file)).metadata()).format),
    );
    expect(formats).toEqual(["tiff", "heif", "png", "png", "webp", "jpeg"]);
  });

  test("keep their sizes, upright", async () => {
    const sizes = lines.map(({ content, output }) => [
      content.path,
      content.width,
      content.height,
      output.width,
      output.height,
    ]);
    expect(sizes).toEqual([
      ["turned.jpg", 48, 64, 48, 64],
      ["glass.png", 50, 33, 50, 33],
      ["deep.tiff", 33, 50, 33, 50],
      ["tiny.webp", 16, 16, 16, 16],
      ["field.avif", 40, 40, 40, 40],
      ["old.gif", 40, 40, 40, 40],
    ]);
    const { width, height, orientation } = await sharp(join(folder, "painted", "turned-wave.jpg")).metadata();
    expect([width, height, orientation ?? 1]).toEqual([48, 64, 1]);
  });

  test("keep their alpha", async () => {
    const alpha = async (file: string) => sharp(join(folder, file)).extractChannel("alpha").raw().toBuffer();
    expect(await alpha("painted/glass-wave.png")).toEqual(await alpha("glass.png"));
    expect((await sharp(join(folder, "painted", "old-wave.png")).metadata()).hasAlpha).toBe(false);
  });

  test("are told on stdout as one JSON object each", () => {
    expect(lines).toHaveLength(6);
    for (const [index, line] of lines.entries()) {
      expect(line).toEqual({
        content: {
          path: expect.any(String),
          width: expect.any(Number),
          height: expect.any(Number),
          format: expect.any(String),
          pages: 1,
        },
        styles: [{ path: "wave.jpg", width: 40, height: 56, format: "jpeg", pages: 1, weight: 1, size: 56 }],
        output: { path: expect.stringMatching(/^painted[/\\]/), width: expect.any(Number), height: expect.any(Number) },
        controls: { strength: 1, color: "style", grain: 0, stroke: 1, rotate: 0 },
        notes: [],
        tiles: 1,
        model: "small",
        device: "cpu",
        milliseconds: expect.any(Object),
        peakRssBytes: expect.any(Number),
      });
      const { total, ...parts } = line.milliseconds;
      expect(Object.keys(parts)).toEqual(["read", "style", "encode", "attend", "decode", "write"]);
      for (const time of Object.values(line.milliseconds)) expect(time).toBeGreaterThanOrEqual(0);
      const sum = Object.values(parts).reduce((a, b) => a + b, 0);
      // Rounded to tenths, and the total also holds what lies between the parts.
      expect(total).toBeGreaterThan(sum - 1);
      expect(parts.style === 0).toBe(index > 0);
      expect(line.peakRssBytes).toBeGreaterThan(30e6);
      expect(line.peakRssBytes).toBeLessThan(1e9);
    }
  });

  test("are told on stderr as plain lines", () => {
    expect(outcome.stderr.trim().split("\n")).toEqual([
      "[1/6] turned.jpg",
      "model small",
      "style wave.jpg",
      "[1/6] turned.jpg",
      "[2/6] glass.png",
      "[3/6] deep.tiff",
      "[4/6] tiny.webp",
      "[5/6] field.avif",
      "[6/6] old.gif",
    ]);
  });
});

test("one content becomes one file of the size asked for, told in one line", async () => {
  const args = [
    "stylize",
    "lake.jpg",
    "-s",
    "wave.jpg",
    "-o",
    "lake.webp",
    "--size",
    "100",
    "--style-size",
    "32",
    "--seed",
    "7",
  ];
  const { code, stdout, stderr } = await adaattn(args, { cwd: folder });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "lake.jpg\nmodel small\nstyle wave.jpg\nlake.jpg\n" });
  expect(stdout).toMatch(
    /^lake\.webp {2}100 x 75 {2}\d+\.\d\d s \(read \d+\.\d\d, style \d+\.\d\d, encode \d+\.\d\d, attend \d+\.\d\d, decode \d+\.\d\d, write \d+\.\d\d\)\n$/,
  );
  expect(await sharp(join(folder, "lake.webp")).metadata()).toMatchObject({ width: 100, height: 75, format: "webp" });
}, 30_000);

test("--quiet says nothing and does the same, every time", async () => {
  const made = async (name: string, ...more: string[]) => {
    const args = [
      "stylize",
      "lake.jpg",
      "--style",
      "wave.jpg",
      "-o",
      name,
      "--quiet",
      "--model",
      "small",
      "--threads",
      "1",
      ...more,
    ];
    expect(await adaattn(args, { cwd: folder })).toMatchObject({ code: 0, stdout: "", stderr: "" });
    return sharp(join(folder, name)).raw().toBuffer();
  };
  const [first, second] = await Promise.all([made("first.png"), made("second.png")]);
  expect(first.equals(second)).toBe(true);
}, 30_000);

describe.skipIf(process.platform === "win32")("on a terminal", () => {
  const inTerminal = (env: Record<string, string>) => {
    const command = [...ADAATTN, "stylize", "lake.jpg", "--style", "wave.jpg", "-o", "terminal.png", "--json"];
    const quoted = command.map((word) => `'${word}'`).join(" ");
    const script =
      process.platform === "darwin"
        ? ["script", "-q", "/dev/null", ...command]
        : ["script", "-qec", quoted, "/dev/null"];
    return run(script, { cwd: folder, env: { TERM: "xterm-256color", ...env } });
  };

  test("one line is rewritten, and gone at the end", async () => {
    const { stdout } = await inTerminal({});
    expect(stdout).toContain("\r\x1b[36m━");
    for (const stage of ["read", "encode", "attend", "decode", "write"])
      expect(stdout).toContain(` lake.jpg ${stage}\x1b[K`);
    const lines = stdout.split("\n").filter((line) => line !== "");
    expect(lines).toHaveLength(1);
    expect(lines[0]?.slice(lines[0].lastIndexOf("\x1b"))).toMatch(/^.\[K\{"content":.*\}\r$/);
  }, 30_000);

  test("NO_COLOR leaves the colors out", async () => {
    const { stdout } = await inTerminal({ NO_COLOR: "1" });
    expect(stdout).toContain("\r━");
    expect(stdout.replaceAll("\x1b", "ESC")).not.toMatch(/ESC\[\d+m/);
  }, 30_000);
});

describe("stopped", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "by %s, it ends at once and leaves nothing",
    async (signal, expected) => {
      const stopped = join(folder, signal);
      await mkdir(stopped);
      await waves(900, 600).png().toFile(join(folder, "large.png"));
      let asked = Number.POSITIVE_INFINITY;
      const args = ["stylize", "large.png", "lake.jpg", "--style", "wave.jpg", "-o", stopped, "--size", "1800"];
      const outcome = await adaattn(args, {
        cwd: folder,
        // The second naming of the content: the model is at work on it.
        interrupt: { signal, at: "style wave.jpg\n[1/2] large.png\n", sent: () => (asked = performance.now()) },
      });
      expect(performance.now() - asked).toBeLessThan(1500);
      expect(outcome.signal === signal || outcome.code === expected, JSON.stringify(outcome)).toBe(true);
      expect(outcome.stderr).toMatch(/\nStopped\.\n$/);
      expect(outcome.stdout).toBe("");
      expect(await readdir(stopped)).toEqual([]);
    },
    30_000,
  );
});
