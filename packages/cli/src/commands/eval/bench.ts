/** Stylizes and measures pair after pair, looking at no picture twice where memory allows. */

import { checkDevice } from "adaattn/internal/node";
import { encoderParameters } from "adaattn/network";
import {
  type Device,
  loadModel,
  type Model,
  NodeEngine,
  type Picture,
  readModel,
  readPicture,
  type Style,
} from "adaattn/node";
import { featuresBytes, Meter, type PictureFeatures, readEncoder, resizePicture, type TrainedEncoder } from "#train";
import type { Pair } from "./pairs.ts";
import { Recent } from "./recent.ts";
import type { PairReport } from "./report.ts";

/** How many bytes the features of contents may take, and those of styles. */
const KEPT_BYTES = 256 * 2 ** 20;

/** Copies of one style that are kept, for contents of different sizes. */
const KEPT_COPIES = 4;

/** What {@link Bench.open} is asked. */
export interface BenchOptions {
  /** The model that stylizes; undefined where results of others are measured. */
  readonly model: string | undefined;
  /** The file of the encoder that measures; that of the bundled model small by default. */
  readonly lossNetwork?: string | undefined;
  readonly device: "auto" | Device;
  readonly threads?: number | undefined;
  /** The longer side of every picture in pixels. */
  readonly size: number;
  readonly signal: AbortSignal;
}

/** A picture and what the loss network saw in it. */
interface Seen {
  readonly picture: Picture;
  readonly features: PictureFeatures;
}

/** A measured pair, with its pictures at the size at which they were measured. */
export interface Measurement extends Pick<PairReport, "result" | "identity" | "styleCopy" | "seconds"> {
  readonly pictures: Readonly<Record<"content" | "style" | "result", Picture>>;
}

/** A model, if any, and a loss network on engines of their own. */
export class Bench implements AsyncDisposable {
  /** How many contents' features are kept at a time. */
  readonly capacity: number;
  readonly device: Device;
  readonly #model: Model | undefined;
  readonly #meter: Meter;
  readonly #options: BenchOptions;
  readonly #contents: Recent<Seen>;
  readonly #styles: Recent<Seen>;
  readonly #copies = new Recent<Seen>(KEPT_COPIES);
  #painted: { readonly path: string; readonly style: Style } | undefined;

  private constructor(options: BenchOptions, device: Device, model: Model | undefined, meter: Meter, capacity: number) {
    this.#options = options;
    this.#model = model;
    this.#meter = meter;
    this.device = device;
    this.capacity = capacity;
    this.#contents = new Recent(capacity);
    this.#styles = new Recent(capacity);
  }

  /**
   * Loads the networks. The loss network computes where the model does; on its own, on the CPU
   * unless a device is named.
   */
  static async open(options: BenchOptions): Promise<Bench> {
    const { model: name, device, threads, signal, size } = options;
    const lossNetwork = await readLossNetwork(options);
    const model = name === undefined ? undefined : await loadModel(name, { device, signal, threads });
    try {
      const chosen = model?.device ?? (device === "auto" ? "cpu" : device);
      await checkDevice(chosen, signal);
      const meter = await Meter.load(lossNetwork, new NodeEngine({ device: chosen, threads }));
      const capacity = Math.max(1, Math.floor(KEPT_BYTES / featuresBytes(lossNetwork, size)));
      return new Bench(options, chosen, model, meter, capacity);
    } catch (error) {
      await model?.dispose();
      throw error;
    }
  }

  /**
   * Measures a pair, and beside it the content and the style as if they were results.
   *
   * @param resultFile another's result, which the content is stretched to where their sizes differ;
   *   without one, the model paints.
   * @param onStage told what is being done.
   */
  async measure(pair: Pair, resultFile: string | undefined, onStage: (stage: string) => void): Promise<Measurement> {
    const { signal } = this.#options;
    onStage("look");
    let content = await this.#look(this.#contents, pair.content.path);
    const style = await this.#look(this.#styles, pair.style.path);
    onStage("stylize");
    const { picture, seconds } =
      resultFile === undefined
        ? await this.#stylize(content.picture, pair.style.path, style.picture)
        : { picture: await this.#read(resultFile), seconds: null };
    onStage("measure");
    const size = `${picture.width}x${picture.height}`;
    if (size !== `${content.picture.width}x${content.picture.height}`) {
      const { picture: whole } = content;
      content = await this.#look(this.#contents, `${pair.content.path} ${size}`, () => resizePicture(whole, picture));
    }
    const copy = await this.#look(this.#copies, `${pair.style.path} ${size}`, () =>
      resizePicture(style.picture, picture),
    );
    const result = await this.#meter.look(picture, { signal });
    const compare = (features: PictureFeatures) =>
      this.#meter.compare(features, content.features, style.features, { signal });
    return {
      result: await compare(result),
      identity: await compare(content.features),
      styleCopy: await compare(copy.features),
      seconds,
      pictures: { content: content.picture, style: style.picture, result: picture },
    };
  }

  #read(path: string): Promise<Picture> {
    const { size, signal } = this.#options;
    return readPicture(path, { longerSide: size, signal });
  }

  #look(kept: Recent<Seen>, key: string, make: () => Promise<Picture> = () => this.#read(key)): Promise<Seen> {
    return kept.get(key, async () => {
      const picture = await make();
      return { picture, features: await this.#meter.look(picture, { signal: this.#options.signal }) };
    });
  }

  async #stylize(content: Picture, path: string, painting: Picture) {
    const model = this.#model;
    const { size, signal } = this.#options;
    if (model === undefined) throw new Error("Expected a model, or a result to measure, but received neither");
    if (this.#painted?.path !== path) {
      this.#painted?.style.dispose();
      this.#painted = undefined;
      this.#painted = { path, style: await model.style(painting, { size, signal }) };
    }
    const begun = performance.now();
    const picture = await model.stylize(content, this.#painted.style, { size: "full", signal });
    return { picture, seconds: (performance.now() - begun) / 1000 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#painted?.style.dispose();
    await this.#model?.dispose();
    await this.#meter.dispose();
  }
}

async function readLossNetwork({ lossNetwork, signal }: BenchOptions): Promise<TrainedEncoder> {
  if (lossNetwork !== undefined) return readEncoder(lossNetwork);
  const { architecture, weights } = await readModel("small", signal);
  const { encoder } = architecture;
  return { encoder, shapes: encoderParameters(encoder), values: weights };
}
