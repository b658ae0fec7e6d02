/**
 * The API: a model turns a painting into a Style, and a photograph and one Style or several into a picture.
 *
 *   const model = await loadModel("small");
 *   const style = await model.style(painting);
 *   const result = await model.stylize(photo, style, { strength: 0.8 });
 */

import type { Architecture, AttentionModule } from "./architecture.ts";
import {
  checkControls,
  type InspectControls,
  inspectControls,
  type PaintControls,
  paintControls,
  type StyleControls,
  shareControls,
  styleControls,
} from "./controls.ts";
import { restoreDetail } from "./detail.ts";
import { type Device, type Engine, type EngineTensor, outputOf, type TensorData } from "./engine/engine.ts";
import { checkPicture, type Picture, paddedSize, type Size, toPicture, toTensor } from "./image.ts";
import { type Attention, type AttentionMap, attentionMapOf, attentionOf, type Looking, type Point } from "./inspect.ts";
import { Mixture, type Portion, type Shares } from "./mixture.ts";
import { preparePainting, type Source } from "./painting.ts";
import { cellOf, chosenPositions, gridOf } from "./positions.ts";
import { keepChroma, matchColours } from "./recolour.ts";
import { Sessions } from "./sessions.ts";
import { Style, type StyleLevel } from "./style.ts";
import type { WeightValues } from "./weights/weights.ts";

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

/** How a painting is looked at, and how the call goes. */
export interface StyleOptions extends CallOptions, StyleControls {
  /**
   * The part of the painting that is a source: white where it is, black where it is not; of any size, stretched over the painting.
   * It limits the positions that M and S are averages of; keys are normalised over the whole painting all the same.
   */
  readonly mask?: Picture | undefined;
}

/** How a photograph is painted, and how the call goes. */
export interface StylizeOptions extends CallOptions, PaintControls {}

/** Which level is looked into, and how the call goes. */
export interface InspectOptions extends CallOptions, InspectControls {}

/** One of several styles. */
export interface StyleShare extends Portion {
  readonly style: Style;
  /** How much it counts beside the others: a number above 0, of which only the ratio to the others' matters. 1 by default. */
  readonly weight?: number | undefined;
  /**
   * Where in the photograph the style goes: white where it does, black where not, grey for in between; of any size, stretched
   * over the photograph. Everywhere by default. Where no style goes, the photograph stays as it is.
   */
  readonly mask?: Picture | undefined;
}

/** A stylised picture, of the photograph's size and with its alpha. */
export interface Stylised extends Picture {
  readonly data: Uint8ClampedArray;
  /** How long each stage took; styles that were recoloured to match count to `encode`. */
  readonly milliseconds: { readonly encode: number; readonly attend: number; readonly decode: number };
  /** The controls that it was painted by; weights sum to 1. */
  readonly controls: Required<PaintControls> & { readonly weights: readonly number[] };
  /** Sentences on what was done to masks that did not fit. */
  readonly notes: readonly string[];
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
    return new Model(name, architecture, engine, await Sessions.load(name, architecture, weights, engine));
  }

  /** Where it computes. */
  get device(): Device {
    return this.#engine.device;
  }

  /** Encodes a picture: features and keys of the attended levels. */
  async #encode(picture: Picture, size: Size, signal: AbortSignal | undefined): Promise<Tensors> {
    const data = toTensor(picture, size);
    return this.#sessions.encode.run({ picture: { shape: [1, 3, size.height, size.width], data } }, { signal });
  }

  /**
   * Computes what the attention needs of a painting, whose transparent parts count as white.
   *
   * @throws Error with one sentence where the painting, its mask or an option is not what it should be.
   */
  async style(painting: Picture, options: StyleOptions = {}): Promise<Style> {
    const { signal, onProgress, mask, ...asked } = options;
    const controls = checkControls(styleControls, asked);
    const source = preparePainting(painting, mask, controls);
    return this.#takeStyle(source, controls.seed ?? DEFAULT_SEED, { signal, onProgress });
  }

  async #takeStyle(source: Source, seed: number, { signal, onProgress }: CallOptions): Promise<Style> {
    const begun = performance.now();
    onProgress?.({ stage: "style", fraction: 0 });
    const { attention } = this.architecture;
    const size = encodedSize(source.painting);
    const encoded = await this.#encode(source.painting, size, signal);
    try {
      onProgress?.({ stage: "style", fraction: 0.8 });
      const positions = new Map<number, BigInt64Array>();
      const chosen: Record<string, TensorData> = {};
      for (const module of attention.modules) {
        const data = chosenPositions(attention, module, source, size, seed);
        positions.set(module.level, data);
        chosen[`chosen${module.level}`] = { shape: [data.length], data };
      }
      const values = await this.#sessions.style.run({ ...encoded, ...chosen }, { signal });
      const levels = new Map<number, StyleLevel>();
      for (const { level } of attention.modules) {
        levels.set(level, {
          key: outputOf(values, `key${level}`),
          value: outputOf(values, `value${level}`),
          valueMean: outputOf(values, `valueMean${level}`),
        });
      }
      onProgress?.({ stage: "style", fraction: 1 });
      const style = new Style({ levels, positions, source, seed, milliseconds: performance.now() - begun });
      this.#styles.add(style);
      return style;
    } finally {
      disposeAll(encoded);
    }
  }

  /**
   * Paints a photograph in a style that this model made, or in several: mixed by their weights, or each in the region of its mask.
   * The result has the photograph's size and alpha.
   *
   * @throws Error with one sentence where the photograph, a style, a mask or an option is not what it should be.
   */
  async stylize(
    photo: Picture,
    styles: Style | readonly StyleShare[],
    options: StylizeOptions = {},
  ): Promise<Stylised> {
    const { signal, onProgress, ...asked } = options;
    const { strength = 1, color = "style" } = checkControls(paintControls, asked);
    checkPicture(photo, "the photograph");
    const shares = this.#checkShares(styles);
    const mixture = new Mixture(shares, strength, photo);
    const size = encodedSize(photo);
    const held: { dispose(): void }[] = [];
    const keep = (tensors: Tensors) => {
      held.push(...Object.values(tensors));
      return tensors;
    };
    try {
      const started = performance.now();
      const painted = shares.map(({ style }) => style);
      if (color === "match") {
        for (const [index, style] of painted.entries()) {
          const matched = await this.#matched(style, photo, mixture.regionOf(index), { signal, onProgress });
          held.push(matched);
          painted[index] = matched;
        }
      }

      onProgress?.({ stage: "encode", fraction: 0 });
      const encoded = keep(await this.#encode(photo, size, signal));
      const attending = performance.now();
      onProgress?.({ stage: "encode", fraction: 1 });
      const decoderInputs: Tensors = {};
      const { modules } = this.architecture.attention;
      for (const [index, module] of modules.entries()) {
        const [features, keys] = [`features${module.level}`, `keys${module.level}`];
        const maps: Tensors[] = [];
        for (const [turn, style] of painted.entries()) {
          onProgress?.({ stage: "attend", fraction: (index + turn / painted.length) / modules.length });
          const inputs = { keys: outputOf(encoded, keys), ...style.levels.get(module.level) };
          maps.push(keep(await this.#sessions.attend(module).run(inputs, { signal })));
        }
        const portions = mixture.sharesOn(gridOf(module.level, size), cellOf(module.level));
        const mixed = portions ? keep(await this.#blend(module, encoded, maps, portions, signal)) : (maps[0] ?? {});
        decoderInputs[features] = outputOf(encoded, features);
        decoderInputs[`mean${module.level}`] = outputOf(mixed, "mean");
        decoderInputs[`deviation${module.level}`] = outputOf(mixed, "deviation");
        if (portions) for (const single of maps) disposeAll(single);
        outputOf(encoded, keys).dispose();
      }

      const decoding = performance.now();
      onProgress?.({ stage: "attend", fraction: 1 });
      onProgress?.({ stage: "decode", fraction: 0 });
      const decoded = keep(await this.#sessions.decode.run(decoderInputs, { signal }));
      const values = await planesOf(decoded);
      const own = mixture.sharesOn(photo, 1)?.own;
      if (own?.some((share) => share > 0)) {
        const reconstruct = await this.#sessions.reconstruct();
        const reconstruction = await planesOf(keep(await reconstruct.run(featuresOf(encoded), { signal })));
        restoreDetail(values, { photograph: toTensor(photo, size), reconstruction }, size, own, photo);
      }
      const stylised = toPicture(values, size, photo);
      const { data } = color === "content" ? keepChroma(stylised, photo) : stylised;
      const ended = performance.now();
      onProgress?.({ stage: "decode", fraction: 1 });
      return {
        ...{ width: photo.width, height: photo.height, data },
        milliseconds: { encode: attending - started, attend: decoding - attending, decode: ended - decoding },
        controls: { strength, color, weights: mixture.weights },
        notes: mixture.notes,
      };
    } finally {
      for (const one of held) one.dispose();
    }
  }

  /** The styles of a call as a list, each with what it shares. */
  #checkShares(styles: Style | readonly StyleShare[]): readonly StyleShare[] {
    const shares = Array.isArray(styles) ? (styles as readonly StyleShare[]) : [{ style: styles as Style }];
    if (shares.length === 0) throw new Error("Expected at least one style but received an empty list.");
    for (const [index, { style, mask, ...controls }] of shares.entries()) {
      this.#checkOwn(style);
      checkControls(shareControls, controls, (control) => `the ${control} of style ${index + 1}`);
    }
    return shares;
  }

  #checkOwn(style: Style): void {
    if (!this.#styles.has(style))
      throw new Error(`Expected a style that this model, ${this.name}, made but received another.`);
  }

  /** A style taken anew from its painting in the colours of the photograph, or of a region of it. */
  #matched(style: Style, photo: Picture, region: Float32Array | undefined, options: CallOptions): Promise<Style> {
    const painting = matchColours(style.source.painting, photo, region);
    return this.#takeStyle({ ...style.source, painting }, style.seed, options);
  }

  /** The maps of several styles and the photograph's own, averaged by their shares. */
  async #blend(
    module: AttentionModule,
    encoded: Tensors,
    maps: readonly Tensors[],
    { styles, own }: Shares,
    signal: AbortSignal | undefined,
  ): Promise<Tensors> {
    const session = await this.#sessions.blend(module, maps.length);
    const row = (data: Float32Array) => ({ shape: [1, 1, data.length], data });
    const features = `features${module.level}`;
    const inputs: Record<string, TensorData | EngineTensor> = {
      [features]: outputOf(encoded, features),
      own: row(own),
    };
    for (const [index, share] of styles.entries()) {
      const single = maps[index] ?? {};
      inputs[`share${index}`] = row(share);
      inputs[`mean${index}`] = outputOf(single, "mean");
      inputs[`deviation${index}`] = outputOf(single, "deviation");
    }
    return session.run(inputs, { signal });
  }

  /**
   * Where points of a photograph look in a painting: rows of the attention matrix A (paper, section 3.2), of which M and S are the
   * mean and the deviation of the values. Only the rows that are asked for are computed.
   *
   * @param points in pixels of the photograph, from its left and top edge.
   * @throws Error with one sentence where a point lies outside the photograph or the model has no such level.
   */
  async attention(
    photo: Picture,
    style: Style,
    points: readonly Point[],
    options: InspectOptions = {},
  ): Promise<Attention> {
    checkPicture(photo, "the photograph");
    for (const { x, y } of points) {
      if (x >= 0 && y >= 0 && x < photo.width && y < photo.height) continue;
      throw new Error(
        `Expected a point within the photograph of ${photo.width} x ${photo.height} pixels but received ${x},${y}.`,
      );
    }
    const { signal } = options;
    return this.#look(photo, style, options, (looking) => attentionOf(looking, points, { signal }));
  }

  /**
   * What every position of a photograph looks at most, and how sharply: the largest probability of each row of A, and the row's
   * entropy. The matrix is computed a block of rows at a time. Progress is reported as the stage `attend`.
   *
   * @throws Error with one sentence where the model has no such level.
   */
  async attentionMap(photo: Picture, style: Style, options: InspectOptions = {}): Promise<AttentionMap> {
    checkPicture(photo, "the photograph");
    const { signal, onProgress } = options;
    const onRow = (done: number, all: number) => onProgress?.({ stage: "attend", fraction: done / all });
    return this.#look(photo, style, options, (looking) => attentionMapOf(looking, { signal }, onRow));
  }

  async #look<T>(
    photo: Picture,
    style: Style,
    { signal, onProgress, ...asked }: InspectOptions,
    look: (looking: Looking) => Promise<T>,
  ): Promise<T> {
    const { level } = checkControls(inspectControls, asked);
    this.#checkOwn(style);
    const { modules } = this.architecture.attention;
    const module = level === undefined ? modules[0] : modules.find((one) => one.level === level);
    if (module === undefined) {
      const levels = modules.map((one) => one.level).join(", ");
      throw new Error(`Expected one of ${levels} for level, as ${this.name} has them, but received ${level}.`);
    }
    onProgress?.({ stage: "encode", fraction: 0 });
    const contentSize = encodedSize(photo);
    const encoded = await this.#encode(photo, contentSize, signal);
    try {
      onProgress?.({ stage: "encode", fraction: 1 });
      return await look({
        session: await this.#sessions.rows(module),
        level: module.level,
        contentKeys: outputOf(encoded, `keys${module.level}`),
        ...{ contentSize, style, styleSize: encodedSize(style.source.painting) },
      });
    } finally {
      disposeAll(encoded);
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

type Tensors = Record<string, EngineTensor>;

function encodedSize({ width, height }: Size): Size {
  return paddedSize({ width: Math.max(width, LEAST_PADDED_SIDE), height: Math.max(height, LEAST_PADDED_SIDE) });
}

/** The features among what an encoder gave. */
function featuresOf(encoded: Tensors): Tensors {
  return Object.fromEntries(Object.entries(encoded).filter(([name]) => name.startsWith("features")));
}

async function planesOf(decoded: Tensors): Promise<Float32Array> {
  return (await outputOf(decoded, "picture").read()).data as Float32Array;
}

function disposeAll(tensors: Readonly<Tensors>): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}
