/**
 * The photograph in every painting, as small pictures to choose from: one after another, as long as
 * they are looked at.
 */

import { effect, signal } from "@preact/signals";
import type { Painted } from "./engine/protocol.ts";
import { paintJob } from "./jobs.ts";
import { complain, lookOf, type Photo, PICTURE_MODEL, paintings, photo, settings, view } from "./state.ts";

/**
 * The longer side of a preview. Paintings are looked at as much smaller as it is than a picture, so
 * that strokes are alike.
 */
const PREVIEW_SIDE = 192;

export const isEvery = signal(false);
/** What is painted so far, by painting. */
export const previews = signal<ReadonlyMap<string, Painted>>(new Map());

let controller = new AbortController();
/** What the previews are of. */
let made = "";

effect(() => {
  const { strength, color, grain, stroke, rotate, parts } = settings.value;
  const opened = photo.value;
  const ids = paintings.value.map(({ id }) => id);
  controller.abort(new DOMException("Other previews were asked for.", "AbortError"));
  if (!isEvery.value || opened === undefined || view.value !== "picture") return;
  const kind = JSON.stringify([opened.key, strength, color, grain, stroke, rotate, parts]);
  if (kind !== made) previews.value = new Map();
  made = kind;
  controller = new AbortController();
  paintEvery(opened, ids, controller.signal).catch(complain);
});

async function paintEvery(opened: Photo, ids: readonly string[], signal: AbortSignal): Promise<void> {
  const { strength, color, grain } = settings.value;
  for (const painting of ids) {
    if (previews.peek().has(painting)) continue;
    const shares = [{ painting, look: lookOf(painting), weight: 1 }] as const;
    const job = { model: PICTURE_MODEL, shares, strength, color, grain, strokeBy: "picture" } as const;
    const painted = await paintJob(job, opened.key, { longerSide: PREVIEW_SIDE, paintingSide: PREVIEW_SIDE, signal });
    signal.throwIfAborted();
    previews.value = new Map(previews.peek()).set(painting, painted);
  }
}
