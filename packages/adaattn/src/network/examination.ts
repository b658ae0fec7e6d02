/**
 * What can be dead inside a network although its losses fall: channels that no picture wakes, which
 * get no gradient and never come back, and levels of attention that change nothing of the picture.
 */

import type { Tensor } from "@adaattn/graph";
import {
  absolute,
  add,
  constant,
  flip,
  input,
  maximum,
  minimum,
  reduceMean,
  scale,
  subtract,
  symbol,
} from "@adaattn/graph";
import type { Architecture } from "./architecture.ts";
import { attendTo, type StyleMaps } from "./attention.ts";
import { decode } from "./decoder.ts";
import { encode, type OnLayer } from "./encoder.ts";
import { attend } from "./network.ts";
import type { Weights } from "./parameters.ts";
import type { Part } from "./parts.ts";

/** A padded picture's, in pixels. */
type Size = Readonly<Record<"width" | "height", number>>;

/**
 * content, style [1, 3, H, W] and chosen{level} (int64) -> awake.{layer} [1, C, 1, 1], the share of
 * positions at which each channel is above 0, in both pictures for layers of the encoder; and
 * turned{level} [1, 1, 1, 1], the mean difference, in values of 0 to 1, that it makes to the
 * picture to turn what a level's attention finds upside down.
 */
export function examinationPart(architecture: Architecture, weights: Weights, content: Size, style: Size): Part {
  const seen = new Map<string, Tensor[]>();
  const watch: OnLayer = ({ name, relu }, y) => {
    if (relu) seen.set(name, [...(seen.get(name) ?? []), awake(y)]);
    return y;
  };
  const features = encode(
    input("content", [1, 3, content.height, content.width]),
    architecture.encoder,
    weights,
    watch,
  );
  const painted = encode(input("style", [1, 3, style.height, style.width]), architecture.encoder, weights, watch);
  const { modules, kind } = architecture.attention;
  const chosen = new Map(
    modules.map(({ level }) => [level, input(`chosen${level}`, [symbol(`m${level}`)], "int64")] as const),
  );
  const attended = attend(architecture, features, painted, weights, { chosen });
  const turned = attend(architecture, features, painted, weights, {
    chosen,
    form: (values, queries) => upsideDown(attendTo(values, queries, kind)),
  });
  const plain = shown(decode(architecture, attended, weights, watch));
  const outputs: Record<string, Tensor> = {};
  for (const { level } of modules) {
    const other = new Map(attended).set(level, turned.get(level) as Tensor);
    const difference = absolute(subtract(shown(decode(architecture, other, weights)), plain));
    outputs[`turned${level}`] = reduceMean(difference, [1, 2, 3], true);
  }
  for (const [name, [first, second]] of seen) {
    if (first) outputs[`awake.${name}`] = second ? scale(add(first, second), 0.5) : first;
  }
  return outputs;
}

/** Where values are above 0, on average over the picture. */
function awake(y: Tensor): Tensor {
  return reduceMean(minimum(scale(y, 1e20), constant(1)), [2, 3], true);
}

function upsideDown({ mean, deviation }: StyleMaps): StyleMaps {
  return { mean: flip(mean, [2]), deviation: flip(deviation, [2]) };
}

const shown = (picture: Tensor) => minimum(maximum(picture, constant(0)), constant(1));
