/**
 * What the command, the server, the trainer and the studio share with the library, anywhere. It may
 * change in any version.
 */

export { heatColor } from "./inspect/draw.ts";
export { AWAKE } from "./inspect/health.ts";
export { addGrain } from "./picture/grain.ts";
export { checkPicture, isOpaque, LEAST_SIDE } from "./picture/picture.ts";
export {
  checkControls,
  DEFAULT_SEED,
  type InspectControls,
  inspectControls,
  paintControls,
  type SizeControls,
  type StrokeControls,
  shareControls,
  sizeControls,
  strokeControls,
  styleControls,
  type TileControls,
  tileControls,
} from "./stylize/controls.ts";
export { CONTENT_SIDE, paintedSizes, REFERENCE_SIDE, STYLE_SIDE } from "./stylize/sizes.ts";
export { STATISTICS_MEMORY } from "./stylize/statistics.ts";
export { marginsOf } from "./stylize/tiles.ts";
export { SceneCuts } from "./video/scenes.ts";
export { LEAD } from "./video/video.ts";
