/**
 * What `adaattn/node` and `adaattn/web` offer beyond the root, and does not depend on where it
 * runs.
 */

export type { AttentionRow } from "./inspect/attention.ts";
export { drawEntropy, drawMarks, type HeatOptions } from "./inspect/draw.ts";
export type { Health, LayerHealth, LevelHealth } from "./inspect/health.ts";
export type { Area, PictureSource } from "./picture/area.ts";
export { fitWithin } from "./picture/picture.ts";
export { keepChroma, matchColors } from "./picture/recolor.ts";
export { resizePicture } from "./picture/resize.ts";
export { rotatePicture } from "./picture/rotate.ts";
export type { PaintControls, StyleControls } from "./stylize/controls.ts";
export type { ObserveOptions, PaintedTile } from "./stylize/options.ts";
export { RunningStatistics } from "./stylize/statistics.ts";
