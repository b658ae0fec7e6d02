/**
 * Pictures to train on: all that lie below a folder, drawn at random and decoded by a worker thread
 * (crops.ts), so that neither the engine nor this thread ever waits for a file that was asked for
 * in time.
 */

import { Worker } from "node:worker_threads";
import type { CropBatch, SecondFrames } from "./crops.ts";
import type { CropRequest, CropResponse } from "./cropWorker.ts";
import { listPictures } from "./pictureFiles.ts";

/** What a dataset is opened with. */
export interface DatasetOptions {
  /** The side of the crops that it gives, in pixels. */
  readonly crop: number;
  /** The share of crops that are enlarged from fewer pixels (crops.ts); none by default. */
  readonly soft?: number | undefined;
  /** The same seed and step always give the same crops. */
  readonly seed: number;
  /** Called once for every file that was drawn and could not be read; another takes its place. */
  readonly onBadFile?: ((path: string, reason: string) => void) | undefined;
}

/** A folder of pictures. */
export class Dataset implements AsyncDisposable {
  /** The files, sorted. */
  readonly paths: readonly string[];
  readonly #options: DatasetOptions;
  readonly #worker: Worker;
  readonly #pending = new Map<number, { resolve: (drawn: CropBatch) => void; reject: (error: Error) => void }>();
  readonly #reported = new Set<string>();
  #count = 0;
  #failure: Error | undefined;

  private constructor(paths: readonly string[], options: DatasetOptions) {
    this.paths = paths;
    this.#options = options;
    // Beside this file there is cropWorker.ts in the sources and cropWorker.js in the package.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    this.#worker = new Worker(new URL(`./cropWorker.${extension}`, import.meta.url), {
      workerData: { paths },
      // As for the engine's worker, which reads a file whatever `node --eval` was told.
      ...(process.execArgv.some((option) => option.startsWith("--input-type")) && { execArgv: [] }),
    });
    this.#worker.unref();
    this.#worker.on("message", (response: CropResponse) => this.#settle(response));
    this.#worker.on("error", (error) => this.#fail(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on("exit", () => this.#fail(new Error("The dataset was closed.")));
  }

  /**
   * Opens all pictures below `folder`.
   *
   * @throws Error with one sentence where the folder cannot be read or holds fewer than two
   *   pictures.
   */
  static async open(folder: string, options: DatasetOptions): Promise<Dataset> {
    return new Dataset(await listPictures(folder), options);
  }

  /** How many pictures there are. */
  get size(): number {
    return this.paths.length;
  }

  /**
   * The `count` random crops of step `step`: [count, 3, crop, crop], RGB in [0, 1]; `crop` is that
   * of the options unless another is given. Those that are not soft take in from as many pixels as
   * a crop has to all of a picture's shorter side; half are flipped; pictures smaller than the crop
   * are enlarged.
   */
  async batch(step: number, count: number, crop = this.#options.crop): Promise<Float32Array> {
    return (await this.#draw(step, count, crop, false)).values;
  }

  /** The same as pairs of frames: crops, and what each shows a moment later (motion.ts). */
  async framePairs(
    step: number,
    count: number,
    crop = this.#options.crop,
  ): Promise<{ readonly first: Float32Array; readonly second: SecondFrames }> {
    const { values, moved } = await this.#draw(step, count, crop, true);
    if (moved === undefined) throw new Error(`Expected second frames for step ${step} but received none`);
    return { first: values, second: moved };
  }

  #draw(step: number, count: number, crop: number, moving: boolean): Promise<CropBatch> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = ++this.#count;
    const { seed, soft = 0 } = this.#options;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage({ id, draw: { seed, step, count, crop, soft, moving } } satisfies CropRequest);
    });
  }

  #settle(response: CropResponse): void {
    const waiting = this.#pending.get(response.id);
    this.#pending.delete(response.id);
    if (this.#pending.size === 0) this.#worker.unref();
    if ("error" in response) {
      waiting?.reject(new Error(response.error));
      return;
    }
    for (const { path, reason } of response.drawn.bad) {
      if (this.#reported.has(path)) continue;
      this.#reported.add(path);
      this.#options.onBadFile?.(path, reason);
    }
    waiting?.resolve(response.drawn);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  /** Ends the worker thread; batches that are still awaited are rejected. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
