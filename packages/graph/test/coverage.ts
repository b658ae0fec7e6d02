/**
 * Which code of this repository has run in this thread, as V8 counts it: what guides the fuzzing to
 * inputs that reach further.
 */

import { Session } from "node:inspector";

/** A span of a script's text and how often it ran; spans within it come after it. */
interface Span {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface Taken {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly Span[] }[];
  }[];
}

export class Coverage implements Disposable {
  readonly #session = new Session();
  /** For every script, a number for each of its characters: 1 where that has run. */
  readonly #reached = new Map<string, Uint8Array>();

  constructor() {
    this.#session.connect();
    this.#ask("Profiler.enable");
    this.#ask("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /**
   * Whether anything has run since this was last asked that had not run before; `remember` counts
   * it as run from now on.
   */
  isNew(remember: boolean): boolean {
    const { result } = this.#ask("Profiler.takePreciseCoverage") as Taken;
    let found = false;
    for (const { url, functions } of result) {
      if (!/\/(?:packages|apps)\/\w+\/src\//.test(url)) continue;
      const spans = functions.flatMap(({ ranges }) => ranges);
      const ran = new Uint8Array(spans.reduce((most, { endOffset }) => Math.max(most, endOffset), 0));
      for (const { startOffset, endOffset, count } of spans) ran.fill(Math.min(count, 1), startOffset, endOffset);
      const before = this.#reached.get(url) ?? new Uint8Array();
      found ||= ran.some((here, at) => here > (before[at] ?? 0));
      if (remember) {
        const both = new Uint8Array(Math.max(ran.length, before.length));
        this.#reached.set(
          url,
          both.map((_, at) => Math.max(ran[at] ?? 0, before[at] ?? 0)),
        );
      }
    }
    return found;
  }

  [Symbol.dispose](): void {
    this.#session.disconnect();
  }

  /** Asks V8, which answers at once. */
  #ask(method: string, parameters: object = {}): unknown {
    let answer: unknown;
    this.#session.post(method, parameters, (error, value) => {
      if (error) throw error;
      answer = value;
    });
    return answer;
  }
}
