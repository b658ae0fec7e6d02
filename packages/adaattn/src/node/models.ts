/** Models from disk: the bundled ones by name, others by folder. */

import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Device } from "../engine/engine.ts";
import { AdaattnError } from "../error.ts";
import { type Architecture, architectureNamed } from "../network/architecture.ts";
import { checkWeights } from "../weights/check.ts";
import { fingerprintOf } from "../weights/fingerprint.ts";
import { readSafetensors } from "../weights/safetensors.ts";
import { checkDevice, fasterDevice } from "./devices.ts";
import { NodeEngine } from "./engine.ts";
import { cannotRead, readWholeFile } from "./files.ts";
import { NodeModel } from "./nodeModel.ts";

export interface LoadModelOptions {
  /**
   * Where to compute: "cpu", "webgpu", or "auto", the default: WebGPU where a measurement finds
   * that it is faster here.
   */
  readonly device?: "auto" | Device | undefined;
  /** Threads on the CPU; by default as many as this process may use. */
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Where bundled models lie: in the package as it is published, or beside packages/ in the
 * repository.
 */
const BUNDLED = (
  /[\\/]packages[\\/]adaattn[\\/](?:src|dist)[\\/]/.test(fileURLToPath(import.meta.url))
    ? ["../../../../models"]
    : ["../../models"]
)
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .filter((folder) => existsSync(folder));

/** Names of the models that come with the package. */
export function listModels(): string[] {
  const found = BUNDLED.flatMap((folder) =>
    readdirSync(folder).filter((name) => existsSync(join(folder, name, "model.safetensors"))),
  );
  return [...new Set(found)].sort();
}

function folderOf(nameOrFolder: string): string {
  if (!/[\\/]/.test(nameOrFolder)) {
    const bundled = BUNDLED.map((folder) => join(folder, nameOrFolder)).find((folder) =>
      existsSync(join(folder, "model.json")),
    );
    if (bundled !== undefined) return bundled;
  }
  if (existsSync(nameOrFolder)) return nameOrFolder;
  const known = listModels();
  throw new AdaattnError(
    "option",
    `There is no model ${nameOrFolder}. Choose ${known.length > 0 ? known.join(", ") : "a model"} or the path of a folder with model.json and model.safetensors.`,
  );
}

async function readArchitecture(path: string, signal: AbortSignal | undefined): Promise<Architecture> {
  const text = new TextDecoder().decode(await readWholeFile(path, signal));
  let name: unknown;
  try {
    name = (JSON.parse(text) as { architecture?: unknown } | null)?.architecture;
  } catch (error) {
    throw cannotRead(path, "it is not JSON. Restore the file from where the model came from.", error);
  }
  try {
    return architectureNamed(String(name));
  } catch (error) {
    throw cannotRead(
      path,
      `its architecture is ${JSON.stringify(name) ?? "missing"}, which this version does not know.`,
      error,
    );
  }
}

/** A network and its weights, as they lie on disk. */
export interface ModelFiles {
  /** The name of its folder. */
  readonly name: string;
  readonly architecture: Architecture;
  /** Every tensor of the architecture, in its shape. */
  readonly weights: Map<string, Float32Array>;
}

/**
 * Reads a model without loading it on an engine: a bundled one by its name, or a folder with
 * `model.json` (whose `architecture` names the network) and `model.safetensors`. Throws one
 * sentence where there is none, or its files are damaged or do not fit.
 */
export async function readModel(nameOrFolder: string, signal?: AbortSignal): Promise<ModelFiles> {
  const folder = folderOf(nameOrFolder);
  const architecture = await readArchitecture(join(folder, "model.json"), signal);
  const path = join(folder, "model.safetensors");
  const bytes = await readWholeFile(path, signal);
  try {
    const weights = checkWeights(architecture, readSafetensors(bytes).tensors);
    return { name: basename(folder), architecture, weights };
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/\.$/, "") : String(error);
    throw cannotRead(path, `${reason}. Restore the file from where the model came from.`, error);
  }
}

/**
 * What tells a model's weights from all others, as hexadecimal digits: the same as `fingerprint` of
 * the model once it is loaded.
 *
 * @throws Error as {@link readModel} does.
 */
export async function fingerprintOfModel(nameOrFolder: string, signal?: AbortSignal): Promise<string> {
  const { architecture, weights } = await readModel(nameOrFolder, signal);
  return fingerprintOf(architecture, weights);
}

/**
 * Loads a model, which {@link readModel} finds, on an engine of its own.
 *
 * @throws Error as {@link readModel} does, and where WebGPU is asked for and does not work here.
 */
export async function loadModel(nameOrFolder: string, options: LoadModelOptions = {}): Promise<NodeModel> {
  const { device = "auto", threads, signal } = options;
  // A model that is not there is told before a device is looked for.
  await readArchitecture(join(folderOf(nameOrFolder), "model.json"), signal);
  if (device !== "auto") await checkDevice(device, signal);
  // Its thread starts while the weights are read.
  const engine = new NodeEngine({ device: device === "auto" ? await fasterDevice(signal) : device, threads });
  try {
    const { name, architecture, weights } = await readModel(nameOrFolder, signal);
    signal?.throwIfAborted();
    return await NodeModel.load(name, architecture, weights, engine);
  } catch (error) {
    await engine.dispose();
    throw error;
  }
}
