/**
 * Loads ONNX Runtime Web in the build that fits the browser and the device: for WebGPU one that
 * suspends WebAssembly by JSPI where the browser can, which is smaller by a third, else one that
 * was transformed to suspend itself (Asyncify); a plain one for the CPU.
 */

import type * as ort from "onnxruntime-web/wasm";
import type { Device } from "../engine/engine.ts";
import { WebProblem } from "./problem.ts";

/** A build of the runtime, and the name that its files have after `ort-wasm-simd-threaded`. */
export type RuntimeBuild = "jspi" | "asyncify" | "plain";

/**
 * The two files of a build: what stands between the runtime and its WebAssembly, and the
 * WebAssembly itself.
 */
export interface RuntimeFiles {
  /** Where `ort-wasm-simd-threaded*.mjs` lies; threads are started from it, too. */
  readonly script: string;
  /** The bytes of `ort-wasm-simd-threaded*.wasm`. */
  readonly wasm: Uint8Array<ArrayBuffer>;
}

/** How the runtime is loaded. */
export interface RuntimeOptions {
  /**
   * Gives the files of a build, so that a page can serve them itself, show progress and check them.
   * By default the runtime finds them beside its own code.
   */
  readonly files?: ((build: RuntimeBuild) => Promise<RuntimeFiles>) | undefined;
  /**
   * Threads on the CPU: half of the machine's and at most four by default, one where the page is
   * not cross-origin isolated.
   */
  readonly threads?: number | undefined;
}

/** The smallest module that uses a vector: a function that gives i8x16.popcnt(i8x16.splat(0)). */
const VECTORS = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
);

/** The part of WebAssembly that is used; its types come with a browser's, which Node has not. */
const { WebAssembly: wasm } = globalThis as { WebAssembly?: { validate(bytes: Uint8Array): boolean } };

/**
 * Whether this browser runs WebAssembly with vectors (SIMD), without which the runtime does not
 * work.
 */
export function hasVectors(): boolean {
  return wasm?.validate(VECTORS) ?? false;
}

/** The build for a device in this browser. */
export function buildFor(device: Device): RuntimeBuild {
  if (device === "cpu") return "plain";
  return wasm !== undefined && "Suspending" in wasm ? "jspi" : "asyncify";
}

/**
 * A runtime for a device. A page has one of each build: what it was loaded with first, it keeps.
 */
export async function loadRuntime(device: Device, { files, threads }: RuntimeOptions): Promise<typeof ort> {
  if (!hasVectors()) {
    throw new WebProblem(
      "noSimd",
      "This browser cannot run the engine: its WebAssembly lacks SIMD. Use a newer browser.",
    );
  }
  const build = buildFor(device);
  const runtime = await importBuild(build);
  const settings = runtime.env.wasm;
  if (threads !== undefined) settings.numThreads = threads;
  if (files !== undefined) {
    const given = await files(build);
    settings.wasmPaths = { mjs: given.script };
    settings.wasmBinary = given.wasm;
  }
  return runtime;
}

function importBuild(build: RuntimeBuild): Promise<typeof ort> {
  if (build === "jspi") return import("onnxruntime-web/jspi");
  if (build === "asyncify") return import("onnxruntime-web/webgpu");
  return import("onnxruntime-web/wasm");
}
