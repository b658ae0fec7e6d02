/**
 * What the loss network meets in the windows that a run trains on, beside what it meets in pictures
 * as people have them, at 512 pixels. A network learns what it is shown: where the two differ, such
 * as crisp windows and soft pictures, it paints the pictures worse than its losses say.
 */

import { join } from "node:path";
import { input, reshape, toOnnx } from "@adaattn/graph";
import { channelStatistics, type Engine, outputOf, toTensor } from "adaattn/network";
import { listPictures } from "../data/pictureFiles.ts";
import { frozenFeatures, type TrainedEncoder } from "../weights/encoders.ts";
import { evenPictures } from "./sampleSheet.ts";
import type { Turn } from "./settings.ts";
import type { Data } from "./stages.ts";

/** The side of whole pictures, in pixels. */
const SIDE = 512;
/** How many windows and pictures of a kind are looked at. */
const LOOKED_AT = 16;

/** Averages over the channels of a level: of their means over a picture, and their deviations. */
export interface LevelMoments {
  readonly mean: number;
  readonly deviation: number;
}

/** A level of the loss network, as it sees windows and pictures. */
export interface LevelComparison {
  readonly level: number;
  readonly windows: LevelMoments;
  readonly pictures: LevelMoments;
  /**
   * The squared distance of the channels' average means and deviations, windows from pictures, as a
   * share of their squares in the pictures; 0 where both look alike.
   */
  readonly difference: number;
}

/** Windows of one size and pictures of one kind. */
export interface KindComparison {
  readonly kind: "photographs" | "paintings";
  /** The side of the windows, in pixels. */
  readonly crop: number;
  readonly levels: readonly LevelComparison[];
}

/** Compares the windows of every size with the pictures in `test`/content and `test`/style. */
export async function compareLevels(
  engine: Engine,
  lossNetwork: TrainedEncoder,
  { contents, styles }: Data,
  turns: readonly Turn[],
  test: string,
): Promise<KindComparison[]> {
  const compared: KindComparison[] = [];
  for (const [kind, dataset, folder] of [
    ["photographs", contents, "content"],
    ["paintings", styles, "style"],
  ] as const) {
    const whole = await evenPictures(await listPictures(join(test, folder)), LOOKED_AT, SIDE);
    const pictures = await channelsOf(
      engine,
      lossNetwork,
      whole.map((picture) => toTensor(picture)),
      SIDE,
    );
    for (const { crop } of turns) {
      // Step 0 is none that trains.
      const batch = await dataset.batch(0, LOOKED_AT, crop);
      const size = 3 * crop * crop;
      const cut = Array.from({ length: LOOKED_AT }, (_, at) => batch.slice(at * size, (at + 1) * size));
      const windows = await channelsOf(engine, lossNetwork, cut, crop);
      const levels = pictures.map((own, at) => levelComparison(at + 1, windows[at] ?? own, own));
      compared.push({ kind, crop, levels });
    }
  }
  return compared;
}

/** Means and deviations of a level's channels, averaged over pictures. */
interface Channels {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}

/** The channels of every level over pictures ([3, side, side] each). */
async function channelsOf(
  engine: Engine,
  lossNetwork: TrainedEncoder,
  pictures: readonly Float32Array[],
  side: number,
): Promise<Channels[]> {
  const shape = [1, 3, side, side];
  const levels = frozenFeatures(lossNetwork, input("picture", shape)).map(channelStatistics);
  const outputs = Object.fromEntries(
    levels.flatMap(({ mean, deviation }, at) =>
      Object.entries({ mean, deviation }).map(([name, value]) => [
        `${name}${at}`,
        reshape(value, [Number(value.shape[1])]),
      ]),
    ),
  );
  const session = await engine.load(toOnnx(outputs, { target: engine.device }), "channels of the loss network");
  const sums = levels.map(({ mean }) => {
    const count = Number(mean.shape[1]);
    return { mean: new Float64Array(count), deviation: new Float64Array(count) };
  });
  for (const data of pictures) {
    const results = await session.run({ picture: { shape, data } });
    for (const [at, sum] of sums.entries()) {
      for (const name of ["mean", "deviation"] as const) {
        const values = (await outputOf(results, `${name}${at}`).read()).data as Float32Array;
        for (const [channel, value] of values.entries()) {
          sum[name][channel] = (sum[name][channel] ?? 0) + value / pictures.length;
        }
      }
    }
    for (const tensor of Object.values(results)) tensor.dispose();
  }
  session.dispose();
  return sums;
}

function levelComparison(level: number, windows: Channels, pictures: Channels): LevelComparison {
  let [distance, square] = [0, 0];
  for (const name of ["mean", "deviation"] as const) {
    for (const [channel, value] of pictures[name].entries()) {
      distance += ((windows[name][channel] ?? 0) - value) ** 2;
      square += value ** 2;
    }
  }
  return {
    level,
    windows: averages(windows),
    pictures: averages(pictures),
    difference: square > 0 ? distance / square : 0,
  };
}

function averages({ mean, deviation }: Channels): LevelMoments {
  const average = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean: average(mean), deviation: average(deviation) };
}
