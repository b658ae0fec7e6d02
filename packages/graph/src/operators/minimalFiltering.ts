/**
 * 3x3 convolutions by minimal filtering, F(4x4, 3x3): every 4x4 outputs take 36 multiplications for
 * each pair of channels instead of 144 (Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks", CVPR 2016, section 4).
 *
 * For an input tile d of 6x6 and a kernel g: y = A^T [(G g G^T) * (B^T d B)] A. The products of all
 * channels are 36 matrix products. Both transformations are linear: on all tiles at once B^T d B is
 * one convolution of stride 4 with 36 fixed filters, A^T m A one product with a matrix of 16 x 36.
 * The channels stand below one another in a single plane meanwhile, each with a number of rows that
 * is a multiple of 4, so that the 36 products find their operands in order and nothing is
 * transposed. They are taken in two halves, whose shares of y add up: so half of the transformed
 * tiles are in memory at a time.
 *
 * The rounding error is about 10 times that of the plain sum, some 1e-6 of the largest value.
 */

import type { Emitter } from "../tensor.ts";

const INPUT = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];
const KERNEL = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
];
const OUTPUT = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];

/**
 * The Kronecker product of a matrix with itself: what the matrix does to the rows and columns of a
 * tile, on flat tiles.
 */
function squared(matrix: readonly (readonly number[])[]): Float32Array {
  return Float32Array.from(
    matrix.flatMap((rows) => matrix.flatMap((columns) => rows.flatMap((a) => columns.map((b) => a * b)))),
  );
}

const [INPUT_FILTERS, KERNEL_PRODUCT, OUTPUT_PRODUCT] = [squared(INPUT), squared(KERNEL), squared(OUTPUT)];

/**
 * Of the 36 products, those of a half, and the rows or columns of the transformations that belong
 * to them.
 */
const HALF = 18;
const HALVES = [0, HALF].map((first) => ({
  filters: INPUT_FILTERS.slice(first * 36, (first + HALF) * 36),
  kernel: KERNEL_PRODUCT.slice(first * 9, (first + HALF) * 9),
  output: OUTPUT_PRODUCT.filter((_, i) => i % 36 >= first && i % 36 < first + HALF),
}));

/**
 * With fewer channels on either side, passing through memory costs more than the products save
 * (measured at 512 x 512).
 */
const LEAST_CHANNELS = 256;

/** Whether a convolution of `channels` to `outputs` is the faster so. */
export function gainsByMinimalFiltering(channels: number, outputs: number): boolean {
  return channels >= LEAST_CHANNELS && outputs >= LEAST_CHANNELS;
}

interface MinimalFiltering {
  readonly samples: number;
  readonly channels: number;
  readonly outputs: number;
}

/**
 * Adds the convolution of x ([N, C, H + 2, W + 2]) with `weight` ([O, C, 3, 3]) and `bias` ([O]),
 * if there is one.
 */
export function emitMinimalFiltering(
  emitter: Emitter,
  [x = "", weight = "", bias]: readonly string[],
  { samples, channels, outputs }: MinimalFiltering,
): readonly string[] {
  const sizes = (value: string, axis: number) => emitter.one("Shape", [value], { start: axis });
  const reshape = (value: string, shape: readonly number[]) => emitter.one("Reshape", [value, emitter.integers(shape)]);

  // Tiles of 6 rows and columns begin 4 apart: up to 3 more columns, and rows such that the next
  // channel's tiles begin 4 apart too.
  const sides = emitter.one("Sub", [sizes(x, 2), emitter.integers([2])]);
  const missing = emitter.one("Mod", [emitter.one("Neg", [sides]), emitter.integers([4])]);
  const after = emitter.one("Add", [missing, emitter.integers([2, 0])]);
  const pads = emitter.one("Concat", [emitter.integers([0, 0, 0, 0, 0, 0]), after], { axis: 0 });
  const plane = reshape(emitter.one("Pad", [x, pads], { mode: "constant" }), [1, 1, -1, 0]);

  // A shape that is known only when the model runs: otherwise an engine would keep the transformed
  // kernels, four times the weight.
  const none = emitter.one("Sub", [sides, sides]);
  const byTaps = emitter.one("Add", [none, emitter.integers([outputs * channels, 9])]);
  const taps = emitter.one("Transpose", [emitter.one("Reshape", [weight, byTaps])], { perm: [1, 0] });

  let [tiles, values] = ["", ""];
  for (const { filters, kernel, output } of HALVES) {
    const fixed = emitter.floats(filters, [HALF, 1, 6, 6]);
    tiles = emitter.one("Conv", [plane, fixed], { strides: [4, 4], pads: [0, 0, 2, 0] });
    const kernels = emitter.one("MatMul", [emitter.floats(kernel, [HALF, 9]), taps]);
    const products = emitter.one("MatMul", [
      reshape(kernels, [HALF, 1, outputs, channels]),
      reshape(tiles, [HALF, samples, channels, -1]),
    ]);
    const share = [emitter.floats(output, [16, HALF]), reshape(products, [HALF, -1])];
    values = values === "" ? emitter.one("MatMul", share) : emitter.one("Gemm", [...share, values]);
  }
  const blocks = emitter.one("Concat", [emitter.integers([1, 16, -1]), sizes(tiles, 3)], { axis: 0 });
  const joined = emitter.one("DepthToSpace", [emitter.one("Reshape", [values, blocks])], { blocksize: 4 });
  const whole = reshape(joined, [samples, outputs, -1, 0]);
  const y = emitter.one("Slice", [whole, emitter.integers([0, 0]), sides, emitter.integers([2, 3])]);
  return bias === undefined ? [y] : emitter.add("Add", [y, reshape(bias, [outputs, 1, 1])]);
}
