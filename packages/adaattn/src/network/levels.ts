/**
 * The grid of positions that a level of features has over a picture: each level halves the one
 * before.
 */

/** A level's columns and rows in a picture of this size, which has been padded. */
export function gridOf(
  level: number,
  size: { readonly width: number; readonly height: number },
): { readonly width: number; readonly height: number } {
  const cell = cellOf(level);
  return { width: size.width / cell, height: size.height / cell };
}

/** The side in pixels of what one position of a level stands for. */
export function cellOf(level: number): number {
  return 2 ** (level - 1);
}
