/**
 * A video that was opened, and how far its painting is. What reads and writes files is loaded when
 * it is needed.
 */

import { computed, signal } from "@preact/signals";
import type { Picture } from "adaattn";
import type { Painted } from "../engine/protocol.ts";
import { jobOf, paintJob } from "../jobs.ts";
import { saveFile } from "../pictures/save.ts";
import type { Settings } from "../settings.ts";
import { complain, nameInFiles, say, settings } from "../state.ts";
import { t } from "../texts/texts.ts";
import type { OpenVideo, Span } from "./convert.ts";

export const VIDEO_SIDES = [256, 384, 512, 640, 960, 1280] as const;

export interface Progressed {
  readonly fraction: number;
  /** Seconds that are left, by the pace so far. */
  readonly left: number | undefined;
}

export const video = signal<OpenVideo | undefined>(undefined);
/** The longer side of the result; undefined for the video's own. */
export const videoSide = signal<number>(512);
/** What is painted of it, at least so many seconds. */
export const span = signal<Span>({ from: 0, to: 0 });
const LEAST_SECONDS = 0.1;
/** A frame as it is, and painted; while a film is made, its last one. */
export const preview = signal<{ readonly frame: Picture; readonly painted: Painted } | undefined>(undefined);
export const progress = signal<Progressed | undefined>(undefined);
/** A finished file, its address for the player, and the settings that it was made with. */
export interface Film {
  readonly blob: Blob;
  readonly url: string;
  readonly name: string;
  readonly settings: Settings;
  readonly side: number;
  readonly span: Span;
  /** The address of the video that it was made of. */
  readonly original: string;
}

export const made = signal<Film | undefined>(undefined);
/** Whether the finished file is as the settings are now. */
export const isCurrent = computed(() => {
  const film = made.value;
  return film?.settings === settings.value && film.side === videoSide.value && film.span === span.value;
});

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
    span.value = { from: 0, to: opened.seconds };
    videoSide.value = Math.min(512, Math.max(opened.width, opened.height));
    await paintPreview();
  } catch (error) {
    complain(error);
  }
}

/** Opens the clip that comes with the studio. */
export async function openSampleVideo(): Promise<void> {
  const fetched = await fetch("pictures/sample.mp4").catch(() => undefined);
  if (!fetched?.ok) {
    complain(new Error(t("video.unreachable")));
    return;
  }
  await openVideo(new File([await fetched.blob()], "castle.mp4", { type: "video/mp4" }));
}

/** Sets where the film begins or ends; the other end makes room. */
export function trimTo(end: keyof Span, seconds: number): void {
  const whole = video.peek()?.seconds ?? 0;
  const { from, to } = span.peek();
  if (end === "from") {
    const begin = Math.max(0, Math.min(seconds, whole - LEAST_SECONDS));
    span.value = { from: begin, to: Math.max(to, Math.min(whole, begin + LEAST_SECONDS)) };
  } else {
    const last = Math.min(whole, Math.max(seconds, LEAST_SECONDS));
    span.value = { from: Math.max(0, Math.min(from, last - LEAST_SECONDS)), to: last };
  }
}

function forget(): void {
  if (made.value) {
    URL.revokeObjectURL(made.value.url);
    URL.revokeObjectURL(made.value.original);
  }
  made.value = undefined;
}

/** Paints one frame, from a third into what is painted of the video. */
export async function paintPreview(): Promise<void> {
  const opened = video.peek();
  const job = jobOf("frames");
  // A film has the engine to itself.
  if (opened === undefined || job === undefined || ending !== undefined) return;
  previewing?.abort(new DOMException("Another frame was asked for.", "AbortError"));
  previewing = new AbortController();
  const { signal } = previewing;
  try {
    const { from, to } = span.value;
    const frame = await opened.frameAt(from + (to - from) / 3, videoSide.value);
    const painted = frame && (await paintJob(job, frame, { signal }));
    if (!signal.aborted) preview.value = painted && { frame, painted };
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
  const part = span.value;
  ending = new AbortController();
  const { signal } = ending;
  const begun = performance.now();
  forget();
  progress.value = { fraction: 0, left: undefined };
  try {
    const blob = await opened.convert({
      span: part.from === 0 && part.to === opened.seconds ? undefined : part,
      longerSide: side,
      signal,
      paint: async (frame) => {
        const painted = await paintJob(job, frame, { signal, clip: `${opened.name} ${begun}` });
        preview.value = { frame, painted };
        return painted;
      },
      onProgress: (fraction) => {
        const passed = (performance.now() - begun) / 1000;
        progress.value = { fraction, left: fraction > 0.01 ? (passed / fraction) * (1 - fraction) : undefined };
      },
      onSoundLost: () => say(t("video.soundLost")),
    });
    const name = `${opened.name.replace(/\.\w+$/, "")}, ${nameInFiles(begunWith.paintings[0] ?? "")}.mp4`;
    const url = URL.createObjectURL(blob);
    const original = URL.createObjectURL(opened.file);
    made.value = { blob, url, name, settings: begunWith, side, span: part, original };
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
