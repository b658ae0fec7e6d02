/**
 * The whole network in one graph, from content and style to the stylized picture: what training
 * differentiates and what the parity test reads. Stylization runs the same pieces as separate parts
 * (parts.ts), so that a style is computed once.
 */

import type { Tensor } from "@adaattn/graph";
import type { Architecture } from "./architecture.ts";
import {
  attendTo,
  contentQueries,
  modulate,
  type StyleMaps,
  type StyleValues,
  styleValues,
  tokens,
} from "./attention.ts";
import { decode } from "./decoder.ts";
import { encode } from "./encoder.ts";
import { attentionKeys, type BeforeNorm, flattenPositions, normalize } from "./keys.ts";
import type { Weights } from "./parameters.ts";

/** How {@link attend} goes. */
export interface AttendOptions {
  /** Style positions (int64 [M]) by level; all positions where a level has none. */
  readonly chosen?: ReadonlyMap<number, Tensor>;
  /**
   * Attends in another form than the architecture's kind of attention has here, to be compared with
   * it.
   */
  readonly form?: ((style: StyleValues, queries: Tensor) => StyleMaps) | undefined;
  /** Put before every Norm, on the features of one level at a time; nothing by default. */
  readonly beforeNorm?: BeforeNorm | undefined;
}

/**
 * The attended features of every module's level, from content and style features (all levels,
 * shallow to deep).
 */
export function attend(
  architecture: Architecture,
  content: readonly Tensor[],
  style: readonly Tensor[],
  weights: Weights,
  { chosen, form, beforeNorm = (x) => x }: AttendOptions = {},
): Map<number, Tensor> {
  const { kind } = architecture.attention;
  const attended = new Map<number, Tensor>();
  for (const module of architecture.attention.modules) {
    const { level } = module;
    const [own, painted] = [content[level - 1], style[level - 1]];
    if (own === undefined || painted === undefined)
      throw new Error(`Expected features of level ${level} but received none`);
    const keys = attentionKeys(style, level, beforeNorm);
    const values = styleValues(module, keys, flattenPositions(painted), weights, chosen?.get(level));
    const queries = tokens(contentQueries(module, attentionKeys(content, level, beforeNorm), weights));
    attended.set(
      level,
      modulate(normalize(beforeNorm(own)), form?.(values, queries) ?? attendTo(values, queries, kind)),
    );
  }
  return attended;
}

/**
 * Everything on the way from two pictures ([N, 3, H, W] each, sizes may differ) to the stylized
 * one.
 */
export function stylize(
  architecture: Architecture,
  content: Tensor,
  style: Tensor,
  weights: Weights,
  options?: AttendOptions,
) {
  const contentFeatures = encode(content, architecture.encoder, weights);
  const styleFeatures = encode(style, architecture.encoder, weights);
  const attended = attend(architecture, contentFeatures, styleFeatures, weights, options);
  return { contentFeatures, styleFeatures, attended, output: decode(architecture, attended, weights) };
}
