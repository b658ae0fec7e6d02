/**
 * The API: a model turns a painting into a Style, and a photograph and a Style into a picture.
 *
 *   const model = await loadModel("small");
 *   const style = await model.style(painting);
 *   const result = await model.stylize(photo, style);
 */

import { type Target, toOnnx } from "@adaattn/graph";
import { type Architecture, parametersOf } from "./architecture.ts";
import {
  type Device,
  type Engine,
  type EngineTensor,
  outputOf,
  type Session,
  type TensorData,
} from "./engine/engine.ts";
import { checkPicture, onWhite, type Picture, paddedSize, type Size, toPicture, toTensor } from "./image.ts";
import { attendPart, decodePart, encodePart, type Part, stylePart } from "./parts.ts";
import { evenPositions, randomPositions } from "./sampling.ts";
import { Style, type StyleLevel } from "./style.ts";
import { constantWeights, type WeightValues } from "./weights/weights.ts";

/** What the released code seeds its key sampling with when it is tested. */
const DEFAULT_SEED = 6666;

/** The deepest features must have two positions a side, for the encoder to reflect. */
const LEAST_PADDED_SIDE = 32;

/** How far a call is: a fraction from 0 to 1 of one stage. */
export interface Progress {
  readonly stage: "style" | "encode" | "attend" | "decode";
  readonly fraction: number;
}

export interface CallOptions {
  /** Ends the call as soon as it is aborted; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called at the begin and the end of every stage, and between levels. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface StyleOptions extends CallOptions {
  /** Seeds the choice of style positions in models that choose at random; 6666 by default, as the released code's tests. */
  readonly seed?: number | undefined;
}

/** A stylised picture, of the photograph's size and with its alpha. */
export interface Stylised extends Picture {
  readonly data: Uint8ClampedArray;
  /** How long each stage took. */
  readonly milliseconds: { readonly encode: number; readonly attend: number; readonly decode: number };
}

interface Sessions {
  readonly encode: Session;
  readonly style: Session;
  readonly attend: ReadonlyMap<number, Session>;
  readonly decode: Session;
}

/** A network with its weights, loaded on an engine that it owns. */
export class Model {
  readonly name: string;
  readonly architecture: Architecture;
  readonly #engine: Engine;
  readonly #sessions: Sessions;
  /** The styles that this model made: another engine would take their tensors for its own of the same numbers. */
  readonly #styles = new WeakSet<Style>();

  private constructor(name: string, architecture: Architecture, engine: Engine, sessions: Sessions) {
    this.name = name;
    this.architecture = architecture;
    this.#engine = engine;
    this.#sessions = sessions;
  }

  /** Loads a network on an engine, which the model owns from then on. `weights` must hold every tensor, in its shape. */
  static async load(name: string, architecture: Architecture, weights: WeightValues, engine: Engine): Promise<Model> {
    const baked = constantWeights(parametersOf(architecture), weights);
    const target: Target = engine.device;
    const load = (part: string, outputs: Part) =>
      engine.load(toOnnx(outputs, { target, name: part }), `${part} of ${name}`);
    const encode = await load("encode", encodePart(architecture, baked));
    const style = await load("style", stylePart(architecture, baked));
    const attend = new Map<number, Session>();
    for (const module of architecture.attention.modules) {
      attend.set(module.level, await load(`attend ${module.level}`, attendPart(architecture, module, baked)));
    }
    const decode = await load("decode", decodePart(architecture, baked));
    return new Model(name, architecture, engine, { encode, style, attend, decode });
  }

  /** Where it computes. */
  get device(): Device {
    return this.#engine.device;
  }

  /** Encodes a picture: features and keys of the attended levels. */
  async #encode(picture: Picture, size: Size, signal: AbortSignal | undefined): Promise<Record<string, EngineTensor>> {
    const data = toTensor(picture, size);
    return this.#sessions.encode.run({ picture: { shape: [1, 3, size.height, size.width], data } }, { signal });
  }

  /** Computes what the attention needs of a painting. Transparent parts count as white. */
  async style(painting: Picture, { signal, onProgress, seed = DEFAULT_SEED }: StyleOptions = {}): Promise<Style> {
    checkPicture(painting, "the painting");
    const begun = performance.now();
    onProgress?.({ stage: "style", fraction: 0 });
    const size = encodedSize(painting);
    const encoded = await this.#encode(onWhite(painting), size, signal);
    try {
      onProgress?.({ stage: "style", fraction: 0.8 });
      const chosen: Record<string, TensorData> = {};
      for (const { level } of this.architecture.attention.modules) {
        const data = this.#chosenPositions(level, size, seed);
        chosen[`chosen${level}`] = { shape: [data.length], data };
      }
      const values = await this.#sessions.style.run({ ...encoded, ...chosen }, { signal });
      const levels = new Map<number, StyleLevel>();
      for (const { level } of this.architecture.attention.modules) {
        levels.set(level, {
          key: outputOf(values, `key${level}`),
          value: outputOf(values, `value${level}`),
          valueMean: outputOf(values, `valueMean${level}`),
        });
      }
      onProgress?.({ stage: "style", fraction: 1 });
      const style = new Style(levels, performance.now() - begun);
      this.#styles.add(style);
      return style;
    } finally {
      disposeAll(encoded);
    }
  }

  #chosenPositions(level: number, size: Size, seed: number): BigInt64Array {
    const { sampling, modules } = this.architecture.attention;
    const maxKeys = modules.find((module) => module.level === level)?.maxKeys ?? 0;
    const map = { width: size.width / 2 ** (level - 1), height: size.height / 2 ** (level - 1) };
    const count = map.width * map.height;
    if (count <= maxKeys) return BigInt64Array.from({ length: count }, (_, at) => BigInt(at));
    return sampling === "random" ? randomPositions(count, maxKeys, seed) : evenPositions(map, maxKeys);
  }

  /** Paints a photograph in a style that this model made. The result has the photograph's size and alpha. */
  async stylize(photo: Picture, style: Style, { signal, onProgress }: CallOptions = {}): Promise<Stylised> {
    checkPicture(photo, "the photograph");
    if (!this.#styles.has(style))
      throw new Error(`Expected a style that this model, ${this.name}, made but received another.`);
    const size = encodedSize(photo);
    const started = performance.now();
    onProgress?.({ stage: "encode", fraction: 0 });
    const held: Record<string, EngineTensor>[] = [];
    try {
      const encoded = await this.#encode(photo, size, signal);
      held.push(encoded);
      const attending = performance.now();
      onProgress?.({ stage: "encode", fraction: 1 });
      const decoderInputs: Record<string, EngineTensor> = {};
      const { modules } = this.architecture.attention;
      for (const [index, { level }] of modules.entries()) {
        const [session, values] = [this.#sessions.attend.get(level), style.levels.get(level)];
        if (session === undefined || values === undefined) throw new Error(`Expected a style with level ${level}`);
        onProgress?.({ stage: "attend", fraction: index / modules.length });
        const maps = await session.run({ keys: outputOf(encoded, `keys${level}`), ...values }, { signal });
        held.push(maps);
        decoderInputs[`features${level}`] = outputOf(encoded, `features${level}`);
        decoderInputs[`mean${level}`] = outputOf(maps, "mean");
        decoderInputs[`deviation${level}`] = outputOf(maps, "deviation");
        outputOf(encoded, `keys${level}`).dispose();
      }
      const decoding = performance.now();
      onProgress?.({ stage: "attend", fraction: 1 });
      onProgress?.({ stage: "decode", fraction: 0 });
      const painted = await this.#sessions.decode.run(decoderInputs, { signal });
      held.push(painted);
      const { data } = await outputOf(painted, "picture").read();
      const picture = toPicture(data as Float32Array, size, photo);
      const ended = performance.now();
      onProgress?.({ stage: "decode", fraction: 1 });
      return {
        ...picture,
        milliseconds: { encode: attending - started, attend: decoding - attending, decode: ended - decoding },
      };
    } finally {
      for (const tensors of held) disposeAll(tensors);
    }
  }

  /** Unloads the network and closes its engine. */
  async dispose(): Promise<void> {
    await this.#engine.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

function encodedSize({ width, height }: Size): Size {
  return paddedSize({ width: Math.max(width, LEAST_PADDED_SIDE), height: Math.max(height, LEAST_PADDED_SIDE) });
}

function disposeAll(tensors: Readonly<Record<string, EngineTensor>>): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}
