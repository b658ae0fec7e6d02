/** Settings that belong together, by name: `adaattn train --recipe NAME`. */

import type { TrainSettings } from "#train/settings";
import { oneOf, UsageError } from "../../terminal/usage.ts";

/** What was typed beside a recipe. */
type Typed = Partial<Omit<TrainSettings, "losses">> & { readonly losses: Partial<TrainSettings["losses"]> };

const RECIPES = {
  /**
   * AdaAttN as its paper trains it: VGG-19, frozen, as encoder and judge; batches of 8 crops of 256
   * pixels; Adam at 1e-4; 10 L_gs + 3 L_lf and nothing else, L_lf at levels 3 to 5. The steps are
   * the released code's five passes over MS-COCO, rounded.
   */
  paper: {
    preset: "vgg19-image",
    start: "none",
    decoderSteps: 0,
    steps: 50_000,
    batch: 8,
    crop: 256,
    soft: 0,
    optimizer: "adam",
    rate: 1e-4,
    warmup: 0,
    trainEncoder: false,
    losses: {
      global: 10,
      local: 3,
      content: 0,
      transport: 0,
      selfSimilarity: 0,
      structure: 0,
      weave: 0,
      strokes: 0,
      identity: 0,
      variation: 0,
      similarity: 0,
      temporal: 0,
      sleep: 0,
      supervision: 0,
    },
    globalLevels: [2, 3, 4, 5],
    globalShares: undefined,
    localLevels: [3, 4, 5],
    localKeys: 4096,
    grain: 0,
    calm: false,
  },
} as const satisfies Readonly<Record<string, Partial<TrainSettings>>>;

/** The names of the recipes. */
export const RECIPE_NAMES = Object.keys(RECIPES) as (keyof typeof RECIPES)[];

/**
 * What was typed, with the settings of a recipe where nothing was typed.
 *
 * @throws UsageError with one sentence where no recipe is called so, or it lacks the encoder that
 *   no package has.
 */
export function withRecipe(name: string | undefined, typed: Typed): Typed {
  if (name === undefined) return typed;
  const settings = RECIPES[oneOf("--recipe", name, RECIPE_NAMES)];
  const encoder = typed.encoder ?? (typed.start === "none" ? undefined : typed.start);
  if (encoder === undefined)
    throw new UsageError(
      `Expected --encoder beside --recipe ${name}, a VGG-19 made by adaattn import --encoder, but received none.`,
    );
  return {
    ...settings,
    lossNetwork: encoder,
    ...typed,
    losses: { ...settings.losses, ...typed.losses },
  };
}
