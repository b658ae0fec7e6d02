/** A model's folder, as `loadModel` of adaattn/node reads it: model.safetensors and model.json. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile } from "adaattn/internal/node";
import { type Architecture, countParameters, parametersOf, type WeightValues, writeSafetensors } from "adaattn/network";

/**
 * Writes a model's folder, replacing the one that was there file by file; the weights are rounded
 * to 16-bit floats.
 *
 * @param description what model.json says beside the architecture, such as how the model was
 *   trained.
 * @throws Error with one sentence where a weight is missing or too large, or a file cannot be
 *   written.
 */
export async function writeModel(
  folder: string,
  architecture: Architecture,
  values: WeightValues,
  description: Readonly<Record<string, unknown>>,
): Promise<void> {
  const shapes = parametersOf(architecture);
  const tensors = new Map(
    [...shapes].map(([name, shape]) => {
      const data = values.get(name);
      if (data === undefined) throw new Error(`Expected the tensor ${name} among the weights but it is missing.`);
      return [name, { shape, data }] as const;
    }),
  );
  await mkdir(folder, { recursive: true });
  const { name } = architecture;
  await replaceFile(join(folder, "model.safetensors"), writeSafetensors(tensors, { architecture: name }, "F16"));
  const text = JSON.stringify({ architecture: name, parameters: countParameters(shapes), ...description }, null, 2);
  await replaceFile(join(folder, "model.json"), new TextEncoder().encode(`${text}\n`));
}
