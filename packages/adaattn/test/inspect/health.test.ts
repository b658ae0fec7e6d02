/** What is dead in a network is found: in one that was made so, and in those that are shipped. */

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { NodeEngine } from "../../src/node/engine.ts";
import { loadModel } from "../../src/node/models.ts";
import { readPicture } from "../../src/node/pictures.ts";
import { Model } from "../../src/stylize/model.ts";
import { generatedWeights, tiny, tinyVideo, waves } from "../models.ts";

const pairs = [
  { photo: waves(80, 64), painting: waves(64, 64, 3) },
  { photo: waves(64, 90, 7), painting: waves(70, 64, 2) },
];

async function healthOf(change: (weights: Map<string, Float32Array>) => void, architecture = tiny) {
  const weights = generatedWeights(architecture);
  change(weights);
  await using model = await Model.load("tiny", architecture, weights, new NodeEngine());
  const { layers, levels } = await model.health(pairs);
  return { layers: new Map(layers.map((layer) => [layer.name, layer])), levels };
}

test("channels that nothing wakes are counted, by layer", async () => {
  const { layers } = await healthOf((weights) => {
    weights.get("encoder.2_1.bias")?.set([1000, -1000, -1000, 1000]);
    weights.get("decoder.3_1.bias")?.fill(-1e6);
  });
  expect(layers.get("encoder.2_1")).toMatchObject({ channels: 4, dead: 2 });
  expect(layers.get("decoder.3_1")).toMatchObject({ channels: 4, dead: 4 });
  // The last layer, and the one that merges levels, have no ReLU.
  expect([layers.has("decoder.1_1"), layers.has("merge")]).toEqual([false, false]);
});

test("a level that changes nothing is told, and how many keys each looks at", async () => {
  const alive = await healthOf(() => undefined);
  for (const { level, effect, perplexity, keys } of alive.levels) {
    expect(effect, `level ${level}`).toBeGreaterThan(0);
    expect(perplexity).toBeGreaterThanOrEqual(1);
    expect(perplexity).toBeLessThanOrEqual(keys);
  }
  const deaf = await healthOf((weights) => weights.get("decoder.4_1.bias")?.fill(-1e6));
  expect(deaf.levels.map(({ level, effect }) => [level, effect > 0])).toEqual([
    [3, true],
    [4, false],
    [5, false],
  ]);
  const even = await healthOf((weights) => {
    for (const part of ["weight", "bias"]) weights.get(`attention.3.f.${part}`)?.fill(0);
  });
  expect(even.levels[0]?.perplexity).toBeCloseTo(even.levels[0]?.keys ?? 0, 1);
});

test("works where attention is by cosine, and needs a picture", async () => {
  const { levels } = await healthOf(() => undefined, tinyVideo);
  expect(levels).toHaveLength(1);
  await using model = await Model.load("tiny", tiny, generatedWeights(tiny), new NodeEngine());
  await expect(model.health([])).rejects.toThrow("Expected at least one photograph in one style but received none.");
});

describe.each(["small", "small-video"])("%s as it is shipped", (name) => {
  test("is alive", async () => {
    const folder = (kind: string) => fileURLToPath(new URL(`../../../../assets/${kind}/`, import.meta.url));
    const files = (kind: string) => readdirSync(folder(kind)).filter((file) => file.endsWith(".jpg"));
    const read = (kind: string, file = "") => readPicture(folder(kind) + file, { longestSide: 512 });
    const paintings = files("paintings");
    const shown = [];
    for (const [index, file] of files("contents").entries()) {
      shown.push({ photo: await read("contents", file), painting: await read("paintings", paintings[index * 5]) });
    }
    await using model = await loadModel(name, { device: "cpu" });
    const { layers, levels } = await model.health(shown);
    for (const { name, channels, dead } of layers) expect(dead / channels, name).toBeLessThanOrEqual(0.1);
    for (const { level, keys, perplexity, effect } of levels) {
      expect(effect, `level ${level}`).toBeGreaterThan(1);
      if (model.architecture.attention.kind === "cosine") continue;
      expect(perplexity, `level ${level}`).toBeGreaterThan(2);
      expect(perplexity, `level ${level}`).toBeLessThan(keys / 4);
    }
  });
});
