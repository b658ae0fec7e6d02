/** What the person at the terminal asked for, checked before anything is read or written. */

/**
 * A command that cannot be carried out as it was typed: exit code 2, where every other failure is
 * 1.
 */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * The whole number that an option was given; undefined where it was not given.
 *
 * @param option the option as it is typed, for the error.
 * @throws UsageError where the text is anything else, or the number lies outside `least` to `most`.
 */
export function wholeNumber(option: string, text: string, least: number, most: number): number;
export function wholeNumber(option: string, text: string | undefined, least: number, most: number): number | undefined;
export function wholeNumber(option: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new UsageError(
      `Expected a whole number from ${least} to ${most} for ${option} but received ${text || "nothing"}.`,
    );
  }
  return value;
}

/** The processor threads that `--threads` asks for; undefined for all. */
export const threadsFlag = (text: string | undefined) => wholeNumber("--threads", text, 1, 1024);

/**
 * The one of these words that an option was given.
 *
 * @param option the option as it is typed, for the error.
 * @throws UsageError where the text is none of them.
 */
export function oneOf<const Word extends string>(option: string, text: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === text);
  if (found === undefined) {
    throw new UsageError(`Expected one of ${words.join(", ")} for ${option} but received ${text || "nothing"}.`);
  }
  return found;
}

/**
 * The number that a text reads as, for a schema to check; the text itself where it reads as none.
 */
export function numberOr(text: string | undefined): number | string | undefined {
  return text !== undefined && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}

/** Gathers what an option that may be given several times was given. */
export function gather(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** An object without the properties that are undefined. */
export function withoutGaps<T extends object>(object: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as ReturnType<
    typeof withoutGaps<T>
  >;
}
