/**
 * The picture that is being made: whenever the photograph or a setting changes, a small one first,
 * then one as large as the screen can show and the device paints in a few seconds. Another size is
 * painted for the download.
 */

import { computed, effect, signal } from "@preact/signals";
import type { Size } from "adaattn";
import { fitWithin } from "adaattn/web";
import type { Painted } from "./engine/protocol.ts";
import { type Job, jobOf, paintJob } from "./jobs.ts";
import { Pace } from "./pace.ts";
import { MOST_PIXELS } from "./pictures/decode.ts";
import type { Settings } from "./settings.ts";
import { complain, engine, nameInFiles, type Photo, photo, settings, VIDEO_MODEL, type View, view } from "./state.ts";

/**
 * A photograph larger than this is first painted at this size, unless the picture itself takes no
 * longer than so.
 */
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
  /** What it was made with. */
  readonly settings: Settings;
}

/** What a result's file is called; `more` tells what else it is. */
export function nameOfFile({ photo, settings }: Result, ending: string, ...more: readonly string[]): string {
  const parts = [photo.name.replace(/\.\w+$/, ""), nameInFiles(settings.paintings[0] ?? ""), ...more];
  return `${parts.join(", ")}.${ending}`;
}

export type Work =
  | { readonly state: "idle" }
  /** With the share of the painting that is done, where it has begun. */
  | { readonly state: "busy"; readonly fraction: number | undefined; readonly isFull: boolean }
  | { readonly state: "stopped" }
  | { readonly state: "failed"; readonly error: unknown };

export const result = signal<Result | undefined>(undefined);
export const work = signal<Work>({ state: "idle" });
/** How many pictures were finished. */
export const finished = signal(0);
/** Painting again what failed or was stopped. */
const turn = signal(0);

/** The views that show the result. */
const SHOWING: readonly View[] = ["picture", "attention"];

let controller = new AbortController();
const pace = new Pace();
/** The longer side that the photograph was last shown at by itself, with no download asked for. */
const seen = signal<number | undefined>(undefined);

// A picture of another photograph is of no use any more.
effect(() => {
  if (result.peek()?.photo === photo.value) return;
  result.value = undefined;
  seen.value = undefined;
});

effect(() => {
  const opened = photo.value;
  const job = jobOf("picture");
  const set = settings.value;
  turn.value;
  if (opened === undefined || job === undefined || !SHOWING.includes(view.value)) return;
  // Who comes back from another view finds what was painted.
  const shown = result.peek();
  if (shown?.photo === opened && shown.settings === set && !shown.isPreview && work.peek().state === "idle") return;
  controller.abort(new DOMException("Another picture was asked for.", "AbortError"));
  controller = new AbortController();
  const { signal: aborted } = controller;
  setTimeout(() => {
    if (!aborted.aborted) make({ photo: opened, job, settings: set, signal: aborted });
  }, REST);
});

/** Once a picture is done, the camera and films shall work without a network, too. */
let isPrepared = false;
function prepareForOffline(): void {
  if (isPrepared) return;
  isPrepared = true;
  engine.ask("fetch", { model: VIDEO_MODEL }, []).catch(() => {
    isPrepared = false;
  });
}

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
  const affordable = SHOWN_SIDES.findLast((side) => {
    const time = pace.estimate(fitWithin(width, height, Math.min(longer, side)));
    return time !== undefined && time <= PATIENCE;
  });
  return Math.min(longer, affordable ?? SHOWN_SIDES[0]);
}

/** A photograph and the job that it is painted by. */
interface Making {
  readonly photo: Photo;
  readonly job: Job;
  /** What the job was made of. */
  readonly settings: Settings;
  readonly signal: AbortSignal;
}

async function make(making: Making): Promise<void> {
  const { photo: opened, signal } = making;
  const { width, height } = opened.picture;
  try {
    work.value = { state: "busy", fraction: undefined, isFull: false };
    const shown = fitWithin(width, height, shownSide(opened));
    const isQuick = (pace.estimate(shown) ?? AT_ONCE) < AT_ONCE;
    // A sharp picture stays until the next is as sharp.
    const isSharp = result.peek()?.isPreview === false;
    if (Math.max(width, height) > 1.25 * PREVIEW_SIDE && !isQuick && !isSharp)
      await paint(making, { longerSide: PREVIEW_SIDE, isPreview: true });
    await paint(making, { longerSide: shownSide(opened), isPreview: false });
    work.value = { state: "idle" };
    finished.value++;
    prepareForOffline();
  } catch (error) {
    if (signal.aborted) return;
    work.value = { state: "failed", error };
  }
}

interface Painting {
  readonly longerSide: number;
  readonly isPreview: boolean;
  readonly isFull?: boolean;
}

async function paint(making: Making, { longerSide, isPreview, isFull = false }: Painting): Promise<Result> {
  const { photo: opened, job, settings: set, signal } = making;
  const painted = await paintJob(job, opened.key, {
    longerSide,
    signal,
    onReport: (report) => {
      if (signal.aborted) return;
      work.value = { state: "busy", fraction: report.stage === "paint" ? report.fraction : undefined, isFull };
    },
  });
  signal.throwIfAborted();
  pace.measure(painted, painted.milliseconds, painted.tiles);
  if (!isPreview && !isFull) seen.value = Math.max(painted.width, painted.height);
  const made = { photo: opened, painted, isPreview, settings: set };
  result.value = made;
  return made;
}

/** What can be downloaded: as it is shown, twice as large, or as large as the photograph is. */
export const DOWNLOADS = ["seen", "twice", "own"] as const;
export type Download = (typeof DOWNLOADS)[number];

/** A size that can be downloaded, and about how many seconds it will take. */
export interface Offer extends Size {
  readonly kind: Download;
  /** 0 where it is there; undefined where nothing was measured yet. */
  readonly seconds: number | undefined;
}

/** The size that is to be downloaded. */
export const wanted = signal<Download>("own");

/** The sizes that can be downloaded, each once. */
export const offers = computed<readonly Offer[]>(() => {
  const opened = photo.value;
  if (opened === undefined) return [];
  const { width, height } = opened.picture;
  const own = Math.max(width, height);
  const shown = seen.value ?? Math.min(own, SHOWN_SIDES[0]);
  const sides = new Map<number, Download>([
    [2 * shown, "twice"],
    [shown, "seen"],
    [own, "own"],
  ]);
  return [...sides]
    .map(([side, kind]) => ({ kind, ...(side === own ? { width, height } : fitWithin(width, height, side)) }))
    .filter((size) => size.width * size.height <= MOST_PIXELS)
    .sort((a, b) => a.width - b.width)
    .map((offer) => {
      const milliseconds = isThere(offer) ? 0 : pace.estimate(offer);
      return { ...offer, seconds: milliseconds === undefined ? undefined : milliseconds / 1000 };
    });
});

/** Whether the picture of this size is what is shown. */
function isThere(size: Size): boolean {
  const shown = result.value;
  return (
    shown !== undefined &&
    shown.photo === photo.value &&
    !shown.isPreview &&
    shown.painted.width === size.width &&
    shown.painted.height === size.height &&
    work.value.state === "idle"
  );
}

/** The size that is wanted, or the photograph's own where it is that. */
export const offered = computed(
  () => offers.value.find(({ kind }) => kind === wanted.value) ?? offers.value.find(({ kind }) => kind === "own"),
);

/** The picture at the size that is wanted: what is shown, where that is it, else painted now. */
export async function wantedSize(): Promise<Result | undefined> {
  const opened = photo.peek();
  const job = jobOf("picture");
  const offer = offered.peek();
  if (opened === undefined || job === undefined || offer === undefined) return undefined;
  if (isThere(offer)) return result.peek();
  controller.abort(new DOMException("Another size was asked for.", "AbortError"));
  controller = new AbortController();
  const { signal } = controller;
  try {
    work.value = { state: "busy", fraction: undefined, isFull: true };
    const making = { photo: opened, job, settings: settings.value, signal };
    const made = await paint(making, {
      longerSide: Math.max(offer.width, offer.height),
      isPreview: false,
      isFull: true,
    });
    work.value = { state: "idle" };
    return made;
  } catch (error) {
    if (!signal.aborted) {
      work.value = { state: "idle" };
      complain(error);
    }
    return undefined;
  }
}
