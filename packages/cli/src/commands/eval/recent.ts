/** Keeps what was made last, so that much is made once and memory stays bounded. */
export class Recent<Value> {
  readonly #values = new Map<string, Value>();
  readonly #capacity: number;

  /**
   * @param capacity how many values are kept; the one that was not asked for the longest goes
   *   first.
   */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /**
   * The value of this key, made now where it is not kept. What cannot be made is not kept either.
   */
  async get(key: string, make: () => Promise<Value>): Promise<Value> {
    const value = this.#values.get(key) ?? (await make());
    this.#values.delete(key);
    this.#values.set(key, value);
    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= this.#capacity) break;
      this.#values.delete(oldest);
    }
    return value;
  }
}
