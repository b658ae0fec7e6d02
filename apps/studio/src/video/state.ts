/** A video that was opened, and how far its painting is. What reads and writes files is loaded when it is needed. */

import { signal } from "@preact/signals";
import type { Picture } from "adaattn";
import type { Painted } from "../engine/protocol.ts";
import { saveFile } from "../pictures/save.ts";
import { complain, engine, givePainting, say, settings, sharesOf, VIDEO_MODEL } from "../state.ts";
import { t } from "../texts/texts.ts";
import type { OpenVideo } from "./convert.ts";

export const VIDEO_SIDES = [256, 384, 512, 640, 960, 1280] as const;

export interface Progressed {
  readonly fraction: number;
  /** Seconds that are left, by the pace so far. */
  readonly left: number | undefined;
}

export const video = signal<OpenVideo | undefined>(undefined);
/** The longer side of the result; undefined for the video's own. */
export const videoSide = signal<number>(512);
export const preview = signal<Painted | undefined>(undefined);
export const progress = signal<Progressed | undefined>(undefined);
/** The finished file, and its address for the player. */
export const made = signal<{ readonly blob: Blob; readonly url: string; readonly name: string } | undefined>(undefined);

let ending: AbortController | undefined;
let previewing: AbortController | undefined;

export async function openVideo(file: File): Promise<void> {
  stopVideo();
  try {
    const { readVideo } = await import("./convert.ts");
    const opened = await readVideo(file);
    video.value?.dispose();
    video.value = opened;
    forget();
    preview.value = undefined;
    videoSide.value = Math.min(512, Math.max(opened.width, opened.height));
    await paintPreview();
  } catch (error) {
    complain(error);
  }
}

function forget(): void {
  if (made.value) URL.revokeObjectURL(made.value.url);
  made.value = undefined;
}

/** Paints one frame, from a third into the video. */
export async function paintPreview(): Promise<void> {
  const opened = video.peek();
  if (opened === undefined) return;
  previewing?.abort(new DOMException("Another frame was asked for.", "AbortError"));
  previewing = new AbortController();
  const { signal } = previewing;
  try {
    const frame = await opened.frameAt(opened.seconds / 3, videoSide.value);
    const painted = frame && (await paintFrame(frame, signal));
    if (!signal.aborted) preview.value = painted;
  } catch (error) {
    if (!signal.aborted) complain(error);
  }
}

async function paintFrame(photo: Picture, signal: AbortSignal, clip?: string) {
  const shares = sharesOf(false);
  const keys = shares.map(({ painting }) => painting);
  for (const key of keys) await givePainting(key);
  const { strength, color } = settings.value;
  const steady = color === "match" ? "style" : color;
  return engine.ask("paint", { model: VIDEO_MODEL, photo, shares, strength, color: steady, clip }, keys, { signal });
}

export async function paintVideo(): Promise<void> {
  const opened = video.peek();
  if (opened === undefined || ending !== undefined) return;
  ending = new AbortController();
  const { signal } = ending;
  const begun = performance.now();
  forget();
  progress.value = { fraction: 0, left: undefined };
  try {
    const blob = await opened.convert({
      longerSide: videoSide.value,
      signal,
      paint: (frame) => paintFrame(frame, signal, `${opened.name} ${begun}`),
      onProgress: (fraction) => {
        const passed = (performance.now() - begun) / 1000;
        progress.value = { fraction, left: fraction > 0.01 ? (passed / fraction) * (1 - fraction) : undefined };
      },
      onSoundLost: () => say(t("video.soundLost")),
    });
    const name = `${opened.name.replace(/\.\w+$/, "")}, ${settings.value.paintings[0]}.mp4`;
    made.value = { blob, url: URL.createObjectURL(blob), name };
  } catch (error) {
    if (!signal.aborted) complain(error);
  } finally {
    ending = undefined;
    progress.value = undefined;
  }
}

export function stopVideo(): void {
  ending?.abort(new DOMException("The video was stopped.", "AbortError"));
}

export function saveVideo(): void {
  if (made.value) saveFile(made.value.blob, made.value.name);
}
