/**
 * A video that was opened, and how far its painting is. What reads and writes files is loaded when
 * it is needed.
 */

import { computed, signal } from "@preact/signals";
import type { Painted } from "../engine/protocol.ts";
import { jobOf, paintJob } from "../jobs.ts";
import { saveFile } from "../pictures/save.ts";
import type { Settings } from "../settings.ts";
import { complain, say, settings } from "../state.ts";
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
/** A finished file, its address for the player, and the settings that it was made with. */
interface Film {
  readonly blob: Blob;
  readonly url: string;
  readonly name: string;
  readonly settings: Settings;
  readonly side: number;
}

export const made = signal<Film | undefined>(undefined);
/** Whether the finished file is as the settings are now. */
export const isCurrent = computed(() => made.value?.settings === settings.value && made.value.side === videoSide.value);

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
  const job = jobOf("frames");
  // A film has the engine to itself.
  if (opened === undefined || job === undefined || ending !== undefined) return;
  previewing?.abort(new DOMException("Another frame was asked for.", "AbortError"));
  previewing = new AbortController();
  const { signal } = previewing;
  try {
    const frame = await opened.frameAt(opened.seconds / 3, videoSide.value);
    const painted = frame && (await paintJob(job, frame, { signal }));
    if (!signal.aborted) preview.value = painted;
  } catch (error) {
    if (!signal.aborted) complain(error);
  }
}

export async function paintVideo(): Promise<void> {
  const opened = video.peek();
  const job = jobOf("frames");
  if (opened === undefined || job === undefined || ending !== undefined) return;
  const begunWith = settings.value;
  const side = videoSide.value;
  ending = new AbortController();
  const { signal } = ending;
  const begun = performance.now();
  forget();
  progress.value = { fraction: 0, left: undefined };
  try {
    const blob = await opened.convert({
      longerSide: side,
      signal,
      paint: (frame) => paintJob(job, frame, { signal, clip: `${opened.name} ${begun}` }),
      onProgress: (fraction) => {
        const passed = (performance.now() - begun) / 1000;
        progress.value = { fraction, left: fraction > 0.01 ? (passed / fraction) * (1 - fraction) : undefined };
      },
      onSoundLost: () => say(t("video.soundLost")),
    });
    const name = `${opened.name.replace(/\.\w+$/, "")}, ${begunWith.paintings[0]}.mp4`;
    made.value = { blob, url: URL.createObjectURL(blob), name, settings: begunWith, side };
  } catch (error) {
    if (!signal.aborted) complain(error);
  } finally {
    ending = undefined;
    progress.value = undefined;
  }
  if (!isCurrent.value) await paintPreview();
}

export function stopVideo(): void {
  ending?.abort(new DOMException("The video was stopped.", "AbortError"));
}

export function saveVideo(): void {
  if (made.value) saveFile(made.value.blob, made.value.name);
}
