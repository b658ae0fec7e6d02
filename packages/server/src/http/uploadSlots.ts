/**
 * Places for uploads that are read at once. While there are enough, a slow line is no harm; once
 * all are taken, an upload that is slower than any line that people use has to make room for
 * whoever comes next.
 */
import { Problem } from "../problem.ts";

/** The pace, in bytes a second, below which an upload may have to make room. */
const LEAST_PACE = 4096;

/**
 * Over which stretch the pace is taken, in milliseconds; an upload that is younger keeps its place.
 */
const STRETCH = 2000;

export class UploadSlot implements Disposable {
  readonly #controller = new AbortController();
  readonly #leave: (slot: UploadSlot) => void;
  /** The stretch before this one and this one: when each began, and the bytes in it. */
  #before: { readonly begun: number; readonly bytes: number };
  #now = { begun: performance.now(), bytes: 0 };

  constructor(leave: (slot: UploadSlot) => void) {
    this.#leave = leave;
    this.#before = this.#now;
  }

  /** Aborted, with a problem, when it has to make room. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Counts bytes that have come. */
  heard(bytes: number): void {
    this.#turn();
    this.#now.bytes += bytes;
  }

  #turn(): void {
    const time = performance.now();
    if (time - this.#now.begun < STRETCH) return;
    this.#before = this.#now;
    this.#now = { begun: time, bytes: 0 };
  }

  /** Bytes a second of late; infinite where it has only begun. */
  get pace(): number {
    this.#turn();
    if (this.#before === this.#now) return Number.POSITIVE_INFINITY;
    const seconds = (performance.now() - this.#before.begun) / 1000;
    return (this.#before.bytes + this.#now.bytes) / seconds;
  }

  giveUp(): void {
    const sentence = "The upload was too slow, and its place was needed. Send it again by a faster line.";
    this.#controller.abort(new Problem("slow-upload", sentence));
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#leave(this);
  }
}

export class UploadSlots {
  readonly #most: number;
  readonly #taken = new Set<UploadSlot>();

  /** @param most how many uploads are read at once. */
  constructor(most: number) {
    this.#most = most;
  }

  /** @throws Problem where all are taken by uploads that come along. */
  take(): UploadSlot {
    if (this.#taken.size >= this.#most) {
      const [slowest] = [...this.#taken].sort((a, b) => a.pace - b.pace);
      if (slowest === undefined || slowest.pace >= LEAST_PACE) throw tooManyUploads();
      slowest.giveUp();
    }
    const slot = new UploadSlot((one) => this.#taken.delete(one));
    this.#taken.add(slot);
    return slot;
  }
}

function tooManyUploads(): Problem {
  return new Problem("too-many", "Too many uploads are under way. Come again in 1 s.", {
    headers: { "retry-after": "1" },
  });
}
