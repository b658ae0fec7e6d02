/**
 * Styles that were taken lately, for a painting is usually asked for again. One that is in use is
 * never disposed of.
 */
import type { Style } from "adaattn";

/** How many styles are kept. */
const MOST = 16;

interface Entry {
  readonly style: Promise<Style>;
  users: number;
  isDropped: boolean;
}

/** Styles by what they were made of. */
export class StyleCache {
  readonly #entries = new Map<string, Entry>();

  /** Lends the style of this key, made where there is none, for as long as `use` takes. */
  async lend<Result>(key: string, make: () => Promise<Style>, use: (style: Style) => Promise<Result>): Promise<Result> {
    const entry = this.#entry(key, make);
    entry.users++;
    try {
      return await use(await entry.style);
    } catch (error) {
      // What could not be made is not kept; what was made stays.
      await entry.style.catch(() => this.#drop(key, entry));
      throw error;
    } finally {
      entry.users--;
      if (entry.isDropped) this.#dispose(entry);
    }
  }

  #entry(key: string, make: () => Promise<Style>): Entry {
    const found = this.#entries.get(key) ?? { style: make(), users: 0, isDropped: false };
    // The newest is last.
    this.#entries.delete(key);
    this.#entries.set(key, found);
    if (this.#entries.size > MOST) {
      for (const [oldest, entry] of this.#entries) {
        if (entry.users > 0 || entry === found) continue;
        this.#drop(oldest, entry);
        break;
      }
    }
    return found;
  }

  #drop(key: string, entry: Entry): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    entry.isDropped = true;
    this.#dispose(entry);
  }

  #dispose(entry: Entry): void {
    if (entry.users === 0) entry.style.then((style) => style.dispose()).catch(() => undefined);
  }
}
