/**
 * A model as ONNX files for other runtimes: the whole network in one file, for a painting of one
 * size, or the parts that stylization runs (network/parts.ts), so that a style is computed once.
 * Pictures come out clamped to [0, 1].
 */

import {
  add,
  constant,
  input,
  maximum,
  minimum,
  multiplyDimensions,
  type StoredConstant,
  symbol,
  type Tensor,
  toOnnx,
} from "@adaattn/graph";
import { AdaattnError } from "../error.ts";
import { type Architecture, encoderParameters, parametersOf } from "../network/architecture.ts";
import { stylize } from "../network/network.ts";
import { constantWeights, type Weights } from "../network/parameters.ts";
import { attendPart, decodePart, encodePart, statisticsPart, stylePart } from "../network/parts.ts";
import { addGrain, MOST_GRAIN } from "../picture/grain.ts";
import type { Size } from "../picture/picture.ts";
import { checkControls, DEFAULT_SEED, paintControls } from "../stylize/controls.ts";
import { chosenPositions } from "../stylize/positions.ts";
import { STYLE_SIDE } from "../stylize/sizes.ts";
import { encodeHalf } from "../weights/half.ts";
import type { ExportedModel, ExportedPart, ExportOptions } from "./parts.ts";
import { describeExport } from "./readme.ts";

/**
 * The files of an export by name: `.onnx` files, and a `README.md` that lists their inputs and
 * outputs and how to run them.
 *
 * @throws Error where a size is not in multiples of 16 from 32, sizes are given to parts, which take
 *   every size, or grain is given without a size or is not in [0, 1].
 */
export function exportOnnx(model: ExportedModel, options: ExportOptions = {}): Record<string, Uint8Array> {
  const { parts = "whole", size, styleSize, half = false, int8Encoder = false, portable = false } = options;
  if (parts === "split" && (size !== undefined || styleSize !== undefined)) {
    throw new AdaattnError(
      "option",
      "Expected no size for an export in parts, since its files take every size, but received one.",
    );
  }
  const { grain = 0 } = checkControls(paintControls, { grain: options.grain });
  if (grain > 0 && size === undefined) {
    throw new AdaattnError(
      "option",
      "Expected a size of photographs beside the grain, which is stored pixel by pixel, but received none.",
    );
  }
  const weights = constantWeights(parametersOf(model.architecture), model.weights);
  const styleSide = { width: STYLE_SIDE, height: STYLE_SIDE };
  const made =
    parts === "split"
      ? splitParts(model.architecture, weights)
      : [wholePart(model.architecture, weights, { size, grain, styleSize: styleSize ?? styleSide })];
  const encoder = new Set(
    [...encoderParameters(model.architecture.encoder).keys()].map((name) => model.weights.get(name)),
  );
  const store = (values: Float32Array, [count = 1]: readonly number[]) => {
    if (int8Encoder && encoder.has(values)) return quantize(values, count);
    return half ? encodeHalf(values) : undefined;
  };
  const files: Record<string, Uint8Array> = {};
  for (const { file, outputs } of made) {
    files[`${file}.onnx`] = toOnnx(outputs, {
      name: `${model.name} ${file}`,
      target: portable ? "portable" : "cpu",
      store,
    });
  }
  files["README.md"] = new TextEncoder().encode(describeExport(model, made, { half, int8Encoder, portable }));
  return files;
}

/** The network in one graph, its choice of the painting's positions included. */
function wholePart(
  architecture: Architecture,
  weights: Weights,
  { size, grain, styleSize }: { readonly size: Size | undefined; readonly grain: number; readonly styleSize: Size },
): ExportedPart {
  const sides = size
    ? checkedSides(size, "photographs")
    : [multiplyDimensions(16, symbol("h")), multiplyDimensions(16, symbol("w"))];
  const content = input("content", [1, 3, ...sides]);
  const style = input("style", [1, 3, ...checkedSides(styleSize, "paintings")]);
  const painting = {
    painting: { ...styleSize, data: new Uint8Array() },
    stroke: 1,
    choice: { seed: DEFAULT_SEED },
    notes: [],
  };
  const chosen = new Map(
    architecture.attention.modules.map((module) => {
      const positions = chosenPositions(architecture.attention, module, painting, styleSize);
      return [module.level, constant(positions, [positions.length])];
    }),
  );
  const seen = size && grain > 0 ? add(content, grainOf(size, grain)) : content;
  const { output } = stylize(architecture, seen, style, weights, { chosen });
  return {
    file: "model",
    does: "a photograph and a painting become the stylized picture",
    outputs: { picture: clamp(output) },
  };
}

/** What grain adds to a photograph of this size. */
function grainOf({ width, height }: Size, grain: number): Tensor {
  const plane = new Float32Array(width * height);
  addGrain(plane, { left: 0, top: 0, width, height }, { depth: MOST_GRAIN * grain, scale: 1 });
  return constant(plane, [1, 1, height, width]);
}

function splitParts(architecture: Architecture, weights: Weights): ExportedPart[] {
  const { picture, ...others } = decodePart(architecture, weights);
  if (picture === undefined) throw new Error("Expected a picture of the decoder but received none");
  return [
    { file: "encode", does: "a picture becomes stacked features", outputs: encodePart(architecture, weights) },
    {
      file: "statistics",
      does: "stacked features become the mean and the deviation of each channel",
      outputs: statisticsPart(architecture),
    },
    { file: "style", does: "a painting's stacked features become a style", outputs: stylePart(architecture, weights) },
    ...architecture.attention.modules.map((module) => ({
      file: `attend${module.level}`,
      does: `a photograph's stacked features of level ${module.level} attend to a style`,
      outputs: attendPart(architecture, module, weights),
    })),
    {
      file: "decode",
      does: "a photograph's stacked features and what they attended to become the stylized picture",
      outputs: { ...others, picture: clamp(picture) },
    },
  ];
}

/** Every channel's weights as multiples of a 127th of the largest of them. */
function quantize(values: Float32Array, count: number): StoredConstant {
  const length = values.length / count;
  const integers = new Int8Array(values.length);
  const scales = Float32Array.from({ length: count }, (_, channel) => {
    const own = values.subarray(channel * length, (channel + 1) * length);
    const scale = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127 || 1;
    own.forEach((value, at) => {
      integers[channel * length + at] = Math.round(value / scale);
    });
    return scale;
  });
  return { integers, scales };
}

const clamp = (picture: Tensor) => minimum(maximum(picture, constant(0)), constant(1));

/** Height and width, which the encoder halves four times and then reflects. */
function checkedSides({ width, height }: Size, whose: string): readonly [number, number] {
  for (const side of [width, height]) {
    if (!Number.isSafeInteger(side) || side < 32 || side % 16 !== 0) {
      throw new AdaattnError(
        "option",
        `Expected multiples of 16 from 32 on for the size of ${whose} but received ${height}x${width} (height x width).`,
      );
    }
  }
  return [height, width];
}
