/**
 * Everything of `adaattn` in a browser: the root, and the engine, models and files that come over
 * the network.
 */

export * from "./details.ts";
export * from "./root.ts";
export { type FetchFileOptions, fetchFile } from "./web/download.ts";
export { WebEngine, type WebEngineOptions } from "./web/engine.ts";
export {
  type FetchedModel,
  type FetchModelOptions,
  fetchModel,
  type LoadModelOptions,
  loadModel,
  type ModelAddress,
} from "./web/models.ts";
export { DrawablePicture, type PictureInput } from "./web/pictures.ts";
export { probeWebGpu, type WebGpuProbe, type WebGpuProbeOptions } from "./web/probe.ts";
export { problemCode, WebProblem, type WebProblemCode } from "./web/problem.ts";
export {
  buildFor,
  hasVectors,
  type RuntimeBuild,
  type RuntimeFiles,
  type RuntimeOptions,
} from "./web/runtime.ts";
export { WebModel } from "./web/webModel.ts";
