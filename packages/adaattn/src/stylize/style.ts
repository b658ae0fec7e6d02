/** A Style: what a painting becomes once, to be used for any number of pictures. */

import type { EngineTensor } from "../engine/engine.ts";
import type { Source } from "./styleSource.ts";

/** A painting at one level, as the engine holds it. */
export interface StyleLevel {
  /** Its keys: what rows of the attention are computed from. */
  readonly key: EngineTensor;
  /**
   * What the part `attend` takes of it, by name: keys, centered values and their mean, or for
   * cosine attention sums of those.
   */
  readonly attended: Readonly<Record<string, EngineTensor>>;
}

/**
 * A painting as the attention modules of one model see it. It belongs to that model and lives until
 * it is disposed of.
 */
export class Style {
  readonly levels: ReadonlyMap<number, StyleLevel>;
  /**
   * The positions that each level attends to, counted row by row in the level's grid over the
   * padded painting.
   */
  readonly positions: ReadonlyMap<number, BigInt64Array>;
  /**
   * The painting as the encoder saw it: opaque, resized and turned; and the part of it that is a
   * source.
   */
  readonly source: Source;
  /** How long it took to make, in milliseconds. */
  readonly milliseconds: number;

  constructor(made: Pick<Style, "levels" | "positions" | "source" | "milliseconds">) {
    this.levels = made.levels;
    this.positions = made.positions;
    this.source = made.source;
    this.milliseconds = made.milliseconds;
  }

  /** Sentences on what was done to the painting's mask. */
  get notes(): readonly string[] {
    return this.source.notes;
  }

  /** Frees the tensors that the engine holds. */
  dispose(): void {
    for (const { key, attended } of this.levels.values()) {
      for (const tensor of new Set([key, ...Object.values(attended)])) tensor.dispose();
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
