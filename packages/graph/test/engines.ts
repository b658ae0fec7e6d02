/** Runs graphs on ONNX Runtime itself, the CPU and (where a Vulkan driver is at hand) WebGPU. */

import { type NdArray, type Target, type Tensor, toOnnx } from "@adaattn/graph";
import * as ort from "onnxruntime-node";
import { expect } from "vitest";

/**
 * The engines of this machine. `npm test` finds a software Vulkan driver; without any, WebGPU is
 * left out, except in CI, where nothing may be skipped.
 */
export const targets: readonly Device[] = findTargets(process.env);

/** Where graphs run; portable ones run anywhere. */
type Device = Exclude<Target, "portable">;

export function findTargets({ VK_ICD_FILENAMES, CI }: Readonly<Record<string, string | undefined>>): readonly Device[] {
  if (VK_ICD_FILENAMES) return ["cpu", "webgpu"];
  if (CI === "true") {
    throw new Error(
      "Expected a Vulkan driver in VK_ICD_FILENAMES, since CI is true, but received none; run npm run setup:test && npm test",
    );
  }
  return ["cpu"];
}

/** Runs `tensors` on an engine; feeds are by input name. */
export async function run(
  tensors: readonly Tensor[],
  feeds: Record<string, NdArray>,
  target: Target,
): Promise<NdArray[]> {
  const [results = []] = await runEach(tensors, [feeds], target);
  return results;
}

/** Runs `tensors` on an engine once for each of several feeds, all in one session. */
export async function runEach(
  tensors: readonly Tensor[],
  manyFeeds: readonly Record<string, NdArray>[],
  target: Target,
): Promise<NdArray[][]> {
  const model = toOnnx(Object.fromEntries(tensors.map((tensor, at) => [`y${at}`, tensor])), {
    target,
    minimalFiltering: true,
  });
  const session = await ort.InferenceSession.create(model, {
    executionProviders: [target === "portable" ? "cpu" : target],
    logSeverityLevel: 3,
  });
  const results: NdArray[][] = [];
  for (const feeds of manyFeeds) {
    const inputs = Object.fromEntries(
      Object.entries(feeds).map(([name, { data, shape }]) => [
        name,
        new ort.Tensor("float32", Float32Array.from(data), [...shape]),
      ]),
    );
    const outputs = await session.run(inputs);
    results.push(
      tensors.map((_, at) => {
        const tensor = outputs[`y${at}`];
        if (tensor === undefined) throw new Error(`no output y${at}`);
        return { shape: tensor.dims, data: Float64Array.from(tensor.data as Float32Array) };
      }),
    );
  }
  await session.release();
  return results;
}

/**
 * Fails unless both have one shape and differ by at most `tolerance` times the largest expected
 * value (or 1).
 */
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
