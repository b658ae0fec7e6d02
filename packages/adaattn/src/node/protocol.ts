/** Messages between the engine's client and its worker thread. */

import type { Device, TensorData } from "../engine/engine.ts";

export interface WorkerOptions {
  readonly device: Device;
  readonly threads: number;
  /** Whether buffers stay with every session between runs. */
  readonly keepsMemory: boolean;
}

/** An input of a run: values sent along, or the number of a tensor that the worker holds. */
export type RunInput = TensorData | { readonly held: number };

export type Request =
  | { readonly kind: "load"; readonly model: Uint8Array; readonly fixedSizes: boolean }
  | { readonly kind: "run"; readonly session: number; readonly inputs: Readonly<Record<string, RunInput>> }
  | { readonly kind: "read"; readonly tensor: number }
  | { readonly kind: "release"; readonly tensor: number }
  | { readonly kind: "unload"; readonly session: number }
  | { readonly kind: "close" };

/** A tensor that the worker holds from now on. */
export interface HeldTensor {
  readonly held: number;
  readonly shape: readonly number[];
}

export type Response =
  | { readonly id: number; readonly error: string }
  | { readonly id: number; readonly value: number | TensorData | Readonly<Record<string, HeldTensor>> | null };
