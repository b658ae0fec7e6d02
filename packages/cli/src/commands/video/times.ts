/** Times, rates and styles with times, as they are typed for a video. */
import { existsSync } from "node:fs";
import { perSecond } from "adaattn/internal/node";
import type { FrameRate } from "adaattn/node";
import { findStyle, type StyleText } from "../../options/styles.ts";
import { UsageError } from "../../terminal/usage.ts";

/** One `--style` of a video. */
export interface TimedStyle extends StyleText {
  /** From when on, in seconds from the first frame. */
  readonly seconds: number;
}

const SECONDS = /^(\d+\.?\d*|\.\d+)s?$/;
const CLOCK = /^(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)$/;

/** Seconds from 5, 5s, 5.5, 1:05 or 1:00:05; undefined for any other text. */
export function secondsOf(text: string): number | undefined {
  const [, plain] = SECONDS.exec(text) ?? [];
  if (plain !== undefined) return Number(plain);
  const [, hours = "0", minutes, seconds] = CLOCK.exec(text) ?? [];
  return minutes === undefined ? undefined : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/**
 * The time that an option was given.
 *
 * @throws UsageError where the text is no time.
 */
export function timeOf(option: string, text: string): number {
  const seconds = secondsOf(text);
  if (seconds === undefined) {
    throw new UsageError(`Expected a time such as 5s or 1:05 for ${option} but received ${text || "nothing"}.`);
  }
  return seconds;
}

/**
 * Reads one `--style` of a video: what a picture's may be, then perhaps the time from which it
 * counts, as in night.jpg@5s or night.jpg:2@1:05. A bare number is no time, for files may be called
 * so.
 *
 * @throws UsageError as {@link findStyle} does.
 */
export function parseTimedStyle(text: string): TimedStyle {
  const [, before = "", time = ""] = existsSync(text) ? [] : (/^(.+)@([\d.:]+s|\d[\d.]*:[\d.:]+)$/.exec(text) ?? []);
  const seconds = secondsOf(time);
  return seconds === undefined ? { ...findStyle(text), seconds: 0 } : { ...findStyle(before), seconds };
}

/** Rates that are never meant as the decimals that people write for them. */
const NTSC: readonly FrameRate[] = [24000, 30000, 60000, 120000].map((numerator) => ({ numerator, denominator: 1001 }));

/**
 * The frame rate that an option was given: 30, 12.5, 29.97 (which is 30000/1001) or a fraction.
 *
 * @throws UsageError where the text is no rate from 0.1 to 1000.
 */
export function rateOf(option: string, text: string): FrameRate {
  const [, top = text, bottom = "1"] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const value = /^(\d+\.?\d*|\.\d+)$/.test(top) ? Number(top) / Number(bottom) : Number.NaN;
  if (!(value >= 0.1 && value <= 1000)) {
    throw new UsageError(
      `Expected a number of frames a second from 0.1 to 1000 for ${option} but received ${text || "nothing"}.`,
    );
  }
  if (text.includes("/")) return { numerator: Number(top), denominator: Number(bottom) };
  const ntsc = NTSC.find((rate) => !Number.isInteger(value) && Math.abs(perSecond(rate) - value) < 0.006);
  if (ntsc !== undefined) return ntsc;
  return Number.isInteger(value)
    ? { numerator: value, denominator: 1 }
    : { numerator: Math.round(value * 1000), denominator: 1000 };
}

/**
 * The bits a second that an option was given, such as 800k or 4M.
 *
 * @throws UsageError where the text is none, or they are fewer than 1000.
 */
export function bitsOf(option: string, text: string): number {
  const [, number, unit = ""] = /^(\d+\.?\d*)([kM]?)$/.exec(text) ?? [];
  const bits = Math.round(Number(number) * (unit === "M" ? 1e6 : unit === "k" ? 1e3 : 1));
  if (!(bits >= 1000)) {
    throw new UsageError(`Expected bits a second such as 800k or 4M for ${option} but received ${text || "nothing"}.`);
  }
  return bits;
}
