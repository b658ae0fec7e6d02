import { existsSync } from "node:fs";
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSafetensors, type WritableTensor, writeSafetensors } from "adaattn/network";
import { beforeAll, describe, expect, test } from "vitest";
import { adaattn, temporaryFolder, waves } from "./command.ts";

const SMALL = fileURLToPath(new URL("../../../models/small", import.meta.url));
const folder = await temporaryFolder();

beforeAll(async () => {
  await waves(64, 48).jpeg().toFile(join(folder, "lake.jpg"));
});

/** Rewrites a model's weights as changed by `edit`. */
async function rewrite(
  model: string,
  edit: (tensors: Map<string, WritableTensor>, first: string) => void,
): Promise<void> {
  const path = join(model, "model.safetensors");
  const tensors = new Map<string, WritableTensor>();
  for (const [name, { shape, data }] of readSafetensors(await readFile(path)).tensors) {
    if (data instanceof Float32Array) tensors.set(name, { shape, data });
  }
  const first = [...tensors.keys()].find((name) => name.endsWith(".weight")) ?? "";
  edit(tensors, first);
  await writeFile(path, writeSafetensors(tensors));
}

describe.skipIf(!existsSync(SMALL)).concurrent("a model is refused in one sentence that names the file:", () => {
  test.each<[string, (model: string) => Promise<void>, RegExp]>([
    ["no model.json", (model) => rm(join(model, "model.json")), /model\.json/],
    ["model.json is no JSON", (model) => writeFile(join(model, "model.json"), "{"), /model\.json/],
    ["no weights", (model) => rm(join(model, "model.safetensors")), /model\.safetensors/],
    [
      "weights cut off",
      async (model) => {
        const path = join(model, "model.safetensors");
        const bytes = await readFile(path);
        await writeFile(path, bytes.subarray(0, bytes.length >> 1));
      },
      /model\.safetensors.*truncated/,
    ],
    [
      "a tensor of another shape",
      (model) =>
        rewrite(model, (tensors, first) => {
          const { shape, data } = tensors.get(first) ?? { shape: [], data: new Float32Array(1) };
          tensors.set(first, { shape: [...shape].reverse(), data });
        }),
      /model\.safetensors.*weight/,
    ],
    [
      "a tensor missing",
      (model) => rewrite(model, (tensors, first) => tensors.delete(first)),
      /model\.safetensors.*weight/,
    ],
    [
      "NaN in a tensor",
      (model) => rewrite(model, (tensors, first) => tensors.get(first)?.data.fill(Number.NaN as never, 1, 2)),
      /model\.safetensors.*NaN/,
    ],
  ])(
    "%s",
    async (label, damage, message) => {
      const model = `${label.replaceAll(/\W/g, "-")}`;
      await cp(SMALL, join(folder, model), { recursive: true });
      await damage(join(folder, model));
      const args = [
        "stylize",
        "lake.jpg",
        "--style",
        "lake.jpg",
        "-o",
        `${model}.png`,
        "--model",
        `./${model}`,
        "--quiet",
      ];
      const { code, stdout, stderr } = await adaattn(args, { cwd: folder });
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(/^error: [^\n]*\.\n$/);
      expect(stderr).toMatch(message);
      expect(await readdir(folder)).not.toContain(`${model}.png`);
    },
    30_000,
  );
});
