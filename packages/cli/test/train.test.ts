import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ADAATTN, adaattn, run, temporaryFolder, waves } from "./command.ts";

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  for (const kind of ["photos", "paintings", "empty", "one"]) await mkdir(join(folder, kind));
  for (const [index, name] of ["photos/a", "photos/b", "paintings/a", "paintings/b", "one/a"].entries()) {
    await waves(64 + index, 48)
      .png()
      .toFile(join(folder, `${name}.png`));
  }
  await writeFile(join(folder, "photos/broken.jpg"), "not a JPEG");
});

const DATA = ["--content", "photos", "--style", "paintings"];
/** The smallest training that there is. */
const TINY = ["--batch", "2", "--crop", "32", "--log-every", "1", "--threads", "2"];

test.each<[string, string[], number, string]>([
  ["no folders", ["train"], 2, "Expected --content, --style, --out but received none; --help has examples."],
  ["no teacher", ["distill", ...DATA, "--out", "run"], 2, "Expected --teacher but received none; --help has examples."],
  [
    "a rate of 0",
    ["train", ...DATA, "--out", "run", "--lr", "0"],
    2,
    "Expected a number above 0 for --lr but received 0.",
  ],
  [
    "an odd crop",
    ["train", ...DATA, "--out", "run", "--crop", "40"],
    2,
    "Expected a multiple of 16 of at least 32 pixels for the crop but received 40.",
  ],
  [
    "a port alone",
    ["train", ...DATA, "--out", "run", "--port", "80"],
    2,
    "Expected --dashboard with --port but received none.",
  ],
  [
    "a start beside --resume",
    ["train", "--resume", "run", "--start", "small"],
    2,
    "Expected no --start beside --resume, since the run has it already; start a new run with --start RUN.",
  ],
  [
    "an unknown recipe",
    ["train", ...DATA, "--out", "run", "--recipe", "article"],
    2,
    "Expected one of paper for --recipe but received article.",
  ],
  [
    "a recipe without its encoder",
    ["train", ...DATA, "--out", "run", "--recipe", "paper"],
    2,
    "Expected --encoder beside --recipe paper, a VGG-19 made by adaattn import --encoder, but received none.",
  ],
  [
    "a recipe beside --resume",
    ["train", "--resume", "run", "--recipe", "paper"],
    2,
    "Expected no --recipe beside --resume, since the run has it already; start a new run with --start RUN.",
  ],
  [
    "no run",
    ["train", "--resume", "nowhere"],
    1,
    "Cannot read nowhere: there is no config.json in it, as the folder of every run has. Check its name.",
  ],
  [
    "an empty folder",
    ["train", "--content", "empty", "--style", "paintings", "--out", "run", "-q"],
    1,
    "Expected at least two pictures in FOLDER/empty but found 0.",
  ],
  [
    "a folder of one picture",
    ["train", "--content", "photos", "--style", "one", "--out", "run", "-q"],
    1,
    "Expected at least two pictures in FOLDER/one but found 1.",
  ],
])(
  "%s: exit code and sentence",
  async (_, args, code, sentence) => {
    const outcome = await adaattn(args, { cwd: folder });
    expect(outcome).toEqual({
      code,
      signal: null,
      stdout: "",
      stderr: `error: ${sentence.replace("FOLDER", folder)}\n`,
    });
    expect(await readdir(folder)).not.toContain("run");
  },
  30_000,
);

/**
 * What a run is set to, which it writes down before it looks for an encoder, and here finds none.
 */
async function settingsOf(out: string, ...options: string[]): Promise<Record<string, unknown>> {
  const args = ["train", ...DATA, "--recipe", "paper", "--encoder", "nowhere.safetensors", "--out", out, ...options];
  const { code } = await adaattn([...args, "-q"], { cwd: folder });
  expect(code).toBe(1);
  const { environment: _, ...settings } = JSON.parse(await readFile(join(folder, out, "config.json"), "utf8"));
  return settings;
}

test("the recipe of the paper sets what the paper says, and an option beside it wins", {
  timeout: 60_000,
}, async () => {
  const paper = {
    content: join(folder, "photos"),
    style: join(folder, "paintings"),
    stage: "style",
    device: "cpu",
    encoder: "nowhere.safetensors",
    lossNetwork: "nowhere.safetensors",
    clip: 1,
    seed: 1,
    logEvery: 20,
    checkpointEvery: 250,
    sampleEvery: 500,
    preset: "vgg19-image",
    start: "none",
    decoderSteps: 0,
    steps: 50_000,
    batch: 8,
    crop: 256,
    soft: 0,
    optimizer: "adam",
    rate: 1e-4,
    warmup: 0,
    trainEncoder: false,
    encoderRate: 0.3,
    losses: {
      global: 10,
      local: 3,
      content: 0,
      transport: 0,
      selfSimilarity: 0,
      structure: 0,
      weave: 0,
      strokes: 0,
      identity: 0,
      variation: 0,
      similarity: 0,
      temporal: 0,
      sleep: 0,
      supervision: 0,
    },
    grain: 0,
    calm: false,
    globalLevels: [2, 3, 4, 5],
    localLevels: [3, 4, 5],
    localKeys: 4096,
  };
  expect(await settingsOf("paper")).toEqual(paper);
  const options = [
    "--lr",
    "2e-4",
    "--local-levels",
    "2,3,4,5",
    "--identity",
    "5",
    "--sleep",
    "3",
    "--supervision",
    "1",
  ];
  expect(await settingsOf("code", ...options, "--loss-network", "small")).toEqual({
    ...paper,
    rate: 2e-4,
    localLevels: [2, 3, 4, 5],
    losses: { ...paper.losses, identity: 5, sleep: 3, supervision: 1 },
    lossNetwork: "small",
  });
});

test("a run tells what it does, ends after Ctrl-C with a checkpoint, goes on, and its model paints", async () => {
  const begun = await adaattn(["train", ...DATA, ...TINY, "--out", "mine", "--steps", "5000", "--json"], {
    cwd: folder,
    interrupt: { signal: "SIGINT", at: "training style", sent: () => undefined },
  });
  expect(begun).toMatchObject({ code: null, signal: "SIGINT" });
  expect(begun.stderr).toContain(`Left out ${join(folder, "photos/broken.jpg")}: `);
  expect(begun.stderr).toContain("Stopping after this step, with a checkpoint. Ctrl-C again stops at once.\n");
  const events = begun.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(events[0]).toMatchObject({
    event: "start",
    stage: "style",
    step: 0,
    steps: 5000,
    pictures: { content: 3, style: 2 },
  });
  expect(events[1]).toMatchObject({
    event: "log",
    stage: "style",
    step: 1,
    loss: expect.any(Number),
    rate: expect.any(Number),
  });
  expect(events.at(-1)).toEqual({ event: "stopped", folder: "mine" });
  const saved = (await readdir(join(folder, "mine/checkpoints"))).map((name) => Number.parseInt(name, 10));
  expect(saved).toEqual([events.length - 2]);

  const again = await adaattn(["train", ...DATA, "--out", "mine"], { cwd: folder });
  expect(again.code).toBe(2);
  expect(again.stderr).toBe(
    "error: Expected a new folder for --out, since mine holds a run; go on with it by --resume mine.\n",
  );

  const steps = String(Number(saved[0]) + 1);
  const resumed = await adaattn(["train", "--resume", "mine", "--steps", steps], { cwd: folder });
  expect(resumed.code).toBe(0);
  expect(resumed.stderr).toContain(`not bit for bit as it would have without a stop: steps ${steps} instead of 5000.`);
  const [start, log, end] = resumed.stdout.trimEnd().split("\n");
  expect(start).toBe(`style  3 photographs, 2 paintings  step ${saved[0]}/${steps}  mine`);
  expect(log).toMatch(
    /^step (\d+)\/\1 {2}loss \S+ {2}global .* {2}lr \S+ {2}\S+ samples\/s {2}\S+ % outside the engine$/,
  );
  expect(end).toBe(`done  ${join("mine", "model")}`);

  const painted = await adaattn(
    [
      "stylize",
      "photos/a.png",
      "--style",
      "paintings/a.png",
      "-o",
      "out.png",
      "--model",
      "mine/model",
      "--json",
      "--device",
      "cpu",
    ],
    { cwd: folder },
  );
  expect(JSON.parse(painted.stdout)).toMatchObject({ output: { width: 64, height: 48 }, model: "model" });
}, 120_000);

// A disk of 40 MiB holds what a run keeps and one checkpoint of 17 MiB, mounted where only the
// command sees it.
const canMount =
  process.platform === "linux" && (await run(["unshare", "-rm", "true"]).catch(() => undefined))?.code === 0;
if (!canMount) console.warn("Skipped: a full disk, since this machine lets nobody mount one (unshare -rm).");
test.skipIf(!canMount)(
  "a disk that is full while a checkpoint is written: one sentence, and the checkpoint before is kept",
  async () => {
    await mkdir(join(folder, "disk"));
    const script = `mount -t tmpfs -o size=40m none disk || exit 99
    "$@"; code=$?; ls -A disk/run/checkpoints; exit $code`;
    const args = ["train", ...DATA, ...TINY, "--out", "disk/run", "--steps", "4", "--checkpoint-every", "1", "--quiet"];
    const outcome = await run(["unshare", "-rm", "sh", "-c", script, "sh", ...ADAATTN, ...args], { cwd: folder });
    expect(outcome).toEqual({
      code: 1,
      signal: null,
      stdout: "0000001.safetensors\n",
      stderr: `error: Cannot write ${join("disk/run/checkpoints/0000002.safetensors")}: no space is left on the disk. Free some, or choose a folder on another disk.\n`,
    });
  },
  60_000,
);

test("help teaches by example", async () => {
  for (const command of ["train", "distill"]) {
    const { code, stdout } = await adaattn([command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`$ adaattn ${command} --content photos --style paintings`);
  }
}, 30_000);
