/** Models from disk: the bundled ones by name, others by folder; and what this machine can run them on. */

import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { constant, convolution, input, toOnnx } from "@adaattn/graph";
import { env } from "onnxruntime-node";
import { type Device, outputOf } from "../engine/engine.ts";
import { AdaattnError } from "../error.ts";
import { type Architecture, architectureNamed } from "../network/architecture.ts";
import { Model } from "../stylize/model.ts";
import { checkWeights } from "../weights/check.ts";
import { readSafetensors } from "../weights/safetensors.ts";
import { NodeEngine } from "./engine.ts";
import { cannotRead, readWholeFile } from "./files.ts";
import { pictureVersions } from "./pictures.ts";

export interface LoadModelOptions {
  /** Where to compute: "cpu" (the default of "auto" too, unless a GPU answers faster), or "webgpu". */
  readonly device?: "auto" | Device;
  /** Threads on the CPU; by default as many as this process may use. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/** Where bundled models lie: in the package as it is published, or beside packages/ in the repository. */
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
 * Reads a model without loading it on an engine: a bundled one by its name, or a folder with `model.json` (whose `architecture`
 * names the network) and `model.safetensors`. Throws one sentence where there is none, or its files are damaged or do not fit.
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

/** Loads a model, which {@link readModel} finds, on an engine of its own. */
export async function loadModel(nameOrFolder: string, options: LoadModelOptions = {}): Promise<Model> {
  const { device = "auto", threads, signal } = options;
  const { name, architecture, weights } = await readModel(nameOrFolder, signal);
  signal?.throwIfAborted();
  const engine = new NodeEngine({
    device: device === "auto" ? await fasterDevice() : device,
    ...(threads && { threads }),
  });
  try {
    return await Model.load(name, architecture, weights, engine);
  } catch (error) {
    await engine.dispose();
    throw error;
  }
}

/** How long a device takes for a convolution of a few hundred million products, in milliseconds, warm. */
async function probe(device: Device): Promise<number> {
  const engine = new NodeEngine({ device });
  try {
    const [channels, side] = [64, 128];
    const weight = constant(new Float32Array(channels * channels * 9).fill(1 / (channels * 9)), [
      channels,
      channels,
      3,
      3,
    ]);
    const y = convolution(input("x", [1, channels, side, side]), weight, { padding: 1 });
    const session = await engine.load(toOnnx({ y }, { target: device }), "a test convolution");
    const x = { shape: [1, channels, side, side], data: new Float32Array(channels * side * side).fill(1) };
    let elapsed = 0;
    for (let run = 0; run < 2; run++) {
      const begun = performance.now();
      const { data } = await outputOf(await session.run({ x }), "y").read();
      elapsed = performance.now() - begun;
      const middle = Number(data[(side / 2) * side + side / 2]);
      if (Math.abs(middle - 1) > 1e-3) throw new Error(`a test convolution gave ${middle} instead of 1`);
    }
    return elapsed;
  } finally {
    await engine.dispose();
  }
}

/** Folders in which Vulkan drivers announce themselves on Linux; without any, asking for a GPU only prints warnings. */
const VULKAN_DRIVERS = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

function mayHaveGpu(): boolean {
  if (process.platform !== "linux") return true;
  const { VK_ICD_FILENAMES, VK_DRIVER_FILES } = process.env;
  return (
    Boolean(VK_ICD_FILENAMES || VK_DRIVER_FILES) ||
    VULKAN_DRIVERS.some((folder) => existsSync(folder) && readdirSync(folder).length > 0)
  );
}

/** WebGPU where it works, gives right values and is faster than the CPU (a software driver is not), else the CPU. */
async function fasterDevice(): Promise<Device> {
  if (!mayHaveGpu()) return "cpu";
  const gpu = await probe("webgpu").catch(() => Number.POSITIVE_INFINITY);
  if (!Number.isFinite(gpu)) return "cpu";
  return gpu < (await probe("cpu")) ? "webgpu" : "cpu";
}

/** What one device of this machine can do. */
export interface DeviceInfo {
  readonly device: Device;
  readonly available: boolean;
  /** The time of a test convolution, or why the device is not available. */
  readonly detail: string;
}

/** Versions of the engine and its companions. */
export function engineVersions(): Readonly<Record<string, string>> {
  return { onnxruntime: env.versions.node ?? env.versions.common, ...pictureVersions() };
}

/** Versions of the engine and its companions, and which devices answer. */
export async function engineInfo(): Promise<{ versions: Readonly<Record<string, string>>; devices: DeviceInfo[] }> {
  const devices: DeviceInfo[] = [];
  for (const device of ["cpu", "webgpu"] as const) {
    if (device === "webgpu" && !mayHaveGpu()) {
      devices.push({ device, available: false, detail: "there is no Vulkan driver; install the one of your GPU" });
      continue;
    }
    try {
      const elapsed = await probe(device);
      devices.push({
        device,
        available: true,
        detail: `a convolution of 0.6 billion products takes ${elapsed.toFixed(1)} ms`,
      });
    } catch (error) {
      const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
      devices.push({ device, available: false, detail: reason });
    }
  }
  return { versions: engineVersions(), devices };
}
