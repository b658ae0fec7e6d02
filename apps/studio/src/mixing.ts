/** The mixing pad: paintings lie around it, and a marker between them says how much each counts. */

import type { PadPoint } from "./settings.ts";

/**
 * Where so many paintings lie: two at the left and right, three in a triangle, four in the corners.
 */
export function padCorners(count: number): readonly PadPoint[] {
  if (count <= 1) return [{ x: 0.5, y: 0.5 }];
  if (count === 2)
    return [
      { x: 0, y: 0.5 },
      { x: 1, y: 0.5 },
    ];
  if (count === 3)
    return [
      { x: 0, y: 1 },
      { x: 0.5, y: 0 },
      { x: 1, y: 1 },
    ];
  return [
    { x: 0, y: 0 },
    { x: 1, y: 0 },
    { x: 0, y: 1 },
    { x: 1, y: 1 },
  ];
}

/**
 * Weights that sum to 1, by inverse squared distance (Shepard, "A two-dimensional interpolation
 * function for irregularly-spaced data", 1968): a painting alone where the marker is on it, all
 * alike in the middle.
 */
export function padWeights(marker: PadPoint, count: number): readonly number[] {
  const squares = padCorners(count).map(({ x, y }) => (x - marker.x) ** 2 + (y - marker.y) ** 2);
  const on = squares.findIndex((square) => square < 1e-6);
  if (on >= 0) return squares.map((_, index) => (index === on ? 1 : 0));
  const inverse = squares.map((square) => 1 / square);
  const total = inverse.reduce((sum, value) => sum + value, 0);
  return inverse.map((value) => value / total);
}
