/** Metrics of stylized pictures; docs/metrics.md defines them. */

export { featuresBytes } from "./features.ts";
export { estimateFlow, type Flow } from "./flow.ts";
export { readFlow, writeFlow } from "./flowFile.ts";
export { colorHistogram, histogramDistance } from "./histogram.ts";
export { METRICS, Meter, type Metrics, type PictureFeatures } from "./meter.ts";
export { MOST_PATCHES } from "./patches.ts";
export { resizePicture } from "./resize.ts";
export { type Gray, grayOf, structuralSimilarity } from "./ssim.ts";
export { type Summary, summarize } from "./summary.ts";
export { visiblePixels, warpingError } from "./warping.ts";
