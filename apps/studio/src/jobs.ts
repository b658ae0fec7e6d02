/**
 * Paint jobs: what is to be painted how, as one snapshot of the settings. A job keeps what it began
 * with, whatever is set meanwhile; the picture, its download, the camera and films are all made by
 * jobs.
 */

import type { Picture } from "adaattn";
import type { PaintControls } from "adaattn/web";
import type { AskOptions } from "./engine/client.ts";
import type { Painted, PaintRequest, Share } from "./engine/protocol.ts";
import { padWeights } from "./mixing.ts";
import { maskOf } from "./regions.ts";
import { engine, givePainting, lookOf, PICTURE_MODEL, settings, VIDEO_MODEL } from "./state.ts";

/**
 * What is painted: a picture, or frames, which are painted by a faster model, alike from one to the
 * next, and without regions.
 */
export type Use = "picture" | "frames";

export interface Job {
  readonly model: string;
  /** The paintings that would be seen; there is always one. */
  readonly shares: readonly [Share, ...Share[]];
  readonly strength: number;
  readonly grain: number;
  readonly color: NonNullable<PaintControls["color"]>;
  readonly strokeBy: NonNullable<PaintRequest["strokeBy"]>;
}

/** The settings as they are now, as a job; undefined where no painting would be seen. */
export function jobOf(use: Use): Job | undefined {
  const { strength, color, grain } = settings.value;
  const [first, ...others] = sharesOf(use === "picture");
  if (first === undefined) return undefined;
  return {
    model: use === "picture" ? PICTURE_MODEL : VIDEO_MODEL,
    shares: [first, ...others],
    strength,
    grain,
    // Colors matched to every frame would encode the painting anew each time, and flicker.
    color: use === "frames" && color === "match" ? "style" : color,
    strokeBy: use === "frames" ? "pixels" : "picture",
  };
}

function sharesOf(withRegions: boolean): Share[] {
  const { paintings, pad, regions } = settings.value;
  const weights = padWeights(pad, paintings.length);
  return paintings.flatMap((painting, index) => {
    const isPainted = withRegions && regions !== undefined;
    const weight = isPainted ? 1 : (weights[index] ?? 0);
    const mask = isPainted ? maskOf(regions, painting) : undefined;
    return weight < 0.005 || (isPainted && mask === undefined)
      ? []
      : [{ painting, look: lookOf(painting), weight, mask }];
  });
}

/** Paints a photograph, by its key or as it is. */
export async function paintJob(
  job: Job,
  photo: string | Picture,
  how: Pick<PaintRequest, "longerSide" | "paintingSide" | "clip"> & AskOptions = {},
): Promise<Painted> {
  const { signal, onReport, ...rest } = how;
  const keys = job.shares.map(({ painting }) => painting);
  for (const key of keys) await givePainting(key);
  signal?.throwIfAborted();
  const given = typeof photo === "string" ? [...keys, photo] : keys;
  return engine.ask("paint", { ...job, ...rest, photo }, given, { signal, onReport });
}
