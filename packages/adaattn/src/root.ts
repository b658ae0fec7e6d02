/**
 * What the root of `adaattn` offers anywhere; `index.node.ts` and `index.web.ts` add how models are
 * loaded there.
 */

export type { Device } from "./engine/engine.ts";
export { AdaattnError, type ErrorCode } from "./error.ts";
export type { Attention, AttentionMap, Point } from "./inspect/attention.ts";
export { drawHeat, drawSources } from "./inspect/draw.ts";
export type { Picture, Size } from "./picture/picture.ts";
export { parseColor, regionMasks } from "./picture/regions.ts";
export { Model } from "./stylize/model.ts";
export type {
  CallOptions,
  InspectOptions,
  PaintOptions,
  Progress,
  SavedStyle,
  StyleOptions,
  StyleShare,
  StylizedPicture,
  StylizeOptions,
  StylizeReport,
} from "./stylize/options.ts";
export type { Style } from "./stylize/style.ts";
export type { KeyStyle } from "./video/timeline.ts";
export { type StylizedFrame, type StylizeVideoOptions, stylizeVideo, type VideoFrame } from "./video/video.ts";
