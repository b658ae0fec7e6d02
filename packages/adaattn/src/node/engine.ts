/**
 * ONNX Runtime for Node behind the engine interface: a worker thread on this side of `protocol.ts`.
 */

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { abortable } from "../engine/abortable.ts";
import type { Device, Engine, EngineTensor, LoadOptions, RunOptions, Session, TensorData } from "../engine/engine.ts";
import { engineFailure } from "../engine/failure.ts";
import { AdaattnError } from "../error.ts";
import { hasHugePages } from "./hugePages.ts";
import type { HeldTensor, Request, Response, RunInput, WorkerOptions } from "./protocol.ts";
import { loadRuntime } from "./runtime.ts";

export interface NodeEngineOptions {
  /** Where to compute; "cpu" by default. */
  readonly device?: Device | undefined;
  /** Threads of one run on the CPU; by default as many as the machine gives this process. */
  readonly threads?: number | undefined;
}

/** A tensor in the worker; once disposed of it must not be used. */
class WorkerTensor implements EngineTensor {
  readonly held: number;
  readonly shape: readonly number[];
  readonly #engine: NodeEngine;
  #disposed = false;

  constructor(engine: NodeEngine, { held, shape }: HeldTensor) {
    this.#engine = engine;
    this.held = held;
    this.shape = shape;
  }

  async read(): Promise<TensorData> {
    return (await this.#engine.call({ kind: "read", tensor: this.held })) as TensorData;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#engine.send({ kind: "release", tensor: this.held });
  }
}

/** An engine in a worker thread of its own. */
export class NodeEngine implements Engine {
  readonly device: Device;
  readonly keepsMemory: boolean;
  readonly #worker: Worker;
  readonly #pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #count = 0;
  #failure: Error | undefined;

  constructor(options: NodeEngineOptions = {}) {
    const { device = "cpu", threads = availableParallelism() } = options;
    this.device = device;
    this.keepsMemory = device === "cpu" && !hasHugePages();
    // Its sentence, where there is none, comes from here: a worker could only pass on that it has
    // ended.
    loadRuntime();
    // Beside this file there is worker.ts in the sources and worker.js in the package.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    this.#worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), {
      workerData: { device, threads, keepsMemory: this.keepsMemory } satisfies WorkerOptions,
      // How `node --input-type=module --eval ...` reads its program is handed on otherwise, and
      // refused for a worker's file.
      ...(process.execArgv.some((option) => option.startsWith("--input-type")) && { execArgv: [] }),
    });
    this.#worker.unref();
    this.#worker.on("message", (response: Response) => this.#settle(response));
    this.#worker.on("error", (error) => this.#fail(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on("exit", () => this.#fail(new AdaattnError("engine", "The engine was closed.")));
  }

  #settle(response: Response): void {
    const waiting = this.#pending.get(response.id);
    this.#pending.delete(response.id);
    if (this.#pending.size === 0) this.#worker.unref();
    if ("error" in response) waiting?.reject(new Error(response.error));
    else waiting?.resolve(response.value);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  /** Sends a request and waits for its answer. */
  call(request: Request, transfer: ArrayBuffer[] = []): Promise<unknown> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ id, request }, transfer);
    });
  }

  /** Sends a request whose answer does not matter. */
  send(request: Request): void {
    this.call(request).catch(() => undefined);
  }

  async load(model: Uint8Array, name: string, { fixedSizes = false }: LoadOptions = {}): Promise<Session> {
    // A copy of the exact length, moved to the worker: posting the bytes themselves would hold them
    // twice until it has loaded them.
    const bytes = model.slice();
    const session = await this.call({ kind: "load", model: bytes, fixedSizes }, [bytes.buffer]).catch(
      (error: Error) => {
        throw engineFailure(`load ${name} on ${this.device}`, error.message, error);
      },
    );
    return {
      run: (inputs, options) => this.#run(Number(session), name, inputs, options),
      dispose: () => this.send({ kind: "unload", session: Number(session) }),
    };
  }

  async #run(
    session: number,
    name: string,
    inputs: Readonly<Record<string, TensorData | EngineTensor>>,
    { signal }: RunOptions = {},
  ): Promise<Record<string, EngineTensor>> {
    signal?.throwIfAborted();
    const values: Record<string, RunInput> = {};
    for (const [key, value] of Object.entries(inputs)) {
      values[key] = value instanceof WorkerTensor ? { held: value.held } : (value as TensorData);
    }
    const answer = this.call({ kind: "run", session, inputs: values }).then(
      (value) => {
        const held = Object.entries(value as Record<string, HeldTensor>);
        return Object.fromEntries(held.map(([key, tensor]) => [key, new WorkerTensor(this, tensor)]));
      },
      (error: Error) => {
        throw engineFailure(`run ${name} on ${this.device}`, error.message, error);
      },
    );
    return signal ? abortable(answer, signal) : answer;
  }

  async dispose(): Promise<void> {
    if (!this.#failure) await this.call({ kind: "close" }).catch(() => undefined);
    await this.#worker.terminate();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
