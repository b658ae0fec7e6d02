/**
 * A process that tries the GPU, and the CPU beside it, and sends what came of it. Drivers print
 * what they like and end the process that asks them; here neither reaches anybody.
 */

import type { DeviceProbe } from "./devices.ts";
import { timeConvolution } from "./timing.ts";

async function probe(): Promise<DeviceProbe> {
  try {
    const webgpu = await timeConvolution("webgpu");
    return { webgpu: { milliseconds: webgpu }, cpu: { milliseconds: await timeConvolution("cpu") } };
  } catch (error) {
    return { webgpu: { reason: error instanceof Error ? error.message : String(error) } };
  }
}

const answer = await probe();
process.send?.(answer, () => process.disconnect());
