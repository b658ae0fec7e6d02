/**
 * Styles that change over the length of a video: key styles, each from a time on, with cross-fades
 * from one to the next.
 */

import { AdaattnError } from "../error.ts";
import { checkControls, shareControls } from "../stylize/controls.ts";
import type { StyleShare } from "../stylize/options.ts";
import type { Style } from "../stylize/style.ts";

/** A style, or several mixed, that a video is painted in from a time on. */
export interface KeyStyle {
  /** From when on, in seconds from the first frame; 0 or more. */
  readonly seconds: number;
  /**
   * What is painted in from then on: as {@link Model.stylize} takes it, one style or several with
   * weights and masks.
   */
  readonly style: Style | readonly StyleShare[];
}

/**
 * What each moment of a video is painted in. At a key's time its style begins to come in, and a
 * fade's length later it is there alone; in between, every style counts by its weight times the
 * share of its key. A fade never outlasts the time to the next key.
 */
export class StyleTimeline {
  readonly #keys: readonly { readonly seconds: number; readonly shares: readonly StyleShare[] }[];
  readonly #fade: number;

  /**
   * @param fade how long a cross-fade lasts, in seconds; 0 changes styles from one frame to the
   *   next.
   * @throws Error with one sentence where there is no key style, none at the beginning, two at one
   *   time, or a number is out of its range.
   */
  constructor(styles: Style | readonly KeyStyle[], fade: number) {
    if (!(fade >= 0 && Number.isFinite(fade))) {
      throw new AdaattnError("option", `Expected a number of seconds of at least 0 for the fade but received ${fade}.`);
    }
    const keys = Array.isArray(styles) ? (styles as readonly KeyStyle[]) : [{ seconds: 0, style: styles as Style }];
    const sorted = [...keys].sort((a, b) => a.seconds - b.seconds);
    if (sorted[0]?.seconds !== 0) {
      throw new AdaattnError(
        "option",
        `Expected a key style at 0 seconds but the first is at ${sorted[0]?.seconds ?? "no time"}.`,
      );
    }
    for (const [index, { seconds, style }] of sorted.entries()) {
      if (!Number.isFinite(seconds) || sorted[index + 1]?.seconds === seconds) {
        throw new AdaattnError(
          "option",
          `Expected key styles at different times but received two at ${seconds} seconds; mix them in one.`,
        );
      }
      for (const { weight } of sharesOf(style)) checkControls(shareControls, { weight });
    }
    this.#keys = sorted.map(({ seconds, style }) => ({ seconds, shares: sharesOf(style) }));
    this.#fade = fade;
  }

  /**
   * What a moment is painted in, in seconds from the first frame. Outside fades it is the same
   * object for all moments of a key.
   */
  at(seconds: number): readonly StyleShare[] {
    const index = this.#keys.findLastIndex((key) => key.seconds <= Math.max(0, seconds));
    const key = this.#keys[index];
    if (key === undefined) throw new Error("Expected a key style at 0 seconds");
    const before = this.#keys[index - 1];
    const next = this.#keys[index + 1]?.seconds ?? Number.POSITIVE_INFINITY;
    const fade = Math.min(this.#fade, next - key.seconds);
    const passed = seconds - key.seconds;
    if (before === undefined || passed >= fade) return key.shares;
    if (passed <= 0) return before.shares;
    const part = passed / fade;
    return [...weighted(before.shares, 1 - part), ...weighted(key.shares, part)];
  }
}

function sharesOf(style: Style | readonly StyleShare[]): readonly StyleShare[] {
  return Array.isArray(style) ? (style as readonly StyleShare[]) : [{ style: style as Style }];
}

/** The shares with weights that sum to `total`. */
function weighted(shares: readonly StyleShare[], total: number): StyleShare[] {
  const sum = shares.reduce((all, { weight = 1 }) => all + weight, 0);
  return shares.map((share) => ({ ...share, weight: ((share.weight ?? 1) / sum) * total }));
}
