/** What an export is made of, what it may be asked, and what is written of it. */

import type { Architecture } from "../network/architecture.ts";
import type { WeightValues } from "../network/parameters.ts";
import type { Part } from "../network/parts.ts";
import type { Size } from "../picture/picture.ts";

/** A network and its weights. */
export interface ExportedModel {
  /** What the README calls it. */
  readonly name: string;
  readonly architecture: Architecture;
  /** Every tensor of the architecture. */
  readonly weights: WeightValues;
}

/** What `exportOnnx` may be asked. */
export interface ExportOptions {
  /** One file that does everything, or one a part; "whole" by default. */
  readonly parts?: "whole" | "split" | undefined;
  /**
   * With "whole": the size of every photograph, in pixels. By default any whose sides are multiples
   * of 16.
   */
  readonly size?: Size | undefined;
  /**
   * With "whole": the size of every painting, in pixels; 512 x 512 by default, which sets how large
   * strokes are.
   */
  readonly styleSize?: Size | undefined;
  /**
   * With `size`: the grain that the network sees on every photograph, 0 to 1, as stylization's
   * control of that name; 0 by default. It is stored pixel by pixel.
   */
  readonly grain?: number | undefined;
  /** Stores weights as 16-bit floats; computing stays in float32. False by default. */
  readonly half?: boolean | undefined;
  /**
   * Stores the encoder's weights as 8-bit integers with a factor for each channel that comes out.
   * False by default.
   */
  readonly int8Encoder?: boolean | undefined;
  /**
   * Writes only operators of opset 17 in ONNX's own domain, where there would be faster ones of
   * ONNX Runtime. False by default.
   */
  readonly portable?: boolean | undefined;
}

/** One file of an export, before it is written. */
export interface ExportedPart {
  /** Its name without `.onnx`. */
  readonly file: string;
  /** What it does, in a sentence. */
  readonly does: string;
  readonly outputs: Part;
}
