/**
 * The worker thread that owns ONNX Runtime: `run` blocks its thread, which would stop timers,
 * signals and progress in the main one. Tensors stay here (on WebGPU: on the GPU) and are known
 * outside by numbers.
 */

import { parentPort, workerData } from "node:worker_threads";
import { input, symbol, toOnnx } from "@adaattn/graph";
import type * as Ort from "onnxruntime-node";
import type { TensorData } from "../engine/engine.ts";
import type { HeldTensor, Request, Response, RunInput, WorkerOptions } from "./protocol.ts";
import { loadRuntime } from "./runtime.ts";

const ort = loadRuntime();
const { device, threads, keepsMemory } = workerData as WorkerOptions;
const sessions = new Map<number, Ort.InferenceSession>();
const tensors = new Map<number, Ort.Tensor>();
let count = 0;
/** Sessions that copy a tensor of so many axes to the CPU. */
const readers = new Map<number, Ort.InferenceSession>();

interface CreateOptions {
  readonly outputs: "cpu" | "gpu-buffer";
  readonly fixedSizes: boolean;
}

function create(model: Uint8Array, { outputs, fixedSizes }: CreateOptions): Promise<Ort.InferenceSession> {
  return ort.InferenceSession.create(model, {
    executionProviders: [device],
    intraOpNumThreads: threads,
    logSeverityLevel: 3,
    enableCpuMemArena: fixedSizes || keepsMemory,
    // A plan of all buffers is made for every size; beside kept buffers it is a second set of them.
    enableMemPattern: fixedSizes || !keepsMemory,
    extra: {
      session: {
        // Peaked attention rows are full of denormals, which are many times slower.
        set_denormal_as_zero: "1",
        // Every session has threads of its own, and those of all others would spin beside the one
        // that runs.
        intra_op: { allow_spinning: "0" },
      },
    },
    ...(device === "webgpu" && { preferredOutputLocation: outputs }),
  });
}

/**
 * Values of a tensor on the GPU: onnxruntime-node cannot download them itself, a session that
 * copies to the CPU can.
 */
async function download(tensor: Ort.Tensor): Promise<Ort.Tensor> {
  const rank = tensor.dims.length;
  let reader = readers.get(rank);
  if (reader === undefined) {
    const shape = tensor.dims.map((_, axis) => symbol(`d${axis}`));
    reader = await create(toOnnx({ y: input("x", shape) }, { name: "read" }), { outputs: "cpu", fixedSizes: false });
    readers.set(rank, reader);
  }
  const { y } = await reader.run({ x: tensor });
  if (y === undefined) throw new Error("the tensor could not be read back");
  return y;
}

type Answer = Extract<Response, { value: unknown }>["value"];

async function handle(request: Request): Promise<{ value: Answer; transfer?: ArrayBuffer[] }> {
  switch (request.kind) {
    case "load": {
      const session = await create(request.model, { outputs: "gpu-buffer", fixedSizes: request.fixedSizes });
      sessions.set(++count, session);
      return { value: count };
    }
    case "run": {
      const session = sessions.get(request.session);
      if (session === undefined) throw new Error("the session was unloaded");
      const feeds: Record<string, Ort.Tensor> = {};
      for (const [name, value] of Object.entries(request.inputs)) feeds[name] = toTensor(name, value);
      const outputs = await session.run(feeds);
      const value: Record<string, HeldTensor> = {};
      for (const [name, tensor] of Object.entries(outputs)) {
        tensors.set(++count, tensor);
        value[name] = { held: count, shape: tensor.dims };
      }
      return { value };
    }
    case "read": {
      const tensor = tensors.get(request.tensor);
      if (tensor === undefined) throw new Error("the tensor was disposed of");
      const local = tensor.location === "gpu-buffer" ? await download(tensor) : tensor;
      const data = local.data as Float32Array | BigInt64Array;
      const copy = data.slice();
      return { value: { shape: tensor.dims, data: copy } satisfies TensorData, transfer: [copy.buffer as ArrayBuffer] };
    }
    case "release": {
      tensors.get(request.tensor)?.dispose();
      tensors.delete(request.tensor);
      return { value: null };
    }
    case "unload": {
      await sessions.get(request.session)?.release();
      sessions.delete(request.session);
      return { value: null };
    }
    case "close": {
      for (const tensor of tensors.values()) tensor.dispose();
      tensors.clear();
      for (const session of [...sessions.values(), ...readers.values()]) await session.release();
      sessions.clear();
      readers.clear();
      return { value: null };
    }
  }
}

function toTensor(name: string, value: RunInput): Ort.Tensor {
  if ("held" in value) {
    const tensor = tensors.get(value.held);
    if (tensor === undefined) throw new Error(`the tensor for the input ${name} was disposed of`);
    return tensor;
  }
  const { data, shape } = value;
  return data instanceof Float32Array
    ? new ort.Tensor("float32", data, [...shape])
    : new ort.Tensor("int64", data, [...shape]);
}

const port = parentPort;
// One request after another, in the order in which they came.
let last: Promise<void> = Promise.resolve();
port?.on("message", ({ id, request }: { id: number; request: Request }) => {
  last = last.then(async () => {
    try {
      const { value, transfer = [] } = await handle(request);
      port.postMessage({ id, value } satisfies Response, transfer);
      if (request.kind === "close") port.close();
    } catch (error) {
      port.postMessage({ id, error: error instanceof Error ? error.message : String(error) } satisfies Response);
    }
  });
});
