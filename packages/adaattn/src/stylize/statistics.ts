/**
 * Norm's statistics outside the engine: those of a picture from its tiles, and those that frames of
 * a video share.
 *
 * Parts are joined pairwise (Chan, Golub & LeVeque, 1979), so that no large numbers cancel:
 *
 *   n = n_a + n_b,   d = mean_b - mean_a,   mean = mean_a + d n_b / n,   M2 = M2_a + M2_b + d^2 n_a n_b / n
 *
 * where M2 is the sum of squared differences from the mean.
 */

import { type EngineTensor, outputOf, type TensorData } from "../engine/engine.ts";
import type { AttentionModule } from "../network/architecture.ts";
import { NORM_EPSILON } from "../network/keys.ts";

/**
 * Inputs normMean{level} and normDeviation{level}, [1, K, 1, 1] each, in the engine or on their way
 * there.
 */
export type NormTensors = Readonly<Record<string, EngineTensor | TensorData>>;

/**
 * One level's statistics: a mean and a variance (unbiased) of every channel over `count` positions.
 */
export interface LevelStatistics {
  readonly count: number;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Statistics of every attended level. */
export type PictureStatistics = ReadonlyMap<number, LevelStatistics>;

/**
 * What the part `statistics` gave, in numbers.
 *
 * @param countOf how many positions a level has.
 */
export async function readStatistics(
  tensors: Readonly<Record<string, EngineTensor>>,
  modules: readonly AttentionModule[],
  countOf: (level: number) => number,
): Promise<PictureStatistics> {
  const values = async (name: string) => Float64Array.from((await outputOf(tensors, name).read()).data as Float32Array);
  const levels = new Map<number, LevelStatistics>();
  for (const { level } of modules) {
    const mean = await values(`normMean${level}`);
    const variance = (await values(`normDeviation${level}`)).map((deviation) =>
      Math.max(0, deviation * deviation - NORM_EPSILON),
    );
    levels.set(level, { count: countOf(level), mean, variance });
  }
  return levels;
}

/** As inputs of the parts `attend` and `decode`. */
export function statisticsTensors(statistics: PictureStatistics): NormTensors {
  const tensors: Record<string, TensorData> = {};
  for (const [level, { mean, variance }] of statistics) {
    const shape = [1, mean.length, 1, 1];
    tensors[`normMean${level}`] = { shape, data: Float32Array.from(mean) };
    const deviation = Float32Array.from(variance, (value) => Math.sqrt(value + NORM_EPSILON));
    tensors[`normDeviation${level}`] = { shape, data: deviation };
  }
  return tensors;
}

/** The statistics of two pictures, or parts of one, seen as one. */
export function joinStatistics(a: PictureStatistics, b: PictureStatistics): PictureStatistics {
  return mapLevels(a, b, (one, other) => {
    const count = one.count + other.count;
    const mean = new Float64Array(one.mean.length);
    const variance = new Float64Array(one.mean.length);
    for (let c = 0; c < mean.length; c++) {
      const difference = (other.mean[c] as number) - (one.mean[c] as number);
      mean[c] = (one.mean[c] as number) + (difference * other.count) / count;
      const squares =
        (one.variance[c] as number) * (one.count - 1) +
        (other.variance[c] as number) * (other.count - 1) +
        (difference * difference * one.count * other.count) / count;
      variance[c] = squares / (count - 1);
    }
    return { count, mean, variance };
  });
}

/**
 * The statistics with deviations so many times as large: what is normalized by them comes out so
 * many times as small.
 */
export function withDeviations(statistics: PictureStatistics, factor: number): PictureStatistics {
  const scaled = [...statistics].map(([level, { count, mean, variance }]) => {
    return [level, { count, mean, variance: variance.map((value) => value * factor ** 2) }] as const;
  });
  return new Map(scaled);
}

/**
 * How many pictures a running average is taken over, the newest included: about a second of video.
 */
export const STATISTICS_MEMORY = 24;

/**
 * Statistics that pictures share which are painted one after the other, such as the frames of a
 * scene: the average over the last 24 of them. What a frame is normalized by then no longer jumps
 * with every small change of it, and neither does its color. Nothing older counts, so that work may
 * begin in the middle of a scene once 23 frames before have been looked at.
 */
export class RunningStatistics {
  #last: PictureStatistics[] = [];

  /** The average with one more picture in it. */
  next(own: PictureStatistics): PictureStatistics {
    this.#last = [...this.#last, own].slice(-STATISTICS_MEMORY);
    const count = this.#last.length;
    const sum = (a: Float64Array, b: Float64Array) => a.map((value, c) => value + (b[c] as number));
    const total = this.#last.reduce((one, other) =>
      mapLevels(one, other, (a, b) => ({
        count: b.count,
        mean: sum(a.mean, b.mean),
        variance: sum(a.variance, b.variance),
      })),
    );
    return mapLevels(total, total, ({ count: positions, mean, variance }) => ({
      count: positions,
      mean: mean.map((value) => value / count),
      variance: variance.map((value) => value / count),
    }));
  }
}

function mapLevels(
  a: PictureStatistics,
  b: PictureStatistics,
  join: (one: LevelStatistics, other: LevelStatistics) => LevelStatistics,
): PictureStatistics {
  const levels = new Map<number, LevelStatistics>();
  for (const [level, one] of a) {
    const other = b.get(level);
    if (other === undefined) throw new Error(`Expected statistics of level ${level} but received none`);
    levels.set(level, join(one, other));
  }
  return levels;
}
