/** A page that paints the chosen photograph as soon as a painting is chosen too. */

import { loadModel } from "adaattn";
import { readPicture } from "../pictures.ts";

const [photo, painting] = ["photo", "painting"].map((id) => document.getElementById(id) as HTMLInputElement) as [
  HTMLInputElement,
  HTMLInputElement,
];
const status = document.getElementById("status") as HTMLElement;
const canvas = document.getElementById("result") as HTMLCanvasElement;

// Loaded once: WebGPU where there is one, else WebAssembly.
const model = loadModel("/small", {
  onProgress: (received) => {
    status.textContent = `Loading the model: ${(received / 1e6).toFixed(1)} MB`;
  },
});

async function paint(): Promise<void> {
  const [content, style] = [photo.files?.[0], painting.files?.[0]];
  if (content === undefined || style === undefined) return;
  try {
    const loaded = await model;
    status.textContent = "Painting";
    using taken = await loaded.style(style);
    (await loaded.stylize(await readPicture(content, 512), taken)).draw(canvas);
    status.textContent = "Painted";
  } catch (error) {
    status.textContent = error instanceof Error ? error.message : String(error);
  }
}

for (const input of [photo, painting]) input.addEventListener("change", paint);
