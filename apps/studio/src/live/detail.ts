/**
 * How much detail the camera is painted with, so that it neither stutters nor wastes what the
 * device can do.
 */

export const LIVE_SIDES: readonly number[] = [128, 192, 256, 384, 512];

/** Below so many frames per second a smaller side is taken; a larger one where it keeps so many. */
const LEAST_FPS = 8;
const GOOD_FPS = 14;

/** The side to go on with, after frames of `side` came at `fps`: one step away at most. */
export function adaptedSide(side: number, fps: number): number {
  const at = LIVE_SIDES.indexOf(side);
  const [smaller, larger] = [LIVE_SIDES[at - 1], LIVE_SIDES[at + 1]];
  if (fps < LEAST_FPS) return smaller ?? side;
  // The time of a frame grows with its pixels.
  if (larger !== undefined && fps * (side / larger) ** 2 >= GOOD_FPS) return larger;
  return side;
}
