/**
 * The networks themselves, `adaattn/network`: what describes them, builds their graphs, holds their
 * weights and runs them.
 */

export {
  type Engine,
  type EngineTensor,
  type LoadOptions,
  outputOf,
  type RunOptions,
  type Session,
  type TensorData,
} from "./engine/engine.ts";
export { exportOnnx } from "./export/onnx.ts";
export type { ExportedModel, ExportOptions } from "./export/parts.ts";
export {
  type Architecture,
  type AttentionModule,
  architectureNamed,
  architectures,
  type ConvolutionLayer,
  countParameters,
  type EncoderWidths,
  encoderParameters,
  type Level,
  normalizedVgg19,
  type ParameterShapes,
  type PoolLayer,
  parametersOf,
  type SkipLayer,
  stylizingParameters,
  type UpsampleLayer,
  vggEncoder,
} from "./network/architecture.ts";
export {
  type AttentionKind,
  attendCosineQuadratic,
  attendTo,
  attendToSums,
  contentQueries,
  cosineShares,
  cosineSums,
  modulate,
  plainStyleValues,
  type StyleMaps,
  type StyleValues,
  styleValues,
  tokens,
} from "./network/attention.ts";
export { decode, mergeLevels } from "./network/decoder.ts";
export { convolve, encode } from "./network/encoder.ts";
export { attentionKeys, channelStatistics, flattenPositions, normalize } from "./network/keys.ts";
export { type AttendOptions, attend, stylize } from "./network/network.ts";
export {
  constantWeights,
  flatten,
  splitVector,
  tensorWeights,
  unflatten,
  type Weights,
  type WeightValues,
} from "./network/parameters.ts";
export { onWhite, paddedSize, toPicture, toTensor } from "./picture/picture.ts";
export { evenPositions, randomPositions } from "./stylize/sampling.ts";
export { checkWeights } from "./weights/check.ts";
export { readSafetensors, type Safetensors, type WritableTensor, writeSafetensors } from "./weights/safetensors.ts";
export type { StoredTensor, TensorEntries, TensorEntry } from "./weights/stored.ts";
