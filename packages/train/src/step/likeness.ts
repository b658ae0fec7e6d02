/**
 * Losses that compare points of feature maps by their cosine (Kolkin et al., CVPR 2019), and the
 * structure of pictures (Wang et al., 2004). They stand beside the paper's losses: the first asks
 * for the painting's details, the others keep the photograph's.
 *
 *   relaxed transport: every point of the result is like some point of the painting, and the other way round.
 *   self-similarity: points of the result are as like each other as those points of the photograph are.
 *   structure: the result's luminance goes up and down where the photograph's does.
 */

import {
  absolute,
  add,
  addAll,
  averagePool,
  constant,
  divide,
  gather,
  matmul,
  multiply,
  reduceMax,
  reduceMean,
  reduceSum,
  scale,
  square,
  subtract,
  type Tensor,
  transpose,
  unitLength,
} from "@adaattn/graph";
import { flattenPositions } from "adaattn/network";

/**
 * May choose among the positions (row-major) of a square map that has so many: int64 [M]; all of
 * them where it is undefined.
 */
export type Choose = (positions: number) => Tensor | undefined;

/** Added to lengths and sums that are divided by. */
const EPSILON = 1e-5;

/** The feature of a level, from 1. */
export function featureAt(features: readonly Tensor[], level: number): Tensor {
  const feature = features[level - 1];
  if (feature === undefined) throw new Error(`Expected a level from 1 to ${features.length} but received ${level}`);
  return feature;
}

export function positionsOf({ shape: [, , height = 1, width = 1] }: Tensor): number {
  return Number(height) * Number(width);
}

/** Points of a feature map as vectors of length 1: [N, M, C]. */
function directions(features: readonly Tensor[], level: number, choose: Choose): Tensor {
  const feature = featureAt(features, level);
  const chosen = choose(positionsOf(feature));
  const points = flattenPositions(feature);
  return unitLength(transpose(chosen === undefined ? points : gather(points, chosen, 2), [0, 2, 1]), EPSILON);
}

/**
 * How unlike the points of one feature map are to those of another (1 - cosine), the column of each
 * point of the other summing to 1: [N, M, M].
 */
export function dissimilarities(
  one: readonly Tensor[],
  other: readonly Tensor[],
  level: number,
  choose: Choose,
): Tensor {
  const cosines = matmul(directions(one, level, choose), directions(other, level, choose), { transposeB: true });
  const distances = subtract(constant(1), cosines);
  return divide(distances, add(reduceSum(distances, [1], true), constant(EPSILON)));
}

/**
 * The relaxed earth mover's distance, 1 - cosine and the mean of both ways, averaged over `levels`.
 */
export function transportLoss(
  result: readonly Tensor[],
  style: readonly Tensor[],
  levels: readonly number[] = [2, 3, 4],
  choose: Choose = () => undefined,
): Tensor {
  const ways = levels.flatMap((level) => {
    const [own, painted] = [directions(result, level, choose), directions(style, level, choose)];
    const cosines = matmul(own, painted, { transposeB: true });
    return [1, 2].map((axis) => subtract(constant(1), reduceMean(reduceMax(cosines, [axis]))));
  });
  return scale(addAll(ways), 1 / ways.length);
}

/**
 * How far the likenesses among the result's own points are from those among the photograph's,
 * averaged over `levels`.
 */
export function selfSimilarityLoss(
  result: readonly Tensor[],
  content: readonly Tensor[],
  levels: readonly number[] = [3, 4],
  choose: Choose = () => undefined,
): Tensor {
  const terms = levels.map((level) => {
    const [own, wanted] = [result, content].map((features) => dissimilarities(features, features, level, choose));
    return reduceMean(reduceSum(absolute(subtract(own as Tensor, wanted as Tensor)), [1]));
  });
  return scale(addAll(terms), 1 / terms.length);
}

/** The luminance of pictures [N, 3, H, W]: [N, 1, H, W]. */
export function luminance(pictures: Tensor): Tensor {
  return reduceSum(multiply(pictures, constant(Float32Array.of(0.299, 0.587, 0.114), [1, 3, 1, 1])), [1], true);
}

/** The side and the deviation of SSIM's Gaussian windows, in pixels. */
const WINDOW = { side: 11, deviation: 1.5 };

/** Blurs maps [N, 1, S, S] by Gaussian windows that lie in them whole. */
function blurred(maps: Tensor): Tensor {
  const side = Number(maps.shape[2]);
  const { side: window, deviation } = WINDOW;
  const bell = Array.from({ length: window }, (_, at) =>
    Math.exp(-((at - (window - 1) / 2) ** 2) / (2 * deviation ** 2)),
  );
  const sum = bell.reduce((total, value) => total + value);
  const places = side - window + 1;
  const band = new Float32Array(places * side);
  for (let place = 0; place < places; place++) {
    for (let at = 0; at < window; at++) band[place * side + place + at] = (bell[at] as number) / sum;
  }
  const rows = constant(band, [1, 1, places, side]);
  return matmul(matmul(rows, maps), rows, { transposeB: true });
}

/**
 * 1 - SSIM without its factor of brightness, on luminances of the size of `result` and half of it:
 * [N, 3, S, S] in [0, 1] each. The palette is free.
 */
export function structureLoss(result: Tensor, content: Tensor): Tensor {
  let [own, seen] = [luminance(result), luminance(content)];
  const terms: Tensor[] = [];
  for (const halved of [false, true]) {
    if (halved) [own, seen] = [averagePool(own, 2), averagePool(seen, 2)];
    const [meanOwn, meanSeen] = [blurred(own), blurred(seen)];
    const covariance = subtract(blurred(multiply(own, seen)), multiply(meanOwn, meanSeen));
    const squares = blurred(add(square(own), square(seen)));
    const variances = subtract(squares, add(square(meanOwn), square(meanSeen)));
    // (0.03)^2, as SSIM has it for values in [0, 1].
    const c2 = constant(0.0009);
    const similarity = divide(add(scale(covariance, 2), c2), add(variances, c2));
    terms.push(subtract(constant(1), reduceMean(similarity)));
  }
  return scale(addAll(terms), 1 / terms.length);
}
