/** Networks with generated weights, and pictures for them: what tests of the model run on. */

import { type Architecture, type ConvolutionLayer, parametersOf, vggEncoder } from "../src/network/architecture.ts";
import type { Picture } from "../src/picture/picture.ts";
import { generator } from "./numbers.ts";

function convolution(name: string, inputs: number, outputs: number, relu = true): ConvolutionLayer {
  return { kind: "convolution", name, inputs, outputs, kernel: 3, relu };
}

/**
 * A network of the same build as `small`, with few channels and so few keys that they are sampled
 * soon.
 */
export const tiny: Architecture = {
  name: "tiny",
  encoder: vggEncoder([4, 4, 8, 8, 8], (block, index) => `encoder.${block}_${index}`),
  attention: {
    kind: "softmax",
    sampling: "even",
    modules: [
      { level: 3, name: "attention.3", keyChannels: 16, valueChannels: 8, maxKeys: 40 },
      { level: 4, name: "attention.4", keyChannels: 24, valueChannels: 8, maxKeys: 40 },
      { level: 5, name: "attention.5", keyChannels: 32, valueChannels: 8, maxKeys: 40 },
    ],
  },
  merge: convolution("merge", 8, 8, false),
  decoder: [
    convolution("decoder.4_1", 8, 8),
    { kind: "upsample" },
    { kind: "skip", level: 3 },
    convolution("decoder.3_1", 16, 4),
    { kind: "upsample" },
    convolution("decoder.2_1", 4, 4),
    { kind: "upsample" },
    convolution("decoder.1_1", 4, 3, false),
  ],
};

/** The same network with attention by cosine, at one level, as the video network has it. */
export const tinyVideo: Architecture = {
  name: "tiny-video",
  encoder: { levels: tiny.encoder.levels.slice(0, 3) },
  attention: {
    kind: "cosine",
    sampling: "even",
    modules: [{ level: 3, name: "attention.3", keyChannels: 16, valueChannels: 8, maxKeys: 1000 }],
  },
  decoder: [
    convolution("decoder.3_1", 8, 4),
    { kind: "upsample" },
    convolution("decoder.2_1", 4, 4),
    { kind: "upsample" },
    convolution("decoder.1_1", 4, 3, false),
  ],
};

/**
 * Weights by He's uniform distribution, which keeps features of one magnitude through all layers.
 * Those of the last layer are smaller and its bias is 0.5, so that pictures are neither black nor
 * white.
 */
export function generatedWeights(architecture: Architecture, seed = 1): Map<string, Float32Array> {
  const shapes = parametersOf(architecture);
  const last = [...shapes.keys()].at(-1)?.replace(/\.bias$/, "");
  const next = generator(seed);
  const values = new Map<string, Float32Array>();
  for (const [name, shape] of shapes) {
    const count = shape.reduce((product, length) => product * length, 1);
    const fanIn = count / (shape[0] ?? 1);
    const amplitude = name.endsWith(".bias") ? 0.05 : Math.sqrt(6 / fanIn) * (name === `${last}.weight` ? 0.3 : 1);
    const center = name === `${last}.bias` ? 0.5 : 0;
    values.set(
      name,
      Float32Array.from({ length: count }, () => center + amplitude * next()),
    );
  }
  return values;
}

/**
 * A picture of smooth waves of color with some grain; `alpha` gives the alpha at every pixel, 255
 * by default.
 */
export function waves(width: number, height: number, seed = 1, alpha: (at: number) => number = () => 255): Picture {
  const next = generator(seed);
  const phases = [next(), next(), next()];
  const data = new Uint8ClampedArray(width * height * 4);
  for (let at = 0; at < width * height; at++) {
    const [x, y] = [at % width, Math.floor(at / width)];
    phases.forEach((phase, channel) => {
      data[at * 4 + channel] =
        128 + 90 * Math.sin(x / (5 + channel + seed) + 3 * phase) * Math.cos(y / (9 - channel)) + 20 * next();
    });
    data[at * 4 + 3] = alpha(at);
  }
  return { width, height, data };
}
