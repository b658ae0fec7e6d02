/**
 * Readers of foreign weights, `adaattn/import`: files of PyTorch and NumPy, and what the tensors in
 * them are called.
 */

export { type NormalizeOptions, normalizeFilters } from "./import/normalize.ts";
export { openTensors, type TensorFile, type TensorFormat } from "./import/open.ts";
export {
  type GatheredWeights,
  gatherWeights,
  type ImportTarget,
  type ImportTargetName,
  importTarget,
  type WeightFile,
} from "./import/released.ts";
export type { EncoderLayout } from "./import/vgg.ts";
