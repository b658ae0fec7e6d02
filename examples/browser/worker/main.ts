/**
 * The page of the worker: it hands over the chosen files and shows what comes back, and never
 * stands still meanwhile.
 */

import { show } from "../pictures.ts";
import type { Answer, Asked } from "./worker.ts";

const [photo, painting] = ["photo", "painting"].map((id) => document.getElementById(id) as HTMLInputElement) as [
  HTMLInputElement,
  HTMLInputElement,
];
const status = document.getElementById("status") as HTMLElement;
const canvas = document.getElementById("result") as HTMLCanvasElement;
const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });

worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
  if ("picture" in data) show(canvas, data.picture);
  status.textContent = "picture" in data ? "Painted" : data.error;
});

function paint(): void {
  const [content, style] = [photo.files?.[0], painting.files?.[0]];
  if (content === undefined || style === undefined) return;
  status.textContent = "Painting";
  const asked: Asked = { content, style };
  worker.postMessage(asked);
}

for (const input of [photo, painting]) input.addEventListener("change", paint);
