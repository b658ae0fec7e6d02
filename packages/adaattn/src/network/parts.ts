/**
 * The network cut into the parts that stylization runs, each an ONNX model of its own with symbolic
 * sizes:
 *
 *   encode:     a picture -> stacked features of the attended levels (content and style alike)
 *   statistics: those -> mean and deviation of each channel, what Norm goes by
 *   style:      those of a painting -> keys and centered values at the chosen positions
 *   attend:     those of the content, statistics and a style -> mean and deviation maps (one part a level)
 *   decode:     those of the content, statistics and maps -> the picture
 *
 * and those that only some controls or large pictures need, loaded when they first do:
 *
 *   crop:        stacked features -> some of their rows and columns
 *   blend:       the maps of several styles and their shares -> one mean and one deviation map (one part a level)
 *   reconstruct: stacked features -> the picture that the decoder makes of them, without any style
 *   rows:        those of the content, statistics and a style -> rows of the attention matrix (one part a level)
 *
 * Statistics are inputs, so that a tile of a picture can go by those of the whole picture and a
 * frame by those of its scene. Maps travel as [1, channels, positions]. Between content and style
 * nothing but positions may differ, so that their sizes are free; sides are multiples of 16 (h and
 * w count sixteenths).
 */

import {
  addAll,
  constant,
  convolution,
  type Dimension,
  gather,
  input,
  multiply,
  multiplyDimensions,
  relu,
  reshape,
  type Shape,
  sizeOf,
  slice,
  symbol,
  type Tensor,
} from "@adaattn/graph";
import type { Architecture, AttentionModule } from "./architecture.ts";
import {
  attendTo,
  attendToSums,
  contentQueries,
  cosineSums,
  modulate,
  type StyleMaps,
  styleValues,
  tokens,
} from "./attention.ts";
import { decode } from "./decoder.ts";
import { encode } from "./encoder.ts";
import { FOLDED_CHANNELS, foldedQueries, foldKeys, normalizeFoldedKeys } from "./folding.ts";
import { channelStatistics, flattenPositions, type NormStatistics, normalizeBy, stackLevels } from "./keys.ts";
import type { Weights } from "./parameters.ts";
import { attentionRows } from "./rows.ts";

/** The outputs of a part, by name. */
export type Part = Readonly<Record<string, Tensor>>;

/** The shape of a level's features in a picture of 16h x 16w. */
function featureShape(level: number, channels: number): Shape {
  const factor = 2 ** (5 - level);
  return [1, channels, multiplyDimensions(factor, symbol("h")), multiplyDimensions(factor, symbol("w"))];
}

function stackedInput({ level, keyChannels }: AttentionModule): Tensor {
  return input(`stacked${level}`, featureShape(level, keyChannels));
}

/**
 * The features of the module's own level, which are the last of those stacked; the same of their
 * statistics.
 */
function ownOf({ keyChannels, valueChannels }: AttentionModule, stacked: Tensor): Tensor {
  return slice(stacked, [{ axis: 1, start: keyChannels - valueChannels, end: keyChannels }]);
}

function normInputs({ keyChannels }: AttentionModule, suffix: number | "" = ""): NormStatistics {
  const statistic = (name: string) => input(`${name}${suffix}`, [1, keyChannels, 1, 1]);
  return { mean: statistic("normMean"), deviation: statistic("normDeviation") };
}

/** picture -> stacked{level} [1, K, H, W] */
export function encodePart({ encoder, attention }: Architecture, weights: Weights): Part {
  const features = encode(input("picture", featureShape(1, 3)), encoder, weights);
  return Object.fromEntries(attention.modules.map(({ level }) => [`stacked${level}`, stackLevels(features, level)]));
}

/** stacked{level} -> normMean{level}, normDeviation{level}: [1, K, 1, 1] */
export function statisticsPart({ attention }: Architecture): Part {
  const outputs: Record<string, Tensor> = {};
  for (const module of attention.modules) {
    const { mean, deviation } = channelStatistics(stackedInput(module));
    outputs[`normMean${module.level}`] = mean;
    outputs[`normDeviation${module.level}`] = deviation;
  }
  return outputs;
}

/** stacked{level}, rows{level}, columns{level} (int64) -> cropped{level}: [1, K, rows, columns] */
export function cropPart({ attention }: Architecture): Part {
  const outputs: Record<string, Tensor> = {};
  for (const module of attention.modules) {
    const lines = (name: string) => input(`${name}${module.level}`, [symbol(`${name}${module.level}`)], "int64");
    const rows = gather(stackedInput(module), lines("rows"), 2);
    outputs[`cropped${module.level}`] = gather(rows, lines("columns"), 3);
  }
  return outputs;
}

/**
 * stacked{level}, chosen{level} (int64) of a painting -> key{level}, valueMean{level}, and what
 * else attention wants of it: for softmax value{level}, for cosine attention sums{level}
 */
export function stylePart({ attention }: Architecture, weights: Weights): Part {
  const outputs: Record<string, Tensor> = {};
  for (const module of attention.modules) {
    const { level } = module;
    const stacked = stackedInput(module);
    const chosen = input(`chosen${level}`, [symbol(`m${level}`)], "int64");
    const { mean, deviation } = channelStatistics(stacked);
    const [positions] = chosen.shape as [Dimension];
    const picked = reshape(gather(flattenPositions(stacked), chosen, 2), [1, module.keyChannels, 1, positions]);
    const keys = flattenPositions(normalizeBy(picked, { mean, deviation }));
    const style = styleValues(module, keys, flattenPositions(ownOf(module, picked)), weights);
    if (attention.kind === "softmax") {
      outputs[`key${level}`] = foldKeys(module, keys, weights);
      outputs[`value${level}`] = style.values;
    } else {
      outputs[`key${level}`] = style.keys;
      outputs[`sums${level}`] = cosineSums(style);
    }
    outputs[`valueMean${level}`] = style.mean;
  }
  return outputs;
}

/** What `attendPart` takes of a style. */
export function attendedInputs({ attention }: Architecture): readonly string[] {
  return attention.kind === "softmax" ? ["key", "value", "valueMean"] : ["sums", "valueMean"];
}

/** What `stylePart` gives of a module, by name, for so many chosen positions. */
export function styleShapes<Count extends Dimension>(
  { attention }: Architecture,
  { level, keyChannels, valueChannels }: AttentionModule,
  count: Count,
): ReadonlyMap<string, readonly (number | Count)[]> {
  const isFolded = attention.kind === "softmax";
  return new Map<string, readonly (number | Count)[]>([
    [`key${level}`, [1, count, keyChannels + (isFolded ? FOLDED_CHANNELS : 0)]],
    isFolded
      ? [`value${level}`, [1, count, valueChannels]]
      : [`sums${level}`, [1, keyChannels + 1, 2 * valueChannels + 1]],
    [`valueMean${level}`, [1, 1, valueChannels]],
  ]);
}

function keyInput({ keyChannels }: AttentionModule, folded: number): Tensor {
  return input("key", [1, symbol("m"), keyChannels + folded]);
}

/**
 * stacked, normMean, normDeviation (content) and a style's inputs -> mean, deviation: [1, D,
 * positions]
 */
export function attendPart({ attention }: Architecture, module: AttentionModule, weights: Weights): Part {
  const { level, keyChannels, valueChannels } = module;
  const stacked = input("stacked", featureShape(level, keyChannels));
  const norm = normInputs(module);
  const center = input("valueMean", [1, 1, valueChannels]);
  let maps: StyleMaps;
  if (attention.kind === "softmax") {
    const values = input("value", [1, symbol("m"), valueChannels]);
    const keys = normalizeFoldedKeys(module, keyInput(module, FOLDED_CHANNELS), norm);
    maps = attendTo({ keys, values, mean: center }, foldedQueries(stacked), "softmax");
  } else {
    const sums = input("sums", [1, keyChannels + 1, 2 * valueChannels + 1]);
    maps = attendToSums(sums, center, contentQueries(module, flattenPositions(normalizeBy(stacked, norm)), weights));
  }
  return { mean: maps.mean, deviation: maps.deviation };
}

/**
 * stacked{level}, normMean{level}, normDeviation{level}, mean{level}, deviation{level} -> picture,
 * not clamped
 */
export function decodePart(architecture: Architecture, weights: Weights): Part {
  const attended = new Map<number, Tensor>();
  for (const module of architecture.attention.modules) {
    const { level, valueChannels } = module;
    const norm = normInputs(module, level);
    const features = normalizeBy(ownOf(module, stackedInput(module)), {
      mean: ownOf(module, norm.mean),
      deviation: ownOf(module, norm.deviation),
    });
    const shape = [1, valueChannels, sizeOf(features.shape.slice(2))];
    const maps: StyleMaps = { mean: input(`mean${level}`, shape), deviation: input(`deviation${level}`, shape) };
    attended.set(level, modulate(features, maps));
  }
  return { picture: decode(architecture, attended, weights) };
}

/**
 * h of raw features ([1, D, H, W]) as a mean map: what attention so sharp that every point sees
 * itself alone would give.
 */
function ownMean({ name }: AttentionModule, features: Tensor, weights: Weights): Tensor {
  return flattenPositions(convolution(features, weights(`${name}.h.weight`), { bias: weights(`${name}.h.bias`) }));
}

/**
 * stacked{level} (content), mean{i}, deviation{i} of `styles` styles and share{i}, own: [1, 1,
 * positions] -> mean, deviation
 *
 * The weighted means of the styles' maps and of the photograph's own (whose deviation map is 0).
 * Shares may lead beyond a style, where a deviation would fall below 0; it is then 0.
 */
export function blendPart(module: AttentionModule, styles: number, weights: Weights): Part {
  const features = ownOf(module, stackedInput(module));
  const positions = sizeOf(features.shape.slice(2));
  const share = (name: string) => input(name, [1, 1, positions]);
  const mapOf = (name: string) => input(name, [1, module.valueChannels, positions]);
  const means = [multiply(share("own"), ownMean(module, features, weights))];
  const deviations: Tensor[] = [];
  for (let index = 0; index < styles; index++) {
    const part = share(`share${index}`);
    means.push(multiply(part, mapOf(`mean${index}`)));
    deviations.push(multiply(part, mapOf(`deviation${index}`)));
  }
  return { mean: addAll(means), deviation: relu(addAll(deviations)) };
}

/** stacked{level} (content) -> picture: what the decoder makes of the photograph's own maps. */
export function reconstructPart(architecture: Architecture, weights: Weights): Part {
  const attended = new Map<number, Tensor>();
  for (const module of architecture.attention.modules) {
    const features = ownOf(module, stackedInput(module));
    attended.set(module.level, reshape(ownMean(module, features, weights), features.shape));
  }
  return { picture: decode(architecture, attended, weights) };
}

/**
 * stacked, normMean, normDeviation (content), at (int64, positions of it), key (style) -> rows [1,
 * at, chosen]: what those positions attend to, as probabilities over the style's chosen positions.
 */
export function rowsPart({ attention }: Architecture, module: AttentionModule, weights: Weights): Part {
  const { level, keyChannels } = module;
  const asked = symbol("q");
  const features = flattenPositions(input("stacked", featureShape(level, keyChannels)));
  const at = gather(features, input("at", [asked], "int64"), 2);
  const content = reshape(at, [1, keyChannels, 1, asked]);
  const norm = normInputs(module);
  if (attention.kind === "softmax") {
    const keys = normalizeFoldedKeys(module, keyInput(module, FOLDED_CHANNELS), norm);
    return { rows: attentionRows(foldedQueries(content), keys, "softmax") };
  }
  const queries = tokens(contentQueries(module, flattenPositions(normalizeBy(content, norm)), weights));
  return { rows: attentionRows(queries, keyInput(module, 0), attention.kind) };
}

/**
 * kept_{name} -> {name} of everything that `stylePart` gives: how a style that was kept comes back
 * to the engine.
 */
export function holdPart(architecture: Architecture): Part {
  const outputs: Record<string, Tensor> = {};
  for (const module of architecture.attention.modules) {
    const shapes = styleShapes(architecture, module, symbol(`m${module.level}`));
    for (const [name, shape] of shapes) outputs[name] = multiply(input(`kept_${name}`, shape), constant(1));
  }
  return outputs;
}
