import {
  attendMoments,
  constant,
  convolution,
  gradients,
  input,
  maxPool,
  pad2d,
  print,
  reduceMean,
  reduceSum,
  relu,
  square,
  symbol,
} from "@adaattn/graph";
import { expect, test } from "vitest";

test("a graph is printed one line a node, in the order of computation", () => {
  const height = symbol("h");
  const x = input("x", [1, 1, height, 4]);
  const weight = constant(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), [1, 1, 3, 3]);
  const features = relu(convolution(pad2d(x, 1, "reflect"), weight, { bias: constant(Float32Array.of(0.5), [1]) }));
  expect(print([reduceMean(features, [2, 3]), features])).toMatchInlineSnapshot(`
    "%0 = input() name=x : float32[1, 1, h, 4]
    %1 = pad(%0) margins=[axis:2 before:1 after:1, axis:3 before:1 after:1] mode=reflect : float32[1, 1, h+2, 6]
    %2 = constant() data=[1, 2, 3, 4, ... 9 values] : float32[1, 1, 3, 3]
    %3 = constant() data=[0.5] : float32[1]
    %4 = convolution(%1, %2, %3) stride=1 padding=0 : float32[1, 1, h, 4]
    %5 = relu(%4) : float32[1, 1, h, 4]
    %6 = reduceMean(%5) axes=[2, 3] keepAxes=false : float32[1, 1]
    return %6, %5"
  `);
});

test("a node of several outputs is printed with all of them", () => {
  const tokens = input("tokens", [1, 3, 2]);
  const { second } = attendMoments(tokens, tokens, tokens, 0.5);
  expect(print([second])).toMatchInlineSnapshot(`
    "%0 = input() name=tokens : float32[1, 3, 2]
    %1, %2 = attendMoments(%0, %0, %0) scale=0.5 : float32[1, 3, 2], float32[1, 3, 2]
    return %2"
  `);
});

test("the gradient of a convolution's loss can be read", () => {
  const [x, weight, bias] = [input("x", [1, 2, 5, 5]), input("weight", [3, 2, 3, 3]), input("bias", [3])];
  const loss = reduceSum(square(relu(convolution(x, weight, { bias }))));
  expect(print(gradients(loss, [x, weight, bias]))).toMatchInlineSnapshot(`
    "%0 = constant() data=[1] : float32[]
    %1 = reshape(%0) : float32[1, 1, 1, 1]
    %2 = broadcastTo(%1) : float32[1, 3, 3, 3]
    %3 = input() name=x : float32[1, 2, 5, 5]
    %4 = input() name=weight : float32[3, 2, 3, 3]
    %5 = input() name=bias : float32[3]
    %6 = convolution(%3, %4, %5) stride=1 padding=0 : float32[1, 3, 3, 3]
    %7 = relu(%6) : float32[1, 3, 3, 3]
    %8 = multiply(%2, %7) : float32[1, 3, 3, 3]
    %9 = multiply(%2, %7) : float32[1, 3, 3, 3]
    %10 = add(%8, %9) : float32[1, 3, 3, 3]
    %11 = sign(%7) : float32[1, 3, 3, 3]
    %12 = multiply(%10, %11) : float32[1, 3, 3, 3]
    %13 = slice(%4) axis=2 start=0 step=-1 : float32[3, 2, 3, 3]
    %14 = slice(%13) axis=3 start=0 step=-1 : float32[3, 2, 3, 3]
    %15 = transpose(%14) permutation=[1, 0, 2, 3] : float32[2, 3, 3, 3]
    %16 = convolution(%12, %15) stride=1 padding=2 : float32[1, 2, 5, 5]
    %17 = convolutionWeightGradient(%3, %12) padding=0 : float32[3, 2, 3, 3]
    %18 = reduceSum(%12) axes=[0, 2, 3] keepAxes=false : float32[3]
    return %16, %17, %18"
  `);
});

test("the gradient of a maximum is its upsampled share", () => {
  const x = input("x", [1, 1, 4, 4]);
  expect(print(gradients(reduceSum(maxPool(x, 2)), [x]))).toMatchInlineSnapshot(`
    "%0 = input() name=x : float32[1, 1, 4, 4]
    %1 = maxPool(%0) kernel=2 ceil=false : float32[1, 1, 2, 2]
    %2 = upsample(%1) factor=2 : float32[1, 1, 4, 4]
    %3 = equal(%0, %2) : bool[1, 1, 4, 4]
    %4 = constant() data=[1] : float32[]
    %5 = constant() data=[0] : float32[]
    %6 = where(%3, %4, %5) : float32[1, 1, 4, 4]
    %7 = constant() data=[1] : float32[]
    %8 = reshape(%7) : float32[1, 1, 1, 1]
    %9 = broadcastTo(%8) : float32[1, 1, 2, 2]
    %10 = averagePool(%6) kernel=2 ceil=false : float32[1, 1, 2, 2]
    %11 = constant() data=[4] : float32[]
    %12 = multiply(%10, %11) : float32[1, 1, 2, 2]
    %13 = divide(%9, %12) : float32[1, 1, 2, 2]
    %14 = upsample(%13) factor=2 : float32[1, 1, 4, 4]
    %15 = multiply(%6, %14) : float32[1, 1, 4, 4]
    return %15"
  `);
});
