/** Runs graphs on ONNX Runtime itself, the CPU and (where a Vulkan driver is at hand) WebGPU. */

import { type NdArray, type Target, type Tensor, toOnnx } from "@adaattn/graph";
import * as ort from "onnxruntime-node";
import { expect } from "vitest";

/** The engines of this machine. scripts/test.sh provides a software Vulkan driver; without any, WebGPU is left out. */
export const targets: readonly Target[] = process.env.VK_ICD_FILENAMES ? ["cpu", "webgpu"] : ["cpu"];

/** Runs `tensors` on an engine; feeds are by input name. */
export async function run(
  tensors: readonly Tensor[],
  feeds: Record<string, NdArray>,
  target: Target,
): Promise<NdArray[]> {
  const model = toOnnx(Object.fromEntries(tensors.map((tensor, at) => [`y${at}`, tensor])), { target });
  const session = await ort.InferenceSession.create(model, {
    executionProviders: [target],
    logSeverityLevel: 3,
  });
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { data, shape }]) => [
      name,
      new ort.Tensor("float32", Float32Array.from(data), [...shape]),
    ]),
  );
  const outputs = await session.run(inputs);
  const results = tensors.map((_, at) => {
    const tensor = outputs[`y${at}`];
    if (tensor === undefined) throw new Error(`no output y${at}`);
    return { shape: tensor.dims, data: Float64Array.from(tensor.data as Float32Array) };
  });
  await session.release();
  return results;
}

/** Fails unless both have one shape and differ by at most `tolerance` times the largest expected value (or 1). */
export function expectClose(actual: NdArray | undefined, expected: NdArray | undefined, tolerance: number): void {
  expect(actual?.shape).toEqual(expected?.shape);
  const largest = Math.max(1, ...Array.from(expected?.data ?? [], Math.abs));
  const worst = Math.max(
    0,
    ...Array.from(expected?.data ?? [], (value, at) => {
      const difference = Math.abs(value - (actual?.data[at] ?? Number.NaN));
      return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    }),
  );
  expect(worst).toBeLessThanOrEqual(tolerance * largest);
}
