/**
 * Repeatable random numbers: the counter-based splitmix32 generator, whose whole state is one
 * number.
 */

export class Random {
  /** The state; a generator made from it goes on where this one is. */
  state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /**
   * A generator that is a function of all these whole numbers, such as a seed and a step, and of
   * their order.
   */
  static of(...parts: readonly number[]): Random {
    return parts.reduce((random, part) => new Random((random.next() * 2 ** 32) ^ part), new Random(0));
  }

  /** A number from 0 to below 1. */
  next(): number {
    this.state = (this.state + 0x9e3779b9) >>> 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return ((z ^ (z >>> 16)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** A sample of the normal distribution with mean 0 and deviation 1 (Box and Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }
}
