/**
 * What a loss network sees in one picture, as far as the metrics need it: channel statistics at
 * five levels, normalized deep features, and the features that patches are cut from.
 *
 * The network halves its pictures four times. A picture whose sides are no multiples of 16 is
 * mirrored at its right and bottom edge until they are, and of each level only the positions that
 * the picture itself has are looked at.
 */

import { type Dimension, gather, input, multiplyDimensions, type Shape, symbol, type Tensor } from "@adaattn/graph";
import type { Picture, Size } from "adaattn";
import { channelStatistics, normalize, onWhite, paddedSize, type TensorData, toTensor } from "adaattn/network";
import { frozenFeatures, levelWidths, type TrainedEncoder } from "../weights/encoders.ts";

const LEVELS = [1, 2, 3, 4, 5] as const;

/** The level that patches are cut from. */
export const PATCH_LEVEL = 3;

/** The deepest features must have two positions a side, for the encoder to reflect. */
const LEAST_PADDED_SIDE = 32;

/**
 * picture ([1, 3, 16h, 16w]) and the positions to look at, rows{level} and columns{level} (int64)
 * -> mean{level}, deviation{level} ([1, C, 1, 1]), normalized4, normalized5 and patches ([1, C, H,
 * W])
 */
export function featuresGraph(trained: TrainedEncoder): Record<string, Tensor> {
  const sixteenths = (name: string): Dimension => multiplyDimensions(16, symbol(name));
  const shape: Shape = [1, 3, sixteenths("h"), sixteenths("w")];
  const outputs: Record<string, Tensor> = {};
  for (const [index, feature] of frozenFeatures(trained, input("picture", shape)).entries()) {
    const level = index + 1;
    const [rows, columns] = ["rows", "columns"].map((name) =>
      input(`${name}${level}`, [symbol(`${name}${level}`)], "int64"),
    );
    const own = rows && columns ? gather(gather(feature, rows, 2), columns, 3) : feature;
    const { mean, deviation } = channelStatistics(own);
    outputs[`mean${level}`] = mean;
    outputs[`deviation${level}`] = deviation;
    if (level === PATCH_LEVEL) outputs.patches = own;
    if (level >= 4) outputs[`normalized${level}`] = normalize(own);
  }
  return outputs;
}

/** The inputs of {@link featuresGraph} for a picture. Transparent parts count as white. */
export function featuresInputs(picture: Picture): Record<string, TensorData> {
  const size = paddedSize({
    width: Math.max(picture.width, LEAST_PADDED_SIDE),
    height: Math.max(picture.height, LEAST_PADDED_SIDE),
  });
  const inputs: Record<string, TensorData> = {
    picture: { shape: [1, 3, size.height, size.width], data: toTensor(onWhite(picture), size) },
  };
  for (const level of LEVELS) {
    const { width, height } = sizeAt(level, picture);
    inputs[`rows${level}`] = upTo(height);
    inputs[`columns${level}`] = upTo(width);
  }
  return inputs;
}

/** The size of a level's features, every pooling rounding up. */
function sizeAt(level: number, { width, height }: Size): Size {
  const factor = 2 ** (level - 1);
  return { width: Math.ceil(width / factor), height: Math.ceil(height / factor) };
}

function upTo(count: number): TensorData {
  return { shape: [count], data: BigInt64Array.from({ length: count }, (_, at) => BigInt(at)) };
}

/**
 * How many bytes the features of a picture of `size` x `size` pixels hold, which is at least what
 * narrower pictures need.
 */
export function featuresBytes({ encoder }: TrainedEncoder, size: number): number {
  const widths = levelWidths(encoder);
  const values = [3, 4, 5].map((level) => {
    const { width } = sizeAt(level, { width: size, height: size });
    return (widths[level - 1] ?? 0) * width ** 2;
  });
  return 4 * values.reduce((total, count) => total + count, size * size);
}
