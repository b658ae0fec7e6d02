/** Paints in a thread of its own; messages come one at a time, each with an answer. */

import { loadModel } from "adaattn";
import { readPicture } from "../pictures.ts";

/** What the page asks for. */
export interface Asked {
  readonly content: Blob;
  readonly style: Blob;
}

/** What the worker answers. */
export type Answer =
  | { readonly picture: { readonly width: number; readonly height: number; readonly data: Uint8ClampedArray } }
  | { readonly error: string };

const model = loadModel("/small");

self.addEventListener("message", async ({ data }: MessageEvent<Asked>) => {
  try {
    const loaded = await model;
    using taken = await loaded.style(data.style);
    const { width, height, data: pixels } = await loaded.stylize(await readPicture(data.content, 512), taken);
    const answer: Answer = { picture: { width, height, data: pixels } };
    self.postMessage(answer, { transfer: [pixels.buffer] });
  } catch (error) {
    const answer: Answer = { error: error instanceof Error ? error.message : String(error) };
    self.postMessage(answer);
  }
});
