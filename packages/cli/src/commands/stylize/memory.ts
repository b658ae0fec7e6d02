/** How much memory a command may take. */
import { freemem } from "node:os";
import type { Model } from "adaattn/node";
import { UsageError } from "../../terminal/usage.ts";

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9 };

/** The most that is taken where nothing is said: more hardly makes anything faster. */
const DEFAULT_MOST = 4e9;

/**
 * The bytes that `--memory` was given, such as 1.5GB, 800MB or 2000000000.
 *
 * @throws UsageError where it reads as no amount.
 */
export function memoryFlag(text: string): number {
  const [, number = "", unit = ""] = /^(\d+\.?\d*|\.\d+)\s*([kmg]?)(?:i?b)?$/i.exec(text) ?? [];
  const bytes = Number(number) * (UNITS[unit.toLowerCase()] ?? Number.NaN);
  if (number === "" || !(bytes > 0)) {
    throw new UsageError(`Expected an amount such as 1.5GB or 800MB for --memory but received ${text || "nothing"}.`);
  }
  return bytes;
}

/**
 * What is left of the budget for painting, once the process holds its model and styles.
 *
 * @param budget all that the process may take; half of what the machine has free, up to 4 GB, where
 *   nothing was asked for.
 * @throws UsageError where it is too little to work in, with the least that is enough.
 */
export function memoryLeft(budget: number | undefined, model: Model): number {
  const held = process.memoryUsage.rss();
  const least = model.leastMemory;
  if (budget === undefined) return Math.max(least, Math.min(DEFAULT_MOST, freemem() / 2) - held);
  if (budget < held + least) {
    const [needed, received] = [Math.ceil((held + least) / 1e7) * 10, Math.floor(budget / 1e6)];
    throw new UsageError(
      `Expected at least ${needed} MB for --memory, with ${model.name}, but received ${received} MB.`,
    );
  }
  return budget - held;
}
