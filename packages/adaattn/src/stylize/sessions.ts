/**
 * The sessions of one network on one engine: those of every stylization from the start, those that
 * only some controls need from when they are first asked for.
 */

import { toOnnx } from "@adaattn/graph";
import type { Engine, EngineTensor, Session, TensorData } from "../engine/engine.ts";
import { type Architecture, type AttentionModule, parametersOf } from "../network/architecture.ts";
import { examinationPart } from "../network/examination.ts";
import { constantWeights, type Weights, type WeightValues } from "../network/parameters.ts";
import {
  attendPart,
  blendPart,
  cropPart,
  decodePart,
  encodePart,
  holdPart,
  type Part,
  reconstructPart,
  rowsPart,
  statisticsPart,
  stylePart,
} from "../network/parts.ts";
import { type Picture, type Size, toTensor } from "../picture/picture.ts";

/** Tensors that an engine holds, by name. */
export type Tensors = Record<string, EngineTensor>;

export class Sessions {
  readonly encode: Session;
  readonly statistics: Session;
  readonly style: Session;
  readonly decode: Session;
  /** Whether buffers stay with the engine between runs. */
  readonly keepsMemory: boolean;
  readonly #attend: ReadonlyMap<number, Session>;
  readonly #architecture: Architecture;
  /** Kept for the parts that are still to be loaded. */
  readonly #weights: Weights;
  readonly #load: (part: string, outputs: Part) => Promise<Session>;
  readonly #lazy = new Map<string, Promise<Session>>();

  private constructor(
    made: Pick<Sessions, "encode" | "statistics" | "style" | "decode" | "keepsMemory"> & {
      attend: ReadonlyMap<number, Session>;
    },
    architecture: Architecture,
    weights: Weights,
    load: (part: string, outputs: Part) => Promise<Session>,
  ) {
    this.encode = made.encode;
    this.statistics = made.statistics;
    this.style = made.style;
    this.decode = made.decode;
    this.keepsMemory = made.keepsMemory;
    this.#attend = made.attend;
    this.#architecture = architecture;
    this.#weights = weights;
    this.#load = load;
  }

  /** Loads what every stylization needs; `name` is the model's, for errors. */
  static async load(name: string, architecture: Architecture, values: WeightValues, engine: Engine): Promise<Sessions> {
    const weights = constantWeights(parametersOf(architecture), values);
    const load = (part: string, outputs: Part) =>
      engine.load(
        toOnnx(outputs, { target: engine.target ?? engine.device, minimalFiltering: true, name: part }),
        `${part} of ${name}`,
      );
    // Each part is written while the engine loads the one before it.
    const { modules } = architecture.attention;
    const [encode, statistics, style, decode, ...attends] = await Promise.all([
      load("encode", encodePart(architecture, weights)),
      load("statistics", statisticsPart(architecture)),
      load("style", stylePart(architecture, weights)),
      load("decode", decodePart(architecture, weights)),
      ...modules.map((module) => load(`attend ${module.level}`, attendPart(architecture, module, weights))),
    ]);
    const attend = new Map(modules.map(({ level }, index) => [level, attends[index] as Session]));
    const { keepsMemory = false } = engine;
    return new Sessions({ encode, statistics, style, attend, decode, keepsMemory }, architecture, weights, load);
  }

  /** Attends at a level of the architecture. */
  attend({ level }: AttentionModule): Session {
    const session = this.#attend.get(level);
    if (session === undefined) throw new Error(`Expected a level of the network but received ${level}`);
    return session;
  }

  /** Cuts features out of those of a larger area. */
  crop(): Promise<Session> {
    return this.#once("crop", () => cropPart(this.#architecture));
  }

  /** Takes a style that was kept back into the engine. */
  hold(): Promise<Session> {
    return this.#once("hold", () => holdPart(this.#architecture));
  }

  /** Blends the maps of so many styles at a level. */
  blend(module: AttentionModule, styles: number): Promise<Session> {
    return this.#once(`blend ${styles} at ${module.level}`, () => blendPart(module, styles, this.#weights));
  }

  /** Decodes a photograph's own features. */
  reconstruct(): Promise<Session> {
    return this.#once("reconstruct", () => reconstructPart(this.#architecture, this.#weights));
  }

  /** Gives rows of the attention matrix of a level. */
  rows(module: AttentionModule): Promise<Session> {
    return this.#once(`rows ${module.level}`, () => rowsPart(this.#architecture, module, this.#weights));
  }

  /** Looks for what is dead in the network, in pictures of these sizes. */
  examination(content: Size, style: Size): Promise<Session> {
    const sizes = `${content.width} ${content.height} ${style.width} ${style.height}`;
    return this.#once(`examination ${sizes}`, () => examinationPart(this.#architecture, this.#weights, content, style));
  }

  #once(part: string, outputs: () => Part): Promise<Session> {
    const known = this.#lazy.get(part);
    if (known !== undefined) return known;
    const loading = this.#load(part, outputs());
    this.#lazy.set(part, loading);
    // What failed may be tried again.
    loading.catch(() => this.#lazy.delete(part));
    return loading;
  }
}

/** A picture's stacked features of the attended levels, the picture padded to `size`. */
export function encodePicture(
  { encode }: Sessions,
  picture: Picture,
  size: Size,
  signal: AbortSignal | undefined,
): Promise<Tensors> {
  return encode.run({ picture: pictureTensor(picture, size) }, { signal });
}

/** A picture as a tensor of its own, padded to `size`. */
export function pictureTensor(picture: Picture, size: Size): TensorData {
  return { shape: [1, 3, size.height, size.width], data: toTensor(picture, size) };
}

/** Gives tensors back to their engine. */
export function disposeAll(tensors: Readonly<Tensors>): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}
