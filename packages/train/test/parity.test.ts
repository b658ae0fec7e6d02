import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readFields } from "@adaattn/graph";
import { type Comparison, parity } from "@adaattn/train";
import { readSafetensors, writeSafetensors } from "adaattn/network";
import { NodeEngine } from "adaattn/node";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { targets } from "../../graph/test/engines.ts";

/**
 * Outputs of the released PyTorch code on generated weights, made for comparing implementations.
 */
const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}.safetensors`, import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "adaattn-parity-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A fixture with these of its tensors only, `change` applied to their values. */
async function part(
  name: string,
  kept: readonly string[],
  change: (name: string, data: Float32Array) => Float32Array = (_, data) => data,
): Promise<string> {
  const { tensors } = readSafetensors(await readFile(fixture(name)));
  const chosen = new Map(
    kept.map((tensor) => {
      const { shape = [], data } = tensors.get(tensor) ?? {};
      return [tensor, { shape, data: change(tensor, Float32Array.from(data as Float32Array)) }];
    }),
  );
  const path = join(folder, `${kept.join("-")}.safetensors`);
  await writeFile(path, writeSafetensors(chosen));
  return path;
}

const failures = (comparisons: readonly Comparison[]) => comparisons.filter(({ passed }) => !passed);
const names = (comparisons: readonly Comparison[]) => comparisons.map(({ name }) => name).sort();

describe("on the CPU", () => {
  let engine: NodeEngine;
  beforeAll(() => {
    engine = new NodeEngine();
  });
  afterAll(() => engine.dispose());

  test("the image network, its losses and every gradient are those of the released code", async () => {
    const comparisons = await parity(fixture("image-a"), engine);
    expect(failures(comparisons)).toEqual([]);
    const { tensors } = readSafetensors(await readFile(fixture("image-a")));
    const expected = [...tensors.keys()].filter((name) => name !== "content" && name !== "style");
    expect(names(comparisons)).toEqual([...expected, "loss_global", "loss_local"].sort());
    // f, g and h of three modules, merge convolution and nine of the decoder, each with a weight
    // and a bias.
    expect(expected.filter((name) => name.startsWith("grad_norm."))).toHaveLength(38);
    const tolerances = new Map(comparisons.map(({ name, tolerance }) => [name, tolerance]));
    expect([tolerances.get("output"), tolerances.get("loss_local")]).toEqual([1e-3, 1e-4]);
  });

  test("the video network is that of the released code, by the whole matrix and by sums", async () => {
    const comparisons = await parity(fixture("video-v"), engine);
    expect(failures(comparisons)).toEqual([]);
    expect(names(comparisons)).toEqual(
      ["attended0", "attended1", "output0", "output1"].flatMap((name) => [`${name} (linear)`, `${name} (quadratic)`]),
    );
  });

  test("the pictures are fed, so that the engine computes when it runs and not when it loads", async () => {
    const loaded = vi.spyOn(engine, "load");
    await parity(await part("video-v", ["frame0", "frame1", "style", "attended1"]), engine);
    const inputs = loaded.mock.calls.map(([model]) => {
      const [graph] = [...readFields(model)].filter(({ number }) => number === 7);
      return [...readFields(graph?.value as Uint8Array)].filter(({ number }) => number === 11).length;
    });
    loaded.mockRestore();
    // frame1 and style, in each form.
    expect(inputs).toEqual([2, 2]);
  });

  test("a value that is off is noticed, and only that", async () => {
    const path = await part("image-a", ["content", "style", "content.relu1_1", "content.relu2_1"], (name, data) => {
      if (name === "content.relu2_1") data[77] = (data[77] ?? 0) + 0.002 * Math.max(...data);
      return data;
    });
    const [failed, ...others] = failures(await parity(path, engine));
    expect(others).toEqual([]);
    expect(failed).toMatchObject({ name: "content.relu2_1", tolerance: 1e-3 });
    expect(failed?.relative).toBeCloseTo(0.002, 4);
  });

  test("a value that is not a number, and a tensor that is not known, fail", async () => {
    const path = await part("image-a", ["content", "style", "content.relu1_1", "transformer"], (name, data) =>
      name === "transformer" ? data.fill(Number.NaN, 5, 6) : data,
    );
    const { tensors } = readSafetensors(await readFile(path));
    const renamed = new Map(
      [...tensors].map(([name, { shape, data }]) => [
        name === "content.relu1_1" ? "relu9_1" : name,
        { shape, data: data as Float32Array },
      ]),
    );
    await writeFile(path, writeSafetensors(renamed));
    expect(names(failures(await parity(path, engine)))).toEqual(["relu9_1", "transformer"]);
  });

  test("a fixture without a picture is refused", async () => {
    const path = await part("image-a", ["content", "output"]);
    await expect(parity(path, engine)).rejects.toThrow(
      new Error("Expected the tensor style in the fixture but it is missing"),
    );
  });
});

/**
 * On a software driver the whole fixtures take minutes (`npm run parity --
 * packages/train/test/fixtures/*.safetensors --device webgpu`); this is what runs at the released
 * widths: the encoder, keys and all three forms of attention.
 */
describe.runIf(targets.includes("webgpu"))("on WebGPU", () => {
  let engine: NodeEngine;
  beforeAll(() => {
    engine = new NodeEngine({ device: "webgpu" });
  });
  afterAll(() => engine.dispose());

  test.each([
    ["image-a", ["content", "style", "content.relu3_1", "adaattn_3"], 2],
    ["video-v", ["frame0", "frame1", "style", "attended0"], 2],
  ])("the attention of %s is that of the released code", { timeout: 180_000 }, async (name, kept, count) => {
    const comparisons = await parity(await part(name, kept), engine);
    expect(failures(comparisons)).toEqual([]);
    expect(comparisons).toHaveLength(count);
    for (const { tolerance } of comparisons) expect(tolerance).toBe(5e-3);
  });
});
