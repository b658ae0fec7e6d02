/**
 * ONNX Runtime Web behind the engine interface: WebGPU, or WebAssembly on the CPU. It computes in
 * the thread that made it, and on the CPU a run blocks that thread: a page keeps it in a Web
 * Worker.
 *
 * The runtime takes one session at a time: creating, running and reading wait for each other in a
 * queue, which all engines of one runtime share.
 */

import type { Target } from "@adaattn/graph";
import type * as ort from "onnxruntime-web/wasm";
import { abortable } from "../engine/abortable.ts";
import type { Device, Engine, EngineTensor, LoadOptions, RunOptions, Session, TensorData } from "../engine/engine.ts";
import { engineFailure } from "../engine/failure.ts";
import { AdaattnError } from "../error.ts";
import { loadRuntime, type RuntimeOptions } from "./runtime.ts";

/** Where a web engine computes, and what its runtime is loaded from. */
export interface WebEngineOptions extends RuntimeOptions {
  /** Where to compute; "cpu", which is WebAssembly, by default. */
  readonly device?: Device | undefined;
}

/** A tensor of the runtime; once disposed of it must not be used. */
class WebTensor implements EngineTensor {
  readonly shape: readonly number[];
  readonly engine: WebEngine;
  readonly #tensor: ort.Tensor;
  #disposed = false;

  constructor(engine: WebEngine, tensor: ort.Tensor) {
    this.engine = engine;
    this.#tensor = tensor;
    this.shape = tensor.dims;
  }

  /** The runtime's own tensor; undefined once it was disposed of. */
  get tensor(): ort.Tensor | undefined {
    return this.#disposed ? undefined : this.#tensor;
  }

  read(): Promise<TensorData> {
    const { tensor } = this;
    if (tensor === undefined) return Promise.reject(new Error("the tensor was disposed of"));
    return this.engine.queue(async () => {
      const data = (await tensor.getData()) as Float32Array | BigInt64Array;
      // What lies on the CPU is handed out itself; what comes from the GPU is a copy already.
      return { shape: this.shape, data: tensor.location === "cpu" ? data.slice() : data };
    });
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    // Runs that were queued before still see it.
    this.engine.queue(async () => this.#tensor.dispose()).catch(() => undefined);
  }
}

/** What each runtime is doing. */
const busy = new WeakMap<typeof ort, Promise<unknown>>();

/** An engine of ONNX Runtime Web. */
export class WebEngine implements Engine {
  readonly device: Device;
  /**
   * ONNX Runtime 1.30 counts the cost of fused attention in 32 bits on WebAssembly and fails from
   * 8,192 queries against 1,024 keys of 256 values on; plain operators do not.
   */
  readonly target: Target;
  /**
   * Resolves with the reason when the GPU's device is lost, after which every call fails; never on
   * the CPU.
   */
  readonly lost: Promise<string>;
  readonly #runtime: typeof ort;
  readonly #sessions = new Set<ort.InferenceSession>();
  #failure: Error | undefined;
  #isWatched = false;
  #onLost: (reason: string) => void = () => undefined;

  private constructor(runtime: typeof ort, device: Device) {
    this.#runtime = runtime;
    this.device = device;
    this.target = device === "cpu" ? "portable" : device;
    this.lost = new Promise((resolve) => {
      this.#onLost = resolve;
    });
  }

  /**
   * Loads the runtime and makes an engine of it.
   *
   * @throws Error with one sentence where this browser lacks what the device needs, or a file of
   *   the runtime cannot be had.
   */
  static async create(options: WebEngineOptions = {}): Promise<WebEngine> {
    const { device = "cpu" } = options;
    return new WebEngine(await loadRuntime(device, options), device);
  }

  /** Does the work once everything that was queued before has ended. */
  queue<T>(work: () => Promise<T>): Promise<T> {
    const result = Promise.resolve(busy.get(this.#runtime)).then(() => {
      if (this.#failure) throw this.#failure;
      return work();
    });
    busy.set(
      this.#runtime,
      result.catch(() => undefined),
    );
    return result;
  }

  async load(model: Uint8Array, name: string, { fixedSizes = false }: LoadOptions = {}): Promise<Session> {
    const isGpu = this.device === "webgpu";
    const session = await this.queue(async () => {
      const made = await this.#runtime.InferenceSession.create(model, {
        executionProviders: [isGpu ? "webgpu" : "wasm"],
        logSeverityLevel: 3,
        enableCpuMemArena: fixedSizes,
        ...(isGpu && { preferredOutputLocation: "gpu-buffer" as const }),
      });
      this.#sessions.add(made);
      if (isGpu) await this.#watch();
      return made;
    }).catch((error: unknown) => {
      throw engineFailure(`load ${name} on ${this.device}`, sentenceOf(error), error);
    });
    let isUnloaded = false;
    return {
      run: async (inputs, { signal }: RunOptions = {}) => {
        signal?.throwIfAborted();
        const answer = (async () => {
          if (isUnloaded) throw new Error("the session was unloaded");
          const feeds: Record<string, ort.Tensor> = {};
          for (const [key, value] of Object.entries(inputs)) feeds[key] = this.#feed(key, value);
          return this.queue(async () => {
            // A call that was aborted while it waited need not run.
            signal?.throwIfAborted();
            return session.run(feeds);
          });
        })().then(
          (outputs) =>
            Object.fromEntries(Object.entries(outputs).map(([key, tensor]) => [key, new WebTensor(this, tensor)])),
          (error: unknown) => {
            if (signal?.aborted) throw signal.reason;
            throw engineFailure(`run ${name} on ${this.device}`, sentenceOf(error), error);
          },
        );
        return signal ? abortable(answer, signal) : answer;
      },
      dispose: () => {
        if (isUnloaded) return;
        isUnloaded = true;
        // The runtime destroys the GPU's device together with its last session.
        if (!isGpu || this.#sessions.size > 1) this.#release(session);
      },
    };
  }

  #feed(name: string, value: TensorData | EngineTensor): ort.Tensor {
    if (value instanceof WebTensor) {
      const { tensor } = value;
      if (tensor === undefined) throw new Error(`the tensor for the input ${name} was disposed of`);
      return tensor;
    }
    const { data, shape } = value as TensorData;
    return data instanceof Float32Array
      ? new this.#runtime.Tensor("float32", data, [...shape])
      : new this.#runtime.Tensor("int64", data, [...shape]);
  }

  /**
   * The runtime makes the GPU's device with the first session; from then on its loss is heard of.
   */
  async #watch(): Promise<void> {
    if (this.#isWatched) return;
    this.#isWatched = true;
    const device = (await this.#runtime.env.webgpu.device) as { lost?: Promise<{ message: string }> } | undefined;
    device?.lost?.then(({ message }) => {
      if (this.#failure) return;
      const reason = `The GPU was lost${message ? ` (${message.trim().replace(/\.$/, "")})` : ""}.`;
      this.#failure = new AdaattnError("engine", reason);
      this.#onLost(reason);
    });
  }

  #release(session: ort.InferenceSession): void {
    this.queue(async () => {
      if (this.#sessions.delete(session)) await session.release();
    }).catch(() => undefined);
  }

  /** Unloads everything; what was begun ends first, and later calls are refused. */
  async dispose(): Promise<void> {
    await this.queue(async () => {
      this.#failure = new AdaattnError("engine", "The engine was closed.");
      for (const session of this.#sessions) await session.release();
      this.#sessions.clear();
    }).catch(() => undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

/**
 * The first line of whatever the runtime threw: it also throws numbers, and messages with a trace
 * behind them.
 */
function sentenceOf(error: unknown): string {
  if (typeof error === "number") return `the runtime failed with ${error}, most likely for want of memory`;
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return line;
}
