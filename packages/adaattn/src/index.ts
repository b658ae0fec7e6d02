/** Arbitrary style transfer by AdaAttN (Liu et al., ICCV 2021): the parts that run anywhere. */

export * from "./architecture.ts";
export * from "./attention.ts";
export { decode, mergeLevels } from "./decoder.ts";
export { convolve, encode } from "./encoder.ts";
export * from "./engine/engine.ts";
export * from "./image.ts";
export { attentionKeys, channelStatistics, flattenPositions, normalise } from "./keys.ts";
export { type AttendOptions, attend, stylise } from "./network.ts";
export { evenPositions, randomPositions } from "./sampling.ts";
export type { Style } from "./style.ts";
export { type CallOptions, Model, type Progress, type StyleOptions, type Stylised } from "./stylize.ts";
export { checkWeights } from "./weights/check.ts";
export * from "./weights/safetensors.ts";
export * from "./weights/weights.ts";
