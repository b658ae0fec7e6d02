/** Many values in a few: what a column of metrics comes to. */

/**
 * A column of numbers in all; quantiles lie between two values where they fall between them, in
 * proportion.
 */
export interface Summary {
  /** How many values there are. */
  readonly count: number;
  readonly mean: number;
  readonly least: number;
  readonly lowerQuartile: number;
  readonly median: number;
  readonly upperQuartile: number;
  readonly most: number;
}

/** Summarizes at least one number. */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const quantile = (share: number) => {
    const at = share * (sorted.length - 1);
    const [below = Number.NaN, above = below] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
    return below + (at - Math.floor(at)) * (above - below);
  };
  return {
    count: sorted.length,
    mean: sorted.reduce((total, value) => total + value, 0) / sorted.length,
    least: quantile(0),
    lowerQuartile: quantile(0.25),
    median: quantile(0.5),
    upperQuartile: quantile(0.75),
    most: quantile(1),
  };
}
