/**
 * Losses that look at how strong the waves and details of a picture are, window by window, after
 * training/torch/losses.py. Windows are sorted by how lively they are, so that a grid in a flat sky
 * is not made up for by a forest, and a sky is compared with the calm places of the painting.
 *
 *   weave: waves of the periods that upsampling leaves behind are no stronger than their neighbors.
 *   strokes: details of the result are as strong as those of the painting, calmest places against calmest.
 */

import {
  absolute,
  add,
  addAll,
  averagePool,
  constant,
  equal,
  gather,
  greater,
  log,
  matmul,
  multiply,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  resize,
  scale,
  slice,
  square,
  subtract,
  type Tensor,
  transpose,
  where,
} from "@adaattn/graph";
import { luminance } from "./likeness.ts";

/** The side of a window, in pixels; neighboring windows overlap by half. */
const WINDOW = 32;

/** Added to energies before their logarithm: a tenth of a gray level, below which nothing is seen. */
const FLOOR = constant(1e-6);

/** The logarithm of what is at least 0. */
const logarithm = (energy: Tensor) => log(add(energy, FLOOR));

/** Booleans as numbers, 1 where they hold. */
const indicator = (condition: Tensor) => where(condition, constant(1), constant(0));

/**
 * The place of every value [N, M] among those of its row, 0 being the least; of equal ones the
 * first comes first. Nothing flows back through it.
 */
function ranks(values: Tensor): Tensor {
  const [samples = 1, count = 1] = values.shape;
  const [own, others] = [reshape(values, [samples, count, 1]), reshape(values, [samples, 1, count])];
  const length = Number(count);
  const earlier = Float32Array.from({ length: length * length }, (_, at) =>
    at % length < Math.floor(at / length) ? 1 : 0,
  );
  const equals = multiply(indicator(equal(own, others)), constant(earlier, [1, length, length]));
  return reduceSum(add(indicator(greater(own, others)), equals), [2]);
}

/** The values of every row of [N, M], rising. */
function sorted(values: Tensor): Tensor {
  const [samples = 1, count = 1] = values.shape;
  const places = constant(
    Float32Array.from({ length: Number(count) }, (_, at) => at),
    [1, Number(count), 1],
  );
  const order = indicator(equal(places, reshape(ranks(values), [samples, 1, count])));
  return reshape(matmul(order, reshape(values, [samples, count, 1])), [samples, count]);
}

/** Windows of maps [N, 1, S, S]: [N, windows, WINDOW x WINDOW]. */
function windowsOf(maps: Tensor): Tensor {
  const [samples = 1, , side] = maps.shape;
  const count = Math.floor((Number(side) - WINDOW) / (WINDOW / 2)) + 1;
  const positions = constant(
    BigInt64Array.from({ length: count * WINDOW }, (_, at) =>
      BigInt(Math.floor(at / WINDOW) * (WINDOW / 2) + (at % WINDOW)),
    ),
    [count * WINDOW],
  );
  const unfolded = gather(gather(maps, positions, 2), positions, 3);
  const parted = transpose(reshape(unfolded, [samples, count, WINDOW, count, WINDOW]), [0, 1, 3, 2, 4]);
  return reshape(parted, [samples, count * count, WINDOW * WINDOW]);
}

/** A wave, as its periods in a window along rows and along columns. */
type Wave = readonly [rows: number, columns: number];

/** Waves of 8, 4 and 2 pixels along rows, columns and diagonals: the grids of upsampling. */
const PEAKS: readonly Wave[] = [
  [4, 0],
  [0, 4],
  [4, 4],
  [4, -4],
  [8, 4],
  [4, 8],
  [8, 0],
  [0, 8],
  [8, 8],
  [8, -8],
  [16, 0],
  [0, 16],
  [16, 16],
  [16, 8],
  [8, 16],
];

/** The waves a little longer and shorter than a peak. */
function neighborsOf([rows, columns]: Wave): Wave[] {
  const along: Wave[] = rows === 0 ? [] : [3, -3].map((shift) => [rows + shift, columns]);
  const across: Wave[] = columns === 0 ? [] : [3, -3].map((shift) => [rows, columns + shift]);
  return [...along, ...across];
}

/** The cosine of every wave over a window, and the sine: [WINDOW x WINDOW, 2 x waves]. */
function waveMatrix(waves: readonly Wave[]): Tensor {
  const parts = [Math.cos, Math.sin].flatMap((part) => waves.map((wave) => [part, wave] as const));
  const matrix = new Float32Array(WINDOW * WINDOW * parts.length);
  for (let pixel = 0; pixel < WINDOW * WINDOW; pixel++) {
    const [row, column] = [Math.floor(pixel / WINDOW), pixel % WINDOW];
    parts.forEach(([part, [rows, columns]], at) => {
      matrix[pixel * parts.length + at] = part((2 * Math.PI * (rows * row + columns * column)) / WINDOW);
    });
  }
  return constant(matrix, [WINDOW * WINDOW, parts.length]);
}

/** A Hann window in both directions: [WINDOW x WINDOW]. */
function taper(): Tensor {
  const bell = (at: number) => Math.sin((Math.PI * at) / WINDOW) ** 2;
  return constant(
    Float32Array.from({ length: WINDOW * WINDOW }, (_, at) => bell(Math.floor(at / WINDOW)) * bell(at % WINDOW)),
    [WINDOW * WINDOW],
  );
}

/** Into how many parts windows are divided, from the calmest to the liveliest. */
const PARTS = 4;

/**
 * The shares of windows, by their places among all, in the mean of each part: [N, PARTS, windows].
 */
function shareOfParts(places: Tensor): Tensor {
  const [samples = 1, count = 1] = places.shape;
  const parts = Math.min(PARTS, Number(count));
  const starts = Array.from({ length: parts + 1 }, (_, part) => Math.ceil((part * Number(count)) / parts));
  const column = (values: readonly number[]) => constant(Float32Array.from(values), [1, parts, 1]);
  const sizes = starts.slice(1).map((end, part) => end - (starts[part] ?? 0));
  const own = reshape(places, [samples, 1, count]);
  // Places are whole numbers; bounds between them decide whatever they round to.
  const after = indicator(greater(own, column(starts.slice(0, -1).map((start) => start - 0.5))));
  const before = indicator(greater(column(starts.slice(1).map((end) => end - 0.5)), own));
  return multiply(multiply(after, before), column(sizes.map((size) => 1 / size)));
}

/**
 * How much stronger waves of 8, 4 and 2 pixels are than waves a little longer and shorter: the
 * logarithm of their energies' ratio where it is above 0, averaged over the calmest quarter of the
 * windows of each picture ([N, 3, S, S] in [0, 1], S from 32), the next quarter and so on, and
 * summed over the waves. 0 without a grid.
 */
export function weaveLoss(result: Tensor): Tensor {
  const windows = windowsOf(luminance(result));
  const tapered = multiply(subtract(windows, reduceMean(windows, [2], true)), taper());
  const byName = new Map(PEAKS.flatMap((peak) => [peak, ...neighborsOf(peak)]).map((wave) => [String(wave), wave]));
  const waves = [...byName.values()];
  const amplitudes = square(scale(matmul(tapered, waveMatrix(waves)), 1 / WINDOW));
  const cosines = slice(amplitudes, [{ axis: 2, end: waves.length }]);
  const sines = slice(amplitudes, [{ axis: 2, start: waves.length }]);
  const shares = shareOfParts(ranks(reduceSum(square(tapered), [2])));
  const energies = matmul(shares, logarithm(add(cosines, sines)));
  // A column a peak: 1 at the peak, and a share at each of its neighbors that sums to -1.
  const differences = new Float32Array(waves.length * PEAKS.length);
  PEAKS.forEach((peak, column) => {
    const neighbors = neighborsOf(peak).map(String);
    waves.forEach((wave, row) => {
      const around = neighbors.includes(String(wave)) ? 1 / neighbors.length : 0;
      differences[row * PEAKS.length + column] = (String(wave) === String(peak) ? 1 : 0) - around;
    });
  });
  const excess = matmul(energies, constant(differences, [waves.length, PEAKS.length]));
  return reduceSum(reduceMean(relu(excess), [0, 1]));
}

/** Means of maps [N, 1, S, S] in windows of `side`, which overlap by half. */
function windowMeans(maps: Tensor, side: number): Tensor {
  return [2, 3].reduce(
    (means, axis) => scale(add(slice(means, [{ axis, start: 1 }]), slice(means, [{ axis, end: -1 }])), 0.5),
    averagePool(maps, side / 2),
  );
}

/**
 * Logarithms of the energy of details of about 8, 16 and 32 pixels in every window, rising: [N,
 * windows] each.
 */
function detailEnergies(pictures: Tensor): Tensor[] {
  let seen = averagePool(luminance(pictures), 2);
  return [2, 4, 8].map((cell) => {
    const [samples = 1, , height = 1, width = 1] = seen.shape;
    const coarse = averagePool(seen, 2);
    const detail = subtract(seen, resize(coarse, height, width, "bilinear"));
    const around = windowMeans(square(detail), WINDOW / cell);
    seen = coarse;
    return sorted(logarithm(reshape(around, [samples, Number(around.shape[2]) * Number(around.shape[3])])));
  });
}

/**
 * How far the strength of the result's details is from that of the painting's, both [N, 3, S, S] in
 * [0, 1], S a multiple of 16 from 32: the mean difference of logarithms, the calmest window against
 * the calmest and so on, by size of detail.
 */
export function strokesLoss(result: Tensor, style: Tensor): Tensor {
  const painted = detailEnergies(style);
  const terms = detailEnergies(result).map((own, at) => reduceMean(absolute(subtract(own, painted[at] ?? own))));
  return scale(addAll(terms), 1 / terms.length);
}
