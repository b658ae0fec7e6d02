/**
 * The worker thread of a dataset: draws crops, one batch after another, while the engine computes.
 */

import { parentPort, workerData } from "node:worker_threads";
import { type CropBatch, type Draw, drawCrops } from "./crops.ts";

/** What the thread starts with: the files that it draws from. */
export interface CropWorkerOptions {
  readonly paths: readonly string[];
}

/** A batch that is asked for. */
export interface CropRequest {
  readonly id: number;
  readonly draw: Draw;
}

/** What came of it. */
export type CropResponse =
  | { readonly id: number; readonly error: string }
  | { readonly id: number; readonly drawn: CropBatch };

const { paths } = workerData as CropWorkerOptions;
const port = parentPort;
let last: Promise<void> = Promise.resolve();
port?.on("message", ({ id, draw }: CropRequest) => {
  last = last.then(async () => {
    try {
      const drawn = await drawCrops(paths, draw);
      const arrays = [drawn.values, ...(drawn.moved ? Object.values(drawn.moved) : [])];
      port.postMessage(
        { id, drawn } satisfies CropResponse,
        arrays.map(({ buffer }) => buffer),
      );
    } catch (error) {
      port.postMessage({ id, error: error instanceof Error ? error.message : String(error) } satisfies CropResponse);
    }
  });
});
