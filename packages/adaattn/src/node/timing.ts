/** How fast a device is: the time of a small convolution whose result is known. */

import { constant, convolution, input, toOnnx } from "@adaattn/graph";
import { type Device, outputOf } from "../engine/engine.ts";
import { NodeEngine } from "./engine.ts";

/**
 * How long a device takes for a convolution of 0.6 billion products, in milliseconds, warm.
 *
 * @throws Error where it does not run there, or gives wrong values.
 */
export async function timeConvolution(device: Device): Promise<number> {
  const engine = new NodeEngine({ device });
  try {
    const [channels, side] = [64, 128];
    const size = channels * channels * 9;
    const weight = constant(new Float32Array(size).fill(1 / (channels * 9)), [channels, channels, 3, 3]);
    const y = convolution(input("x", [1, channels, side, side]), weight, { padding: 1 });
    const session = await engine.load(toOnnx({ y }, { target: device }), "a test convolution");
    const x = { shape: [1, channels, side, side], data: new Float32Array(channels * side * side).fill(1) };
    let elapsed = 0;
    for (let run = 0; run < 2; run++) {
      const begun = performance.now();
      const { data } = await outputOf(await session.run({ x }), "y").read();
      elapsed = performance.now() - begun;
      const middle = Number(data[(side / 2) * side + side / 2]);
      if (Math.abs(middle - 1) > 1e-3) throw new Error(`a test convolution gave ${middle} instead of 1`);
    }
    return elapsed;
  } finally {
    await engine.dispose();
  }
}
