/**
 * Frames of a video in, stylized frames out, one after the other and with only a few in memory at
 * any time:
 *
 *   for await (const { picture } of stylizeVideo(model, frames, style)) show(picture);
 *
 * Nothing here knows of files: frames come from a decoder, a canvas or a camera. Frames are pulled
 * as results are asked for, so whoever reads slowly slows down everything before it.
 */

import type { Picture } from "../picture/picture.ts";
import type { PaintControls } from "../stylize/controls.ts";
import type { Model } from "../stylize/model.ts";
import type { StyleShare, StylizedPicture } from "../stylize/options.ts";
import { RunningStatistics, STATISTICS_MEMORY } from "../stylize/statistics.ts";
import type { Style } from "../stylize/style.ts";
import { SceneCuts } from "./scenes.ts";
import { type KeyStyle, StyleTimeline } from "./timeline.ts";

/** One frame of a video. All frames of a video have one size. */
export interface VideoFrame {
  readonly picture: Picture;
  /** When it is shown, in seconds from the video's first frame. */
  readonly seconds: number;
}

/** A frame that was painted. */
export interface StylizedFrame extends VideoFrame {
  readonly picture: StylizedPicture;
  /** Whether a scene begins with it; the first one does. */
  readonly startsScene: boolean;
  /** Whether it is the frame before it once more, and was therefore not painted anew. */
  readonly isRepeated: boolean;
}

/** What {@link stylizeVideo} may be asked; all frames share the controls. */
export interface StylizeVideoOptions extends PaintControls {
  /** How long one key style takes to fade into the next, in seconds; 1 by default. */
  readonly fade?: number | undefined;
  /**
   * How many of the first frames are looked at but not painted, 0 by default: with 25, what comes
   * out of the others is what would have come out had all frames before been painted too, unless it
   * repeats the last of the lead. For work that begins in the middle.
   */
  readonly lead?: number | undefined;
  /** Ends the work as soon as it is aborted; reading then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * How many frames before a frame decide what it looks like: those whose statistics it shares, and
 * two that a cut is found by.
 */
export const LEAD = STATISTICS_MEMORY - 1 + 2;

/**
 * How many frames are on their way at once. While the engine paints one, the pixels of the next are
 * made into a tensor and those of the one before into a picture; more would only cost memory, for
 * the engine runs one at a time.
 */
const IN_FLIGHT = 2;

/**
 * Paints a video frame by frame, in one style, or in key styles that fade into each other. Frames
 * come out in order, one for each that went in; where one equals the one before it, as slow screen
 * recordings have many, it is not painted again.
 *
 * @param model best one trained for films, such as the bundled `small-video`: others, `small` among
 *   them, paint each frame well but let it flicker. Only its `stylize` is used, and its `observe`
 *   where there is a lead, so that anything that paints pictures will do.
 * @throws Error with one sentence where the key styles are not as they should be, and whatever
 *   `frames` and the model throw; before it does, everything that was begun has ended.
 */
export async function* stylizeVideo(
  model: Pick<Model, "stylize" | "observe">,
  frames: AsyncIterable<VideoFrame> | Iterable<VideoFrame>,
  styles: Style | readonly KeyStyle[],
  options: StylizeVideoOptions = {},
): AsyncGenerator<StylizedFrame, void, undefined> {
  const { fade = 1, lead = 0, ...controls } = options;
  const { signal, grain } = controls;
  const timeline = new StyleTimeline(styles, fade);
  const cuts = new SceneCuts();
  const begun: Promise<StylizedFrame>[] = [];
  // Frames from one cut to the next are normalized by statistics that they share.
  let statistics = new RunningStatistics();
  let last: { frame: VideoFrame; shares: readonly StyleShare[]; painted?: Promise<StylizedPicture> } | undefined;
  let count = 0;
  try {
    for await (const frame of frames) {
      const shares = timeline.at(frame.seconds);
      const isRepeated = last !== undefined && last.shares === shares && isSame(last.frame.picture, frame.picture);
      const startsScene = !isRepeated && cuts.next(frame.picture);
      if (startsScene) statistics = new RunningStatistics();
      if (count++ < lead) {
        if (!isRepeated) await model.observe(frame.picture, statistics, { signal, grain, styles: shares });
        last = { frame, shares };
        continue;
      }
      const painted =
        (isRepeated ? last?.painted : undefined) ??
        model.stylize(frame.picture, shares, { ...controls, size: "full", statistics });
      last = { frame, shares, painted };
      const result = painted.then((picture) => ({ picture, seconds: frame.seconds, startsScene, isRepeated }));
      // Its failure is seen when its turn comes.
      result.catch(() => undefined);
      begun.push(result);
      if (begun.length >= IN_FLIGHT) yield (await begun.shift()) as StylizedFrame;
    }
    while (begun.length > 0) yield (await begun.shift()) as StylizedFrame;
  } finally {
    await Promise.allSettled(begun);
  }
}

function isSame(a: Picture, b: Picture): boolean {
  if (a.width !== b.width || a.height !== b.height) return false;
  for (let at = 0; at < a.data.length; at++) if (a.data[at] !== b.data[at]) return false;
  return true;
}
