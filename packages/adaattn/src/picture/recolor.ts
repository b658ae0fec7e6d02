/**
 * The two ways to keep the colors of a photograph (Gatys et al., "Preserving Color in Neural
 * Artistic Style Transfer", 2016): give the painting the photograph's colors before its style is
 * taken, or take only the lightness of the result.
 */

import { fromOklab, type Rgb, toOklab } from "./oklab.ts";
import type { Picture } from "./picture.ts";

/** A symmetric matrix of three rows. */
type Matrix = readonly [Rgb, Rgb, Rgb];

interface ColorStatistics {
  readonly mean: Rgb;
  readonly covariance: Matrix;
}

/**
 * What is added to each variance, in bytes squared, so that pictures of few colors can be matched
 * too.
 */
const LEAST_VARIANCE = 1;

/**
 * The painting with the colors of the photograph, by CORAL (Sun et al., 2016): with means m and
 * covariances C of red, green and blue, every pixel x becomes C_photograph^(1/2) C_painting^(-1/2)
 * (x - m_painting) + m_photograph, clamped.
 *
 * @param weights how much each pixel of the photograph counts, such as a region's mask; its alpha
 *   counts besides.
 */
export function matchColors(painting: Picture, photograph: Picture, weights?: Float32Array): Picture {
  const sums = new ColorSums();
  sums.add(photograph, weights);
  return matchColorSums(painting, sums);
}

/** The same, of a photograph whose parts were summed one after the other. */
export function matchColorSums(painting: Picture, photograph: ColorSums): Picture {
  const paints = new ColorSums();
  paints.add(painting);
  const [own, wanted] = [paints.statistics(), photograph.statistics()];
  const transform = product(
    power(wanted.covariance, Math.sqrt),
    power(own.covariance, (value) => 1 / Math.sqrt(value)),
  );
  const data = new Uint8ClampedArray(painting.data);
  for (let at = 0; at < data.length; at += 4) {
    const centered = own.mean.map((mean, channel) => (data[at + channel] as number) - mean);
    const [x = 0, y = 0, z = 0] = centered;
    for (let channel = 0; channel < 3; channel++) {
      const [a, b, c] = transform[channel] as Rgb;
      data[at + channel] = a * x + b * y + c * z + (wanted.mean[channel] as number);
    }
  }
  return { width: painting.width, height: painting.height, data };
}

/**
 * The lightness (OKLab's L) of one picture with the chroma (a and b) of another of the same size,
 * and the first one's alpha.
 */
export function keepChroma(stylized: Picture, photograph: Picture): Picture & { data: Uint8ClampedArray<ArrayBuffer> } {
  const data = new Uint8ClampedArray(stylized.data);
  const { data: colors } = photograph;
  for (let at = 0; at < data.length; at += 4) {
    const [lightness] = toOklab(data[at] as number, data[at + 1] as number, data[at + 2] as number);
    const [, a, b] = toOklab(colors[at] as number, colors[at + 1] as number, colors[at + 2] as number);
    data.set(fromOklab([lightness, a, b]), at);
  }
  return { width: stylized.width, height: stylized.height, data };
}

/** Sums of colors and of their products, over pictures or parts of one. */
export class ColorSums {
  #total = 0;
  /** Of red, green and blue, and of rr, rg, rb, gg, gb and bb. */
  readonly #sums = new Float64Array(9);

  /** @param weights how much each pixel counts; its alpha counts besides. */
  add({ data }: Picture, weights?: Float32Array): void {
    let [total, r, g, b] = [0, 0, 0, 0];
    let [rr, rg, rb, gg, gb, bb] = [0, 0, 0, 0, 0, 0];
    for (let at = 0; at < data.length; at += 4) {
      const weight = ((data[at + 3] as number) / 255) * (weights === undefined ? 1 : (weights[at / 4] as number));
      const [red, green, blue] = [data[at] as number, data[at + 1] as number, data[at + 2] as number];
      total += weight;
      r += weight * red;
      g += weight * green;
      b += weight * blue;
      rr += weight * red * red;
      rg += weight * red * green;
      rb += weight * red * blue;
      gg += weight * green * green;
      gb += weight * green * blue;
      bb += weight * blue * blue;
    }
    this.#total += total;
    for (const [index, sum] of [r, g, b, rr, rg, rb, gg, gb, bb].entries())
      this.#sums[index] = (this.#sums[index] as number) + sum;
  }

  statistics(): ColorStatistics {
    const total = this.#total;
    // Where nothing counts, as in a photograph that is transparent everywhere, there are no colors
    // to speak of: gray.
    if (total === 0)
      return { mean: [127.5, 127.5, 127.5], covariance: matrix((i, j) => (i === j ? LEAST_VARIANCE : 0)) };
    const [r = 0, g = 0, b = 0, rr = 0, rg = 0, rb = 0, gg = 0, gb = 0, bb = 0] = this.#sums;
    const mean: Rgb = [r / total, g / total, b / total];
    const products = [rr, rg, rb, rg, gg, gb, rb, gb, bb];
    const covariance = matrix(
      (i, j) => (products[i * 3 + j] as number) / total - mean[i as 0] * mean[j as 0] + (i === j ? LEAST_VARIANCE : 0),
    );
    return { mean, covariance };
  }
}

const vector = (entry: (i: number) => number): Rgb => [entry(0), entry(1), entry(2)];
const matrix = (entry: (i: number, j: number) => number): Matrix => [
  vector((j) => entry(0, j)),
  vector((j) => entry(1, j)),
  vector((j) => entry(2, j)),
];

function product(left: Matrix, right: Matrix): Matrix {
  return matrix((i, j) => left[i as 0].reduce((sum, value, k) => sum + value * right[k as 0][j as 0], 0));
}

const transposed = (m: Matrix) => matrix((i, j) => m[j as 0][i as 0]);

/** A function of a symmetric matrix, applied to its eigenvalues, which Jacobi's rotations find. */
function power(symmetric: Matrix, apply: (eigenvalue: number) => number): Matrix {
  let [diagonal, vectors] = [symmetric, matrix((i, j) => (i === j ? 1 : 0))];
  for (let sweep = 0; sweep < 12; sweep++) {
    for (const [p, q] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      const angle = Math.atan2(2 * diagonal[p][q], diagonal[q][q] - diagonal[p][p]) / 2;
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      const rotation = matrix((i, j) => {
        if (i === p && j === q) return sin;
        if (i === q && j === p) return -sin;
        return i !== j ? 0 : i === p || i === q ? cos : 1;
      });
      diagonal = product(product(transposed(rotation), diagonal), rotation);
      vectors = product(vectors, rotation);
    }
  }
  const scaled = matrix((i, j) => vectors[i as 0][j as 0] * apply(Math.max(diagonal[j as 0][j as 0], 1e-9)));
  return product(scaled, transposed(vectors));
}
