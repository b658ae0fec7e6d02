/**
 * How alive the network of a run is, looked at with every checkpoint: what a loss does not tell.
 */

import type { Picture } from "adaattn";
import type { Architecture, WeightValues } from "adaattn/network";
import { type Health, Model, NodeEngine, type NodeEngineOptions } from "adaattn/node";
import type { MetricsLine } from "./trainer.ts";

/** A notice is given where more than this share of a layer's channels are dead. */
const TOLERATED = 0.1;

/** Examines averaged weights with the same pairs each time. */
export class HealthCheck {
  readonly #architecture: Architecture;
  readonly #pairs: readonly { readonly photo: Picture; readonly painting: Picture }[];
  readonly #engine: NodeEngineOptions;
  readonly #onNotice: ((sentence: string) => void) | undefined;
  readonly #noticed = new Set<string>();

  constructor(
    architecture: Architecture,
    pairs: readonly { readonly content: Picture; readonly style: Picture }[],
    engine: NodeEngineOptions,
    onNotice: ((sentence: string) => void) | undefined,
  ) {
    this.#architecture = architecture;
    this.#pairs = pairs.map(({ content, style }) => ({ photo: content, painting: style }));
    this.#engine = engine;
    this.#onNotice = onNotice;
  }

  /**
   * `dead.LAYER`, the share of a layer's channels that no picture wakes; `perplexity.LEVEL`, at how
   * many keys a level's attention looks; and `effect.LEVEL`, by how much of 255 the picture changes
   * where what the level finds is turned upside down.
   */
  async examine(weights: WeightValues): Promise<MetricsLine> {
    const { name } = this.#architecture;
    await using model = await Model.load(name, this.#architecture, weights, new NodeEngine(this.#engine));
    const health = await model.health(this.#pairs);
    this.#notice(health);
    const line: Record<string, number> = {};
    for (const { name: layer, channels, dead } of health.layers) line[`dead.${layer}`] = dead / channels;
    for (const { level, perplexity, effect } of health.levels) {
      line[`perplexity.${level}`] = perplexity;
      line[`effect.${level}`] = effect;
    }
    return line;
  }

  /** Says once of each layer that too much of it is dead. */
  #notice({ layers }: Health): void {
    for (const { name, channels, dead } of layers) {
      if (dead / channels <= TOLERATED || this.#noticed.has(name)) continue;
      this.#noticed.add(name);
      this.#onNotice?.(
        `No picture wakes ${dead} of the ${channels} channels of ${name} any more, and training hardly brings them back; ` +
          "a lower --lr or a longer --warmup kills fewer, and a new run with --revive wakes them.",
      );
    }
  }
}
