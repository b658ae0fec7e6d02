/**
 * The released networks at full size, from files as PyTorch writes them to a model that loads.
 * Values are those of the parity fixtures, whose results are PyTorch's own; that they arrive bit
 * for bit is what makes the import equal to PyTorch.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ImportTargetName, importTarget } from "adaattn/import";
import { parametersOf } from "adaattn/network";
import { importModel, readModel } from "adaattn/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { torchLegacy, torchZip, type Written } from "../../adaattn/test/tensorFiles.ts";
import { readEncoder } from "../src/weights/encoders.ts";
import { generateWeights } from "../src/weights/generated.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "adaattn-import-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/**
 * Writes the files of a target, the first part in the older format, and returns their paths, last
 * part first.
 */
async function release(name: ImportTargetName, values: ReadonlyMap<string, Float32Array>): Promise<string[]> {
  const paths: string[] = [];
  for (const [at, { layouts }] of importTarget(name).parts.entries()) {
    const tensors = new Map<string, Written>();
    for (const [parameter, { name: stored, shape }] of layouts[0]?.tensors ?? []) {
      tensors.set(stored, { shape, data: values.get(parameter) ?? new Float32Array() });
    }
    const path = join(folder, `${name}-${at}.pth`);
    await writeFile(path, at === 0 ? torchLegacy(tensors) : torchZip(tensors));
    paths.unshift(path);
  }
  return paths;
}

/** Whether two tensors are the same to the last bit. */
function identical(a: Float32Array = new Float32Array(), b: Float32Array = new Float32Array()): boolean {
  return Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));
}

test.each(["image", "video"] as const)("the released network for %s arrives bit for bit", async (name) => {
  const values = generateWeights(importTarget(name).shapes);
  const output = join(folder, name);
  const imported = await importModel(await release(name, values), output, { target: name });
  expect(imported).toMatchObject({ encoder: "normalised", unused: [] });
  expect((await readdir(output)).sort()).toEqual(["model.json", "model.safetensors"]);

  const { architecture, weights } = await readModel(output);
  expect(architecture.name).toBe(`vgg19-${name}`);
  const different = [...parametersOf(architecture).keys()].filter((at) => !identical(weights.get(at), values.get(at)));
  expect(different).toEqual([]);
  expect(JSON.parse(await readFile(join(output, "model.json"), "utf8"))).toMatchObject({
    architecture: `vgg19-${name}`,
    weights: "model.safetensors, F32",
    imported: { encoder: "normalised", parts: { "the decoder": { file: expect.stringMatching(/^\w+-\d\.pth$/) } } },
  });
  if (name === "image") {
    // Of the same encoder's file, the encoder alone, as a loss network is read.
    const encoder = join(folder, "encoder.safetensors");
    await importModel([join(folder, "image-0.pth")], encoder, { target: "encoder" });
    const read = await readEncoder(encoder);
    expect([...read.values].filter(([at, data]) => !identical(data, values.get(`vgg.${at}`)))).toEqual([]);
    expect(read.values.size).toBe(28);
  }
  // Nothing else was left beside it.
  expect((await readdir(folder)).filter((entry) => entry.endsWith(".tmp"))).toEqual([]);
});
