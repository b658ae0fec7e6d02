/**
 * Two-dimensional convolution (cross-correlation, as everywhere in this field) with zero padding.
 *
 * Gradients for stride 1, y = conv(x, w) + b with padding p and kernel k, and an arriving dy:
 *   dx = conv(dy, w with its kernel flipped and its channels swapped), with padding k - 1 - p.
 *   dw[o, c, i, j] = sum over samples and positions of dy[o] * x[c] shifted by (i, j): one matrix product per kernel
 *   position on a CPU; on a GPU one convolution whose samples are the channels (N and C swapped in x and dy).
 *   db = dy summed over samples and positions.
 */

import { addDimensions, divideDimension, sameDimension } from "../dimension.ts";
import { generate, type NdArray, reader, zeros } from "../ndarray.ts";
import { dimensionAt, formatShape, type Shape, staticShape, stridesOf } from "../shape.ts";
import { applyOne, type Emitter, expectRank, expectType, inputOf, type Operator, type Tensor } from "../tensor.ts";
import { flip, transpose } from "./layout.ts";
import { emitMinimalFiltering, gainsByMinimalFiltering } from "./minimalFiltering.ts";
import { reduceSum } from "./reduce.ts";

export interface ConvolutionOptions {
  /** [O] added to every position; none by default. */
  readonly bias?: Tensor;
  /** Steps between positions; 1 by default. */
  readonly stride?: number;
  /** Zeros on every side; 0 by default. */
  readonly padding?: number;
}

interface ConvolutionAttributes {
  readonly stride: number;
  readonly padding: number;
}

const convolutionOperator: Operator<ConvolutionAttributes> = {
  name: "convolution",
  infer([x, weight, bias], { stride, padding }) {
    if (x === undefined || weight === undefined) throw new Error("Expected a picture and a weight for convolution");
    expectType(x, "float32", "convolution");
    expectRank(x, 4, "the picture of convolution");
    expectRank(weight, 4, "the weight of convolution");
    const [samples, channels] = [dimensionAt(x.shape, 0), dimensionAt(x.shape, 1)];
    const [outputs, inputs] = [dimensionAt(weight.shape, 0), dimensionAt(weight.shape, 1)];
    if (!sameDimension(channels, inputs)) {
      throw new Error(
        `Expected a weight for ${channels} channels for convolution of ${formatShape(x.shape)} but received ${formatShape(weight.shape)}`,
      );
    }
    if (bias !== undefined && (bias.shape.length !== 1 || !sameDimension(dimensionAt(bias.shape, 0), outputs))) {
      throw new Error(`Expected a bias of [${outputs}] for convolution but received ${formatShape(bias.shape)}`);
    }
    const sides = [2, 3].map((axis) => {
      const kernel = staticShape(weight.shape, "the weight of convolution")[axis] ?? 1;
      const span = addDimensions(dimensionAt(x.shape, axis), 2 * padding - kernel);
      if (typeof span === "number" && span < 0) {
        throw new Error(
          `Expected at least ${kernel} elements a side for convolution but received ${formatShape(x.shape)}`,
        );
      }
      return addDimensions(divideDimension(span, stride), 1);
    });
    return [{ shape: [samples, outputs, ...sides], type: "float32" }];
  },
  evaluate([x, weight, bias], { stride, padding }, [shape]) {
    if (x === undefined || weight === undefined || shape === undefined) return [];
    const [, channels = 1, height = 1, width = 1] = x.shape;
    const [, , kernelHeight = 1, kernelWidth = 1] = weight.shape;
    const [readX, readWeight] = [reader(x), reader(weight)];
    return [
      generate(shape, ([n = 0, o = 0, row = 0, column = 0]) => {
        let sum = bias?.data[o] ?? 0;
        for (let c = 0; c < channels; c++) {
          for (let i = 0; i < kernelHeight; i++) {
            for (let j = 0; j < kernelWidth; j++) {
              const [r, s] = [row * stride + i - padding, column * stride + j - padding];
              if (r >= 0 && s >= 0 && r < height && s < width) sum += readX([n, c, r, s]) * readWeight([o, c, i, j]);
            }
          }
        }
        return sum;
      }),
    ];
  },
  gradient(node, { stride, padding }, [dy]) {
    if (dy === undefined) return [];
    if (stride !== 1) throw new Error(`Expected stride 1 for the gradient of convolution but received ${stride}`);
    const [x, weight] = [inputOf(node, 0), inputOf(node, 1)];
    const [, , kernelHeight = 1, kernelWidth = 1] = staticShape(weight.shape, "the gradient of convolution");
    if (kernelHeight !== kernelWidth) {
      throw new Error(
        `Expected a square kernel for the gradient of convolution but received ${formatShape(weight.shape)}`,
      );
    }
    const flipped = kernelHeight === 1 ? weight : flip(weight, [2, 3]);
    return [
      convolution(dy, transpose(flipped, [1, 0, 2, 3]), { padding: kernelHeight - 1 - padding }),
      convolutionWeightGradient(x, dy, weight.shape, padding),
      ...(node.inputs.length > 2 ? [reduceSum(dy, [0, 2, 3])] : []),
    ];
  },
  emit(emitter, [x = "", weight = "", ...bias], { stride, padding }, node) {
    const [[samples], [outputs = 1, inputs = 1, kernel = 1]] = [
      inputOf(node, 0).shape,
      staticShape(inputOf(node, 1).shape, "the weight of convolution"),
    ];
    const plain = kernel === 3 && stride === 1 && padding === 0 && typeof samples === "number";
    if (emitter.minimalFiltering && plain && gainsByMinimalFiltering(inputs, outputs))
      return emitMinimalFiltering(emitter, [x, weight, ...bias], { samples, channels: inputs, outputs });
    const [pads, strides] = [
      [padding, padding, padding, padding],
      [stride, stride],
    ];
    const channels = dimensionAt(inputOf(node, 0).shape, 1);
    const extra = emitter.target === "webgpu" ? missingChannels(channels) : 0;
    if (extra === 0) return emitter.add("Conv", [x, weight, ...bias], { pads, strides });
    const padded = [x, weight].map((value) =>
      emitter.one("Pad", [value, emitter.integers([0, 0, 0, 0, 0, extra, 0, 0])], { mode: "constant" }),
    );
    return emitter.add("Conv", [...padded, ...bias], { pads, strides });
  },
};

/**
 * How many channels of zeros a WebGPU convolution needs before it is right: ONNX Runtime 1.30
 * computes wrong values where the channels are a multiple of 3, above 3 and not a multiple of 4.
 */
function missingChannels(channels: ReturnType<typeof dimensionAt>): number {
  if (typeof channels !== "number" || channels <= 3 || channels % 3 !== 0 || channels % 4 === 0) return 0;
  return 4 - (channels % 4);
}

/** x ([N, C, H, W]) convolved with `weight` ([O, C, k, k]). */
export function convolution(x: Tensor, weight: Tensor, options: ConvolutionOptions = {}): Tensor {
  const { bias, stride = 1, padding = 0 } = options;
  return applyOne(convolutionOperator, bias ? [x, weight, bias] : [x, weight], { stride, padding });
}

const weightGradientOperator: Operator<{ shape: Shape; padding: number }> = {
  name: "convolutionWeightGradient",
  infer: (_, { shape }) => [{ shape, type: "float32" }],
  evaluate([x, dy], { padding }, [shape]): readonly NdArray[] {
    if (x === undefined || dy === undefined || shape === undefined) return [];
    const result = zeros(shape);
    const strides = stridesOf(shape);
    const [, channels = 1, height = 1, width = 1] = x.shape;
    const [, , kernelHeight = 1, kernelWidth = 1] = shape;
    const readX = reader(x);
    let source = 0;
    generate(dy.shape, ([n = 0, o = 0, row = 0, column = 0]) => {
      const value = dy.data[source++] ?? 0;
      for (let c = 0; c < channels; c++) {
        for (let i = 0; i < kernelHeight; i++) {
          for (let j = 0; j < kernelWidth; j++) {
            const [r, s] = [row + i - padding, column + j - padding];
            if (r < 0 || s < 0 || r >= height || s >= width) continue;
            const at = o * (strides[0] ?? 0) + c * (strides[1] ?? 0) + i * (strides[2] ?? 0) + j;
            result.data[at] = (result.data[at] ?? 0) + value * readX([n, c, r, s]);
          }
        }
      }
      return 0;
    });
    return [result];
  },
  gradient: "none",
  emit(emitter, [x = "", dy = ""], { shape, padding }, node) {
    const [outputs = 1, channels = 1, kernel = 1] = staticShape(shape, "the gradient of convolution");
    const picture = staticShape(inputOf(node, 0).shape, "the gradient of convolution");
    if (emitter.target === "cpu")
      return emitByProducts(emitter, x, dy, { outputs, channels, kernel, padding, picture });
    const [swappedX, swappedDy] = [x, dy].map((value) => emitter.one("Transpose", [value], { perm: [1, 0, 2, 3] }));
    const pads = [padding, padding, padding, padding];
    const swapped = emitter.one("Conv", [swappedX ?? "", swappedDy ?? ""], { pads, strides: [1, 1] });
    return emitter.add("Transpose", [swapped], { perm: [1, 0, 2, 3] });
  },
};

interface WeightGradientSizes {
  readonly outputs: number;
  readonly channels: number;
  readonly kernel: number;
  readonly padding: number;
  readonly picture: readonly number[];
}

/**
 * The weight's gradient as one matrix product per kernel position, dy times the picture shifted by
 * that position.
 */
function emitByProducts(emitter: Emitter, x: string, dy: string, sizes: WeightGradientSizes): readonly string[] {
  const { outputs, channels, kernel, padding, picture } = sizes;
  const [samples = 1, , height = 1, width = 1] = picture;
  const [rows, columns] = [height + 2 * padding - kernel + 1, width + 2 * padding - kernel + 1];
  const margins = [0, 0, padding, padding, 0, 0, padding, padding];
  const padded = padding === 0 ? x : emitter.one("Pad", [x, emitter.integers(margins)], { mode: "constant" });
  const flat = (value: string) => emitter.one("Reshape", [value, emitter.integers([0, 0, -1])]);
  const gradient = flat(dy);
  const products: string[] = [];
  for (let i = 0; i < kernel; i++) {
    for (let j = 0; j < kernel; j++) {
      const bounds = [
        [i, j],
        [i + rows, j + columns],
        [2, 3],
      ].map((values) => emitter.integers(values));
      const shifted = kernel === 1 ? padded : emitter.one("Slice", [padded, ...bounds]);
      products.push(emitter.one("FusedMatMul", [gradient, flat(shifted)], { transB: 1 }, { domain: "com.microsoft" }));
    }
  }
  const joined = products.length === 1 ? products[0] : emitter.one("Concat", products, { axis: 0 });
  const grouped = emitter.one("Reshape", [
    joined ?? "",
    emitter.integers([kernel * kernel, samples, outputs, channels]),
  ]);
  const summed = emitter.one("ReduceSum", [grouped, emitter.integers([1])], { keepdims: 0 });
  const last = emitter.one("Transpose", [summed], { perm: [1, 2, 0] });
  return emitter.add("Reshape", [last, emitter.integers([outputs, channels, kernel, kernel])]);
}

/**
 * The gradient of a stride-1 convolution's weight of `shape`, for its picture x and its output's
 * gradient dy.
 */
function convolutionWeightGradient(x: Tensor, dy: Tensor, shape: Shape, padding: number): Tensor {
  return applyOne(weightGradientOperator, [x, dy], { shape, padding });
}
