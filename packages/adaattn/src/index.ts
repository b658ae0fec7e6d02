/** Arbitrary style transfer by AdaAttN (Liu et al., ICCV 2021): the parts that run anywhere. */

export * from "./architecture.ts";
export * from "./attention.ts";
export {
  checkControls,
  type InspectControls,
  inspectControls,
  type PaintControls,
  paintControls,
  type StyleControls,
  shareControls,
  styleControls,
  type TileControls,
  tileControls,
} from "./controls.ts";
export { decode, mergeLevels } from "./decoder.ts";
export { convolve, encode } from "./encoder.ts";
export * from "./engine/engine.ts";
export { EXPORTED_STYLE_SIDE, type ExportedModel, type ExportOptions, exportOnnx } from "./export.ts";
export { drawEntropy, drawHeat, drawMarks, drawSources, heatColour } from "./heat.ts";
export * from "./image.ts";
export type { Attention, AttentionMap, AttentionRow, Point } from "./inspect.ts";
export type { KeyStyle } from "./keyStyles.ts";
export { attentionKeys, channelStatistics, flattenPositions, normalise } from "./keys.ts";
export { leastMemory } from "./memory.ts";
export { type AttendOptions, attend, stylise } from "./network.ts";
export { keepChroma, matchColours } from "./recolour.ts";
export { parseColour, regionMasks } from "./regions.ts";
export { resizePicture } from "./resample.ts";
export { rotatePicture } from "./rotate.ts";
export { evenPositions, randomPositions } from "./sampling.ts";
export { SceneCuts } from "./sceneCuts.ts";
export { RunningStatistics, STATISTICS_MEMORY } from "./statistics.ts";
export type { Style } from "./style.ts";
export {
  type CallOptions,
  type InspectOptions,
  type KeptStyle,
  Model,
  type PaintedTile,
  type Progress,
  type StyleOptions,
  type StyleShare,
  type Stylised,
  type StylizeOptions,
  type StylizeReport,
} from "./stylize.ts";
export { type Area, marginsOf, type PictureSource } from "./tiles.ts";
export { LEAD, type StylisedFrame, type StylizeVideoOptions, stylizeVideo, type VideoFrame } from "./video.ts";
export { checkWeights } from "./weights/check.ts";
export { type NormaliseOptions, normaliseFilters } from "./weights/normalise.ts";
export { openTensors, type TensorFile, type TensorFormat } from "./weights/open.ts";
export {
  type GatheredWeights,
  gatherWeights,
  type ImportTarget,
  type ImportTargetName,
  importTarget,
  type WeightFile,
} from "./weights/released.ts";
export * from "./weights/safetensors.ts";
export type { TensorEntries, TensorEntry } from "./weights/stored.ts";
export type { EncoderLayout } from "./weights/vgg.ts";
export * from "./weights/weights.ts";
