/** Checks weights from a file against the architecture that they are for. */

import { AdaattnError } from "../error.ts";
import { type Architecture, parametersOf } from "../network/architecture.ts";
import type { StoredTensor } from "./safetensors.ts";

/**
 * The weights that `architecture` needs, from a file's tensors; others are left aside. Throws one
 * sentence that names the first tensor that is missing, has another shape or type, or holds a value
 * that is not finite.
 */
export function checkWeights(
  architecture: Architecture,
  tensors: ReadonlyMap<string, StoredTensor>,
): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>();
  for (const [name, shape] of parametersOf(architecture)) {
    const tensor = tensors.get(name);
    if (tensor === undefined)
      throw new AdaattnError("file", `the tensor ${name} is missing, which ${architecture.name} needs`);
    if (tensor.shape.join() !== shape.join()) {
      throw new AdaattnError(
        "file",
        `the tensor ${name} has the shape [${tensor.shape.join(", ")}] where ${architecture.name} needs [${shape.join(", ")}]`,
      );
    }
    const { data } = tensor;
    if (!(data instanceof Float32Array))
      throw new AdaattnError("file", `the tensor ${name} holds ${tensor.dtype} values where floats are needed`);
    const bad = data.find((value) => !Number.isFinite(value));
    if (bad !== undefined)
      throw new AdaattnError("file", `the tensor ${name} holds ${bad}, which no working weight is`);
    weights.set(name, data);
  }
  return weights;
}
