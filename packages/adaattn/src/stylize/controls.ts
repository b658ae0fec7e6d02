/**
 * What an artist can ask for, in one place: the schemas that the API, the command and whatever
 * comes in over a wire are checked by, and the types that follow from them. The message of each
 * rule is the X of `Expected X for Y but received Z`.
 */

import { z } from "zod";
import { AdaattnError } from "../error.ts";

const number = (least: number, most: number) => {
  const expected = `a number from ${least} to ${most}`;
  return z.number(expected).min(least, expected).max(most, expected);
};
const whole = (least: number, most: number) => {
  const expected = `a whole number from ${least} to ${most}`;
  return z.int(expected).min(least, expected).max(most, expected);
};

const KEYS = "all or a whole number from 16 to 1048576";
const TILE = "auto, off or a whole number from 64 to 65536";

/**
 * What the choice of style positions is seeded with unless it is told, as the released code's tests
 * are.
 */
export const DEFAULT_SEED = 6666;

/** How a painting is looked at while its style is taken. */
export const styleControls = z.strictObject({
  /**
   * The painting's longer side in pixels, before `stroke`; its own by default, and 512 where it is
   * longer. The larger it is, the larger its strokes are.
   */
  size: whole(16, 65535).optional(),
  /**
   * Enlarges the painting, from half to twice its size; 1 by default. Features see the strokes
   * larger by as much, and so the values that the mean and deviation maps are made of.
   */
  stroke: number(0.5, 2).optional(),
  /**
   * Turns the painting, and with it the direction of its strokes, clockwise by degrees from -360 to
   * 360; 0 by default. Quarter turns are exact; for others the largest upright rectangle inside the
   * turned painting is used.
   */
  rotate: number(-360, 360).optional(),
  /**
   * At most how many of the painting's positions each level attends to, `all` for every one; the
   * model's own number by default. M and S are then averages over more of the painting, or fewer.
   */
  keys: z.union([z.literal("all", KEYS), z.int(KEYS).min(16, KEYS).max(1048576, KEYS)], KEYS).optional(),
  /**
   * Seeds the choice of style positions in models that choose at random; 6666 by default, as the
   * released code's tests.
   */
  seed: whole(0, 2 ** 32 - 1).optional(),
});

/** How a photograph is painted. */
export const paintControls = z.strictObject({
  /**
   * How far the result goes from the photograph (0) to the style (1, the default), and beyond it,
   * up to 4. With the style's mean map M and deviation map S, and a share t, the decoder gets M_c +
   * t (M - M_c) and t S, where M_c is the mean map of the photograph attended to itself so sharply
   * that every point sees itself alone, and its deviation map therefore 0. Below 1, what the
   * decoder loses of the photograph is given back to the result, times 1 - t; at 0 the result is
   * the photograph.
   */
  strength: number(0, 4).optional(),
  /**
   * Whose colors the result has. `style`, the default: the painting's. `content`: the lightness of
   * the result with the chroma of the photograph (OKLab); the maps stay as they are. `match`: the
   * painting is given the photograph's colors (CORAL) before its style is taken, which changes M
   * and S.
   */
  color: z.enum(["style", "content", "match"], "one of style, content, match").optional(),
  /**
   * How much brushwork grows where the photograph is flat, from 0, none, to 1; 0 by default. The
   * network sees the photograph with a faint smooth noise of 4, 8 and 16 pixels, times the
   * paintings' `stroke`, whose standard deviation is a tenth of `grain`.
   */
  grain: number(0, 1).optional(),
});

/** What one of several styles has besides. */
export const shareControls = z.strictObject({
  /**
   * How much this style counts beside the others: M and S are weighted means of the styles' maps,
   * by weights that are divided by their sum. 1 by default.
   */
  weight: z.number("a number above 0").positive("a number above 0").optional(),
});

const SIZE = "full or a whole number from 16 to 65535";

/** How large a photograph is painted. */
export const sizeControls = z.strictObject({
  /**
   * The longer side in pixels that the photograph is painted at, and that the result has; `full`
   * for as it is, however large. By default as it is, and 2048 where it is longer.
   */
  size: z.union([z.literal("full", SIZE), z.int(SIZE).min(16, SIZE).max(65535, SIZE)], SIZE).optional(),
});

/** How large a photograph is painted; {@link sizeControls} says more. */
export type SizeControls = z.input<typeof sizeControls>;

/** What the size of strokes goes by. */
export const strokeControls = z.strictObject({
  /**
   * Whether strokes grow with the picture. `picture`: they are as large in it as in one of 512
   * pixels on the longer side, so that every size has the same composition; a larger picture is
   * painted at 512 first, and what comes out is enlarged and painted again. Up to 512 there is no
   * difference. `pixels`: strokes have as many pixels in every picture, and are finer the larger it
   * is. `picture` by default, and `pixels` where statistics are shared, as between the frames of a
   * film.
   */
  strokeBy: z.enum(["picture", "pixels"], "one of picture, pixels").optional(),
});

/** What the size of strokes goes by; {@link strokeControls} says more. */
export type StrokeControls = z.input<typeof strokeControls>;

/** How much of a photograph is painted at a time; the result is the same within rounding. */
export const tileControls = z.strictObject({
  /**
   * The longest side in pixels of the tiles that the photograph is painted in, 64 or more; `off`
   * paints it whole, and `auto`, the default, chooses by `memory`.
   */
  tile: z.union([z.literal(["auto", "off"], TILE), z.int(TILE).min(64, TILE).max(65536, TILE)], TILE).optional(),
  /**
   * About how many bytes the work may take, 1.5e9 by default; what the process holds already is not
   * counted.
   */
  memory: z.number("a number of bytes").positive("a number of bytes").optional(),
});

/** How much of a photograph is painted at a time; {@link tileControls} says what each does. */
export type TileControls = z.input<typeof tileControls>;

/**
 * How a painting is looked at while its style is taken. The schema `styleControls` says what each
 * control does.
 */
export type StyleControls = z.input<typeof styleControls>;

/**
 * How a photograph is painted. The schema `paintControls` says what each control does to M, S
 * and the result.
 */
export type PaintControls = z.input<typeof paintControls>;

/** How a model's attention is looked into. */
export const inspectControls = z.strictObject({
  /**
   * The level whose module is looked into: the shallowest of the model's by default, 3, which sees
   * finest.
   */
  level: z.literal([3, 4, 5], "one of 3, 4, 5").optional(),
});

/** How a model's attention is looked into; {@link inspectControls} says what each control does. */
export type InspectControls = z.input<typeof inspectControls>;

/**
 * The value, if it fits the schema.
 *
 * @param name what an error calls the control at a path; its own name by default.
 * @throws Error with one sentence on the first control that does not fit, or that there is not.
 */
export function checkControls<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  name: (control: string) => string = (control) => control,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue === undefined) throw result.error;
  if (issue.code === "unrecognized_keys") {
    const known = schema instanceof z.ZodObject ? ` (${Object.keys(schema.shape).join(", ")})` : "";
    throw new AdaattnError("option", `Expected a control that there is${known} but received ${issue.keys.join(", ")}.`);
  }
  const received = issue.path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown>)[key], value);
  throw new AdaattnError(
    "option",
    `Expected ${issue.message} for ${name(issue.path.join("."))} but received ${describe(received)}.`,
  );
}

function describe(value: unknown): string {
  if (typeof value === "string") return value === "" ? "nothing" : value;
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  return String(value);
}
