/**
 * Which style positions are attended to where a style has more of them than a module takes.
 *
 * `random` repeats the released code: `torch.manual_seed(seed); torch.randperm(n)[:count]` on the
 * CPU, which is a Fisher-Yates shuffle driven by MT19937. `even` takes a regular grid, so that
 * every part of the painting is seen and the result does not depend on a seed.
 */

import type { Size } from "../picture/picture.ts";

/** The 32-bit Mersenne Twister (Matsumoto and Nishimura, 1998), as PyTorch's CPU generator. */
class MersenneTwister {
  readonly #state = new Uint32Array(624);
  #index = 624;

  constructor(seed: number) {
    this.#state[0] = seed >>> 0;
    for (let i = 1; i < 624; i++) {
      const before = this.#state[i - 1] ?? 0;
      this.#state[i] = (Math.imul(1812433253, before ^ (before >>> 30)) + i) >>> 0;
    }
  }

  next(): number {
    if (this.#index === 624) this.#refill();
    let y = this.#state[this.#index++] ?? 0;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #refill(): void {
    const state = this.#state;
    for (let i = 0; i < 624; i++) {
      const y = ((state[i] ?? 0) & 0x80000000) | ((state[(i + 1) % 624] ?? 0) & 0x7fffffff);
      state[i] = (state[(i + 397) % 624] ?? 0) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#index = 0;
  }
}

/** The first `count` of `torch.randperm(n)` after `torch.manual_seed(seed)`. */
export function randomPositions(n: number, count: number, seed: number): BigInt64Array {
  const generator = new MersenneTwister(seed);
  const order = Uint32Array.from({ length: n }, (_, at) => at);
  for (let at = 0; at < Math.min(count, n - 1); at++) {
    const other = at + (generator.next() % (n - at));
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
  return BigInt64Array.from(order.subarray(0, Math.min(count, n)), BigInt);
}

/** At most `count` positions of a `width` x `height` map on a regular grid, row by row. */
export function evenPositions({ width, height }: Size, count: number): BigInt64Array {
  const [down, across] = evenSteps({ width, height }, count);
  const positions: bigint[] = [];
  for (let row = Math.floor((down - 1) / 2); row < height; row += down) {
    for (let column = Math.floor((across - 1) / 2); column < width; column += across)
      positions.push(BigInt(row * width + column));
  }
  return BigInt64Array.from(positions);
}

/**
 * The steps, down and across, of a grid of at most `count` positions: as near to square as can be,
 * then with most positions.
 */
function evenSteps({ width, height }: Size, count: number): readonly [number, number] {
  let best: readonly [number, number] = [height, width];
  let kept = 1;
  for (let down = 1; down <= height; down++) {
    const rows = Math.ceil(height / down);
    if (rows > count) continue;
    const across = Math.ceil(width / Math.floor(count / rows));
    const total = rows * Math.ceil(width / across);
    const [step, shortest] = [Math.max(down, across), Math.max(...best)];
    if (step < shortest || (step === shortest && total > kept)) {
      best = [down, across];
      kept = total;
    }
    if (down >= across) break;
  }
  return best;
}
