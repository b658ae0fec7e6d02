/** Models that come over the network, in a browser. */

import type { Device } from "../engine/engine.ts";
import { type Architecture, architectureNamed } from "../network/architecture.ts";
import type { WeightValues } from "../network/parameters.ts";
import { checkWeights } from "../weights/check.ts";
import { readSafetensors } from "../weights/safetensors.ts";
import { fetchFile } from "./download.ts";
import { WebEngine } from "./engine.ts";
import { probeWebGpu } from "./probe.ts";
import { WebProblem } from "./problem.ts";
import type { RuntimeOptions } from "./runtime.ts";
import { WebModel } from "./webModel.ts";

/** What {@link fetchModel} may be asked. */
export interface FetchModelOptions {
  /** The SHA-256 of `model.safetensors` in 64 hexadecimal digits. It is not checked by default. */
  readonly sha256?: string | undefined;
  /** The name of the cache that keeps the weights, "adaattn" by default; false for none. */
  readonly cache?: string | false | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Called as the weights' bytes come in: how many there are, and of how many where that is known.
   */
  readonly onProgress?: ((received: number, total: number | undefined) => void) | undefined;
}

/** What {@link loadModel} may be asked. */
export interface LoadModelOptions extends FetchModelOptions, RuntimeOptions {
  /**
   * Where to compute. "auto", the default, takes a GPU through WebGPU where it computes right, else
   * the CPU.
   */
  readonly device?: "auto" | Device | undefined;
}

/**
 * Where the files of a model lie that are not in one folder under their own names, as where a
 * bundler has renamed them.
 */
export interface ModelAddress {
  /** The address of `model.json`, absolute or relative to the page. */
  readonly config: string;
  /** The address of `model.safetensors`, absolute or relative to the page. */
  readonly weights: string;
}

/** A network and its weights, as they came over the network. */
export interface FetchedModel {
  /** The last part of the folder's address; of files apart, the name that `model.json` gives. */
  readonly name: string;
  readonly architecture: Architecture;
  /** Every tensor of the architecture, in its shape. */
  readonly weights: WeightValues;
}

/**
 * Fetches a model without loading it on an engine: a folder with `model.json`, whose `architecture`
 * names the network, and `model.safetensors`. Both are kept in the browser's cache.
 *
 * @param model the folder's address, absolute or relative to the page, or those of its two files.
 * @throws Error with one sentence where a file cannot be had, is damaged, or does not fit the
 *   architecture.
 */
export async function fetchModel(model: string | ModelAddress, options: FetchModelOptions = {}): Promise<FetchedModel> {
  const { sha256, onProgress, ...common } = options;
  const folder = typeof model === "string" ? model.replace(/\/+$/, "") : undefined;
  const { config, weights: url } =
    typeof model === "string" ? { config: `${folder}/model.json`, weights: `${folder}/model.safetensors` } : model;
  const text = new TextDecoder().decode(await fetchFile(config, common));
  const file = await fetchFile(url, { ...common, sha256, onProgress });
  try {
    const { architecture: name } = JSON.parse(text) as { architecture?: unknown };
    const architecture = architectureNamed(String(name));
    const weights = checkWeights(architecture, readSafetensors(file).tensors);
    return { name: folder?.slice(folder.lastIndexOf("/") + 1) ?? String(name), architecture, weights };
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/\.$/, "") : String(error);
    throw new WebProblem("damaged", `The model at ${folder ?? url} cannot be used: ${reason}.`, { cause: error });
  }
}

/**
 * Fetches a model and loads it on an engine of its own in this thread; on the CPU its runs block
 * that thread, so that a page calls this in a Web Worker.
 *
 *   const model = await loadModel("/models/small", { onProgress: (received, total) => show(received, total) });
 *
 * A bundler serves the weights of this package itself; with Vite:
 *
 *   import config from "adaattn/models/small/model.json?url";
 *   import weights from "adaattn/models/small/model.safetensors?url";
 *   const model = await loadModel({ config, weights });
 *
 * @throws Error with one sentence where the model cannot be had or the engine does not run here.
 */
export async function loadModel(model: string | ModelAddress, options: LoadModelOptions = {}): Promise<WebModel> {
  const { device = "auto", files, threads, ...fetching } = options;
  const { name, architecture, weights } = await fetchModel(model, fetching);
  const engine = await engineFor(device, { files, threads });
  try {
    return await WebModel.load(name, architecture, weights, engine);
  } catch (error) {
    await engine.dispose();
    throw error;
  }
}

async function engineFor(device: "auto" | Device, options: RuntimeOptions): Promise<WebEngine> {
  if (device === "cpu") return WebEngine.create({ ...options, device });
  const probed = await probeWebGpu({ ...options, allowSoftware: device === "webgpu" });
  if ("engine" in probed) return probed.engine;
  if (device === "webgpu") throw new WebProblem(probed.code, probed.reason);
  return WebEngine.create({ ...options, device: "cpu" });
}
