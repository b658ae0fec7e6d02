/** Everything of `adaattn` in a browser: the root export, and the engine, models and files that come over the network. */

export * from "./index.ts";
export { type FetchFileOptions, fetchFile } from "./web/download.ts";
export { WebEngine, type WebEngineOptions } from "./web/engine.ts";
export {
  type FetchedModel,
  type FetchModelOptions,
  fetchModel,
  type LoadModelOptions,
  loadModel,
} from "./web/models.ts";
export { DrawablePicture, type PictureInput } from "./web/pictures.ts";
export { checkConvolution, probeWebGpu, type WebGpuProbe, type WebGpuProbeOptions } from "./web/probe.ts";
export { problemCode, WebProblem, type WebProblemCode } from "./web/problem.ts";
export {
  buildFor,
  hasVectors,
  type RuntimeBuild,
  type RuntimeFiles,
  type RuntimeOptions,
} from "./web/runtime.ts";
export { WebModel } from "./web/webModel.ts";
