/** What metrics are called where people read them. */
import type { Metrics } from "#train";
import type { RowName } from "./report.ts";

/** A metric as people read it. */
export interface Label {
  readonly name: string;
  /** One sentence; docs/metrics.md has the formula. */
  readonly meaning: string;
  /** Which way is better. */
  readonly better: "low" | "high";
}

export const METRIC_LABELS: Readonly<Record<keyof Metrics | "seconds", Label>> = {
  contentDistance: {
    name: "Content distance",
    meaning: "Squared error of the normalized relu4_1 and relu5_1 to the content's.",
    better: "low",
  },
  styleDistance: {
    name: "Style distance",
    meaning: "Squared error of channel means and deviations to the style's, relu1_1 to relu5_1.",
    better: "low",
  },
  patchSimilarity: {
    name: "Patch similarity",
    meaning: "Cosine of 3 x 3 patches of relu3_1 to their best match in the style.",
    better: "high",
  },
  structuralSimilarity: { name: "SSIM", meaning: "Structural similarity to the content, in gray.", better: "high" },
  histogramDistance: {
    name: "Histogram distance",
    meaning: "Wasserstein distance to the style's histograms of red, green and blue.",
    better: "low",
  },
  seconds: { name: "Seconds", meaning: "Time of stylizing, the style being known.", better: "low" },
};

export const ROW_LABELS: Readonly<Record<RowName, string>> = {
  result: "result",
  identity: "content as is",
  styleCopy: "style as is",
};

/** A value in few digits. */
export function short(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.01) return value.toFixed(4);
  return value.toFixed(Math.abs(value) < 10 ? 3 : Math.abs(value) < 100 ? 2 : 1);
}
