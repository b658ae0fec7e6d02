/**
 * A tensor graph: typed operators, shapes, gradients, a float64 interpreter, printing and ONNX
 * bytes.
 */

export { type Dimension, evaluateDimension, multiplyDimensions, SymbolicDimension, symbol } from "./dimension.ts";
export { gradients } from "./gradient.ts";
export { evaluate } from "./interpreter.ts";
export { type NdArray, ndarray } from "./ndarray.ts";
export { type Field, readFields } from "./onnx/protobuf.ts";
export { type OnnxOptions, type StoredConstant, toOnnx } from "./onnx/writer.ts";
export { attendMoments } from "./operators/attention.ts";
export { type ConvolutionOptions, convolution } from "./operators/convolution.ts";
export {
  absolute,
  add,
  addAll,
  divide,
  equal,
  exp,
  greater,
  log,
  maximum,
  minimum,
  multiply,
  negate,
  reciprocal,
  relu,
  scale,
  sign,
  sqrt,
  square,
  subtract,
  wakingRelu,
  where,
} from "./operators/elementwise.ts";
export { concat, flip, gather, type Range, reshape, scatterAdd, slice, transpose } from "./operators/layout.ts";
export { constant, type InputAttributes, input, inputsOf } from "./operators/leaf.ts";
export { type MatmulOptions, matmul } from "./operators/matmul.ts";
export {
  attendMomentsLinear,
  deviationOf,
  type LinearSums,
  linearSums,
  moments,
  reducedCount,
  unitLength,
} from "./operators/normalize.ts";
export { type Margin, type PadMode, pad, pad2d } from "./operators/pad.ts";
export { averagePool, maxPool } from "./operators/pool.ts";
export { broadcastTo, kthLargest, reduceMax, reduceMean, reduceSum, sumTo } from "./operators/reduce.ts";
export { type ResizeMode, resize, upsample } from "./operators/resize.ts";
export { softmax } from "./operators/softmax.ts";
export { detach, turnGradient } from "./operators/turn.ts";
export { print } from "./print.ts";
export { formatShape, type Shape, sizeOf, staticShape } from "./shape.ts";
export type { DataType, Target, Tensor, TensorType } from "./tensor.ts";
