/**
 * What the tasks of ours.ts share: timing, made-up data, the roof, and where an engine's kernels
 * spend their time.
 */

import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { constant, input, matmul, multiply, reduceMean, toOnnx } from "@adaattn/graph";
import { Random } from "@adaattn/train";
import { type Engine, type EngineTensor, outputOf, type TensorData } from "adaattn/network";
import type { Picture } from "adaattn/node";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { median } from "./median.ts";

const random = new Random(1);

/** Seconds of each of `times` runs, after `warm` that are not counted. */
export async function repeat(action: () => Promise<void>, warm: number, times: number): Promise<number[]> {
  const seconds: number[] = [];
  for (let run = 0; run < warm + times; run++) {
    const begun = performance.now();
    await action();
    if (run >= warm) seconds.push((performance.now() - begun) / 1000);
  }
  return seconds;
}

/** A square picture of noise. */
export function noise(size: number): Picture {
  const data = new Uint8Array(size * size * 4);
  for (let at = 0; at < data.length; at++) data[at] = at % 4 === 3 ? 255 : random.below(256);
  return { width: size, height: size, data };
}

/** Numbers evenly spread in +-`most`. */
export function numbers(shape: readonly number[], most = 1): TensorData & { readonly data: Float32Array } {
  const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
  for (let at = 0; at < data.length; at++) data[at] = (2 * random.next() - 1) * most;
  return { shape, data };
}

/** Tensors brought to the engine, so that runs do not wait for copies of them. */
export async function hold(
  engine: Engine,
  tensors: Readonly<Record<string, TensorData>>,
): Promise<Record<string, EngineTensor>> {
  const held: Record<string, EngineTensor> = {};
  for (const [name, tensor] of Object.entries(tensors)) {
    const copy = multiply(input("x", tensor.shape), constant(1));
    const session = await engine.load(toOnnx({ copy }, { target: engine.device }), "a copy");
    held[name] = outputOf(await session.run({ x: tensor }), "copy");
    session.dispose();
  }
  return held;
}

/**
 * The side of the roof's matrices, and how many products follow one another before a number is
 * read.
 */
const [ROOF_SIDE, ROOF_CHAIN] = [2048, 4];

/**
 * The roof: GFLOP/s of the engine at products of 2048 x 2048 matrices, the best of several runs.
 */
export async function roofOf(engine: Engine): Promise<number> {
  const shape = [ROOF_SIDE, ROOF_SIDE];
  // Factors of this size leave the products as large as what is multiplied.
  const { data } = numbers(shape, Math.sqrt(3 / ROOF_SIDE));
  let x = input("x", shape);
  for (let link = 0; link < ROOF_CHAIN; link++) x = matmul(x, constant(data, shape));
  const session = await engine.load(toOnnx({ mean: reduceMean(x) }, { target: engine.device }), "the roof");
  const held = await hold(engine, { x: numbers(shape) });
  const seconds = await repeat(
    async () => {
      const mean = outputOf(await session.run(held), "mean");
      await mean.read();
      mean.dispose();
    },
    1,
    5,
  );
  return (2 * ROOF_CHAIN * ROOF_SIDE ** 3) / Math.min(...seconds) / 1e9;
}

/**
 * Median seconds of a model on the CPU, and the share of each kind of kernel in the time of all.
 */
export async function profile(
  model: Uint8Array,
  inputs: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>,
  { threads, times }: { readonly threads: number; readonly times: number },
): Promise<{ seconds: number; shares: Record<string, number> }> {
  const folder = await mkdtemp(join(tmpdir(), "adaattn-bench-"));
  try {
    // As the engine of the package has it (node/worker.ts), which cannot be asked for a profile.
    const session = await InferenceSession.create(model, {
      intraOpNumThreads: threads,
      enableCpuMemArena: false,
      logSeverityLevel: 3,
      extra: { session: { set_denormal_as_zero: "1" } },
      enableProfiling: true,
      profileFilePrefix: join(folder, "profile"),
    });
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, { shape, data }]) => [name, new Tensor("float32", data, shape)]),
    );
    const run = async () => {
      for (const output of Object.values(await session.run(feeds))) output.dispose();
    };
    const seconds = median(await repeat(run, 1, times));
    session.endProfiling();
    await session.release();
    const [file = ""] = await readdir(folder);
    return { seconds, shares: kernelShares(JSON.parse(readFileSync(join(folder, file), "utf8")) as ProfileEvent[]) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface ProfileEvent {
  readonly name: string;
  /** Microseconds. */
  readonly dur?: number;
  readonly args?: { readonly op_name?: string };
}

/** The share of each kind of kernel in the time of all, of ONNX Runtime's profile. */
function kernelShares(events: readonly ProfileEvent[]): Record<string, number> {
  const times: Record<string, number> = {};
  for (const { name, dur = 0, args } of events) {
    if (args?.op_name && name.endsWith("_kernel_time")) times[args.op_name] = (times[args.op_name] ?? 0) + dur;
  }
  const all = Object.values(times).reduce((sum, time) => sum + time, 0);
  return Object.fromEntries(Object.entries(times).map(([name, time]) => [name, time / all]));
}
