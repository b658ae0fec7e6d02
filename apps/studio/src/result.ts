/**
 * The picture that is being made: whenever the photograph or a setting changes, a small one first, then one as large as the screen
 * can show and the device paints in a few seconds. The full size is painted for the download.
 */

import { effect, signal } from "@preact/signals";
import { fitWithin } from "adaattn";
import type { Painted, PaintRequest } from "./engine/protocol.ts";
import { complain, engine, givePainting, type Photo, PICTURE_MODEL, photo, settings, sharesOf, view } from "./state.ts";

/** A photograph larger than this is first painted at this size, unless the picture itself takes no longer than so. */
const PREVIEW_SIDE = 256;
const AT_ONCE = 600;
/** The sides that are shown, the largest that the device paints in about so many milliseconds. */
const SHOWN_SIDES = [512, 768, 1024, 1536] as const;
const PATIENCE = 5000;
/** How long a control must rest. */
const REST = 120;

export interface Result {
  readonly photo: Photo;
  readonly painted: Painted;
  readonly isPreview: boolean;
}

export type Work =
  | { readonly state: "idle" }
  | { readonly state: "busy"; readonly fraction: number; readonly isFull: boolean }
  | { readonly state: "stopped" }
  | { readonly state: "failed"; readonly error: string };

export const result = signal<Result | undefined>(undefined);
export const work = signal<Work>({ state: "idle" });
/** How many pictures were finished. */
export const finished = signal(0);
/** Painting again what failed or was stopped. */
const turn = signal(0);

let controller = new AbortController();
/** Milliseconds a pixel, as measured last. */
let pace: number | undefined;

effect(() => {
  const opened = photo.value;
  const { regions: _, ...rest } = settings.value;
  const shares = sharesOf(true);
  turn.value;
  if (opened === undefined || view.value !== "picture") return;
  controller.abort(new DOMException("Another picture was asked for.", "AbortError"));
  controller = new AbortController();
  const { signal: aborted } = controller;
  const { strength, color } = rest;
  const request = { model: PICTURE_MODEL, photo: opened.key, shares, strength, color };
  setTimeout(() => {
    if (!aborted.aborted) make(opened, request, aborted);
  }, REST);
});

/** Stops what is being painted. */
export function stop(): void {
  controller.abort(new DOMException("The user stopped it.", "AbortError"));
  work.value = { state: "stopped" };
}

export function again(): void {
  turn.value++;
}

/** The size that a photograph is shown at. */
function shownSide({ picture: { width, height } }: Photo): number {
  const longer = Math.max(width, height);
  const pixels = pace === undefined ? 0 : PATIENCE / pace;
  const affordable = SHOWN_SIDES.findLast((side) => {
    const size = fitWithin(width, height, Math.min(longer, side));
    return size.width * size.height <= pixels;
  });
  return Math.min(longer, affordable ?? SHOWN_SIDES[0]);
}

async function make(opened: Photo, request: PaintRequest, signal: AbortSignal): Promise<void> {
  const { width, height } = opened.picture;
  try {
    if (request.shares.length === 0) return;
    work.value = { state: "busy", fraction: 0, isFull: false };
    const shown = fitWithin(width, height, shownSide(opened));
    const isQuick = pace !== undefined && pace * shown.width * shown.height < AT_ONCE;
    if (Math.max(width, height) > 1.25 * PREVIEW_SIDE && !isQuick)
      await paint(opened, request, PREVIEW_SIDE, true, signal);
    await paint(opened, request, shownSide(opened), false, signal);
    work.value = { state: "idle" };
    finished.value++;
  } catch (error) {
    if (signal.aborted) return;
    work.value = { state: "failed", error: error instanceof Error ? error.message : String(error) };
  }
}

async function paint(
  opened: Photo,
  request: PaintRequest,
  longerSide: number,
  isPreview: boolean,
  signal: AbortSignal,
): Promise<void> {
  const painted = await ask({ ...request, longerSide }, signal, (fraction) => {
    if (!signal.aborted) work.value = { state: "busy", fraction, isFull: false };
  });
  pace = painted.milliseconds / (painted.width * painted.height);
  if (!signal.aborted) result.value = { photo: opened, painted, isPreview };
}

async function ask(
  request: PaintRequest,
  signal: AbortSignal,
  onFraction: (fraction: number) => void,
): Promise<Painted> {
  const keys = request.shares.map(({ painting }) => painting);
  for (const key of keys) await givePainting(key);
  signal.throwIfAborted();
  return engine.ask("paint", request, [...keys, String(request.photo)], {
    signal,
    onReport: (report) => report.stage === "paint" && onFraction(report.fraction),
  });
}

/** The picture at the photograph's own size: what is shown, where that is it, else painted now. */
export async function fullSize(): Promise<Painted | undefined> {
  const opened = photo.peek();
  if (opened === undefined) return undefined;
  const shown = result.peek();
  const isShown = shown?.photo === opened && !shown.isPreview && shown.painted.width === opened.picture.width;
  if (isShown && work.peek().state === "idle") return shown.painted;
  controller.abort(new DOMException("The full size was asked for.", "AbortError"));
  controller = new AbortController();
  const { signal } = controller;
  const { strength, color } = settings.value;
  const request = { model: PICTURE_MODEL, photo: opened.key, shares: sharesOf(true), strength, color };
  try {
    work.value = { state: "busy", fraction: 0, isFull: true };
    const painted = await ask(request, signal, (fraction) => {
      if (!signal.aborted) work.value = { state: "busy", fraction, isFull: true };
    });
    result.value = { photo: opened, painted, isPreview: false };
    work.value = { state: "idle" };
    return painted;
  } catch (error) {
    if (!signal.aborted) {
      work.value = { state: "idle" };
      complain(error);
    }
    return undefined;
  }
}
