/** Small results, to answer the same request again: the newest, up to so many bytes together. */
import type { PictureResult } from "./painters/messages.ts";

export type CachedResult = Pick<PictureResult, "bytes" | "format" | "notes">;

export class ResultCache {
  readonly #most: number;
  readonly #results = new Map<string, CachedResult>();
  #bytes = 0;

  /**
   * @param most bytes of all results together; one that is larger than a sixteenth of it is not
   *   kept.
   */
  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): CachedResult | undefined {
    const found = this.#results.get(key);
    if (found) {
      // The newest is last.
      this.#results.delete(key);
      this.#results.set(key, found);
    }
    return found;
  }

  set(key: string, { bytes, format, notes }: CachedResult): void {
    if (bytes.length > this.#most / 16 || this.#results.has(key)) return;
    this.#results.set(key, { bytes, format, notes });
    this.#bytes += bytes.length;
    for (const [oldest, result] of this.#results) {
      if (this.#bytes <= this.#most) return;
      this.#results.delete(oldest);
      this.#bytes -= result.bytes.length;
    }
  }
}
