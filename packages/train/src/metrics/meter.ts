/**
 * Measures stylized pictures. docs/metrics.md defines the metrics and says what each is good for;
 * all of them are computed on 8-bit pictures, which is what a user gets.
 */

import { toOnnx } from "@adaattn/graph";
import type { Picture, Size } from "adaattn";
import { type Engine, onWhite, outputOf, type RunOptions, type Session, type TensorData } from "adaattn/network";
import type { TrainedEncoder } from "../weights/encoders.ts";
import { featuresGraph, featuresInputs } from "./features.ts";
import { colorHistogram, histogramDistance } from "./histogram.ts";
import { MOST_PATCHES, patchPositions, patchSimilarityGraph } from "./patches.ts";
import { type Gray, grayOf, structuralSimilarity } from "./ssim.ts";

/** What one result is worth. */
export interface Metrics {
  /**
   * Mean squared error of the normalized relu4_1 to the content's, plus that of relu5_1; 0 for the
   * content itself.
   */
  readonly contentDistance: number;
  /**
   * Mean squared errors of the channels' means and of their deviations to the style's, summed over
   * relu1_1 to relu5_1.
   */
  readonly styleDistance: number;
  /**
   * The cosine of a 3 x 3 patch of relu3_1 to the most similar one in the style, averaged over the
   * result; at most 1.
   */
  readonly patchSimilarity: number;
  /** Structural similarity to the content, in gray; 1 for the content itself. */
  readonly structuralSimilarity: number;
  /**
   * 1-Wasserstein distance to the style's histograms of red, green and blue, averaged over these,
   * as a share of their range.
   */
  readonly histogramDistance: number;
}

/** The names of the metrics, in the order in which they are shown. */
export const METRICS = [
  "contentDistance",
  "styleDistance",
  "patchSimilarity",
  "structuralSimilarity",
  "histogramDistance",
] as const satisfies readonly (keyof Metrics)[];

/**
 * All that is kept of a picture to compare it with others: values on this side of the engine, which
 * need no disposal.
 */
export interface PictureFeatures extends Size {
  /** Mean and deviation of every channel, level by level. */
  readonly statistics: readonly { readonly mean: Float32Array; readonly deviation: Float32Array }[];
  /** The normalized features of relu4_1 and relu5_1. */
  readonly normalized: readonly Float32Array[];
  /** The features of relu3_1. */
  readonly patches: TensorData;
  readonly histogram: Float64Array;
  readonly gray: Gray;
}

/** A loss network on an engine, which looks at pictures and compares what it saw. */
export class Meter {
  readonly #engine: Engine;
  readonly #look: Session;
  readonly #match: Session;

  private constructor(engine: Engine, look: Session, match: Session) {
    this.#engine = engine;
    this.#look = look;
    this.#match = match;
  }

  /** Loads a loss network on an engine, which the meter owns from then on. */
  static async load(lossNetwork: TrainedEncoder, engine: Engine): Promise<Meter> {
    const features = featuresGraph(lossNetwork);
    const channels = Number(features.patches?.shape[1]);
    const load = (name: string, outputs: Parameters<typeof toOnnx>[0]) =>
      engine.load(toOnnx(outputs, { target: engine.device, name }), name);
    const look = await load("the loss network", features);
    const match = await load("the patch similarity", patchSimilarityGraph(channels));
    return new Meter(engine, look, match);
  }

  /**
   * Looks at a picture: the costly part, done once however often the picture is compared.
   * Transparent parts count as white.
   */
  async look(picture: Picture, options: RunOptions = {}): Promise<PictureFeatures> {
    const opaque = onWhite(picture);
    const outputs = await this.#look.run(featuresInputs(opaque), options);
    try {
      const read = (name: string) => outputOf(outputs, name).read();
      const values = async (name: string) => (await read(name)).data as Float32Array;
      const statistics: { mean: Float32Array; deviation: Float32Array }[] = [];
      for (const level of [1, 2, 3, 4, 5]) {
        statistics.push({ mean: await values(`mean${level}`), deviation: await values(`deviation${level}`) });
      }
      return {
        width: picture.width,
        height: picture.height,
        statistics,
        normalized: [await values("normalized4"), await values("normalized5")],
        patches: await read("patches"),
        histogram: colorHistogram(opaque),
        gray: grayOf(opaque),
      };
    } finally {
      for (const tensor of Object.values(outputs)) tensor.dispose();
    }
  }

  /**
   * Measures a result against the content and the style that it was made of.
   *
   * @throws Error where the content has not the result's size; the style may have any.
   */
  async compare(
    result: PictureFeatures,
    content: PictureFeatures,
    style: PictureFeatures,
    options: RunOptions = {},
  ): Promise<Metrics> {
    if (result.width !== content.width || result.height !== content.height) {
      throw new Error(
        `Expected ${content.width} x ${content.height} pixels, as the content has, for the result but received ${result.width} x ${result.height}.`,
      );
    }
    return {
      contentDistance: contentDistance(result, content),
      styleDistance: styleDistance(result, style),
      patchSimilarity: await this.#patchSimilarity(result, style, options),
      structuralSimilarity: structuralSimilarity(result.gray, content.gray),
      histogramDistance: histogramDistance(result.histogram, style.histogram),
    };
  }

  async #patchSimilarity(result: PictureFeatures, style: PictureFeatures, options: RunOptions): Promise<number> {
    const inputs = {
      result: result.patches,
      style: style.patches,
      resultAt: patchPositions(result.patches.shape, MOST_PATCHES.result),
      styleAt: patchPositions(style.patches.shape, MOST_PATCHES.style),
    };
    const similarity = outputOf(await this.#match.run(inputs, options), "similarity");
    try {
      return Number((await similarity.read()).data[0]);
    } finally {
      similarity.dispose();
    }
  }

  /** Unloads the network and closes its engine. */
  async dispose(): Promise<void> {
    await this.#engine.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

function contentDistance(result: PictureFeatures, content: PictureFeatures): number {
  return sum(result.normalized.map((features, at) => meanSquare(features, content.normalized[at])));
}

function styleDistance(result: PictureFeatures, style: PictureFeatures): number {
  return sum(
    result.statistics.map(({ mean, deviation }, at) => {
      const wanted = style.statistics[at];
      return meanSquare(mean, wanted?.mean) + meanSquare(deviation, wanted?.deviation);
    }),
  );
}

/** The mean of (a - b)^2. */
function meanSquare(a: Float32Array, b: Float32Array = new Float32Array()): number {
  let total = 0;
  for (let at = 0; at < a.length; at++) total += ((a[at] ?? 0) - (b[at] ?? Number.NaN)) ** 2;
  return total / a.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
