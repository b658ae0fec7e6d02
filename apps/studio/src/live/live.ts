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
import { encodePicture, saveFile } from "../pictures/save.ts";
import { complain } from "../state.ts";
import { type Camera, closeCamera, listCameras, openCamera } from "./camera.ts";
import { adaptedSide } from "./detail.ts";
import type { Recorder } from "./record.ts";

export const isLive = signal(false);
/** The longer side that is painted. */
export const liveSide = signal(256);
/** Whether that follows the frame rate. */
export const isAdaptive = signal(true);
/** The cameras that there are, and the id of the one that is on. */
export const cameras = signal<readonly Camera[]>([]);
export const camera = signal("");
/** Whether left and right are as in a mirror, in all that is shown and saved. */
export const isMirrored = signal(true);
/** The last frame. */
export const frame = signal<Painted | undefined>(undefined);
/** Frames per second over the last second or more. */
export const fps = signal<number | undefined>(undefined);
/** Seconds that are recorded; undefined where nothing is. */
export const recorded = signal<number | undefined>(undefined);

const IN_FLIGHT = 2;
/** So many milliseconds of frames are looked at before the detail is changed. */
const BEFORE_ADAPTING = 1400;
/** About how wide the camera's own pictures are, in pixels. */
const CAMERA_WIDTH = 640;

/** What plays the camera. */
interface Source {
  readonly video: HTMLVideoElement;
  stream: MediaStream | undefined;
  /** Settles once the camera that was chosen last is seen. */
  ready: Promise<void>;
}

let ending: AbortController | undefined;
let source: Source | undefined;
let recorder: Recorder | undefined;

export async function startLive(): Promise<void> {
  if (ending !== undefined) return;
  const controller = new AbortController();
  ending = controller;
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  const own: Source = { video, stream: undefined, ready: Promise.resolve() };
  source = own;
  try {
    chooseCamera();
    await own.ready;
    isLive.value = true;
    await paintFrames(own, controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) complain(error);
  } finally {
    source = undefined;
    closeCamera(own.stream);
    await stopRecording();
    if (ending === controller) ending = undefined;
    isLive.value = false;
    fps.value = undefined;
  }
}

export function stopLive(): void {
  ending?.abort(new DOMException("The camera was stopped.", "AbortError"));
}

/** Goes on with another camera, or begins with the one that shows the user. */
export function chooseCamera(id?: string): void {
  if (source === undefined) return;
  source.ready = play(source, id);
  // Who paints waits for it, but may be amid a frame.
  source.ready.catch(() => undefined);
}

async function play(own: Source, id: string | undefined): Promise<void> {
  // Many phones give one camera at a time.
  closeCamera(own.stream);
  const stream = await openCamera(CAMERA_WIDTH, id);
  if (source !== own) {
    closeCamera(stream);
    return;
  }
  own.stream = stream;
  own.video.srcObject = stream;
  await own.video.play();
  const { deviceId = "", facingMode } = stream.getVideoTracks()[0]?.getSettings() ?? {};
  camera.value = deviceId;
  // Who looks at others wants them as they are.
  isMirrored.value = facingMode !== "environment";
  cameras.value = await listCameras();
}

async function paintFrames(from: Source, signal: AbortSignal): Promise<void> {
  const shown: number[] = [];
  const one = async () => {
    while (!signal.aborted) {
      await from.ready;
      const painted = await paintFrame(from.video, signal);
      signal.throwIfAborted();
      frame.value = painted;
      const now = performance.now();
      shown.push(now);
      while (shown.length > 2 && now - (shown[0] ?? 0) > 1500) shown.shift();
      const passed = now - (shown[0] ?? now);
      // The first frames come in pairs.
      if (passed > 700) fps.value = (1000 * (shown.length - 1)) / passed;
      if (passed > BEFORE_ADAPTING && adapt()) shown.length = 0;
      await recorder?.add(painted);
      recorded.value = recorder?.seconds;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, one));
}

/** Changes the detail where the frame rate asks for it; returns whether it did. A film keeps its own. */
function adapt(): boolean {
  const rate = fps.peek();
  if (!isAdaptive.peek() || rate === undefined || recorder !== undefined) return false;
  const before = liveSide.peek();
  liveSide.value = adaptedSide(before, rate);
  return liveSide.peek() !== before;
}

async function paintFrame(video: HTMLVideoElement, signal: AbortSignal): Promise<Painted> {
  const job = jobOf("frames");
  if (job === undefined) throw new Error("Expected a painting for the camera but none is chosen.");
  const { videoWidth, videoHeight } = video;
  const isTurned = isMirrored.value;
  const photo = pixelsOf(video, even(fitWithin(videoWidth, videoHeight, liveSide.value)), isTurned);
  // What is of another size or camera, or in another style, is another clip, whose frames share
  // nothing with those before.
  const clip = `camera ${camera.value} ${isTurned} ${photo.width} x ${photo.height}, ${job.shares.map(({ painting }) => painting)}`;
  return paintJob(job, photo, { clip, signal });
}

/** Saves the frame that is shown. */
export async function takeSnapshot(): Promise<void> {
  const shown = frame.peek();
  if (shown === undefined) return;
  try {
    saveFile(await encodePicture(shown, "png"), "live.png");
  } catch (error) {
    complain(error);
  }
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
