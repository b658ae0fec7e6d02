/**
 * What `--style` is given: a painting, and perhaps its weight and its region, as
 * PATH|NAME[:WEIGHT][@COLOR].
 */
import { existsSync } from "node:fs";
import { parseColor } from "adaattn";
import { paintingsLike } from "adaattn/internal/node";
import { listPaintings } from "adaattn/node";
import { UsageError } from "../terminal/usage.ts";

/** The bundled painting that is taken where no style is given. */
export const DEFAULT_STYLE = "van-gogh-starry-night";

/** One `--style`. */
export interface StyleText {
  /** A file, an address, or - for stdin. */
  readonly path: string;
  /** The folder that was named for all pictures in it, this one among them. */
  readonly folder?: string | undefined;
  readonly weight?: number | undefined;
  /** A color of the mask, as it was typed. */
  readonly region?: string | undefined;
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const PICTURE = "\\.(?:jpe?g|png|webp|avif|tiff?|gif)";
/**
 * After the ending of a picture's name, a colon or an at sign begins what is no longer the name,
 * unless that ends so too.
 */
const PICTURE_AND_MORE = new RegExp(`^(.*${PICTURE})([:@])(?!.*${PICTURE}$)([^:@/\\\\]*)$`, "i");

/**
 * Reads one `--style`. Names of files may hold colons and at signs themselves (C:\a.jpg,
 * photo@2x.jpg, a:b.jpg): the name of a file that exists is taken as it is, and an ending is a
 * weight or a region only if it reads as a number or a color, or follows the ending of a picture's
 * name.
 *
 * @throws UsageError where what follows a picture's name is no weight above 0 or no color.
 */
export function parseStyleText(text: string): StyleText {
  let path = text;
  let weight: number | undefined;
  let region: string | undefined;
  while (!existsSync(path)) {
    const [, before = "", sign = "", after = ""] =
      PICTURE_AND_MORE.exec(path) ?? /^(.+)([:@])([^:@]*)$/.exec(path) ?? [];
    const sure = PICTURE_AND_MORE.test(path);
    if (sign === ":" && weight === undefined && (sure || NUMBER.test(after))) {
      weight = NUMBER.test(after) ? Number(after) : Number.NaN;
      if (!(weight > 0 && Number.isFinite(weight))) {
        throw new UsageError(
          `Expected a number above 0 for the weight of ${before} but received ${after || "nothing"}.`,
        );
      }
    } else if (sign === "@" && region === undefined && (sure || parseColor(after) !== undefined)) {
      if (parseColor(after) === undefined) {
        throw new UsageError(
          `Expected a color such as red or #ff0000 for the region of ${before} but received ${after || "nothing"}.`,
        );
      }
      region = after;
    } else break;
    path = before;
  }
  return { path, weight, region };
}

/**
 * Reads one `--style` and finds its file: what is neither a file nor has a folder or an ending in
 * its name is the name of a bundled painting.
 *
 * @throws UsageError as {@link parseStyleText} does, and with similar names where no bundled
 *   painting has the name.
 */
export function findStyle(text: string): StyleText {
  const style = parseStyleText(text);
  return { ...style, path: fileOf(style.path) };
}

function fileOf(nameOrPath: string): string {
  if (nameOrPath === "-" || /[\\/.]/.test(nameOrPath) || nameOrPath === "" || existsSync(nameOrPath)) return nameOrPath;
  const painting = listPaintings().find(({ name }) => name === nameOrPath);
  if (painting !== undefined) return painting.path;
  const like = paintingsLike(nameOrPath).join(", ");
  throw new UsageError(
    `Expected a file or the name of a bundled painting for --style but received ${nameOrPath}. ` +
      `${like === "" ? "" : `Similar names: ${like}. `}adaattn styles lists them all.`,
  );
}

/**
 * Checks that styles and masks go together: either every style has a region of the one mask, or
 * there is a mask for every style, or none at all.
 *
 * @throws UsageError with the way out.
 */
export function checkMasks(
  styles: readonly StyleText[],
  masks: readonly string[],
  styleMasks: readonly string[],
): void {
  const regions = styles.filter(({ region }) => region !== undefined);
  if (regions.length > 0) {
    const without = styles.find(({ region }) => region === undefined);
    if (without !== undefined) {
      throw new UsageError(
        `Expected a region for every style, or for none, but ${without.path} has none; write ${without.path}@COLOR.`,
      );
    }
    if (masks.length !== 1) {
      throw new UsageError(
        `Expected one --mask, in whose colors the regions are, but received ${masks.length || "none"}.`,
      );
    }
    const seen = new Map<string, string>();
    for (const { path, region = "" } of regions) {
      const color = parseColor(region)?.join() ?? region;
      const other = seen.get(color);
      if (other !== undefined) {
        throw new UsageError(`Expected one style for each region but received ${other} and ${path} for ${region}.`);
      }
      seen.set(color, path);
    }
  } else if (masks.length > 0 && masks.length !== styles.length) {
    throw new UsageError(
      `Expected as many --mask as --style, or one in whose colors the styles have regions (--style FILE@COLOR), but received ${masks.length} for ${styles.length}.`,
    );
  }
  if (styleMasks.length > 0 && styleMasks.length !== styles.length) {
    throw new UsageError(
      `Expected as many --style-mask as --style (none stands for a whole painting) but received ${styleMasks.length} for ${styles.length}.`,
    );
  }
}
