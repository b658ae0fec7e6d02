/**
 * Whether WebGPU works here and computes right: drivers exist that answer every call and give wrong
 * numbers.
 */

import { constant, convolution, input, toOnnx } from "@adaattn/graph";
import { outputOf } from "../engine/engine.ts";
import { WebEngine, type WebEngineOptions } from "./engine.ts";
import { problemCode, WebProblem, type WebProblemCode } from "./problem.ts";

/**
 * An engine on WebGPU that was found to compute right, or the sentence that says why there is none.
 */
export type WebGpuProbe =
  | { readonly engine: WebEngine }
  /** With the code of the reason, for pages that say it in words of their own. */
  | { readonly reason: string; readonly code: WebProblemCode };

/** What {@link probeWebGpu} may be asked. */
export interface WebGpuProbeOptions extends Omit<WebEngineOptions, "device"> {
  /**
   * Whether an adapter will do that computes in software; false by default, since WebAssembly is
   * many times as fast.
   */
  readonly allowSoftware?: boolean | undefined;
}

interface Gpu {
  requestAdapter(): Promise<{ readonly info?: { readonly isFallbackAdapter?: boolean } } | null>;
}

/** Makes an engine on WebGPU and has it compute a convolution whose result is known. */
export async function probeWebGpu({
  allowSoftware = false,
  ...options
}: WebGpuProbeOptions = {}): Promise<WebGpuProbe> {
  let engine: WebEngine | undefined;
  try {
    const { navigator } = globalThis as { navigator?: { gpu?: Gpu } };
    const gpu = navigator?.gpu;
    if (gpu === undefined) return { reason: "This browser has no WebGPU.", code: "noWebGpu" };
    const adapter = await gpu.requestAdapter();
    if (adapter === null) return { reason: "This browser finds no GPU that it may use.", code: "noAdapter" };
    if (adapter.info?.isFallbackAdapter && !allowSoftware) {
      return { reason: "This browser's WebGPU computes in software, which is slower.", code: "softwareGpu" };
    }
    engine = await WebEngine.create({ ...options, device: "webgpu" });
    await checkConvolution(engine);
    return { engine };
  } catch (error) {
    await engine?.dispose();
    return { reason: error instanceof Error ? error.message : String(error), code: problemCode(error) };
  }
}

/**
 * A 3x3 convolution over 4 channels of 6 x 6 small whole numbers, which a GPU computes without
 * rounding; the sum of products is redone here.
 *
 * @throws Error where the engine gives another number.
 */
export async function checkConvolution(engine: WebEngine): Promise<void> {
  const [channels, side] = [4, 6];
  const x = Float32Array.from({ length: channels * side * side }, (_, at) => ((at * 7) % 11) - 5);
  const w = Float32Array.from({ length: channels * channels * 9 }, (_, at) => ((at * 5) % 7) - 3);
  const picture = input("x", [1, channels, side, side]);
  const y = convolution(picture, constant(w, [channels, channels, 3, 3]), { padding: 1 });
  const session = await engine.load(toOnnx({ y }, { target: engine.device }), "a test convolution");
  try {
    const output = outputOf(await session.run({ x: { shape: [1, channels, side, side], data: x } }), "y");
    const { data } = await output.read().finally(() => output.dispose());
    for (const [at, value] of Array.from(data, Number).entries()) {
      const expected = convolvedAt(x, w, channels, side, at);
      if (Math.abs(value - expected) <= 1e-3) continue;
      const sentence = `Expected ${expected} of a test convolution on ${engine.device} but received ${value}.`;
      throw new WebProblem("wrongNumbers", sentence);
    }
  } finally {
    session.dispose();
  }
}

function convolvedAt(x: Float32Array, w: Float32Array, channels: number, side: number, at: number): number {
  const [out, row, column] = [Math.floor(at / (side * side)), Math.floor(at / side) % side, at % side];
  let sum = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let tap = 0; tap < 9; tap++) {
      const [r, c] = [row + Math.floor(tap / 3) - 1, column + (tap % 3) - 1];
      if (r < 0 || c < 0 || r >= side || c >= side) continue;
      sum += (x[(channel * side + r) * side + c] as number) * (w[(out * channels + channel) * 9 + tap] as number);
    }
  }
  return sum;
}
