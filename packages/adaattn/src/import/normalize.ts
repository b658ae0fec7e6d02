/**
 * Makes a VGG-19 "normalized" as style transfer has it since Gatys et al. (CVPR 2016, section 2):
 * every filter is rescaled so that its mean activation over pictures and positions is 1.
 *
 * ReLU and maxima let positive factors through, so it takes one pass: with m the mean activation of
 * a filter as it is, and m' those of the filters that it reads,
 *
 *     weight'[o, i] = weight[o, i] m'[i] / m[o]        bias'[o] = bias[o] / m[o]
 *
 * computes the same activations divided by m.
 */

import { input, maxPool, multiplyDimensions, reduceMean, symbol, type Tensor, toOnnx } from "@adaattn/graph";
import { type Engine, outputOf } from "../engine/engine.ts";
import { AdaattnError } from "../error.ts";
import { type Architecture, type ConvolutionLayer, encoderParameters } from "../network/architecture.ts";
import { convolve } from "../network/encoder.ts";
import { constantWeights, type WeightValues } from "../network/parameters.ts";
import { type Picture, paddedSize, toTensor } from "../picture/picture.ts";

/** What {@link normalizeFilters} may be asked. */
export interface NormalizeOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called after every picture with the number of those that are done. */
  readonly onPicture?: ((done: number) => void) | undefined;
}

/**
 * The weights with every filter of an encoder rescaled to a mean activation of 1 over some
 * pictures, each of which counts the same; tensors of other parts are kept as they are. A filter
 * that stays silent in all pictures is scaled by the mean of the others in its layer.
 *
 * @param pictures photographs of common things, some dozens, of a few hundred pixels a side: they
 *   are run one by one.
 * @throws Error with one sentence where there is no picture, or a whole layer is silent; the
 *   signal's reason where it is aborted.
 */
export async function normalizeFilters(
  engine: Engine,
  encoder: Architecture["encoder"],
  weights: WeightValues,
  pictures: AsyncIterable<Picture> | Iterable<Picture>,
  { signal, onPicture }: NormalizeOptions = {},
): Promise<Map<string, Float32Array>> {
  const means = await meanActivations(engine, encoder, weights, pictures, { signal, onPicture });
  const scaled = new Map(weights);
  let before = [1, 1, 1];
  for (const { name, relu } of convolutionsOf(encoder)) {
    if (!relu) continue;
    const own = means.get(name) ?? [];
    const alive = own.filter((mean) => mean > 0);
    const average = alive.reduce((sum, mean) => sum + mean, 0) / Math.max(1, alive.length);
    if (!(average > 0 && Number.isFinite(average))) {
      throw new AdaattnError(
        "file",
        `Expected activations of the layer ${name} but their mean over the pictures is ${average}.`,
      );
    }
    const factors = own.map((mean) => (mean > 1e-6 * average ? mean : average));
    const weight = weights.get(`${name}.weight`) ?? new Float32Array();
    const kernel = weight.length / factors.length / before.length;
    const filter = kernel * before.length;
    const incoming = before;
    scaled.set(
      `${name}.weight`,
      weight.map((value, at) => {
        const [output, entering] = [Math.floor(at / filter), Math.floor((at % filter) / kernel)];
        return (value * (incoming[entering] as number)) / (factors[output] as number);
      }),
    );
    scaled.set(
      `${name}.bias`,
      (weights.get(`${name}.bias`) ?? new Float32Array()).map((value, output) => value / (factors[output] as number)),
    );
    before = factors;
  }
  return scaled;
}

function convolutionsOf(encoder: Architecture["encoder"]): ConvolutionLayer[] {
  return encoder.levels.flat().filter((layer) => layer.kind === "convolution");
}

/** The mean activation of every filter, by the name of its layer. */
async function meanActivations(
  engine: Engine,
  encoder: Architecture["encoder"],
  weights: WeightValues,
  pictures: AsyncIterable<Picture> | Iterable<Picture>,
  { signal, onPicture }: NormalizeOptions,
): Promise<Map<string, number[]>> {
  const outputs = activationGraph(encoder, weights);
  const session = await engine.load(
    toOnnx(outputs, { target: engine.device, name: "mean activations" }),
    "mean activations",
  );
  const sums = new Map<string, number[]>();
  let count = 0;
  try {
    for await (const picture of pictures) {
      signal?.throwIfAborted();
      const size = paddedSize(picture);
      const data = toTensor(picture, size);
      const results = await session.run({ picture: { shape: [1, 3, size.height, size.width], data } }, { signal });
      try {
        for (const name of Object.keys(outputs)) {
          const means = (await outputOf(results, name).read()).data;
          const sum = sums.get(name) ?? new Array<number>(means.length).fill(0);
          sums.set(
            name,
            sum.map((value, channel) => value + Number(means[channel])),
          );
        }
      } finally {
        for (const tensor of Object.values(results)) tensor.dispose();
      }
      count++;
      onPicture?.(count);
    }
  } finally {
    session.dispose();
  }
  if (count === 0)
    throw new AdaattnError("option", "Expected at least one picture to normalize the encoder over but received none.");
  return new Map([...sums].map(([name, sum]) => [name, sum.map((value) => value / count)]));
}

/** picture -> for every activated layer its channels' means [1, C], under the layer's name */
function activationGraph(encoder: Architecture["encoder"], weights: WeightValues): Record<string, Tensor> {
  const side = (name: string) => multiplyDimensions(16, symbol(name));
  const constants = constantWeights(encoderParameters(encoder), weights);
  const outputs: Record<string, Tensor> = {};
  let x = input("picture", [1, 3, side("h"), side("w")]);
  for (const layer of encoder.levels.flat()) {
    x = layer.kind === "pool" ? maxPool(x, 2, true) : convolve(x, layer, constants);
    if (layer.kind === "convolution" && layer.relu) outputs[layer.name] = reduceMean(x, [2, 3]);
  }
  return outputs;
}
