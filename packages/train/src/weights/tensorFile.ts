/** Safetensors files, their errors with the file's name. */

import { cannotRead, readWholeFile } from "adaattn/internal/node";
import { type ParameterShapes, readSafetensors, type Safetensors } from "adaattn/network";

/**
 * Reads a safetensors file. Throws one sentence that names it where it is missing, unreadable or
 * damaged.
 */
export async function readTensorFile(path: string): Promise<Safetensors> {
  const bytes = await readWholeFile(path);
  try {
    return readSafetensors(bytes);
  } catch (error) {
    throw cannotRead(path, error instanceof Error ? error.message : String(error), error);
  }
}

/**
 * The tensors called `PREFIX` + NAME, for every NAME of `shapes`.
 *
 * @throws Error with one sentence that names the file and the first tensor that is missing or of
 *   another shape.
 */
export function pickTensors(
  { tensors }: Safetensors,
  shapes: ParameterShapes,
  path: string,
  prefix = "",
): Map<string, Float32Array> {
  const values = new Map<string, Float32Array>();
  for (const [name, shape] of shapes) {
    const tensor = tensors.get(prefix + name);
    if (!(tensor?.data instanceof Float32Array) || tensor.shape.join() !== shape.join()) {
      const found = tensor === undefined ? "none" : `one of [${tensor.shape.join(", ")}]`;
      throw new Error(
        `Expected the tensor ${prefix}${name} of [${shape.join(", ")}] in ${path} but found ${found}: it is of another architecture.`,
      );
    }
    values.set(name, tensor.data);
  }
  return values;
}
