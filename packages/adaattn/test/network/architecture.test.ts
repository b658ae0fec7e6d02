import { describe, expect, test } from "vitest";
import { AdaattnError } from "../../src/error.ts";
import {
  type Architecture,
  architectureNamed,
  architectures,
  type ConvolutionLayer,
  countParameters,
  encoderParameters,
  normalizedVgg19,
  parametersOf,
  stylizingParameters,
} from "../../src/network/architecture.ts";

const image = architectureNamed("vgg19-image");
const video = architectureNamed("vgg19-video");
const small = architectureNamed("small");
const smallVideo = architectureNamed("small-video");

/** Tensor names without `.weight` and `.bias`. */
const layersOf = (names: Iterable<string>) => [...new Set([...names].map((name) => name.replace(/\.[^.]*$/, "")))];

describe("the number of parameters", () => {
  test.each<[string, Architecture["encoder"]["levels"], number]>([
    ["VGG-19 up to relu5_1", image.encoder.levels, 12_944_972],
    ["VGG-19 up to relu3_1", video.encoder.levels, 555_340],
  ])("of %s is the released one", (_, levels, count) => {
    expect(countParameters(encoderParameters({ levels }))).toBe(count);
  });

  test("of the released networks is as published, their encoders included", () => {
    expect(countParameters(parametersOf(image)) / 1e6).toBeCloseTo(26.6, 1);
    expect(countParameters(parametersOf(video)) / 1e6).toBeCloseTo(3.35, 2);
  });

  test("of small is at most 3.5 million, of small-video at most 600,000", () => {
    expect(countParameters(parametersOf(small))).toBeLessThanOrEqual(3.5e6);
    expect(countParameters(parametersOf(smallVideo))).toBeLessThanOrEqual(6e5);
  });
});

/**
 * Multiplications and additions of one convolution for a picture of `side` x `side` at its level's
 * scale.
 */
const multiplications = ({ inputs, outputs, kernel }: Omit<ConvolutionLayer, "kind" | "name" | "relu">, side: number) =>
  inputs * outputs * kernel ** 2 * side ** 2;

/**
 * What each part of a network multiplies for a square content, in GMAC; `projecting` are the
 * queries, f of its keys.
 */
function cost({ encoder, attention, merge, decoder }: Architecture, side: number) {
  let [encoding, projecting, decoding] = [0, 0, 0];
  let scale = 1;
  for (const layer of encoder.levels.flat()) {
    if (layer.kind === "pool") scale /= 2;
    else encoding += multiplications(layer, side * scale);
  }
  for (const { level, keyChannels } of attention.modules) {
    projecting += multiplications({ inputs: keyChannels, outputs: keyChannels, kernel: 1 }, side / 2 ** (level - 1));
  }
  scale = merge ? 1 / 8 : 2 ** (1 - (attention.modules.at(-1)?.level ?? 1));
  const merging = merge ? multiplications(merge, side * scale) : 0;
  for (const layer of decoder) {
    if (layer.kind === "upsample") scale *= 2;
    else if (layer.kind === "convolution") decoding += multiplications(layer, side * scale);
  }
  return { encoding: encoding / 1e9, projecting: projecting / 1e9, merging: merging / 1e9, decoding: decoding / 1e9 };
}

describe("the cost", () => {
  test.each([
    [256, 23.7, 2.4, 18.2],
    [512, 94.7, 9.7, 72.9],
    [1024, 379, 38.7, 292],
  ])("of the released network at %i pixels is as known", (side, encoding, merging, decoding) => {
    const { encoding: ours, merging: merge, decoding: decode } = cost(image, side);
    for (const [value, expected] of [
      [ours, encoding],
      [merge, merging],
      [decode, decoding],
    ] as const) {
      expect(Math.abs(value - expected)).toBeLessThanOrEqual(0.005 * expected + 0.05);
    }
  });

  test("of small at 512 pixels, with the style at hand, is at most 25 GMAC but for the attention", () => {
    const { encoding, projecting, merging, decoding } = cost(small, 512);
    expect(encoding + projecting + merging + decoding).toBeLessThanOrEqual(25);
  });

  test("of small-video at 512 pixels, linear attention included, is at most 8 GMAC", () => {
    const { encoding, projecting, merging, decoding } = cost(smallVideo, 512);
    const attending = smallVideo.attention.modules.reduce(
      (sum, { level, keyChannels, valueChannels }) =>
        sum + (keyChannels * (2 * valueChannels + 1) * (512 / 2 ** (level - 1)) ** 2) / 1e9,
      0,
    );
    expect(encoding + projecting + merging + decoding + attending).toBeLessThanOrEqual(8);
  });
});

describe("the tensors", () => {
  test("of the released image network are called as in its files", () => {
    const vgg = [0, 2, 5, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42];
    expect(layersOf(encoderParameters(image.encoder).keys())).toEqual(vgg.map((index) => `vgg.${index}`));
    expect(layersOf(encoderParameters(normalizedVgg19("")).keys())).toEqual(vgg.map(String));
    expect(layersOf(stylizingParameters(image).keys())).toEqual([
      ...["adaattn_3.f", "adaattn_3.g", "adaattn_3.h"],
      ...[4, 5].flatMap((level) => ["f", "g", "h"].map((part) => `transformer.attn_adain_${level}_1.${part}`)),
      "transformer.merge_conv",
      "decoder.decoder_layer_1.1",
      ...[1, 4, 7, 10, 14, 17, 21, 24].map((index) => `decoder.decoder_layer_2.${index}`),
    ]);
  });

  test("of the released video network are called as in its file", () => {
    expect(layersOf(stylizingParameters(video).keys())).toEqual([
      ...["f", "g", "h"].map((part) => `video.transformer.${part}`),
      ...[1, 4, 7, 10, 14, 17, 21, 24].map((index) => `video.decoder.${index}`),
    ]);
  });

  test.each<[string, readonly number[]]>([
    ["vgg.0.weight", [3, 3, 1, 1]],
    ["vgg.2.weight", [64, 3, 3, 3]],
    ["vgg.29.weight", [512, 256, 3, 3]],
    ["vgg.42.bias", [512]],
    ["adaattn_3.f.weight", [448, 448, 1, 1]],
    ["adaattn_3.h.bias", [256]],
    ["transformer.attn_adain_4_1.g.weight", [960, 960, 1, 1]],
    ["transformer.attn_adain_5_1.f.weight", [1472, 1472, 1, 1]],
    ["transformer.attn_adain_5_1.h.weight", [512, 512, 1, 1]],
    ["transformer.merge_conv.weight", [512, 512, 3, 3]],
    ["decoder.decoder_layer_1.1.weight", [256, 512, 3, 3]],
    ["decoder.decoder_layer_2.1.weight", [256, 512, 3, 3]],
    ["decoder.decoder_layer_2.24.weight", [3, 64, 3, 3]],
  ])("include %s of %j", (name, shape) => {
    expect(parametersOf(image).get(name)).toEqual(shape);
  });
});

describe.each(Object.values(architectures))("$name", ({ encoder, attention, merge, decoder }) => {
  const widths = encoder.levels.map((layers) => layers.findLast((layer) => layer.kind === "convolution")?.outputs ?? 0);

  test("has layers that fit one another", () => {
    let channels = 3;
    for (const layer of encoder.levels.flat()) {
      if (layer.kind === "pool") continue;
      expect(layer.inputs, layer.name).toBe(channels);
      channels = layer.outputs;
    }
    const deepest = attention.modules.at(-1)?.level ?? 1;
    channels = widths[(merge ? 4 : deepest) - 1] ?? 0;
    if (merge) {
      expect([merge.inputs, merge.outputs]).toEqual([channels, channels]);
      expect(widths[4]).toBe(channels);
    }
    let level = merge ? 4 : deepest;
    for (const layer of decoder) {
      if (layer.kind === "upsample") level--;
      else if (layer.kind === "skip") {
        expect(layer.level).toBe(level);
        channels += widths[level - 1] ?? 0;
      } else {
        expect(layer.inputs, layer.name).toBe(channels);
        channels = layer.outputs;
      }
    }
    expect([level, channels]).toEqual([1, 3]);
  });

  test("attends by the keys of all levels up to each module's", () => {
    for (const { level, keyChannels, valueChannels } of attention.modules) {
      expect(keyChannels).toBe(widths.slice(0, level).reduce((sum, width) => sum + width, 0));
      expect(valueChannels).toBe(widths[level - 1]);
    }
  });

  test("gives every layer a name of its own", () => {
    const layers = [...encoder.levels.flat(), ...(merge ? [merge] : []), ...decoder];
    const names = layers.flatMap((layer) => (layer.kind === "convolution" ? [layer.name] : []));
    expect(new Set(names).size).toBe(names.length);
  });
});

test.each(["large", "", "toString"])(
  "an architecture called %j is refused with the names of those that exist",
  (name) => {
    expect(() => architectureNamed(name)).toThrow(
      new AdaattnError(
        "option",
        `Expected one of vgg19-image, vgg19-video, small, small-video for the architecture but received "${name}"`,
      ),
    );
  },
);
