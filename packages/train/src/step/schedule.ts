/** The learning rate over a run. */

/** What a schedule is made of. */
export interface Schedule {
  /** The highest rate. */
  readonly rate: number;
  /** Over so many steps the rate rises from 0. */
  readonly warmup: number;
  /** Steps in all. */
  readonly steps: number;
}

/** The share of the highest rate that the last step has. */
const LEAST = 0.05;

/**
 * The rate of step `step`, 1 being the first: a linear warm-up times half a cosine, which falls to
 * a twentieth at the last step.
 */
export function scheduledRate({ rate, warmup, steps }: Schedule, step: number): number {
  const warm = Math.min(1, step / Math.max(1, warmup));
  return rate * warm * (LEAST + (1 - LEAST) * (0.5 + 0.5 * Math.cos((Math.PI * step) / steps)));
}
