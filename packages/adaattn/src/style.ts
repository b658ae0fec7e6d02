/** A Style: what a painting becomes once, to be used for any number of pictures. */

import type { EngineTensor } from "./engine/engine.ts";

/** Keys, centred values and their mean at one level, as the engine holds them. */
export interface StyleLevel {
  readonly key: EngineTensor;
  readonly value: EngineTensor;
  readonly valueMean: EngineTensor;
}

/** A painting as the attention modules of one model see it. It belongs to that model and lives until it is disposed of. */
export class Style {
  readonly levels: ReadonlyMap<number, StyleLevel>;
  /** How long it took to make, in milliseconds. */
  readonly milliseconds: number;

  constructor(levels: ReadonlyMap<number, StyleLevel>, milliseconds: number) {
    this.levels = levels;
    this.milliseconds = milliseconds;
  }

  /** Frees the tensors that the engine holds. */
  dispose(): void {
    for (const { key, value, valueMean } of this.levels.values()) {
      key.dispose();
      value.dispose();
      valueMean.dispose();
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
