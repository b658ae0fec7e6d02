/**
 * First values of parameters. Convolutions before a ReLU get He's normal distribution, the last
 * ones half its variance; attention starts as the parameter-free one of the local loss (f, g and h
 * near the identity) with much flatter scores, which transfers colors before anything was trained.
 */

import type { Architecture, ParameterShapes } from "adaattn/network";
import type { Random } from "../data/random.ts";
import { temperatureOf } from "../step/losses.ts";

/** He's initialization of every convolution in `shapes`; biases are 0. */
export function initializeConvolutions(shapes: ParameterShapes, random: Random): Map<string, Float32Array> {
  const values = new Map<string, Float32Array>();
  for (const [name, shape] of shapes) {
    const count = shape.reduce((product, length) => product * length, 1);
    if (name.endsWith(".bias")) {
      values.set(name, new Float32Array(count));
      continue;
    }
    const deviation = Math.sqrt(2 / (count / (shape[0] ?? 1)));
    values.set(
      name,
      Float32Array.from({ length: count }, () => random.normal() * deviation),
    );
  }
  return values;
}

/** Mean and deviation of the colors of natural pictures, roughly. */
const [PIXEL_MEAN, PIXEL_DEVIATION] = [0.45, 0.25];

/**
 * He's initialization of an encoder whose first convolution sees its pictures as if they had mean 0
 * and deviation 1.
 */
export function initializeEncoder(shapes: ParameterShapes, random: Random): Map<string, Float32Array> {
  const values = initializeConvolutions(shapes, random);
  const [weight, bias] = [...values.values()];
  if (weight === undefined || bias === undefined) return values;
  const fanIn = weight.length / bias.length;
  for (const at of weight.keys()) weight[at] = (weight[at] ?? 0) / PIXEL_DEVIATION;
  for (const output of bias.keys()) {
    const sum = weight.subarray(output * fanIn, (output + 1) * fanIn).reduce((total, value) => total + value, 0);
    bias[output] = -PIXEL_MEAN * sum;
  }
  return values;
}

/**
 * How peaked attention is at first, beside the local loss's target. There every point sees a single
 * style position, so that S is 0 and the content's own structure lost; at this share a point sees
 * several, and S is what they differ by.
 */
const FIRST_SHARPNESS = 1 / 8;

/** Attention modules as the parameter-free attention, with a little noise to part the channels. */
export function initializeAttention({ attention }: Architecture, random: Random): Map<string, Float32Array> {
  const values = new Map<string, Float32Array>();
  for (const { name, level, keyChannels, valueChannels } of attention.modules) {
    const sharpness = Math.sqrt(FIRST_SHARPNESS * temperatureOf(level, keyChannels));
    for (const [part, channels, diagonal] of [
      ["f", keyChannels, sharpness],
      ["g", keyChannels, sharpness],
      ["h", valueChannels, 1],
    ] as const) {
      const weight = Float32Array.from(
        { length: channels * channels },
        (_, at) => (at % (channels + 1) === 0 ? diagonal : 0) + 0.01 * random.normal(),
      );
      values.set(`${name}.${part}.weight`, weight);
      values.set(`${name}.${part}.bias`, new Float32Array(channels));
    }
  }
  return values;
}
