/**
 * Flags checked by the schemas of the API, so that the command allows what the API allows and says
 * no in the same words.
 */
import {
  checkControls,
  type InspectControls,
  inspectControls,
  paintControls,
  type StrokeControls,
  strokeControls,
  styleControls,
  type TileControls,
  tileControls,
} from "adaattn/internal";
import type { PaintControls, StyleControls } from "adaattn/node";
import { numberOr, UsageError } from "../terminal/usage.ts";
import type { LookFlags } from "./look.ts";

const FLAGS: Readonly<Record<string, string>> = {
  size: "--style-size",
  rotate: "--style-rotate",
  strokeBy: "--stroke-by",
};

/** @throws UsageError on the first flag that does not fit. */
export function lookControls(flags: LookFlags & { seed?: string }): StyleControls {
  const { styleSize, stroke, styleRotate, keys, seed } = flags;
  const typed = { size: styleSize, stroke, rotate: styleRotate, keys, seed };
  return checked(
    styleControls,
    Object.fromEntries(Object.entries(typed).map(([name, text]) => [name, numberOr(text)])),
  );
}

/** Flags of how pictures and frames are painted, as they were typed. */
export interface PaintFlags {
  strength?: string;
  color?: string;
  grain?: string | undefined;
}

/** @throws UsageError on the first flag that does not fit. */
export function paintFlags({ strength, color, grain }: PaintFlags): PaintControls {
  return checked(paintControls, { strength: numberOr(strength), color, grain: numberOr(grain) });
}

/** @throws UsageError where it is nothing that strokes go by. */
export function strokeByFlag(strokeBy: string | undefined): StrokeControls["strokeBy"] {
  return checked(strokeControls, { strokeBy }).strokeBy;
}

/** @throws UsageError where it is no size of tiles. */
export function tileFlag(tile: string | undefined): TileControls["tile"] {
  return checked(tileControls, { tile: numberOr(tile) }).tile;
}

/** @throws UsageError where there is no such level. */
export function inspectLevel(level: number | string | undefined): InspectControls["level"] {
  return checked(inspectControls, { level }).level;
}

function checked<Schema extends Parameters<typeof checkControls>[0]>(schema: Schema, value: unknown) {
  try {
    return checkControls(schema, value, (control) => FLAGS[control] ?? `--${control}`);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
