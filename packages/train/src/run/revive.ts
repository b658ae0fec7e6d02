/**
 * Wakes the dead channels of a network before it is trained on, after training/torch/revive.py.
 *
 * A channel that is never above 0 gets no gradient, so that training cannot bring it back. It gets
 * new weights going in, of its neighbors' size by what pictures give, and none going out: the
 * picture stays, and what is new must prove useful before it is heard, else the first thing learnt
 * is to silence it again. Channels that are far louder than their neighbors are turned down, and
 * what hears them is turned up by as much.
 *
 * The deep levels, those that no skip connection brings to the decoder, reach the picture through
 * its first layer alone. What they give is brought to deviation 1, for steps of one size to suit
 * all layers. Where that layer was as good as dead, nobody heard them, and they are mended too:
 * their features, and attention that had come to look at hardly more than one key.
 */

import {
  add,
  constant,
  input,
  log,
  matmul,
  minimum,
  multiply,
  negate,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  resize,
  scale,
  slice,
  softmax,
  sqrt,
  square,
  subtract,
  type Tensor,
  toOnnx,
} from "@adaattn/graph";
import type { Picture } from "adaattn";
import { AWAKE } from "adaattn/internal";
import {
  type Architecture,
  type AttentionModule,
  attend,
  attentionKeys,
  type ConvolutionLayer,
  contentQueries,
  countParameters,
  decode,
  type Engine,
  encode,
  flatten,
  flattenPositions,
  outputOf,
  type ParameterShapes,
  parametersOf,
  type Session,
  splitVector,
  styleValues,
  tensorWeights,
  tokens,
  toTensor,
  type Weights,
  type WeightValues,
} from "adaattn/network";
import { Random } from "../data/random.ts";

/** A channel is turned down whose deviation is more than so many times the median. */
const LOUD = 4;
/** What channels are scaled to in layers that have hardly any to go by. */
const DEVIATION = 0.5;
/** Nobody hears the deep levels where more than this share of the decoder's first layer is dead. */
const DEAF = 0.9;
/** Attention that nobody hears is softened until it looks at so many keys. */
const PERPLEXITY = 4;

/** What was found of a layer's channels, and done about it. */
export interface RevivedLayer {
  readonly name: string;
  readonly channels: number;
  /** How many were dead. */
  readonly dead: number;
  /** How many still are. */
  readonly left: number;
}

/** A photograph and a painting of one size, whose sides are multiples of 16. */
interface Pair {
  readonly content: Picture;
  readonly style: Picture;
}

/** Means, deviations and shares of positions above 0, by channel. */
interface Spread {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  readonly awake: readonly number[];
}

/** The layers of a network that can die, with those that hear them. */
interface Chain {
  readonly layer: ConvolutionLayer;
  readonly after: ConvolutionLayer | undefined;
}

function chainOf(layers: Architecture["decoder"] | Architecture["encoder"]["levels"][number]): Chain[] {
  const convolutions = layers.flatMap((layer) => (layer.kind === "convolution" ? [layer] : []));
  return convolutions.map((layer, at) => ({ layer, after: convolutions[at + 1] })).filter(({ layer }) => layer.relu);
}

/** Attention that reaches the picture through the decoder's first layer alone. */
function deepModules({ attention, decoder }: Architecture): AttentionModule[] {
  const skipped = decoder.flatMap((layer) => (layer.kind === "skip" ? [layer.level] : []));
  return attention.modules.filter(({ level }) => !skipped.includes(level));
}

/**
 * Wakes what is dead in `weights` as these pictures show it.
 *
 * @param trainsEncoder Whether the encoder's layers are mended too, which a frozen one's are not.
 * @returns the weights, and the layers that had dead channels.
 */
export async function revive(
  engine: Engine,
  architecture: Architecture,
  weights: WeightValues,
  pairs: readonly Pair[],
  { trainsEncoder, seed }: { readonly trainsEncoder: boolean; readonly seed: number },
): Promise<{ readonly weights: Map<string, Float32Array>; readonly layers: readonly RevivedLayer[] }> {
  using look = await Look.open(engine, architecture, pairs);
  const own = new Map([...weights].map(([name, values]) => [name, values.slice()]));
  const mender = new Mender(architecture, own, look, new Random(seed));
  const encoder = chainOf(architecture.encoder.levels.flat());
  const decoder = chainOf(architecture.decoder);
  const [first] = decoder;
  await mender.look();
  const deaf = first !== undefined && mender.deadOf(first.layer).length > DEAF * first.layer.outputs;
  const deep = deepModules(architecture);
  // Attention hears a level's own features, where Norm would make much of a channel that hardly
  // wakes; they are left alone unless nobody hears the level anyway.
  const heard = architecture.encoder.levels
    .filter((_, at) => !(deaf && deep.some(({ level }) => level === at + 1)))
    .map((layers) => layers.at(-1));
  const layers: RevivedLayer[] = [];
  for (const { layer, after } of encoder) {
    layers.push(await mender.layer(layer, after, trainsEncoder && !heard.includes(layer)));
  }
  if (deaf) await mender.soften(deep);
  await mender.scaleDeepPath(deep, first?.layer);
  for (const { layer, after } of decoder) layers.push(await mender.layer(layer, after, true));
  return { weights: own, layers: layers.filter(({ dead }) => dead > 0) };
}

/** Mends weights in place, layer by layer. */
class Mender {
  readonly #architecture: Architecture;
  readonly #weights: Map<string, Float32Array>;
  readonly #look: Look;
  readonly #random: Random;
  #found: ReadonlyMap<string, Spread> = new Map();
  #perplexities: ReadonlyMap<number, number> = new Map();

  constructor(architecture: Architecture, weights: Map<string, Float32Array>, look: Look, random: Random) {
    this.#architecture = architecture;
    this.#weights = weights;
    this.#look = look;
    this.#random = random;
  }

  /** Finds how the weights of now behave. */
  async look(): Promise<void> {
    ({ spreads: this.#found, perplexities: this.#perplexities } = await this.#look.at(this.#weights));
  }

  #spread(name: string): Spread {
    const found = this.#found.get(name);
    if (found === undefined) throw new Error(`Expected ${name} to have been looked at`);
    return found;
  }

  /** The channels of a layer that are dead. */
  deadOf({ name }: ConvolutionLayer): number[] {
    return [...this.#spread(name).awake].flatMap((share, channel) => (share < AWAKE ? [channel] : []));
  }

  async layer(layer: ConvolutionLayer, after: ConvolutionLayer | undefined, mends: boolean): Promise<RevivedLayer> {
    const dead = this.deadOf(layer);
    if (mends && dead.length > 0) await this.#wake(layer, after, dead);
    return { name: layer.name, channels: layer.outputs, dead: dead.length, left: this.deadOf(layer).length };
  }

  async #wake(layer: ConvolutionLayer, after: ConvolutionLayer | undefined, dead: readonly number[]): Promise<void> {
    const { deviation } = this.#spread(layer.name);
    const live = [...deviation.keys()].filter((channel) => !dead.includes(channel));
    const typical = median(live.map((channel) => deviation[channel] ?? 0));
    const wanted = live.length > layer.outputs / 4 && typical > 0 ? typical : DEVIATION;
    for (const channel of live) {
      const share = (deviation[channel] ?? 0) / wanted;
      if (after === undefined || share <= LOUD) continue;
      this.#scaleOutput(layer, channel, 1 / share);
      this.#scaleInput(after, channel, share);
    }
    const length = layer.inputs * layer.kernel ** 2;
    const [weight, bias] = [this.#of(layer, "weight"), this.#of(layer, "bias")];
    for (const channel of dead) {
      const row = weight.subarray(channel * length, (channel + 1) * length);
      for (const at of row.keys()) row[at] = this.#random.normal() / Math.sqrt(length);
      bias[channel] = 0;
      if (after !== undefined) this.#scaleInput(after, channel, 0);
    }
    await this.look();
    const drawn = this.#spread(layer.name);
    for (const channel of dead) {
      const own = drawn.deviation[channel] ?? 0;
      // Nothing comes in where all of the layer before is dead and must stay so.
      if (own === 0) continue;
      this.#scaleOutput(layer, channel, wanted / own);
      bias[channel] = (-(drawn.mean[channel] ?? 0) * wanted) / own;
    }
    await this.look();
  }

  /** Attention of these modules looks at several keys again, where it goes by softmax. */
  async soften(modules: readonly AttentionModule[]): Promise<void> {
    for (let round = 0; round < 10; round++) {
      const sharp = modules.filter(({ level }) => (this.#perplexities.get(level) ?? Infinity) < PERPLEXITY);
      if (sharp.length === 0) return;
      for (const { name } of sharp) this.#scaleAll(`${name}.f`, 0.5);
      await this.look();
    }
  }

  /**
   * What the deep levels give to the merge is brought to deviation 1, and the merge turned up by as
   * much; where what comes out is larger than 2, that is turned down to 1 and the decoder's first
   * layer up.
   */
  async scaleDeepPath(modules: readonly AttentionModule[], first: ConvolutionLayer | undefined): Promise<void> {
    const { merge } = this.#architecture;
    if (merge === undefined || first === undefined) return;
    const { deviation } = this.#spread(DEEPER);
    for (const [channel, own] of deviation.entries()) {
      const share = Math.max(own, 1e-3);
      for (const { name, valueChannels } of modules)
        this.#scaleOutput({ name: `${name}.h`, inputs: valueChannels, kernel: 1 }, channel, 1 / share);
      this.#scaleInput(merge, channel, share);
    }
    await this.look();
    const { mean, deviation: merged } = this.#spread(merge.name);
    const center = meanOf(mean);
    const whole = Math.sqrt(meanOf(mean.map((value, at) => (value - center) ** 2 + (merged[at] ?? 0) ** 2)));
    if (whole <= 2) return;
    this.#scaleAll(merge.name, 1 / whole);
    for (let channel = 0; channel < merge.outputs; channel++) this.#scaleInput(first, channel, whole);
    await this.look();
  }

  #of({ name }: Pick<ConvolutionLayer, "name">, part: "weight" | "bias"): Float32Array {
    const values = this.#weights.get(`${name}.${part}`);
    if (values === undefined) throw new Error(`Expected the tensor ${name}.${part} among the weights`);
    return values;
  }

  #scaleAll(name: string, factor: number): void {
    for (const part of ["weight", "bias"] as const) {
      const values = this.#of({ name }, part);
      for (const at of values.keys()) values[at] = (values[at] ?? 0) * factor;
    }
  }

  /** Scales what a layer gives in a channel. */
  #scaleOutput(layer: Pick<ConvolutionLayer, "name" | "inputs" | "kernel">, channel: number, factor: number): void {
    const [weight, bias] = [this.#of(layer, "weight"), this.#of(layer, "bias")];
    const length = layer.inputs * layer.kernel ** 2;
    for (let at = channel * length; at < (channel + 1) * length; at++) weight[at] = (weight[at] ?? 0) * factor;
    bias[channel] = (bias[channel] ?? 0) * factor;
  }

  /** Scales how loud a layer hears a channel of what comes in. */
  #scaleInput(layer: ConvolutionLayer, channel: number, factor: number): void {
    const weight = this.#of(layer, "weight");
    const area = layer.kernel ** 2;
    for (let output = 0; output < layer.outputs; output++) {
      const start = (output * layer.inputs + channel) * area;
      for (let at = start; at < start + area; at++) weight[at] = (weight[at] ?? 0) * factor;
    }
  }
}

/** The name under which {@link Look} tells of what the merge hears. */
const DEEPER = "deeper";

/** Pictures in one engine session, to be looked at with any weights. */
class Look implements Disposable {
  readonly #session: Session;
  readonly #parameters: ParameterShapes;
  readonly #pairs: readonly Pair[];
  readonly #names: readonly string[];

  private constructor(
    session: Session,
    parameters: ParameterShapes,
    pairs: readonly Pair[],
    outputs: Readonly<Record<string, Tensor>>,
  ) {
    this.#session = session;
    this.#parameters = parameters;
    this.#pairs = pairs;
    this.#names = Object.keys(outputs);
  }

  static async open(engine: Engine, architecture: Architecture, pairs: readonly Pair[]): Promise<Look> {
    const parameters = parametersOf(architecture);
    const weights = tensorWeights(splitVector(parameters, input("weights", [countParameters(parameters)])));
    const { width, height } = pairs[0]?.content ?? { width: 16, height: 16 };
    const outputs = examined(architecture, input("pictures", [2, 3, height, width]), weights);
    const session = await engine.load(toOnnx(outputs, { target: engine.device }), "the look at what is dead");
    return new Look(session, parameters, pairs, outputs);
  }

  /** How every layer behaves over all pairs, and how many keys the deep levels look at. */
  async at(values: WeightValues): Promise<{
    readonly spreads: ReadonlyMap<string, Spread>;
    readonly perplexities: ReadonlyMap<number, number>;
  }> {
    const vector = flatten(this.#parameters, values);
    const weights = { shape: [vector.length], data: vector };
    const found = new Map<string, number[][]>(this.#names.map((name) => [name, []]));
    for (const { content, style } of this.#pairs) {
      const both = [toTensor(content), toTensor(style)];
      const data = Float32Array.from(both.flatMap((tensor) => [...tensor]));
      const pictures = { shape: [2, 3, content.height, content.width], data };
      const results = await this.#session.run({ weights, pictures });
      for (const [name, seen] of found) {
        const output = outputOf(results, name);
        seen.push([...((await output.read()).data as Float32Array)]);
        output.dispose();
      }
    }
    const spreads = new Map<string, Spread>();
    const perplexities = new Map<number, number>();
    for (const [name, seen] of found) {
      const [kind, layer = ""] = [name.slice(0, name.indexOf(".")), name.slice(name.indexOf(".") + 1)];
      if (kind === "entropy") perplexities.set(Number(layer), median(seen.flat().map(Math.exp)));
      if (kind !== "mean") continue;
      const [deviations, shares] = [found.get(`deviation.${layer}`), found.get(`awake.${layer}`)];
      const mean = (seen[0] ?? []).map((_, channel) => meanOf(seen.map((own) => own[channel] ?? 0)));
      const moment = (at: number, channel: number) =>
        (deviations?.[at]?.[channel] ?? 0) ** 2 + ((seen[at]?.[channel] ?? 0) - (mean[channel] ?? 0)) ** 2;
      spreads.set(layer, {
        mean,
        deviation: mean.map((_, channel) => Math.sqrt(meanOf(seen.map((_own, at) => moment(at, channel))))),
        awake: mean.map((_, channel) => meanOf((shares ?? []).map((own) => own[channel] ?? 0))),
      });
    }
    return { spreads, perplexities };
  }

  [Symbol.dispose](): void {
    this.#session.dispose();
  }
}

/**
 * pictures [2, 3, H, W], a photograph and a painting -> by layer mean.{layer}, deviation.{layer}
 * and awake.{layer} before its activation, [C] each; and entropy.{level} of the deep levels, at
 * every position.
 */
function examined(architecture: Architecture, pictures: Tensor, weights: Weights): Record<string, Tensor> {
  const outputs: Record<string, Tensor> = {};
  const watch = (name: string, y: Tensor) => {
    const mean = reduceMean(y, [0, 2, 3], true);
    const parts = {
      mean,
      deviation: sqrt(reduceMean(square(subtract(y, mean)), [0, 2, 3], true)),
      awake: reduceMean(minimum(scale(relu(y), 1e20), constant(1)), [0, 2, 3], true),
    };
    for (const [part, value] of Object.entries(parts))
      outputs[`${part}.${name}`] = reshape(value, [Number(mean.shape[1])]);
  };
  const onLayer = ({ name }: ConvolutionLayer, y: Tensor, before: Tensor) => {
    watch(name, before);
    return y;
  };
  const features = encode(pictures, architecture.encoder, weights, onLayer);
  const part = (index: number) => features.map((x) => slice(x, [{ axis: 0, start: index, end: index + 1 }]));
  const [content, style] = [part(0), part(1)];
  if (architecture.attention.kind === "softmax") {
    for (const module of deepModules(architecture)) {
      const { level } = module;
      const keys = attentionKeys(style, level);
      const painted = styleValues(module, keys, flattenPositions(style[level - 1] as Tensor), weights);
      const queries = tokens(contentQueries(module, attentionKeys(content, level), weights));
      const shares = softmax(matmul(queries, painted.keys, { transposeB: true }));
      outputs[`entropy.${level}`] = negate(reduceSum(multiply(shares, log(add(shares, constant(1e-12)))), [2]));
    }
  }
  const attended = attend(architecture, content, style, weights);
  if (architecture.merge) {
    const [four, five] = [attended.get(4), attended.get(5)] as [Tensor, Tensor];
    const [, , height = 1, width = 1] = four.shape;
    watch(DEEPER, add(four, resize(five, height, width, "nearest")));
  }
  decode(architecture, attended, weights, onLayer);
  return outputs;
}

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
