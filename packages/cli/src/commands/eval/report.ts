/** What an evaluation found. */
import { METRICS, type Metrics, type Summary, summarize } from "#train";

/**
 * What is measured for each pair: the result, and beside it the content and the style as if they
 * were results.
 */
export const ROWS = ["result", "identity", "styleCopy"] as const;
export type RowName = (typeof ROWS)[number];

/** One pair's metrics. */
export interface PairReport extends Readonly<Record<RowName, Metrics>> {
  /** Names of the pictures. */
  readonly content: string;
  readonly style: string;
  /** The size in pixels at which the result was measured. */
  readonly width: number;
  readonly height: number;
  /**
   * How long stylizing took, the style being known, from pixels to pixels; null for the results of
   * others.
   */
  readonly seconds: number | null;
  /** Where the pictures lie in the report, as relative addresses. */
  readonly pictures: Readonly<Record<"content" | "style" | "result", string>>;
}

/** A pair that could not be measured. */
export interface Failure {
  readonly content: string;
  readonly style: string;
  readonly error: string;
}

/** A whole evaluation. */
export interface Report {
  /** The version of this command. */
  readonly version: string;
  /** When it was made, as ISO 8601. */
  readonly made: string;
  /** The folders of contents and styles, as they were typed. */
  readonly content: string;
  readonly style: string;
  /** The model that stylized, or null where results of others were scored. */
  readonly model: string | null;
  /** The folder of others' results, or null. */
  readonly results: string | null;
  /** The network that measured. */
  readonly lossNetwork: string;
  readonly device: string;
  /** The longer side of all pictures, in pixels. */
  readonly size: number;
  readonly summary: ReportSummary;
  readonly pairs: readonly PairReport[];
  readonly failures: readonly Failure[];
}

/**
 * Every metric over all pairs, for results and anchors; seconds for results alone, where they are
 * known.
 */
export type ReportSummary = Readonly<Record<RowName, Readonly<Record<keyof Metrics, Summary>>>> & {
  readonly seconds: Summary | null;
};

/** Summarizes at least one pair. */
export function summarizePairs(pairs: readonly PairReport[]): ReportSummary {
  const of = (row: RowName) =>
    Object.fromEntries(METRICS.map((metric) => [metric, summarize(pairs.map((pair) => pair[row][metric]))])) as Record<
      keyof Metrics,
      Summary
    >;
  const seconds = pairs.flatMap((pair) => (pair.seconds === null ? [] : [pair.seconds]));
  return {
    result: of("result"),
    identity: of("identity"),
    styleCopy: of("styleCopy"),
    seconds: seconds.length > 0 ? summarize(seconds) : null,
  };
}
