/**
 * One photograph on its way through the network, tile by tile: encoded, attending to its styles and
 * decoded. A photograph that is painted whole is one tile, whose features are kept between the two
 * passes; other tiles are encoded twice, first for the statistics of the whole.
 */

import { type EngineTensor, outputOf, type TensorData } from "../engine/engine.ts";
import type { Architecture, AttentionModule } from "../network/architecture.ts";
import { cellOf, gridOf } from "../network/levels.ts";
import { type Area, clipped, cropPicture, type PictureSource, relativeTo, withMargin } from "../picture/area.ts";
import { addGrain, type Grain } from "../picture/grain.ts";
import { type Picture, type Size, toPicture, toTensor } from "../picture/picture.ts";
import { Spread } from "../picture/spread.ts";
import { restoreDetail } from "./detail.ts";
import type { Mixture, Shares } from "./mixture.ts";
import type { Sessions, Tensors } from "./sessions.ts";
import {
  joinStatistics,
  type NormTensors,
  type PictureStatistics,
  type RunningStatistics,
  readStatistics,
  statisticsTensors,
  withDeviations,
} from "./statistics.ts";
import type { Style } from "./style.ts";
import type { Margins } from "./tiles.ts";

/** What a photograph is painted with. */
export interface PassInput {
  readonly architecture: Architecture;
  readonly sessions: Sessions;
  readonly margins: Margins;
  readonly photo: PictureSource;
  /** The photograph's padded size. */
  readonly size: Size;
  /** What the network sees on the photograph besides. */
  readonly grain: Grain | undefined;
  /** One for each of the mixture's shares. */
  readonly styles: readonly Style[];
  readonly mixture: Mixture;
  readonly signal: AbortSignal | undefined;
}

/** What each stage took of a tile, in milliseconds. */
export type Times = Record<"encode" | "attend" | "decode", number>;

/**
 * The least standard deviation of what the network sees of a photograph that Norm makes as much of
 * as of any other. Of 400 photographs none had less than 0.078. In fog, rounding to bytes would
 * come out as bold lines.
 */
const LEAST_SPREAD = 0.05;

/** How many times too large a flat photograph's normalized features would be; 1 for others. */
function flatness({ deviation }: Spread): number {
  return Math.max(1, LEAST_SPREAD / Math.max(deviation, 1e-4)) ** 2;
}

export class Pass {
  readonly times: Times = { encode: 0, attend: 0, decode: 0 };
  readonly #painting: PassInput;
  #norm: NormTensors = {};
  /** Of the photograph as a whole, where it is painted in one tile. */
  #features: Tensors | undefined;
  readonly #held = new Set<EngineTensor>();

  constructor(painting: PassInput) {
    this.#painting = painting;
  }

  /**
   * First pass: what Norm goes by, of the whole photograph or, with `shared`, of those before it
   * too. Calls `onTile` after each.
   */
  async gather(
    tiles: readonly Area[],
    shared: RunningStatistics | undefined,
    onTile: (done: number) => void,
  ): Promise<void> {
    const { architecture, margins, sessions, size, signal } = this.#painting;
    const { modules } = architecture.attention;
    const spread = new Spread();
    let whole: PictureStatistics | undefined;
    for (const [index, tile] of tiles.entries()) {
      const started = performance.now();
      const outer = withMargin(tile, margins.encoder, size);
      const features = await this.#crop(
        await this.#encode(outer, (data) => spread.add(data, outer, tile)),
        outer,
        tile,
      );
      const statistics = this.#keep(await sessions.statistics.run(features, { signal }));
      if (tiles.length === 1) this.#features = features;
      else this.#dispose(features);
      if (tiles.length === 1 && shared === undefined && flatness(spread) === 1) {
        this.#norm = statistics;
      } else {
        const own = await readStatistics(statistics, modules, (level) => area(gridOf(level, tile)));
        this.#dispose(statistics);
        whole = whole === undefined ? own : joinStatistics(whole, own);
      }
      this.times.encode += performance.now() - started;
      onTile(index + 1);
    }
    if (whole !== undefined) {
      this.#norm = statisticsTensors(withDeviations(shared?.next(whole) ?? whole, flatness(spread)));
    }
  }

  /**
   * Second pass, once for each tile: its part of the painted picture, as large as the photograph
   * has pixels there.
   */
  async paint(tile: Area, onStage: (stage: "attend" | "decode", fraction: number) => void): Promise<PaintedArea> {
    const { margins, photo, size } = this.#painting;
    const started = performance.now();
    const middle = withMargin(tile, margins.decoder, size);
    const outer = withMargin(middle, margins.encoder, size);
    const features = this.#features ?? (await this.#crop(await this.#encode(outer), outer, middle));
    const attending = performance.now();
    const inputs = await this.#attend(features, middle, (fraction) => onStage("attend", fraction));
    const decoding = performance.now();
    onStage("attend", 1);
    onStage("decode", 0);
    const values = await this.#decode(features, inputs, middle);
    this.#dispose(features);
    this.#dispose(inputs);
    const visible = clipped(middle, photo);
    const content = await photo.read(visible);
    const kept = relativeTo(visible, clipped(tile, photo));
    const painted = cropPicture(toPicture(values, middle, content), kept);
    this.times.encode += attending - started;
    this.times.attend += decoding - attending;
    this.times.decode += performance.now() - decoding;
    return { area: clipped(tile, photo), picture: painted, content: cropPicture(content, kept) };
  }

  /** Gives back what an end before the last tile has left. */
  dispose(): void {
    for (const tensor of this.#held) tensor.dispose();
    this.#held.clear();
  }

  /** Stacked features of an area of the padded photograph. */
  async #encode(outer: Area, onSeen?: (planes: Float32Array) => void): Promise<Tensors> {
    const { sessions, photo, grain, signal } = this.#painting;
    const data = toTensor(await photo.read(clipped(outer, photo)), outer);
    if (grain !== undefined) addGrain(data, outer, grain);
    onSeen?.(data);
    const shape = [1, 3, outer.height, outer.width];
    return this.#keep(await sessions.encode.run({ picture: { shape, data } }, { signal }));
  }

  /** Features of `outer` as those of an area within it. */
  async #crop(features: Tensors, outer: Area, inner: Area): Promise<Tensors> {
    if (inner.width === outer.width && inner.height === outer.height) return features;
    const { architecture, sessions, signal } = this.#painting;
    const { left, top, width, height } = relativeTo(outer, inner);
    const inputs: Record<string, EngineTensor | TensorData> = { ...features };
    for (const { level } of architecture.attention.modules) {
      inputs[`rows${level}`] = lines(top, height, cellOf(level));
      inputs[`columns${level}`] = lines(left, width, cellOf(level));
    }
    const cropped = await (await sessions.crop()).run(inputs, { signal });
    this.#dispose(features);
    return this.#keep(
      Object.fromEntries(Object.entries(cropped).map(([name, x]) => [name.replace("cropped", "stacked"), x])),
    );
  }

  /** The maps mean{level} and deviation{level} of an area, of all its styles together. */
  async #attend(features: Tensors, middle: Area, onFraction: (fraction: number) => void): Promise<Tensors> {
    const { architecture, sessions, styles, mixture, signal } = this.#painting;
    const { modules } = architecture.attention;
    const inputs: Tensors = {};
    for (const [index, module] of modules.entries()) {
      const { level } = module;
      const maps: Tensors[] = [];
      for (const [turn, style] of styles.entries()) {
        onFraction((index + turn / styles.length) / modules.length);
        const content = {
          stacked: outputOf(features, `stacked${level}`),
          normMean: outputOf(this.#norm, `normMean${level}`),
          normDeviation: outputOf(this.#norm, `normDeviation${level}`),
        };
        const run = sessions.attend(module).run({ ...content, ...style.levels.get(level)?.attended }, { signal });
        maps.push(this.#keep(await run));
      }
      const shares = mixture.sharesOn(gridOf(level, middle), cellOf(level), middle);
      const mixed = shares ? await this.#blend(module, features, maps, shares) : (maps[0] ?? {});
      inputs[`mean${level}`] = outputOf(mixed, "mean");
      inputs[`deviation${level}`] = outputOf(mixed, "deviation");
    }
    return inputs;
  }

  /** The maps of several styles and the photograph's own, averaged by their shares. */
  async #blend(
    module: AttentionModule,
    features: Tensors,
    maps: readonly Tensors[],
    { styles, own }: Shares,
  ): Promise<Tensors> {
    const { sessions, signal } = this.#painting;
    const session = await sessions.blend(module, maps.length);
    const row = (data: Float32Array) => ({ shape: [1, 1, data.length], data });
    const stacked = `stacked${module.level}`;
    const inputs: Record<string, TensorData | EngineTensor> = { [stacked]: outputOf(features, stacked), own: row(own) };
    for (const [index, share] of styles.entries()) {
      const single = maps[index] ?? {};
      inputs[`share${index}`] = row(share);
      inputs[`mean${index}`] = outputOf(single, "mean");
      inputs[`deviation${index}`] = outputOf(single, "deviation");
    }
    const mixed = this.#keep(await session.run(inputs, { signal }));
    for (const single of maps) this.#dispose(single);
    return mixed;
  }

  /** Planes of the painted area. */
  async #decode(features: Tensors, maps: Tensors, middle: Area): Promise<Float32Array> {
    const { sessions, photo, mixture, signal } = this.#painting;
    const decoded = this.#keep(await sessions.decode.run({ ...features, ...this.#norm, ...maps }, { signal }));
    const values = await planesOf(decoded);
    this.#dispose(decoded);
    const visible = clipped(middle, photo);
    const own = mixture.sharesOn(visible, 1, visible)?.own;
    if (own?.some((share) => share > 0)) {
      const reconstructed = this.#keep(await (await sessions.reconstruct()).run(features, { signal }));
      const reconstruction = await planesOf(reconstructed);
      this.#dispose(reconstructed);
      const photograph = toTensor(await photo.read(visible), middle);
      restoreDetail(values, { photograph, reconstruction }, middle, own, visible);
    }
    return values;
  }

  #keep(tensors: Tensors): Tensors {
    for (const tensor of Object.values(tensors)) this.#held.add(tensor);
    return tensors;
  }

  #dispose(tensors: Tensors): void {
    for (const tensor of Object.values(tensors)) {
      this.#held.delete(tensor);
      tensor.dispose();
    }
  }
}

/**
 * A painted tile: where it lies in the photograph, its pixels, and those of the photograph there.
 */
export interface PaintedArea {
  readonly area: Area;
  readonly picture: Picture & { readonly data: Uint8ClampedArray<ArrayBuffer> };
  readonly content: Picture;
}

/** The lines of a level's grid that an area covers, `start` and `length` in pixels. */
function lines(start: number, length: number, cell: number): TensorData {
  const data = BigInt64Array.from({ length: length / cell }, (_, at) => BigInt(start / cell + at));
  return { shape: [data.length], data };
}

function area({ width, height }: Size): number {
  return width * height;
}

async function planesOf(decoded: Tensors): Promise<Float32Array> {
  return (await outputOf(decoded, "picture").read()).data as Float32Array;
}
