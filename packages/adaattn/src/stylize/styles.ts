/** The styles of a model: made of paintings, or of what was saved of them. */

import { outputOf, type TensorData } from "../engine/engine.ts";
import { AdaattnError } from "../error.ts";
import type { Architecture } from "../network/architecture.ts";
import { attendedInputs, styleShapes } from "../network/parts.ts";
import type { Size } from "../picture/picture.ts";
import type { CallOptions, SavedStyle } from "./options.ts";
import { chosenPositions } from "./positions.ts";
import { disposeAll, encodePicture, type Sessions, type Tensors } from "./sessions.ts";
import { encodedSize } from "./sizes.ts";
import { Style, type StyleLevel } from "./style.ts";
import type { Source } from "./styleSource.ts";

export class Styles {
  readonly #name: string;
  readonly #architecture: Architecture;
  readonly #sessions: Sessions;
  /** Another engine would take a style's tensors for its own of the same numbers. */
  readonly #own = new WeakSet<Style>();

  /** `name` is the model's, for errors. */
  constructor(name: string, architecture: Architecture, sessions: Sessions) {
    this.#name = name;
    this.#architecture = architecture;
    this.#sessions = sessions;
  }

  /** Encodes a painting, and computes what the attention needs of it. */
  async make(source: Source, { signal, onProgress }: CallOptions): Promise<Style> {
    const begun = performance.now();
    onProgress?.({ stage: "style", fraction: 0 });
    const size = encodedSize(source.painting);
    const encoded = await encodePicture(this.#sessions, source.painting, size, signal);
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

  /** A style's tensors, to be kept. */
  async save(style: Style): Promise<SavedStyle> {
    this.checkOwn(style);
    const saved = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    for (const [level, { key, attended }] of style.levels) {
      for (const [name, tensor] of Object.entries({ key, ...attended })) {
        const { shape, data } = await tensor.read();
        saved.set(`${name}${level}`, { shape, data: data as Float32Array });
      }
    }
    return saved;
  }

  /** The style that `save` gave these tensors of. */
  async restore(source: Source, saved: SavedStyle, signal: AbortSignal | undefined): Promise<Style> {
    const begun = performance.now();
    const positions = this.#positions(source, encodedSize(source.painting));
    const inputs: Record<string, TensorData> = {};
    for (const module of this.#architecture.attention.modules) {
      const count = positions.get(module.level)?.length ?? 0;
      for (const [name, shape] of styleShapes(this.#architecture, module, count)) {
        const tensor = saved.get(name);
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

  /** @throws Error with one sentence where another model made the style. */
  checkOwn(style: Style): void {
    if (!this.#own.has(style))
      throw new AdaattnError("option", `Expected a style that this model, ${this.#name}, made but received another.`);
  }

  #positions(source: Source, size: Size): Map<number, BigInt64Array> {
    const { attention } = this.#architecture;
    return new Map(
      attention.modules.map((module) => [module.level, chosenPositions(attention, module, source, size)] as const),
    );
  }

  #styleOf(source: Source, positions: Style["positions"], values: Tensors, begun: number): Style {
    const levels = new Map<number, StyleLevel>();
    for (const level of positions.keys()) {
      const attended = attendedInputs(this.#architecture).map(
        (name) => [name, outputOf(values, `${name}${level}`)] as const,
      );
      levels.set(level, { key: outputOf(values, `key${level}`), attended: Object.fromEntries(attended) });
    }
    const style = new Style({ levels, positions, source, milliseconds: performance.now() - begun });
    this.#own.add(style);
    return style;
  }
}
