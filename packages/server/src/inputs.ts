/**
 * What an upload and its options mean together: which painting, mask, weight and look each style
 * has.
 */
import { STYLE_SIDE } from "adaattn/internal";
import type { StyleControls } from "adaattn/node";
import type { Upload } from "./http/upload.ts";
import { Problem } from "./problem.ts";
import { MOST_STYLES, type StyleChoice, type StyleLook } from "./schemas.ts";
import type { Limits } from "./settings.ts";
import type { KeptStyle } from "./styles.ts";

/** A file that came with the request, or one of a kept style, by its name in the store. */
export type Input = { readonly hash: string; readonly bytes: number } & (
  | { readonly path: string }
  | { readonly stored: string }
);

export interface ChosenStyle {
  readonly painting: Input;
  readonly mask?: Input | undefined;
  readonly look: StyleControls;
  readonly weight?: number | undefined;
  readonly region?: string | undefined;
  readonly seconds?: number | undefined;
}

/** The parts that requests have beside the content. */
export function styleParts({ pictureBytes }: Limits) {
  const files = { most: MOST_STYLES, bytes: pictureBytes };
  return { style: files, mask: files, styleMask: files };
}

export const STYLE_PARTS = {
  style: { description: "The painting of each style that is not a kept one, in order.", isMany: true },
  mask: {
    description:
      "Where each style goes in the content, one a style: white where it does. Or one for all, with a region in a color for each.",
    isMany: true,
  },
  styleMask: { description: "The part of each painting that is a source, one a style or none.", isMany: true },
} as const;

/**
 * @param kept finds a kept style of whoever asks.
 * @throws Problem where the parts and the options do not go together.
 */
export async function chooseStyles(
  upload: Upload,
  asked: readonly StyleChoice[] | undefined,
  kept: (name: string) => Promise<KeptStyle>,
  limits: Limits,
): Promise<{ styles: ChosenStyle[]; masks: Input[] }> {
  const [paintings, masks, styleMasks] = [upload.files("style"), upload.files("mask"), upload.files("styleMask")];
  const choices = asked ?? paintings.map((): StyleChoice => ({}));
  const needed = choices.filter(({ saved }) => saved === undefined).length;
  if (choices.length === 0)
    throw mismatch("at least one style: a file in the part style, or a kept one in options.styles");
  if (needed !== paintings.length) {
    throw mismatch(`${needed} files in the part style, one for each style that is not a kept one`, paintings.length);
  }
  if (styleMasks.length > 0 && styleMasks.length !== choices.length) {
    throw mismatch(`${choices.length} files in the part styleMask, one a style, or none`, styleMasks.length);
  }
  const regions = choices.filter(({ region }) => region !== undefined).length;
  if (regions > 0 && (regions !== choices.length || masks.length !== 1)) {
    throw mismatch("a region for every style and one mask, or no regions");
  }
  if (regions === 0 && masks.length > 0 && masks.length !== choices.length) {
    throw mismatch(`${choices.length} files in the part mask, one a style, or none`, masks.length);
  }
  const next = paintings.values();
  const styles = [];
  for (const [index, { saved, weight, region, seconds, ...look }] of choices.entries()) {
    const own = { weight, region, seconds, mask: styleMasks[index] };
    if (saved === undefined) {
      checkLook(look, `style ${index + 1}`, limits);
      styles.push({ ...own, look, painting: next.next().value as Input });
      continue;
    }
    const style = await kept(saved);
    checkLook({ ...style.look, ...look }, `style ${index + 1}`, limits);
    const stored = ({ name, hash, bytes }: typeof style.painting): Input => ({ stored: name, hash, bytes });
    styles.push({
      ...own,
      look: { ...style.look, ...look },
      painting: stored(style.painting),
      mask: own.mask ?? (style.mask && stored(style.mask)),
    });
  }
  return { styles, masks: [...masks] };
}

/** @throws Problem where a painting would be looked at larger than results may be. */
export function checkLook({ size, stroke = 1 }: StyleLook, whose: string, { side }: Limits): void {
  const longer = size ?? Math.min(STYLE_SIDE, side);
  if (longer * stroke <= side) return;
  throw new Problem(
    "invalid-options",
    `Expected at most ${side} for the size of ${whose} times its stroke but received ${longer} x ${stroke}.`,
  );
}

function mismatch(expected: string, received?: number): Problem {
  return new Problem(
    "bad-request",
    `Expected ${expected}${received === undefined ? "" : ` but received ${received}`}.`,
  );
}
