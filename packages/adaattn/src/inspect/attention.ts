/**
 * AttentionInput into the attention: which points of the painting a point of the photograph looks
 * at, row by row of the matrix that is never whole. draw.ts makes pictures of what is found.
 */

import type { EngineTensor, RunOptions, Session } from "../engine/engine.ts";
import { outputOf } from "../engine/engine.ts";
import { cellOf, gridOf } from "../network/levels.ts";
import type { Size } from "../picture/picture.ts";

/** The most probabilities that one run gives: 4 MiB. */
const PROBABILITIES_PER_RUN = 1 << 20;

/** A place in a picture, in pixels from its left and top edge. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where one point of the photograph looks. */
export interface AttentionRow {
  /** The point of the photograph that was asked for. */
  readonly point: Point;
  /** One for every key, in the order of `keys`; they sum to 1. */
  readonly probabilities: Float32Array;
  /** The key with the largest probability. */
  readonly best: number;
  /** -sum p log p in nats: 0 where a single key is looked at, log(keys) where all are alike. */
  readonly entropy: number;
}

/** Rows of the attention at one level. */
export interface Attention {
  readonly level: number;
  /** The side in pixels of what one position of this level stands for, in both pictures. */
  readonly cell: number;
  /** The middle of what each key stands for, in pixels of the style's `source.painting`. */
  readonly keys: readonly Point[];
  /** One row for every point that was asked for. */
  readonly rows: readonly AttentionRow[];
}

/** What every position of the photograph looks at most, at one level. */
export interface AttentionMap extends Size {
  readonly level: number;
  readonly cell: number;
  readonly keys: readonly Point[];
  /**
   * The key with the largest probability for each of `width` x `height` positions, row after row.
   */
  readonly best: Uint32Array;
  /** The entropy of each position's row, in nats. */
  readonly entropy: Float32Array;
}

/** What rows are computed from. */
export interface AttentionInput {
  readonly session: Session;
  readonly level: number;
  /**
   * The photograph's stacked features at this level and their statistics, as inputs of the session;
   * and its padded size.
   */
  readonly content: Readonly<Record<"stacked" | "normMean" | "normDeviation", EngineTensor>>;
  readonly contentSize: Size;
  /** The painting's keys, and the positions that they stand at. */
  readonly key: EngineTensor;
  readonly positions: BigInt64Array;
  /** The painting's own size, and its padded one. */
  readonly painting: Size;
  readonly styleSize: Size;
}

/** The rows of some points, which must lie within the photograph. */
export async function attentionOf(
  input: AttentionInput,
  points: readonly Point[],
  options: RunOptions,
): Promise<Attention> {
  const { level, contentSize } = input;
  const [cell, grid] = [cellOf(level), gridOf(level, contentSize)];
  const at = points.map(({ x, y }) => Math.floor(y / cell) * grid.width + Math.floor(x / cell));
  const rows: AttentionRow[] = [];
  for await (const probabilities of rowsOf(input, at, options)) {
    const point = points[rows.length] as Point;
    rows.push({ point, probabilities: probabilities.slice(), ...summary(probabilities) });
  }
  return { level, cell, keys: keyPoints(input), rows };
}

/** The best key and the entropy of every position. `onRow` is called after each. */
export async function attentionMapOf(
  input: AttentionInput,
  options: RunOptions,
  onRow: (done: number, all: number) => void,
): Promise<AttentionMap> {
  const { level, contentSize } = input;
  const grid = gridOf(level, contentSize);
  const count = grid.width * grid.height;
  const [best, entropy] = [new Uint32Array(count), new Float32Array(count)];
  let done = 0;
  const all = Array.from({ length: count }, (_, at) => at);
  for await (const probabilities of rowsOf(input, all, options)) {
    const found = summary(probabilities);
    [best[done], entropy[done]] = [found.best, found.entropy];
    onRow(++done, count);
  }
  return { level, cell: cellOf(level), ...grid, keys: keyPoints(input), best, entropy };
}

/** One row after another; each is a view that holds until the next is asked for. */
async function* rowsOf(
  { session, content, key, positions: { length: keys } }: AttentionInput,
  positions: readonly number[],
  options: RunOptions,
): AsyncGenerator<Float32Array> {
  const block = Math.max(1, Math.floor(PROBABILITIES_PER_RUN / keys));
  for (let start = 0; start < positions.length; start += block) {
    const at = BigInt64Array.from(positions.slice(start, start + block), BigInt);
    const inputs = { ...content, at: { shape: [at.length], data: at }, key };
    const rows = outputOf(await session.run(inputs, options), "rows");
    const { data } = await rows.read().finally(() => rows.dispose());
    for (let row = 0; row < at.length; row++) yield (data as Float32Array).subarray(row * keys, (row + 1) * keys);
  }
}

function summary(probabilities: Float32Array): { best: number; entropy: number } {
  let [best, entropy] = [0, 0];
  for (let key = 0; key < probabilities.length; key++) {
    const p = probabilities[key] as number;
    if (p > (probabilities[best] as number)) best = key;
    if (p > 0) entropy -= p * Math.log(p);
  }
  return { best, entropy };
}

function keyPoints({ positions, painting, level, styleSize }: AttentionInput): Point[] {
  const [cell, grid] = [cellOf(level), gridOf(level, styleSize)];
  const middle = (at: number, side: number) => Math.min(side - 0.5, (at + 0.5) * cell);
  return Array.from(positions, (position) => {
    const [x, y] = [Number(position) % grid.width, Math.floor(Number(position) / grid.width)];
    return { x: middle(x, painting.width), y: middle(y, painting.height) };
  });
}
