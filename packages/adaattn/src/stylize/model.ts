/**
 * The API: a model turns a painting into a Style, and a photograph and one Style or several into a
 * picture.
 *
 *   const model = await loadModel("small");
 *   const style = await model.style(painting);
 *   const result = await model.stylize(photo, style, { strength: 0.8 });
 */

import { type Device, type Engine, outputOf, type TensorData } from "../engine/engine.ts";
import { AdaattnError } from "../error.ts";
import {
  type Attention,
  type AttentionInput,
  type AttentionMap,
  attentionMapOf,
  attentionOf,
  type Point,
} from "../inspect/attention.ts";
import { type Examination, type Health, healthOf, type LevelHealth } from "../inspect/health.ts";
import type { Architecture } from "../network/architecture.ts";
import type { WeightValues } from "../network/parameters.ts";
import { attendedInputs, styleShapes } from "../network/parts.ts";
import { type Area, clipped, cropPicture, type PictureSource, sourceOf } from "../picture/area.ts";
import { type Grain, MOST_GRAIN } from "../picture/grain.ts";
import { chromaShare, fadeChroma } from "../picture/grayness.ts";
import { withoutHiddenColors } from "../picture/hidden.ts";
import { checkPicture, onWhite, type Picture, type Size, toTensor } from "../picture/picture.ts";
import { ColorSums, keepChroma, matchColorSums } from "../picture/recolor.ts";
import { resizePicture } from "../picture/resize.ts";
import { fingerprintOf } from "../weights/fingerprint.ts";
import {
  checkControls,
  inspectControls,
  paintControls,
  shareControls,
  sizeControls,
  strokeControls,
  styleControls,
  tileControls,
} from "./controls.ts";
import { paintGrowing } from "./growing.ts";
import { tileSide } from "./memory.ts";
import { Mixture } from "./mixture.ts";
import type {
  CallOptions,
  InspectOptions,
  ObserveOptions,
  PaintedTile,
  PaintOptions,
  SavedStyle,
  StyleOptions,
  StyleShare,
  StylizedPicture,
  StylizeOptions,
  StylizeReport,
} from "./options.ts";
import { Pass, type Tensors } from "./pass.ts";
import { chosenPositions } from "./positions.ts";
import { Sessions } from "./sessions.ts";
import { contentSize, encodedSize, paintedSizes } from "./sizes.ts";
import type { RunningStatistics } from "./statistics.ts";
import { Style, type StyleLevel } from "./style.ts";
import { preparePainting, type Source } from "./styleSource.ts";
import { marginsOf, planTiles } from "./tiles.ts";

/** The side of the pictures that a network is examined with. */
const EXAMINED_SIDE = 256;

/** A network with its weights, loaded on an engine that it owns. */
export class Model {
  readonly name: string;
  readonly architecture: Architecture;
  readonly #engine: Engine;
  readonly #sessions: Sessions;
  readonly #weights: WeightValues;
  #fingerprint: Promise<string> | undefined;
  /**
   * The styles that this model made: another engine would take their tensors for its own of the
   * same numbers.
   */
  readonly #styles = new WeakSet<Style>();

  protected constructor(
    name: string,
    architecture: Architecture,
    weights: WeightValues,
    engine: Engine,
    sessions: Sessions,
  ) {
    this.name = name;
    this.architecture = architecture;
    this.#weights = weights;
    this.#engine = engine;
    this.#sessions = sessions;
  }

  /**
   * Loads a network on an engine, which the model owns from then on. `weights` must hold every
   * tensor, in its shape.
   */
  static async load(name: string, architecture: Architecture, weights: WeightValues, engine: Engine): Promise<Model> {
    const sessions = await Sessions.load(name, architecture, weights, engine);
    return new Model(name, architecture, weights, engine, sessions);
  }

  /** Where it computes. */
  get device(): Device {
    return this.#engine.device;
  }

  /** Encodes a picture: stacked features of the attended levels. */
  async #encode(picture: Picture, size: Size, signal: AbortSignal | undefined): Promise<Tensors> {
    const data = toTensor(picture, size);
    return this.#sessions.encode.run({ picture: { shape: [1, 3, size.height, size.width], data } }, { signal });
  }

  /**
   * Computes what the attention needs of a painting, whose transparent parts count as white.
   *
   * @throws Error with one sentence where the painting, its mask or an option is not what it should
   *   be.
   */
  async style(painting: Picture, options: StyleOptions = {}): Promise<Style> {
    const { signal, onProgress, mask, ...asked } = options;
    const source = preparePainting(painting, mask, checkControls(styleControls, asked));
    return this.#takeStyle(source, { signal, onProgress });
  }

  async #takeStyle(source: Source, { signal, onProgress }: CallOptions): Promise<Style> {
    const begun = performance.now();
    onProgress?.({ stage: "style", fraction: 0 });
    const size = encodedSize(source.painting);
    const encoded = await this.#encode(source.painting, size, signal);
    try {
      onProgress?.({ stage: "style", fraction: 0.8 });
      const positions = this.#positions(source, size);
      const chosen = [...positions].map(([level, data]) => [`chosen${level}`, { shape: [data.length], data }] as const);
      const values = await this.#sessions.style.run({ ...encoded, ...Object.fromEntries(chosen) }, { signal });
      onProgress?.({ stage: "style", fraction: 1 });
      return this.#styleOf(source, positions, values, begun);
    } finally {
      disposeAll(encoded);
    }
  }

  #positions(source: Source, size: Size): Map<number, BigInt64Array> {
    const { attention } = this.architecture;
    return new Map(
      attention.modules.map((module) => [module.level, chosenPositions(attention, module, source, size)] as const),
    );
  }

  #styleOf(source: Source, positions: Style["positions"], values: Tensors, begun: number): Style {
    const levels = new Map<number, StyleLevel>();
    for (const level of positions.keys()) {
      const attended = attendedInputs(this.architecture).map(
        (name) => [name, outputOf(values, `${name}${level}`)] as const,
      );
      levels.set(level, { key: outputOf(values, `key${level}`), attended: Object.fromEntries(attended) });
    }
    const style = new Style({ levels, positions, source, milliseconds: performance.now() - begun });
    this.#styles.add(style);
    return style;
  }

  /**
   * What a style is, as tensors to be kept: `restoreStyle` makes the same style of them without
   * encoding the painting again.
   *
   * @throws Error with one sentence where another model made the style.
   */
  async saveStyle(style: Style): Promise<SavedStyle> {
    this.#checkOwn(style);
    const kept = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    for (const [level, { key, attended }] of style.levels) {
      for (const [name, tensor] of Object.entries({ key, ...attended })) {
        const { shape, data } = await tensor.read();
        kept.set(`${name}${level}`, { shape, data: data as Float32Array });
      }
    }
    return kept;
  }

  /**
   * The style that `saveStyle` gave these tensors of. The painting and the options must be those
   * that it was made with, and the model the same: of the tensors, only names and shapes can be
   * checked.
   *
   * @throws Error with one sentence where a tensor is missing or has another shape than the
   *   painting's positions ask for.
   */
  async restoreStyle(painting: Picture, options: StyleOptions, kept: SavedStyle): Promise<Style> {
    const begun = performance.now();
    const { signal, onProgress: _, mask, ...asked } = options;
    const source = preparePainting(painting, mask, checkControls(styleControls, asked));
    const positions = this.#positions(source, encodedSize(source.painting));
    const inputs: Record<string, TensorData> = {};
    for (const module of this.architecture.attention.modules) {
      const count = positions.get(module.level)?.length ?? 0;
      for (const [name, shape] of styleShapes(this.architecture, module, count)) {
        const tensor = kept.get(name);
        if (tensor === undefined || tensor.shape.join() !== shape.join()) {
          throw new AdaattnError(
            "file",
            `Expected ${shape.join(" x ")} for ${name} of a kept style but received ${tensor?.shape.join(" x ") ?? "none"}.`,
          );
        }
        inputs[`kept_${name}`] = tensor;
      }
    }
    const held = await (await this.#sessions.hold()).run(inputs, { signal });
    return this.#styleOf(source, positions, held, begun);
  }

  /**
   * A digest of the network and its weights, the same for the same model: 64 hexadecimal digits.
   */
  async fingerprint(): Promise<string> {
    this.#fingerprint ??= fingerprintOf(this.architecture, this.#weights);
    return this.#fingerprint;
  }

  /**
   * Paints a photograph in a style that this model made, or in several: mixed by their weights, or
   * each in the region of its mask. The result has the photograph's alpha and, up to 2048 pixels a
   * side or where `size` says so, its size; what lies under alpha 0 does not influence the rest.
   *
   * @throws Error with one sentence where the photograph, a style, a mask or an option is not what
   *   it should be.
   */
  async stylize(
    photo: Picture,
    styles: Style | readonly StyleShare[],
    options: StylizeOptions = {},
  ): Promise<StylizedPicture> {
    checkPicture(photo, "the photograph");
    const { size, ...painting } = options;
    const content = resizePicture(photo, contentSize(photo, checkControls(sizeControls, { size }).size));
    checkPicture(content, "the resized photograph");
    const { width, height } = content;
    const data = new Uint8ClampedArray(content.data.length);
    const paste = ({ left, top, picture }: PaintedTile) => pastePicture(data, width, picture, left, top);
    const report = await this.stylizeTiles(sourceOf(content), styles, paste, painting);
    return { width, height, data, ...report };
  }

  /**
   * Paints a photograph that need not be in memory as a whole, at its own size, tile by tile. Each
   * tile is read from `original` with a margin, once for the statistics of the whole and once to be
   * painted, and given to `write` row by row, from the left to the right. A photograph that may be
   * transparent is read once before, since colors under alpha 0 are replaced by such as continue
   * the visible ones; one for gray paintings is, to see whether it is gray too.
   *
   * @param original the photograph.
   * @param write is waited for before the next tile is begun.
   * @throws Error as {@link stylize} does, and whatever `original` and `write` throw.
   */
  async stylizeTiles(
    original: PictureSource,
    styles: Style | readonly StyleShare[],
    write: (tile: PaintedTile) => void | Promise<void>,
    options: PaintOptions = {},
  ): Promise<StylizeReport> {
    const { signal, onProgress, statistics, tile, memory, strokeBy, ...asked } = options;
    const { strokeBy: measure = statistics === undefined ? "picture" : "pixels" } = checkControls(strokeControls, {
      strokeBy,
    });
    const { strength = 1, color = "style", grain = 0 } = checkControls(paintControls, asked);
    const { architecture } = this;
    const shares = this.#checkShares(styles);
    const mixture = new Mixture(shares, strength, original);
    const size = encodedSize(original);
    const margins = marginsOf(architecture);
    const tiling = checkControls(tileControls, { tile, memory });
    const tiles = planTiles(size, tileSide(architecture, margins, size, tiling));
    const painted = shares.map(({ style }) => style);
    const matched: Style[] = [];
    try {
      const started = performance.now();
      const photo = await withoutHiddenColors(original, signal);
      if (color === "match") {
        for (const [index, style] of painted.entries()) {
          const sums = await colorsOf(photo, tiles, (area) => mixture.regionOf(index, area));
          const painting = matchColorSums(style.source.painting, sums);
          const own = await this.#takeStyle({ ...style.source, painting }, { signal, onProgress });
          matched.push(own);
          painted[index] = own;
        }
      }
      const originals = shares.map(({ style }) => style.source.painting);
      const areas = tiles.map((area) => clipped(area, photo));
      const chroma = color === "content" ? 1 : await chromaShare(originals, photo, areas);
      const matching = performance.now() - started;
      const painting = {
        architecture,
        sessions: this.#sessions,
        margins,
        original,
        photo,
        sizes: measure === "picture" ? paintedSizes(original) : [original],
        grain: grainOf(grain, shares),
        styles: painted,
        mixtureAt: (at: Size, isFirst: boolean) => new Mixture(shares, isFirst ? strength : Math.min(1, strength), at),
        statistics,
        tiling,
        signal,
        onProgress,
      };
      const done = await paintGrowing(painting, async ({ area, picture: plain, content }) => {
        const picture = color === "content" ? keepChroma(plain, content) : fadeChroma(plain, content, chroma);
        await write({ left: area.left, top: area.top, picture });
      });
      return {
        milliseconds: { ...done.times, encode: matching + done.times.encode },
        controls: { strength, color, grain, weights: mixture.weights },
        notes: mixture.notes,
        tiles: done.tiles,
      };
    } finally {
      for (const style of matched) style.dispose();
    }
  }

  /**
   * Looks at a photograph without painting it: its statistics are added to those shared, as if it
   * had been painted. For work that begins in the middle of a scene, with the frames before.
   */
  async observe(photo: Picture, statistics: RunningStatistics, options: ObserveOptions = {}): Promise<void> {
    const { signal, styles = [], grain: asked } = options;
    checkPicture(photo, "the photograph");
    const { grain = 0 } = checkControls(paintControls, { grain: asked });
    const { architecture } = this;
    const size = encodedSize(photo);
    const margins = marginsOf(architecture);
    const tiles = planTiles(size, tileSide(architecture, margins, size, {}));
    const mixture = new Mixture([], 1, photo);
    const pass = new Pass({
      architecture,
      sessions: this.#sessions,
      margins,
      photo: await withoutHiddenColors(sourceOf(photo), signal),
      size,
      grain: grainOf(grain, sharesOf(styles)),
      styles: [],
      mixture,
      signal,
    });
    await pass.gather(tiles, statistics, () => undefined).finally(() => pass.dispose());
  }

  /** The styles of a call as a list, each with what it shares. */
  #checkShares(styles: Style | readonly StyleShare[]): readonly StyleShare[] {
    const shares = sharesOf(styles);
    if (shares.length === 0)
      throw new AdaattnError("option", "Expected at least one style but received an empty list.");
    for (const [index, { style, mask, ...controls }] of shares.entries()) {
      this.#checkOwn(style);
      checkControls(shareControls, controls, (control) => `the ${control} of style ${index + 1}`);
    }
    return shares;
  }

  #checkOwn(style: Style): void {
    if (!this.#styles.has(style))
      throw new AdaattnError("option", `Expected a style that this model, ${this.name}, made but received another.`);
  }

  /**
   * Where points of a photograph look in a painting: rows of the attention matrix A (paper, section
   * 3.2), of which M and S are the mean and the deviation of the values. Only the rows that are
   * asked for are computed.
   *
   * @param points in pixels of the photograph, from its left and top edge.
   * @throws Error with one sentence where a point lies outside the photograph or the model has no
   *   such level.
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
      throw new AdaattnError(
        "option",
        `Expected a point within the photograph of ${photo.width} x ${photo.height} pixels but received ${x},${y}.`,
      );
    }
    const { signal } = options;
    return this.#look(photo, style, options, (input) => attentionOf(input, points, { signal }));
  }

  /**
   * What every position of a photograph looks at most, and how sharply: the largest probability of
   * each row of A, and the row's entropy. The matrix is computed a block of rows at a time.
   * Progress is reported as the stage `attend`.
   *
   * @throws Error with one sentence where the model has no such level.
   */
  async attentionMap(photo: Picture, style: Style, options: InspectOptions = {}): Promise<AttentionMap> {
    checkPicture(photo, "the photograph");
    const { signal, onProgress } = options;
    const onRow = (done: number, all: number) => onProgress?.({ stage: "attend", fraction: done / all });
    return this.#look(photo, style, options, (input) => attentionMapOf(input, { signal }, onRow));
  }

  /**
   * How alive the network is while it paints photographs in the styles of paintings, the middle 256
   * x 256 pixels of each: channels that no picture wakes, how many places attention looks at, and
   * what its levels change. `onProgress` is told the pairs as the stage `attend`.
   */
  async health(
    pairs: readonly { readonly photo: Picture; readonly painting: Picture }[],
    { signal, onProgress }: CallOptions = {},
  ): Promise<Health> {
    const found: Examination[] = [];
    for (const { photo, painting } of pairs) {
      checkPicture(photo, "the photograph");
      checkPicture(painting, "the painting");
      onProgress?.({ stage: "attend", fraction: found.length / pairs.length });
      const style = await this.style(middleSquare(painting), { signal });
      try {
        found.push(await this.#examine(onWhite(middleSquare(photo)), style, signal));
      } finally {
        style.dispose();
      }
    }
    return healthOf(found);
  }

  async #examine(photo: Picture, style: Style, signal: AbortSignal | undefined): Promise<Examination> {
    const [contentSize, styleSize] = [encodedSize(photo), encodedSize(style.source.painting)];
    const tensor = (picture: Picture, size: Size) => ({
      shape: [1, 3, size.height, size.width],
      data: toTensor(picture, size),
    });
    const inputs: Record<string, TensorData> = {
      content: tensor(photo, contentSize),
      style: tensor(style.source.painting, styleSize),
    };
    for (const [level, data] of style.positions) inputs[`chosen${level}`] = { shape: [data.length], data };
    const session = await this.#sessions.examination(contentSize, styleSize);
    const found = await session.run(inputs, { signal });
    try {
      const read = async (name: string) => (await outputOf(found, name).read()).data as Float32Array;
      const awake = new Map<string, Float32Array>();
      for (const name of Object.keys(found)) {
        if (name.startsWith("awake.")) awake.set(name.slice("awake.".length), await read(name));
      }
      const levels: LevelHealth[] = [];
      for (const { level } of this.architecture.attention.modules) {
        const asked = { level: level as InspectOptions["level"], signal };
        const { entropy, keys } = await this.attentionMap(photo, style, asked);
        const perplexity = Math.exp(entropy.sort()[entropy.length >> 1] as number);
        const [turned = 0] = await read(`turned${level}`);
        levels.push({ level, perplexity, keys: keys.length, effect: 255 * turned });
      }
      return { awake, levels };
    } finally {
      disposeAll(found);
    }
  }

  async #look<T>(
    photo: Picture,
    style: Style,
    { signal, onProgress, ...asked }: InspectOptions,
    look: (input: AttentionInput) => Promise<T>,
  ): Promise<T> {
    const { level } = checkControls(inspectControls, asked);
    this.#checkOwn(style);
    const { modules } = this.architecture.attention;
    const module = level === undefined ? modules[0] : modules.find((one) => one.level === level);
    if (module === undefined) {
      const levels = modules.map((one) => one.level).join(", ");
      throw new AdaattnError(
        "option",
        `Expected one of ${levels} for level, as ${this.name} has them, but received ${level}.`,
      );
    }
    const [values, positions] = [style.levels.get(module.level), style.positions.get(module.level)];
    if (values === undefined || positions === undefined) {
      throw new Error(`Expected a style with level ${module.level} but received none`);
    }
    onProgress?.({ stage: "encode", fraction: 0 });
    const contentSize = encodedSize(photo);
    const seen = await withoutHiddenColors(sourceOf(photo), signal);
    const whole = await seen.read({ left: 0, top: 0, width: photo.width, height: photo.height });
    const encoded = await this.#encode(whole, contentSize, signal);
    const held: Tensors = { ...encoded };
    try {
      onProgress?.({ stage: "encode", fraction: 1 });
      const statistics = await this.#sessions.statistics.run(encoded, { signal });
      Object.assign(held, statistics);
      return await look({
        session: await this.#sessions.rows(module),
        level: module.level,
        content: {
          stacked: outputOf(encoded, `stacked${module.level}`),
          normMean: outputOf(statistics, `normMean${module.level}`),
          normDeviation: outputOf(statistics, `normDeviation${module.level}`),
        },
        contentSize,
        key: values.key,
        positions,
        painting: style.source.painting,
        styleSize: encodedSize(style.source.painting),
      });
    } finally {
      disposeAll(held);
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

/** The middle of a picture, as a square that a network is examined with. */
function middleSquare(picture: Picture): Picture {
  const side = Math.min(picture.width, picture.height);
  const [left, top] = [(picture.width - side) >> 1, (picture.height - side) >> 1];
  const square = cropPicture(picture, { left, top, width: side, height: side });
  return resizePicture(square, { width: EXAMINED_SIDE, height: EXAMINED_SIDE });
}

function sharesOf(styles: Style | readonly StyleShare[]): readonly StyleShare[] {
  return Array.isArray(styles) ? (styles as readonly StyleShare[]) : [{ style: styles as Style }];
}

/**
 * The grain that a control asks for; its cells are as large as the strokes of all styles on
 * average.
 */
function grainOf(grain: number, shares: readonly StyleShare[]): Grain | undefined {
  if (grain === 0) return undefined;
  const total = shares.reduce((sum, { weight = 1 }) => sum + weight, 0);
  const scale = shares.reduce((sum, { weight = 1, style }) => sum + (weight / total) * style.source.stroke, 0);
  return { depth: MOST_GRAIN * grain, scale: scale || 1 };
}

/** The colors of a photograph, read part by part. */
async function colorsOf(
  photo: PictureSource,
  tiles: readonly Area[],
  weightsOf: (area: Area) => Float32Array | undefined,
): Promise<ColorSums> {
  const sums = new ColorSums();
  for (const tile of tiles) {
    const area = clipped(tile, photo);
    sums.add(await photo.read(area), weightsOf(area));
  }
  return sums;
}

function pastePicture(data: Uint8ClampedArray, width: number, picture: Picture, left: number, top: number): void {
  for (let y = 0; y < picture.height; y++) {
    const row = picture.data.subarray(y * picture.width * 4, (y + 1) * picture.width * 4);
    data.set(row, ((top + y) * width + left) * 4);
  }
}

function disposeAll(tensors: Readonly<Tensors>): void {
  for (const tensor of Object.values(tensors)) tensor.dispose();
}
