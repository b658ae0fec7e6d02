/** Frame rates, and which of them a video is decoded at. */

/** A frame rate in frames a second, exact: 30000/1001 for NTSC. */
export interface FrameRate {
  readonly numerator: number;
  readonly denominator: number;
}

/** The fastest steady rate that a video with no rate of its own is given. */
export const FASTEST = 60;

/**
 * The steady rate for a video. Nominal is the slowest rate at which every frame has a tick of its
 * own, and is taken where it is one that people film at; a screen recording or a GIF may have a
 * tick of a millisecond, and is then given its average rate, at most 60 a second. Interlaced video
 * may count fields, which are twice as many as frames.
 */
export function steadyRate(nominal: FrameRate | undefined, average: FrameRate | undefined): FrameRate {
  if (nominal === undefined) return average ?? { numerator: 25, denominator: 1 };
  if (average === undefined)
    return perSecond(nominal) <= FASTEST + 1 ? nominal : { numerator: FASTEST, denominator: 1 };
  const ticks = perSecond(nominal) / perSecond(average);
  if (Math.abs(ticks - 2) < 0.01 && perSecond(nominal) >= 48) return average;
  if (perSecond(nominal) <= FASTEST + 1 || ticks < 1.25) return nominal;
  const rounded = Math.min(FASTEST, Math.max(1, Math.ceil(perSecond(average))));
  return { numerator: rounded, denominator: 1 };
}

/** A rate as a number. */
export function perSecond({ numerator, denominator }: FrameRate): number {
  return numerator / denominator;
}

/** The rate that ffprobe writes as 30000/1001; undefined where it is none. */
export function rateOf(text: string | undefined): FrameRate | undefined {
  const [, numerator, denominator] = /^(\d+)\/(\d+)$/.exec(text ?? "") ?? [];
  const rate = { numerator: Number(numerator), denominator: Number(denominator) };
  return rate.numerator > 0 && rate.denominator > 0 ? rate : undefined;
}
