/**
 * The network cut into the parts that stylisation runs, each an ONNX model of its own with symbolic sizes:
 *
 *   encode: a picture -> features and attention keys of the attended levels (content and style alike)
 *   style:  those of a painting -> keys and centred values at the chosen positions
 *   attend: content keys and a style -> mean and deviation maps (one part a level)
 *   decode: content features and maps -> the picture
 *
 * and those that only some controls need, loaded when they first do:
 *
 *   blend:       the maps of several styles and their shares -> one mean and one deviation map (one part a level)
 *   reconstruct: content features -> the picture that the decoder makes of them, without any style
 *   rows:        content keys and a style -> rows of the attention matrix (one part a level)
 *
 * Maps travel as [1, channels, positions]. Between content and style nothing but positions may differ, so that their sizes are
 * free; sides are multiples of 16 (h and w count sixteenths).
 */

import {
  addAll,
  convolution,
  gather,
  input,
  multiply,
  multiplyDimensions,
  relu,
  reshape,
  type Shape,
  sizeOf,
  symbol,
  type Tensor,
} from "@adaattn/graph";
import type { Architecture, AttentionModule } from "./architecture.ts";
import { attendTo, contentQueries, modulate, type StyleMaps, styleValues } from "./attention.ts";
import { decode } from "./decoder.ts";
import { encode } from "./encoder.ts";
import { attentionKeys, flattenPositions } from "./keys.ts";
import { attentionRows } from "./rows.ts";
import type { Weights } from "./weights/weights.ts";

/** The outputs of a part, by name. */
export type Part = Readonly<Record<string, Tensor>>;

/** The shape of a level's features in a picture of 16h x 16w. */
function featureShape(level: number, channels: number): Shape {
  const factor = 2 ** (5 - level);
  return [1, channels, multiplyDimensions(factor, symbol("h")), multiplyDimensions(factor, symbol("w"))];
}

/** picture -> features{level} [1, C, H, W], keys{level} [1, K, positions] */
export function encodePart({ encoder, attention }: Architecture, weights: Weights): Part {
  const features = encode(input("picture", featureShape(1, 3)), encoder, weights);
  const outputs: Record<string, Tensor> = {};
  for (const { level } of attention.modules) {
    const own = features[level - 1];
    if (own === undefined)
      throw new Error(`Expected features of level ${level} but the encoder has ${features.length}`);
    outputs[`features${level}`] = own;
    outputs[`keys${level}`] = attentionKeys(features, level);
  }
  return outputs;
}

/** features{level}, keys{level}, chosen{level} (int64) -> key{level}, value{level}, valueMean{level} */
export function stylePart({ attention }: Architecture, weights: Weights): Part {
  const outputs: Record<string, Tensor> = {};
  for (const module of attention.modules) {
    const { level, keyChannels, valueChannels } = module;
    const features = input(`features${level}`, featureShape(level, valueChannels));
    const keys = input(`keys${level}`, [1, keyChannels, sizeOf(features.shape.slice(2))]);
    const chosen = input(`chosen${level}`, [symbol(`m${level}`)], "int64");
    const style = styleValues(module, keys, flattenPositions(features), weights, chosen);
    outputs[`key${level}`] = style.keys;
    outputs[`value${level}`] = style.values;
    outputs[`valueMean${level}`] = style.mean;
  }
  return outputs;
}

/** keys (content), key, value, valueMean (style) -> mean, deviation: [1, D, positions] */
export function attendPart({ attention }: Architecture, module: AttentionModule, weights: Weights): Part {
  const { keyChannels, valueChannels } = module;
  const [positions, chosen] = [symbol("n"), symbol("m")];
  const style = {
    keys: input("key", [1, chosen, keyChannels]),
    values: input("value", [1, chosen, valueChannels]),
    mean: input("valueMean", [1, 1, valueChannels]),
  };
  const queries = contentQueries(module, input("keys", [1, keyChannels, positions]), weights);
  const { mean, deviation } = attendTo(style, queries, attention.kind);
  return { mean, deviation };
}

/** features{level}, mean{level}, deviation{level} -> picture, not clamped */
export function decodePart(architecture: Architecture, weights: Weights): Part {
  const attended = new Map<number, Tensor>();
  for (const { level, valueChannels } of architecture.attention.modules) {
    const features = input(`features${level}`, featureShape(level, valueChannels));
    const shape = [1, valueChannels, sizeOf(features.shape.slice(2))];
    const maps: StyleMaps = { mean: input(`mean${level}`, shape), deviation: input(`deviation${level}`, shape) };
    attended.set(level, modulate(features, maps));
  }
  return { picture: decode(architecture, attended, weights) };
}

/** h of raw features ([1, D, H, W]) as a mean map: what attention so sharp that every point sees itself alone would give. */
function ownMean({ name }: AttentionModule, features: Tensor, weights: Weights): Tensor {
  return flattenPositions(convolution(features, weights(`${name}.h.weight`), { bias: weights(`${name}.h.bias`) }));
}

/**
 * features{level} (content), mean{i}, deviation{i} of `styles` styles and share{i}, own: [1, 1, positions] -> mean, deviation
 *
 * The weighted means of the styles' maps and of the photograph's own (whose deviation map is 0). Shares may lead beyond a style,
 * where a deviation would fall below 0; it is then 0.
 */
export function blendPart(module: AttentionModule, styles: number, weights: Weights): Part {
  const { level, valueChannels } = module;
  const features = input(`features${level}`, featureShape(level, valueChannels));
  const positions = sizeOf(features.shape.slice(2));
  const share = (name: string) => input(name, [1, 1, positions]);
  const mapOf = (name: string) => input(name, [1, valueChannels, positions]);
  const means = [multiply(share("own"), ownMean(module, features, weights))];
  const deviations: Tensor[] = [];
  for (let index = 0; index < styles; index++) {
    const part = share(`share${index}`);
    means.push(multiply(part, mapOf(`mean${index}`)));
    deviations.push(multiply(part, mapOf(`deviation${index}`)));
  }
  return { mean: addAll(means), deviation: relu(addAll(deviations)) };
}

/** features{level} (content) -> picture: what the decoder makes of the photograph's own maps. */
export function reconstructPart(architecture: Architecture, weights: Weights): Part {
  const attended = new Map<number, Tensor>();
  for (const module of architecture.attention.modules) {
    const features = input(`features${module.level}`, featureShape(module.level, module.valueChannels));
    attended.set(module.level, reshape(ownMean(module, features, weights), features.shape));
  }
  return { picture: decode(architecture, attended, weights) };
}

/**
 * keys (content), at (int64, positions of it), key (style) -> rows [1, at, chosen]: what those positions attend to, as
 * probabilities over the style's chosen positions.
 */
export function rowsPart({ attention }: Architecture, module: AttentionModule, weights: Weights): Part {
  const [positions, asked, chosen] = [symbol("n"), symbol("q"), symbol("m")];
  const keys = input("keys", [1, module.keyChannels, positions]);
  const queries = contentQueries(module, gather(keys, input("at", [asked], "int64"), 2), weights);
  return { rows: attentionRows(queries, input("key", [1, chosen, module.keyChannels]), attention.kind) };
}
