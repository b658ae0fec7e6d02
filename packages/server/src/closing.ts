/** Things that were opened one after the other, to be closed in the opposite order. */
export class Closing {
  readonly #steps: (() => unknown)[] = [];

  /** Remembers how to close something, and returns it. */
  add<Thing>(thing: Thing, close: (thing: Thing) => unknown): Thing {
    this.#steps.push(() => close(thing));
    return thing;
  }

  async close(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) await step();
  }
}
