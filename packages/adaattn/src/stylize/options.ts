/** What calls of a model may be asked, and what they report and give. */

import type { Picture } from "../picture/picture.ts";
import type {
  InspectControls,
  PaintControls,
  SizeControls,
  StrokeControls,
  StyleControls,
  TileControls,
} from "./controls.ts";
import type { Portion } from "./mixture.ts";
import type { RunningStatistics } from "./statistics.ts";
import type { Style } from "./style.ts";

/**
 * How far a call is: a fraction from 0 to 1 of one stage. A photograph in tiles is encoded for its
 * statistics first, and then has the one stage `paint`; one that is painted whole has `attend` and
 * `decode`, and one that is painted at several sizes only `paint`.
 */
export interface Progress {
  readonly stage: "style" | "encode" | "attend" | "decode" | "paint";
  readonly fraction: number;
}

/** How any call goes. */
export interface CallOptions {
  /** Ends the call as soon as it is aborted; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called at the begin and the end of every stage, and between levels. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/**
 * How a painting is looked at, and how the call goes.
 *
 * @typeParam Mask what a mask may be: pixels, or what they are read from where a model takes that.
 */
export interface StyleOptions<Mask = Picture> extends CallOptions, StyleControls {
  /**
   * The part of the painting that is a source: white where it is, black where it is not; of any
   * size, stretched over the painting. It limits the positions that M and S are averages of; keys
   * are normalized over the whole painting all the same.
   */
  readonly mask?: Mask | undefined;
}

/** How a photograph is painted at its own size, and how the call goes. */
export interface PaintOptions extends CallOptions, PaintControls, StrokeControls, TileControls {
  /**
   * Statistics that this photograph shares with those painted before it with the same object, such
   * as the frames of a scene. Calls must then be made in their order. A photograph goes by its own
   * statistics by default.
   */
  readonly statistics?: RunningStatistics | undefined;
}

/** How a frame is looked at that is not painted: as it would be painted with these styles. */
export interface ObserveOptions extends CallOptions, Pick<PaintControls, "grain"> {
  readonly styles?: Style | readonly StyleShare[] | undefined;
}

/** How a photograph is painted, how large, and how the call goes. */
export interface StylizeOptions extends PaintOptions, SizeControls {}

/** Which level is looked into, and how the call goes. */
export interface InspectOptions extends CallOptions, InspectControls {}

/**
 * One of several styles.
 *
 * @typeParam Mask what a mask may be, as in {@link StyleOptions}.
 */
export interface StyleShare<Mask = Picture> extends Omit<Portion, "mask"> {
  readonly style: Style;
  /**
   * How much it counts beside the others: a number above 0, of which only the ratio to the others'
   * matters. 1 by default.
   */
  readonly weight?: number | undefined;
  /**
   * Where in the photograph the style goes: white where it does, black where not, gray for in
   * between; of any size, stretched over the photograph. Everywhere by default. Where no style
   * goes, the photograph stays as it is.
   */
  readonly mask?: Mask | undefined;
}

/** A tile of a stylized picture: where it lies, and its pixels. */
export interface PaintedTile {
  readonly left: number;
  readonly top: number;
  readonly picture: Picture & { readonly data: Uint8ClampedArray<ArrayBuffer> };
}

/** A style as tensors by name. */
export type SavedStyle = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** A stylized picture, of the size that the photograph was painted at and with its alpha. */
export interface StylizedPicture extends Picture, StylizeReport {
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** How a photograph was painted. */
export interface StylizeReport {
  /** How long each stage took; styles that were recolored to match count to `encode`. */
  readonly milliseconds: { readonly encode: number; readonly attend: number; readonly decode: number };
  /** The controls that it was painted by; weights sum to 1. */
  readonly controls: Required<PaintControls> & { readonly weights: readonly number[] };
  /** Sentences on what was done to masks that did not fit. */
  readonly notes: readonly string[];
  /** In how many tiles it was painted: 1 where it was painted whole. */
  readonly tiles: number;
}
