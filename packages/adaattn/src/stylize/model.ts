/**
 * The API: a model turns a painting into a Style, and a photograph and one Style or several into a
 * picture.
 *
 *   const model = await loadModel("small");
 *   const style = await model.style(painting);
 *   const result = await model.stylize(photo, style, { strength: 0.8 });
 */

import type { Device, Engine } from "../engine/engine.ts";
import { AdaattnError } from "../error.ts";
import {
  type Attention,
  type AttentionInput,
  type AttentionMap,
  attentionMapOf,
  attentionOf,
  type Point,
} from "../inspect/attention.ts";
import { type Examination, type Health, healthOf } from "../inspect/health.ts";
import type { Architecture } from "../network/architecture.ts";
import type { WeightValues } from "../network/parameters.ts";
import { type Area, clipped, type PictureSource, sourceOf } from "../picture/area.ts";
import { type Grain, MOST_GRAIN } from "../picture/grain.ts";
import { chromaShare, fadeChroma } from "../picture/grayness.ts";
import { withoutHiddenColors } from "../picture/hidden.ts";
import { checkPicture, type Picture, type Size } from "../picture/picture.ts";
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
import { examine, type Inspected, lookAtAttention, middleSquare } from "./inspection.ts";
import { leastMemory, tileSide } from "./memory.ts";
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
import { Pass } from "./pass.ts";
import { Sessions } from "./sessions.ts";
import { contentSize, encodedSize, paintedSizes } from "./sizes.ts";
import type { RunningStatistics } from "./statistics.ts";
import type { Style } from "./style.ts";
import { preparePainting } from "./styleSource.ts";
import { Styles } from "./styles.ts";
import { marginsOf, planTiles } from "./tiles.ts";

/** A network with its weights, loaded on an engine that it owns. */
export class Model {
  readonly name: string;
  readonly architecture: Architecture;
  readonly #engine: Engine;
  readonly #sessions: Sessions;
  readonly #styles: Styles;
  readonly #weights: WeightValues;
  #fingerprint: Promise<string> | undefined;

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
    this.#styles = new Styles(name, architecture, sessions);
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

  /** What painting takes at least, in the smallest tiles, in bytes beside what the model holds. */
  get leastMemory(): number {
    return leastMemory(this.architecture, marginsOf(this.architecture), this.#sessions.keepsMemory);
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
    return this.#styles.make(source, { signal, onProgress });
  }

  /**
   * What a style is, as tensors to be kept: `restoreStyle` makes the same style of them without
   * encoding the painting again.
   *
   * @throws Error with one sentence where another model made the style.
   */
  async saveStyle(style: Style): Promise<SavedStyle> {
    return this.#styles.save(style);
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
    const { signal, onProgress: _, mask, ...asked } = options;
    const source = preparePainting(painting, mask, checkControls(styleControls, asked));
    return this.#styles.restore(source, kept, signal);
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
    const tiles = planTiles(size, tileSide(architecture, margins, size, tiling, this.#sessions.keepsMemory));
    const painted = shares.map(({ style }) => style);
    const matched: Style[] = [];
    try {
      const started = performance.now();
      const photo = await withoutHiddenColors(original, signal);
      if (color === "match") {
        for (const [index, style] of painted.entries()) {
          const sums = await colorsOf(photo, tiles, (area) => mixture.regionOf(index, area));
          const painting = matchColorSums(style.source.painting, sums);
          const own = await this.#styles.make({ ...style.source, painting }, { signal, onProgress });
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
    const tiles = planTiles(size, tileSide(architecture, margins, size, {}, this.#sessions.keepsMemory));
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
      this.#styles.checkOwn(style);
      checkControls(shareControls, controls, (control) => `the ${control} of style ${index + 1}`);
    }
    return shares;
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
        found.push(await examine(this.#inspected, photo, style, signal));
      } finally {
        style.dispose();
      }
    }
    return healthOf(found);
  }

  async #look<T>(
    photo: Picture,
    style: Style,
    { signal, onProgress, ...asked }: InspectOptions,
    look: (input: AttentionInput) => Promise<T>,
  ): Promise<T> {
    const { level } = checkControls(inspectControls, asked);
    this.#styles.checkOwn(style);
    return lookAtAttention(this.#inspected, photo, style, { level, signal, onProgress }, look);
  }

  get #inspected(): Inspected {
    return { name: this.name, architecture: this.architecture, sessions: this.#sessions };
  }

  /** Unloads the network and closes its engine. */
  async dispose(): Promise<void> {
    await this.#engine.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
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
