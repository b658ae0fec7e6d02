/**
 * The bundled `small-video`: its weights fit, and the sums that it attends by give what the whole
 * matrix of weights does.
 */

import { input, toOnnx } from "@adaattn/graph";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  attendCosineQuadratic,
  constantWeights,
  outputOf,
  parametersOf,
  stylize,
  toPicture,
  toTensor,
} from "../src/network.ts";
import { loadModel, NodeEngine, readModel } from "../src/node.ts";
import type { Model } from "../src/root.ts";
import { waves } from "./models.ts";

let model: Model;
beforeAll(async () => {
  model = await loadModel("small-video", { device: "cpu", threads: 1 });
});
afterAll(() => model.dispose());

const [photo, painting] = [waves(64, 48, 1), waves(80, 64, 2)];

test("small-video paints by sums what the whole matrix of weights gives", async () => {
  const { architecture, weights } = await readModel("small-video");
  const shapes = [photo, painting].map(({ width, height }) => [1, 3, height, width] as const);
  const [content, style] = [input("content", shapes[0] ?? []), input("style", shapes[1] ?? [])];
  const { output } = stylize(architecture, content, style, constantWeights(parametersOf(architecture), weights), {
    form: attendCosineQuadratic,
  });
  await using engine = new NodeEngine({ threads: 1 });
  const session = await engine.load(toOnnx({ output }, { target: "cpu" }), "the quadratic form");
  const outputs = await session.run({
    content: { shape: shapes[0] ?? [], data: toTensor(photo) },
    style: { shape: shapes[1] ?? [], data: toTensor(painting) },
  });
  const expected = toPicture((await outputOf(outputs, "output").read()).data as Float32Array, photo, photo);
  const painted = await model.stylize(photo, await model.style(painting));
  expect(painted.data).toHaveLength(expected.data.length);
  expect(Math.max(...painted.data.map((value, at) => Math.abs(value - (expected.data[at] ?? 0))))).toBeLessThanOrEqual(
    1,
  );
});

test("small-video gives a photograph the colors of its painting", async () => {
  const mean = ({ data }: { readonly data: ArrayLike<number> }, channel: number) => {
    const values = Array.from(data).filter((_, at) => at % 4 === channel);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  for (const color of [
    [200, 60, 40],
    [30, 80, 190],
  ]) {
    const tinted = waves(64, 64, 3);
    const data = tinted.data.map((value, at) => (at % 4 === 3 ? 255 : 0.25 * value + 0.75 * (color[at % 4] ?? 0)));
    const painted = await model.stylize(photo, await model.style({ ...tinted, data }));
    const reddish = mean(painted, 0) - mean(painted, 2);
    expect(Math.sign(reddish)).toBe(Math.sign((color[0] ?? 0) - (color[2] ?? 0)));
    expect(Math.abs(reddish)).toBeGreaterThan(40);
  }
});
