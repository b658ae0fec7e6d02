/**
 * A run of the trainer in PyTorch, on little pictures and a narrow loss network: begun, ended by a
 * signal, gone on with; and refusals.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { architectureNamed, parametersOf, readSafetensors, type TensorData, writeSafetensors } from "adaattn/network";
import { writePicture } from "adaattn/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { here, left, PYTHON, run } from "./python.ts";

const WEIGHTS = fileURLToPath(new URL("../../../models/small-video/model.safetensors", import.meta.url));

/** An encoder built as the normalized VGG-19 is, of a few channels, its weights waves. */
function narrowVgg(): Map<string, TensorData> {
  const widths: [number, number][] = [
    [2, 8],
    [5, 8],
    [9, 12],
    [12, 12],
    [16, 16],
    [19, 16],
    [22, 16],
    [25, 16],
    [29, 16],
    [32, 16],
    [35, 16],
    [38, 16],
    [42, 16],
  ];
  const waves = (count: number, size: number) =>
    Float32Array.from({ length: count }, (_, at) => size * Math.sin(7 * at * at + at));
  const tensors = new Map<string, TensorData>([
    ["0.weight", { shape: [3, 3, 1, 1], data: Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1) }],
    ["0.bias", { shape: [3], data: new Float32Array(3) }],
  ]);
  let inputs = 3;
  for (const [index, outputs] of widths) {
    const shape = [outputs, inputs, 3, 3];
    tensors.set(`${index}.weight`, { shape, data: waves(outputs * inputs * 9, 2 / Math.sqrt(inputs * 9)) });
    tensors.set(`${index}.bias`, { shape: [outputs], data: new Float32Array(outputs).fill(0.1) });
    inputs = outputs;
  }
  return tensors;
}

describe.skipIf(left)("training in PyTorch", () => {
  let folder: string;
  let options: string[];
  const at = (...names: string[]) => join(folder, ...names);
  const sources = () => {
    const folders = ["--content", at("content"), "--style", at("style")];
    return ["--start", WEIGHTS, "--loss-network", at("vgg.safetensors"), ...folders];
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "adaattn-torch-"));
    for (const kind of ["content", "style"]) {
      await mkdir(at(kind));
      for (const phase of [1, 2, 3]) {
        const [width, height] = [90, 70];
        const data = Uint8ClampedArray.from({ length: 4 * width * height }, (_, i) =>
          i % 4 === 3 ? 255 : 128 + 100 * Math.sin((i % 360) / 30 / phase + Math.floor(i / 360) / 9),
        );
        await writePicture(at(kind, `${phase}.jpg`), { width, height, data });
      }
    }
    await writeFile(at("vgg.safetensors"), writeSafetensors(narrowVgg()));
    await writeFile(at("content", "broken.jpg"), "no picture");
    options = [
      "--preset",
      "small-video",
      ...sources(),
      "--out",
      at("run"),
      "--crop",
      "64",
      "--batch",
      "2",
      "--threads",
      "1",
      "--log-every",
      "1",
      "--structure-weight",
      "4",
    ];
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const linesOf = async () => {
    const text = await readFile(at("run", "log.jsonl"), "utf8");
    return text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, number>);
  };

  test("a run begins, and goes on to where SIGTERM ends and saves it", async () => {
    const first = await run([here("train.sh"), ...options, "--steps", "2"]);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toContain("saved 2");
    const lines = await linesOf();
    expect(lines.map(({ step }) => step)).toEqual([1, 2]);
    expect(lines[0]).toMatchObject({
      global64: expect.any(Number),
      structure: expect.any(Number),
      sleep: expect.any(Number),
    });
    for (const line of lines) for (const value of Object.values(line)) expect(Number.isFinite(value)).toBe(true);

    const next = await run([here("train.sh"), ...options, "--resume"], { end: '"step": 3' });
    expect(next).toMatchObject({ code: 0, stderr: "" });
    expect(next.stdout).toContain("resumed at 2");
    const [, saved] = /saved (\d+)/.exec(next.stdout) ?? [];
    expect(Number(saved)).toBeGreaterThanOrEqual(3);
    expect((await linesOf()).slice(0, 3).map(({ step }) => step)).toEqual([1, 2, 3]);

    const { tensors, metadata } = readSafetensors(await readFile(at("run", "final.safetensors")));
    expect(metadata).toMatchObject({ architecture: "small-video" });
    const given = readSafetensors(await readFile(WEIGHTS)).tensors;
    const shapes = parametersOf(architectureNamed("small-video"));
    expect([...tensors.keys()].sort()).toEqual([...shapes.keys()].sort());
    const changed = [...tensors].filter(([name, { data }]) => {
      const before = given.get(name)?.data ?? [];
      return data.some((value, index) => value !== before[index]);
    });
    expect(changed.length).toBeGreaterThan(shapes.size / 2);
    for (const { data } of tensors.values()) expect(data.every((value) => Number.isFinite(Number(value)))).toBe(true);
    expect((await readdir(at("run"))).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("a folder is packed for a machine of its own", async () => {
    await rm(at("content", "broken.jpg"));
    const packed = await run([PYTHON, here("pack.py"), at("packed"), ...sources(), "--most", "2"]);
    expect(packed).toMatchObject({ code: 0, stderr: "", stdout: `2 photographs and 2 paintings in ${at("packed")}\n` });
    const names = await readdir(at("packed"));
    expect(names).toEqual(
      expect.arrayContaining(["start.safetensors", "loss-network.safetensors", "train.py", "networks.py"]),
    );
    expect(await readdir(at("packed", "style"))).toHaveLength(2);
  });

  test("what cannot be followed is answered by one sentence", async () => {
    const refusals = [
      ["--crop 64,128 --batch 2", "Expected as many sizes for --crop as numbers for --batch but received 2 and 1."],
      ["--crop 100 --batch 2", "Expected multiples of 16 from 64 for --crop but received 100."],
      ["--batch 0,4", "Expected numbers from 1 for --batch but received 0,4."],
      ["--global-levels 1,2", "Expected five numbers for --global-levels but received 2."],
      [
        "--local-levels 3",
        "Expected level 4 among --local-levels, whose target the supervision needs, or --supervision-weight 0.",
      ],
      [
        "--crop 64 --batch 2 --temporal-weight 30",
        "Expected sizes from 128 for --crop beside --temporal-weight but received 64.",
      ],
      ["--structure-weight -1", "Expected a weight from 0 for --structure-weight but received -1."],
      ["--minutes 0", "Expected a time above 0 for --minutes but received 0."],
      ["--save-every 0", "Expected a number from 1 for --save-every but received 0."],
      ["--resume", "Expected a run to go on from at there-is-no-run/state.pt but found none."],
    ] as const;
    const { code, stdout } = await run([PYTHON, here("test/refusals.py"), WEIGHTS, ...refusals.map(([line]) => line)]);
    const [weights, ...lines] = stdout.trimEnd().split("\n");
    expect(weights).toMatch(
      /^Expected the tensor encoder\.1_2\.weight of shape \[16, 16, 3, 3\] of the preset small in .* but received none\.$/,
    );
    expect(lines).toEqual(refusals.map(([, sentence]) => sentence));
    expect(code).toBe(0);
  });

  test("without PyTorch one sentence says what to install", async () => {
    // -S leaves out the folders of installed packages.
    const { code, stderr } = await run([PYTHON, "-S", here("train.py")]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^Expected PyTorch, NumPy and Pillow but they are not all installed; on Debian: apt-get install python3-torch .*\n$/,
    );
  });
});
