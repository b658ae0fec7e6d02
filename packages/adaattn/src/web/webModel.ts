/**
 * A model in a browser, which takes pictures from files, elements and canvases, too, and gives such
 * as can be drawn in one call.
 */

import type { Engine } from "../engine/engine.ts";
import type { Attention, AttentionMap, Point } from "../inspect/attention.ts";
import type { Architecture } from "../network/architecture.ts";
import type { WeightValues } from "../network/parameters.ts";
import { Model } from "../stylize/model.ts";
import type { InspectOptions, StyleOptions, StyleShare, StylizeOptions } from "../stylize/options.ts";
import { readMasks } from "../stylize/result.ts";
import { Sessions } from "../stylize/sessions.ts";
import type { Style } from "../stylize/style.ts";
import { DrawablePicture, type PictureInput, pixelsOf } from "./pictures.ts";

/** What {@link Model} is, with pictures and masks from anywhere in the page. */
export class WebModel extends Model {
  static override async load(
    name: string,
    architecture: Architecture,
    weights: WeightValues,
    engine: Engine,
  ): Promise<WebModel> {
    return new WebModel(name, architecture, weights, engine, await Sessions.load(name, architecture, weights, engine));
  }

  /**
   * As {@link Model.style}.
   *
   * @throws Error with one sentence where the painting or its mask cannot be read, too.
   */
  override async style(painting: PictureInput, options: StyleOptions<PictureInput> = {}): Promise<Style> {
    const { mask, ...rest } = options;
    const picture = await pixelsOf(painting, "the painting", rest.signal);
    if (mask === undefined) return super.style(picture, rest);
    return super.style(picture, { ...rest, mask: await pixelsOf(mask, "the mask of the painting", rest.signal) });
  }

  /**
   * As {@link Model.stylize}.
   *
   * @throws Error with one sentence where the photograph or a mask cannot be read, too.
   */
  override async stylize(
    photo: PictureInput,
    styles: Style | readonly StyleShare<PictureInput>[],
    options: StylizeOptions = {},
  ): Promise<DrawablePicture> {
    const { signal } = options;
    const picture = await pixelsOf(photo, "the photograph", signal);
    const shares = Array.isArray(styles)
      ? await readMasks(styles, (mask: PictureInput, label) => pixelsOf(mask, label, signal))
      : (styles as Style);
    return new DrawablePicture(await super.stylize(picture, shares, options));
  }

  /**
   * As {@link Model.attention}.
   *
   * @throws Error with one sentence where the photograph cannot be read, too.
   */
  override async attention(
    photo: PictureInput,
    style: Style,
    points: readonly Point[],
    options: InspectOptions = {},
  ): Promise<Attention> {
    return super.attention(await pixelsOf(photo, "the photograph", options.signal), style, points, options);
  }

  /**
   * As {@link Model.attentionMap}.
   *
   * @throws Error with one sentence where the photograph cannot be read, too.
   */
  override async attentionMap(photo: PictureInput, style: Style, options: InspectOptions = {}): Promise<AttentionMap> {
    return super.attentionMap(await pixelsOf(photo, "the photograph", options.signal), style, options);
  }
}
