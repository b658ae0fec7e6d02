/**
 * What the rest of the package needs of an engine: sessions that run ONNX models, and tensors that
 * stay where the engine computes (a worker thread, a GPU) until somebody asks for their values.
 */

import type { Target } from "@adaattn/graph";

/** Where a session computes. */
export type Device = "cpu" | "webgpu";

/** Values on their way in or out, row-major. */
export interface TensorData {
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** A tensor that the engine holds. It lives until it is disposed of. */
export interface EngineTensor {
  readonly shape: readonly number[];
  /** Copies the values out. */
  read(): Promise<TensorData>;
  /** Gives the memory back; runs that are under way still see the tensor. */
  dispose(): void;
}

export interface RunOptions {
  /**
   * Rejects the call at once when aborted; the engine finishes the run in the background and drops
   * its results.
   */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded model. */
export interface Session {
  /** Runs the model. Outputs belong to the caller, inputs stay the caller's. */
  run(
    inputs: Readonly<Record<string, TensorData | EngineTensor>>,
    options?: RunOptions,
  ): Promise<Record<string, EngineTensor>>;
  /** Unloads the model. */
  dispose(): void;
}

export interface LoadOptions {
  /**
   * Whether the model always runs at the same sizes, as a training step does. The engine then keeps
   * its memory between runs, which saves a sixth of the time; models that meet many sizes would
   * keep the largest of each. False by default.
   */
  readonly fixedSizes?: boolean | undefined;
}

/** Loads models on one device. */
export interface Engine {
  readonly device: Device;
  /** Which kernels models are to be written for; those of the device by default. */
  readonly target?: Target | undefined;
  /**
   * Whether buffers stay with the engine between runs, which is quicker where the system is slow to
   * hand out memory, and takes two to three times as much of it. False by default.
   */
  readonly keepsMemory?: boolean | undefined;
  /** Loads the bytes of an ONNX model; `name` stands in error messages. */
  load(model: Uint8Array, name: string, options?: LoadOptions): Promise<Session>;
  dispose(): Promise<void>;
}

/** The output called `name`; throws where the model has none. */
export function outputOf<T>(outputs: Readonly<Record<string, T>>, name: string): T {
  const output = outputs[name];
  if (output === undefined)
    throw new Error(`Expected an output ${name} but the model gave ${Object.keys(outputs).join(", ")}`);
  return output;
}
