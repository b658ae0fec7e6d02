/**
 * What points of the photograph look at: the point under the pointer and those that are pinned,
 * asked of the engine as they change.
 */

import { effect, signal } from "@preact/signals";
import type { Attention, AttentionMap, Point } from "adaattn";
import { fitWithin } from "adaattn/web";
import type { AttentionRequest, Looked } from "./engine/protocol.ts";
import { complain, engine, givePainting, lookOf, PICTURE_MODEL, photo, settings, view } from "./state.ts";

export const LEVELS = [3, 4, 5] as const;
export type Level = (typeof LEVELS)[number];

export const MOST_PINS = 4;

/** The longer side that is looked at: each point that is asked for encodes the photograph anew. */
const SIDES = { webgpu: 512, cpu: 288 } as const;

export const level = signal<Level>(3);
/** From 0 to 1 of the photograph. */
export const probe = signal<Point | undefined>(undefined);
export const pins = signal<readonly Point[]>([]);
export const looked = signal<Looked<Attention> | undefined>(undefined);
/** Whether an answer is waited for. */
export const isLooking = signal(false);
/** Whether what merely resembles the point is shown, too. */
export const isByScore = signal(false);
export const isMapped = signal(false);
export const map = signal<Looked<AttentionMap> | undefined>(undefined);
/** How far the map is. */
export const mapping = signal<number | undefined>(undefined);

async function request(): Promise<AttentionRequest | undefined> {
  const opened = photo.peek();
  const [painting] = settings.value.paintings;
  if (opened === undefined || painting === undefined) return undefined;
  await givePainting(painting);
  await engine.load();
  const status = engine.status.peek();
  const side = SIDES[status.state === "ready" ? status.device : "cpu"];
  const { width, height } = opened.picture;
  const longerSide = Math.min(side, Math.max(width, height));
  return { model: PICTURE_MODEL, photo: opened.key, painting, look: lookOf(painting), level: level.peek(), longerSide };
}

/** Colors of the pins, in order, and of the point that is pointed at, as sRGB bytes. */
export const PIN_COLORS = [
  [255, 138, 92],
  [92, 195, 255],
  [155, 227, 92],
  [214, 160, 255],
] as const;
export const PROBE_COLOR = [255, 236, 150] as const;

/** While one question is answered, only the last of those that come up meanwhile is kept. */
let isOutdated = false;

async function ask(): Promise<void> {
  if (isLooking.peek()) {
    isOutdated = true;
    return;
  }
  isLooking.value = true;
  try {
    do {
      isOutdated = false;
      const opened = photo.peek();
      const shown = [...pins.peek(), ...(probe.peek() ? [probe.peek() as Point] : [])];
      const asked = shown.length > 0 ? await request() : undefined;
      if (asked === undefined || opened === undefined) {
        looked.value = undefined;
        continue;
      }
      const size = fitWithin(opened.picture.width, opened.picture.height, asked.longerSide);
      const points = shown.map(({ x, y }) => ({ x: x * size.width, y: y * size.height }));
      const found = await engine.ask("attention", { ...asked, points }, [opened.key, asked.painting]);
      if (photo.peek() === opened) looked.value = found;
    } while (isOutdated);
  } catch (error) {
    complain(error);
  } finally {
    isLooking.value = false;
  }
}

effect(() => {
  level.value;
  probe.value;
  pins.value;
  photo.value;
  settings.value;
  if (view.value === "attention") ask();
});

// Pins belong to their photograph. A point is shown at once, as an example.
effect(() => {
  pins.value = [];
  probe.value = photo.value && { x: 0.4, y: 0.4 };
  looked.value = undefined;
});

/** Whether the point moves by itself, until the user points at something. */
export const isWandering = signal(false);

/**
 * Places that the point visits, from 0 to 1, and how long it stays at each once its answer is
 * there, in milliseconds.
 */
const VISITED: readonly Point[] = [
  { x: 0.62, y: 0.3 },
  { x: 0.75, y: 0.62 },
  { x: 0.5, y: 0.8 },
  { x: 0.25, y: 0.65 },
  { x: 0.3, y: 0.22 },
];
const STAY = 1400;

/** Who wants less motion, or has pointed at something once, is left alone. */
let mayWander = !matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Ends the point's own way: the user points. */
export function takeOver(): void {
  mayWander = false;
  isWandering.value = false;
}

let next: ReturnType<typeof setTimeout> | undefined;

effect(() => {
  const isShown = view.value === "attention" && photo.value !== undefined;
  isWandering.value = isShown && mayWander;
  if (!isShown) clearTimeout(next);
});

// The next place is visited when the one before was answered.
effect(() => {
  clearTimeout(next);
  if (!isWandering.value || looked.value === undefined || isLooking.value) return;
  next = setTimeout(() => {
    if (!isWandering.peek()) return;
    const at = VISITED.findIndex(({ x, y }) => x === probe.peek()?.x && y === probe.peek()?.y);
    probe.value = VISITED[(at + 1) % VISITED.length];
  }, STAY);
});

let controller = new AbortController();

effect(() => {
  level.value;
  photo.value;
  settings.value;
  controller.abort(new DOMException("Another map was asked for.", "AbortError"));
  controller = new AbortController();
  map.value = undefined;
  mapping.value = undefined;
  if (view.value === "attention" && isMapped.value) drawMap(controller.signal);
});

async function drawMap(signal: AbortSignal): Promise<void> {
  try {
    mapping.value = 0;
    const asked = await request();
    if (asked === undefined || signal.aborted) return;
    const found = await engine.ask("map", asked, [String(asked.photo), asked.painting], {
      signal,
      onReport: (report) => {
        if (report.stage === "paint" && !signal.aborted) mapping.value = report.fraction;
      },
    });
    if (!signal.aborted) map.value = found;
  } catch (error) {
    if (!signal.aborted) complain(error);
  } finally {
    if (!signal.aborted) mapping.value = undefined;
  }
}

/** The numbers behind what is shown, as JSON. */
export function attentionFile(): Blob | undefined {
  const now = looked.peek();
  if (now === undefined) return undefined;
  const { level, cell, keys, rows } = now.found;
  const { width, height } = now.painting;
  const plain = rows.map((row) => ({ ...row, probabilities: Array.from(row.probabilities) }));
  const content = { level, cell, photo: now.photo, painting: { width, height }, keys, rows: plain };
  return new Blob([JSON.stringify(content)], { type: "application/json" });
}
