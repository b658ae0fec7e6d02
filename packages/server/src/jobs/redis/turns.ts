/**
 * Whose turn it is in a worker. Steps run side by side, but those of a job that may have ended a
 * process run with none of another job beside them, so that the next death is theirs alone. Whoever
 * comes first goes first.
 */
export class Turns {
  readonly #waiting: { readonly group: string; readonly go: () => void }[] = [];
  #running = 0;
  /** What those that run have in common. */
  #group = "";

  /**
   * Waits until those of other groups have left.
   *
   * @returns what to call at the end of the turn.
   */
  async enter(group: string): Promise<() => void> {
    await new Promise<void>((go) => {
      this.#waiting.push({ group, go });
      this.#next();
    });
    return () => {
      this.#running--;
      this.#next();
    };
  }

  #next(): void {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || (this.#running > 0 && first.group !== this.#group)) return;
      this.#waiting.shift();
      this.#group = first.group;
      this.#running++;
      first.go();
    }
  }
}
