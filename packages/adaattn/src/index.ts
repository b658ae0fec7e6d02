/** Arbitrary style transfer by AdaAttN (Liu et al., ICCV 2021): the parts that run anywhere. */

export * from "./engine/engine.ts";
export { AdaattnError, type ErrorCode } from "./error.ts";
export { exportOnnx } from "./export/onnx.ts";
export type { ExportedModel, ExportOptions } from "./export/parts.ts";
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
export type { Attention, AttentionMap, AttentionRow, Point } from "./inspect/attention.ts";
export { drawEntropy, drawHeat, drawMarks, drawSources, type HeatOptions, heatColor } from "./inspect/draw.ts";
export * from "./network/architecture.ts";
export * from "./network/attention.ts";
export { decode, mergeLevels } from "./network/decoder.ts";
export { convolve, encode } from "./network/encoder.ts";
export { attentionKeys, channelStatistics, flattenPositions, normalize } from "./network/keys.ts";
export { type AttendOptions, attend, stylize } from "./network/network.ts";
export * from "./network/parameters.ts";
export type { Area, PictureSource } from "./picture/area.ts";
export * from "./picture/picture.ts";
export { keepChroma, matchColors } from "./picture/recolor.ts";
export { parseColor, regionMasks } from "./picture/regions.ts";
export { resizePicture } from "./picture/resize.ts";
export { rotatePicture } from "./picture/rotate.ts";
export {
  checkControls,
  DEFAULT_SEED,
  type InspectControls,
  inspectControls,
  type PaintControls,
  paintControls,
  type SizeControls,
  type StyleControls,
  shareControls,
  sizeControls,
  styleControls,
  type TileControls,
  tileControls,
} from "./stylize/controls.ts";
export { leastMemory } from "./stylize/memory.ts";
export { Model } from "./stylize/model.ts";
export type {
  CallOptions,
  InspectOptions,
  PaintedTile,
  PaintOptions,
  Progress,
  SavedStyle,
  StyleOptions,
  StyleShare,
  StylizedPicture,
  StylizeOptions,
  StylizeReport,
} from "./stylize/options.ts";
export { evenPositions, randomPositions } from "./stylize/sampling.ts";
export { CONTENT_SIDE, STYLE_SIDE } from "./stylize/sizes.ts";
export { RunningStatistics, STATISTICS_MEMORY } from "./stylize/statistics.ts";
export type { Style } from "./stylize/style.ts";
export { marginsOf } from "./stylize/tiles.ts";
export { SceneCuts } from "./video/scenes.ts";
export type { KeyStyle } from "./video/timeline.ts";
export { LEAD, type StylizedFrame, type StylizeVideoOptions, stylizeVideo, type VideoFrame } from "./video/video.ts";
export { checkWeights } from "./weights/check.ts";
export * from "./weights/safetensors.ts";
export type { TensorEntries, TensorEntry } from "./weights/stored.ts";
