import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { ADAATTN, adaattn, type Outcome, run, temporaryFolder, waves } from "./command.ts";

const folder = await temporaryFolder();
/** What root may not read either: a file that sysfs offers for writing only. */
const WRITE_ONLY = "/sys/bus/cpu/drivers_probe";
const isRoot = process.getuid?.() === 0;
const canForbid =
  process.platform !== "win32" && (!isRoot || (await stat(WRITE_ONLY).catch(() => undefined)) !== undefined);

beforeAll(async () => {
  await mkdir(join(folder, "painted"));
  await mkdir(join(folder, "album.jpg"));
  const jpeg = await waves(64, 48).jpeg().toBuffer();
  await writeFile(join(folder, "lake.jpg"), jpeg);
  await waves(40, 40).png().toFile(join(folder, "wave.png"));
  await writeFile(join(folder, "empty.jpg"), "");
  await writeFile(join(folder, "half.jpg"), jpeg.subarray(0, jpeg.length >> 1));
  await writeFile(join(folder, "diary.jpg"), "Dear diary, today I painted nothing.");
  await waves(12, 64).png().toFile(join(folder, "sliver.png"));
  const huge = await waves(64, 48).png().toBuffer();
  huge.writeUInt32BE(17000, 16);
  huge.writeUInt32BE(17000, 20);
  huge.writeUInt32BE(crc32(huge.subarray(12, 29)), 29);
  await writeFile(join(folder, "huge.png"), huge);
  if (isRoot && canForbid) await symlink(WRITE_ONLY, join(folder, "secret.jpg"));
  else await writeFile(join(folder, "secret.jpg"), jpeg).then(() => chmod(join(folder, "secret.jpg"), 0));
}, 60_000);

function expectSentence({ stderr, stdout }: Outcome, sentence: string | RegExp): void {
  if (typeof sentence === "string") expect(stderr).toBe(`error: ${sentence}\n`);
  else expect(stderr).toMatch(sentence);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(stdout).toBe("");
}

test("with several contents the good ones are made, and each bad one gets its sentence", async () => {
  const bad: Record<string, string> = {
    "none.jpg": "it does not exist. Check its name and folder.",
    "empty.jpg": "it is empty (0 bytes). Choose another file.",
    "half.jpg": "it is a damaged or truncated JPEG picture. Get a fresh copy of it.",
    "diary.jpg": "it is not a JPEG, PNG, WebP, AVIF, TIFF or GIF picture. Convert it to one of these first.",
    "sliver.png": "its 12 x 64 pixels are too few; each side must have at least 16. Choose another file.",
    "huge.png": "its 17000 x 17000 pixels are over the limit of 268 megapixels. Make it smaller first.",
    ...(canForbid
      ? { "secret.jpg": "its permissions forbid it. Allow reading (chmod +r) or choose another file." }
      : {}),
  };
  const sentences = Object.entries(bad).map(([name, reason]) => `Cannot read ${name}: ${reason}`);
  const args = [
    "stylize",
    ...Object.keys(bad),
    "lake.jpg",
    "--style",
    "wave.png",
    "-o",
    "painted",
    "--quiet",
    "--json",
  ];
  const { code, stdout, stderr } = await adaattn(args, { cwd: folder });
  expect(code).toBe(1);
  expect(stderr.trim().split("\n")).toEqual(sentences.map((sentence) => `error: ${sentence}`));
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.slice(0, -1).map((line) => line.error)).toEqual(sentences);
  expect(lines[0]).toEqual({
    content: { path: "none.jpg" },
    styles: [{ path: "wave.png" }],
    output: { path: join("painted", "none-wave.jpg") },
    error: sentences[0],
  });
  expect(lines.at(-1)).toMatchObject({ output: { path: join("painted", "lake-wave.jpg"), width: 64, height: 48 } });
  expect(await readdir(join(folder, "painted"))).toEqual(["lake-wave.jpg"]);
}, 60_000);

describe.concurrent("used wrongly, it says how it is meant and ends with 2:", () => {
  const good = ["stylize", "lake.jpg", "--style", "wave.png", "-o", "out.png", "--quiet"];
  const folderFor = (...contents: string[]) => ["stylize", ...contents, "--style", "wave.png", "-o"];
  test.each<[string, string[], string | RegExp]>([
    ["--size 7", [...good, "--size", "7"], "Expected a whole number from 16 to 65535 for --size but received 7."],
    [
      "--size 12.5",
      [...good, "--size", "12.5"],
      "Expected a whole number from 16 to 65535 for --size but received 12.5.",
    ],
    [
      "--style-size x",
      [...good, "--style-size", "x"],
      "Expected a whole number from 16 to 65535 for --style-size but received x.",
    ],
    [
      "--threads 0",
      [...good, "--threads", "0"],
      "Expected a whole number from 1 to 1024 for --threads but received 0.",
    ],
    ["--seed -1", [...good, "--seed=-1"], "Expected a whole number from 0 to 4294967295 for --seed but received -1."],
    ["--device gpu", [...good, "--device", "gpu"], "Expected one of auto, cpu, webgpu for --device but received gpu."],
    [
      "an unknown ending",
      ["stylize", "lake.jpg", "--style", "wave.png", "-o", "out.bmp"],
      "Expected a name ending in .png, .jpg, .jpeg, .webp, .avif, .tif, .tiff, or a folder (with / at its end), for --output but received out.bmp.",
    ],
    [
      "several contents for the name of a file",
      [...folderFor("lake.jpg", "half.jpg"), "out.jpg"],
      "Expected a folder for --output, to hold 2 pictures, but received out.jpg. Name a folder, such as out/.",
    ],
    [
      "a folder without pictures",
      [...folderFor("album.jpg"), "painted"],
      "Expected pictures in the folder album.jpg but found none.",
    ],
    [
      "--format beside another ending",
      [...good, "--format", "webp"],
      "Expected a name ending in .webp, as --format is, for --output but received out.png.",
    ],
    ["--quality 0", [...good, "--quality", "0"], "Expected a whole number from 1 to 100 for --quality but received 0."],
    [
      "--overwrite maybe",
      [...good, "--overwrite", "maybe"],
      "Expected one of yes, no, number for --overwrite but received maybe.",
    ],
    [
      "several contents for one file",
      [...folderFor("lake.jpg", "half.jpg"), "wave.png"],
      "Expected a folder for --output, to hold several pictures, but received the file wave.png.",
    ],
    [
      "two results of one name",
      [...folderFor("lake.jpg", "../x/LAKE.jpg"), "painted"],
      "Expected contents of different names but lake.jpg and ../x/LAKE.jpg would both become LAKE-wave.jpg; run them apart, or with --overwrite number.",
    ],
    [
      "a result in place of the content",
      ["stylize", "lake.jpg", "--style", "wave.png", "-o", "./lake.jpg"],
      "Expected another name for --output, since ./lake.jpg would replace the picture lake.jpg itself.",
    ],
  ])(
    "%s",
    async (_, args, sentence) => {
      const outcome = await adaattn(args, { cwd: folder });
      expect(outcome.code).toBe(2);
      expectSentence(outcome, sentence);
    },
    30_000,
  );

  test.each<[string, string[], RegExp]>([
    ["no command", [], /^Usage: adaattn /],
    ["an unknown command", ["paint"], /^error: unknown command 'paint'\n.*--help/],
    [
      "an unknown option",
      [...good, "--colour"],
      /^error: unknown option '--colour'\n\(Did you mean --color\?\)\n.*--help/,
    ],
    [
      "a file whose name begins with a dash",
      ["stylize", "-lake.jpg", "--style", "wave.png", "-o", "out.png"],
      /^error: -lake\.jpg is taken for an option, since it begins with a dash\. Write it as \.\/-lake\.jpg instead\.\n.*--help/,
    ],
    [
      "such a file whose next letter is an option",
      ["stylize", "-quiet.jpg", "--style", "wave.png", "-o", "out.png"],
      /^error: -quiet\.jpg is taken for an option, since it begins with a dash\./,
    ],
    [
      "no content",
      ["stylize", "--style", "wave.png", "-o", "out.png"],
      /^error: missing required argument 'CONTENT'\n.*--help/,
    ],
    [
      "no output",
      ["stylize", "lake.jpg", "--style", "wave.png"],
      /^error: required option '-o, --output <FILE\|FOLDER>' not/,
    ],
  ])(
    "%s",
    async (_, args, message) => {
      const { code, stdout, stderr } = await adaattn(args, { cwd: folder });
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/\n {4}at /);
    },
    30_000,
  );
});

describe.concurrent("what cannot be done ends with 1:", () => {
  const stylize = (style: string, output: string, ...more: string[]) => [
    "stylize",
    "lake.jpg",
    "--style",
    style,
    "-o",
    output,
    "--quiet",
    ...more,
  ];
  test.each<[string, string[], string | RegExp]>([
    [
      "a style that is missing",
      stylize("none.png", "out.png"),
      "Cannot read none.png: it does not exist. Check its name and folder.",
    ],
    [
      "a style that is truncated",
      stylize("half.jpg", "out.png"),
      "Cannot read half.jpg: it is a damaged or truncated JPEG picture. Get a fresh copy of it.",
    ],
    [
      "a folder that is new, for a picture that cannot be read",
      ["stylize", "half.jpg", "--style", "wave.png", "-o", "none/deep/", "--quiet"],
      "Cannot read half.jpg: it is a damaged or truncated JPEG picture. Get a fresh copy of it.",
    ],
    [
      "a folder for results below a file",
      stylize("wave.png", "wave.png/deep/"),
      "Cannot write wave.png/deep/lake-wave.jpg: part of its path is a file, not a folder. Choose another folder than wave.png/deep.",
    ],
    [
      "a folder below a file",
      stylize("wave.png", "wave.png/out.png"),
      "Cannot write wave.png/out.png: part of its path is a file, not a folder. Choose another folder than wave.png.",
    ],
    ["an unknown model", stylize("wave.png", "out.png", "--model", "huge"), /^error: .*\bhuge\b.*\.\n$/],
    ...(process.platform === "linux"
      ? ([
          [
            "a folder that takes no files",
            stylize("wave.png", "/proc/out.png"),
            "Cannot write /proc/out.png: files in the folder /proc may not be written. Choose another folder.",
          ],
        ] as [string, string[], string][])
      : []),
  ])(
    "%s",
    async (_, args, sentence) => {
      const outcome = await adaattn(args, { cwd: folder });
      expect(outcome.code).toBe(1);
      expectSentence(outcome, sentence);
    },
    30_000,
  );
});

// A disk of 8 KiB, mounted where only the command sees it.
const canMount =
  process.platform === "linux" && (await run(["unshare", "-rm", "true"]).catch(() => undefined))?.code === 0;
if (!canMount) console.warn("Skipped: a full disk, since this machine lets nobody mount one (unshare -rm).");
test.skipIf(!canMount)(
  "a full disk: one sentence, nothing left on it, and an older file kept",
  async () => {
    await mkdir(join(folder, "disk"));
    const script = `mount -t tmpfs -o size=8k none disk && printf old > disk/out.png || exit 99
    "$@"; code=$?; ls -A disk; cat disk/out.png; exit $code`;
    const args = ["stylize", "lake.jpg", "--style", "wave.png", "-o", "disk/out.png", "--size", "200", "--quiet"];
    const { code, stdout, stderr } = await run(["unshare", "-rm", "sh", "-c", script, "sh", ...ADAATTN, ...args], {
      cwd: folder,
    });
    expect(stderr).toBe(
      "error: Cannot write disk/out.png: no space is left on the disk. Free some, or choose a folder on another disk.\n",
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: "out.png\nold" });
  },
  30_000,
);

test("nothing above has left a file behind or touched one", async () => {
  const expected = [
    "album.jpg",
    "diary.jpg",
    "empty.jpg",
    "half.jpg",
    "huge.png",
    "lake.jpg",
    "painted",
    "secret.jpg",
    "sliver.png",
    "wave.png",
  ];
  expect((await readdir(folder)).filter((name) => name !== "disk").sort()).toEqual(expected);
  expect((await readFile(join(folder, "lake.jpg"))).equals(await waves(64, 48).jpeg().toBuffer())).toBe(true);
});
