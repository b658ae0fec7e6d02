/**
 * Animated pictures, such as GIFs: they say how long each of their frames is shown, and how often
 * all of them are.
 */
import { open } from "node:fs/promises";
import sharp from "sharp";
import type { FrameRate } from "./rate.ts";

/** The codecs of animated pictures, by ffmpeg's names. */
export const ANIMATIONS: readonly string[] = ["gif", "apng", "webp"];

/** No video is played slower by any steady rate, for players expect some frames. */
const SLOWEST = 1;

/**
 * The smallest steady rate at which every frame is shown for its time: one frame of a second each
 * needs a frame a second, and not the hundred that the clock of a GIF has. Where there is none that
 * is fast enough, the shortest frame still gets a place.
 *
 * @param delays how long each frame is shown, in ticks.
 * @param ticks how many there are in a second.
 * @param fastest the highest rate that may be chosen, in frames a second.
 */
export function rateOfDelays(delays: readonly number[], ticks: number, fastest: number): FrameRate | undefined {
  const least = delays.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  if (delays.length === 0 || !(least > 0)) return undefined;
  const step = delays.reduce(commonDivisor);
  // As many frames for each step as are needed for one a second.
  const frames = Math.max(1, Math.ceil((SLOWEST * step) / ticks));
  const common = commonDivisor(ticks * frames, step);
  if ((ticks * frames) / step <= fastest) {
    return { numerator: (ticks * frames) / common, denominator: step / common };
  }
  for (let rate = SLOWEST; rate <= fastest; rate++) {
    if (isRoundedFrom(delays, ticks, rate)) return { numerator: rate, denominator: 1 };
  }
  return { numerator: Math.min(fastest, Math.max(SLOWEST, Math.ceil(ticks / least))), denominator: 1 };
}

/**
 * Whether frames at a rate begin at these times once they are rounded to ticks, as 30 a second do
 * in a GIF: 3, 3, 4, 3, 3, 4.
 */
function isRoundedFrom(delays: readonly number[], ticks: number, rate: number): boolean {
  let [time, last] = [0, 0];
  return delays.every((delay) => {
    time += delay;
    const frame = Math.round((time * rate) / ticks);
    const isNext = frame > last;
    last = frame;
    return isNext && Math.abs((frame * ticks) / rate - time) <= 0.5;
  });
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/**
 * How often an animated picture is shown again after the first time: 0 for once, Infinity for
 * without end.
 */
export async function repeatsOf(path: string, codec: string): Promise<number> {
  const plays =
    codec === "apng"
      ? await playsOfPng(path)
      : await sharp(path)
          .metadata()
          .then(
            ({ loop = 0 }) => loop,
            () => 0,
          );
  return plays === 0 ? Number.POSITIVE_INFINITY : plays - 1;
}

/** The number of plays in a PNG's chunk acTL, which stands before its pixels. */
async function playsOfPng(path: string): Promise<number> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(12);
    // Each chunk is its length, its name, so many bytes and a checksum; the first follows eight
    // bytes that mark a PNG.
    for (let at = 8; ; at += 12 + head.readUInt32BE(0)) {
      const { bytesRead } = await file.read(head, 0, 8, at);
      const name = head.toString("latin1", 4, 8);
      if (bytesRead < 8 || name === "IDAT") return 0;
      if (name !== "acTL") continue;
      await file.read(head, 0, 8, at + 8);
      return head.readUInt32BE(4);
    }
  } finally {
    await file.close();
  }
}
