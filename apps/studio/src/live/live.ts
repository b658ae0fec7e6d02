/**
 * The camera, painted: frames go to the worker as fast as it answers, two on their way at once, so
 * that it never waits; of the camera's frames the latest is always taken. Styles change from one
 * frame to the next.
 */

import { signal } from "@preact/signals";
import { fitWithin } from "adaattn/web";
import type { Painted } from "../engine/protocol.ts";
import { jobOf, paintJob } from "../jobs.ts";
import { pixelsOf } from "../pictures/decode.ts";
import { complain } from "../state.ts";
import { openCamera } from "./camera.ts";
import type { Recorder } from "./record.ts";

export const LIVE_SIDES: readonly number[] = [128, 192, 256, 384, 512];

export const isLive = signal(false);
export const liveSide = signal(256);
/** The last frame. */
export const frame = signal<Painted | undefined>(undefined);
/** Frames per second over the last second or more. */
export const fps = signal<number | undefined>(undefined);
/** Seconds that are recorded; undefined where nothing is. */
export const recorded = signal<number | undefined>(undefined);

const IN_FLIGHT = 2;

let ending: AbortController | undefined;
let recorder: Recorder | undefined;

export async function startLive(): Promise<void> {
  if (ending !== undefined) return;
  const controller = new AbortController();
  ending = controller;
  let stream: MediaStream | undefined;
  try {
    stream = await openCamera(640);
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.srcObject = stream;
    await video.play();
    isLive.value = true;
    await paintFrames(video, controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) complain(error);
  } finally {
    for (const track of stream?.getTracks() ?? []) track.stop();
    await stopRecording();
    if (ending === controller) ending = undefined;
    isLive.value = false;
    fps.value = undefined;
  }
}

export function stopLive(): void {
  ending?.abort(new DOMException("The camera was stopped.", "AbortError"));
}

async function paintFrames(video: HTMLVideoElement, signal: AbortSignal): Promise<void> {
  const shown: number[] = [];
  const one = async () => {
    while (!signal.aborted) {
      const painted = await paintFrame(video, signal);
      signal.throwIfAborted();
      frame.value = painted;
      const now = performance.now();
      shown.push(now);
      while (shown.length > 2 && now - (shown[0] ?? 0) > 1500) shown.shift();
      const passed = now - (shown[0] ?? now);
      // The first frames come in pairs.
      if (passed > 700) fps.value = (1000 * (shown.length - 1)) / passed;
      await recorder?.add(painted);
      recorded.value = recorder?.seconds;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, one));
}

async function paintFrame(video: HTMLVideoElement, signal: AbortSignal): Promise<Painted> {
  const job = jobOf("frames");
  if (job === undefined) throw new Error("Expected a painting for the camera but none is chosen.");
  const { videoWidth, videoHeight } = video;
  const photo = pixelsOf(video, even(fitWithin(videoWidth, videoHeight, liveSide.value)));
  // What is of another size or in another style is another clip, whose frames share nothing with
  // those before.
  const clip = `camera ${photo.width} x ${photo.height}, ${job.shares.map(({ painting }) => painting)}`;
  return paintJob(job, photo, { clip, signal });
}

/** Video encoders need even sides. */
export function even({ width, height }: { readonly width: number; readonly height: number }) {
  return { width: Math.max(16, width & ~1), height: Math.max(16, height & ~1) };
}

export async function startRecording(): Promise<void> {
  const size = frame.peek();
  if (size === undefined || recorder !== undefined) return;
  try {
    const { Recorder } = await import("./record.ts");
    recorder = await Recorder.start(size);
    recorded.value = 0;
  } catch (error) {
    complain(error);
  }
}

/** Ends the recording and hands it to the user. */
export async function stopRecording(): Promise<void> {
  const ended = recorder;
  recorder = undefined;
  recorded.value = undefined;
  try {
    await ended?.save();
  } catch (error) {
    complain(error);
  }
}
