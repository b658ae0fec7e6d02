/**
 * Styles kept on disk: found again, made anew where they cannot be trusted, and never in the way.
 */

import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Architecture } from "../../src/network/architecture.ts";
import { cachedStyle } from "../../src/node/diskStyleCache.ts";
import { NodeEngine } from "../../src/node/engine.ts";
import { Model } from "../../src/stylize/model.ts";
import { readSafetensors, writeSafetensors } from "../../src/weights/safetensors.ts";
import { generatedWeights, tiny, tinyVideo, waves } from "../models.ts";
import { grayMask } from "../similarity.ts";

describe.each([tiny, tinyVideo])("a cache of styles of $name", (architecture: Architecture) => {
  let model: Model;
  let other: Model;
  let folder: string;
  const painting = waves(90, 70, 3);
  const photo = waves(48, 64, 2);
  const open = (seed: number) =>
    Model.load(architecture.name, architecture, generatedWeights(architecture, seed), new NodeEngine());

  beforeAll(async () => {
    [model, other] = [await open(1), await open(2)];
  });
  afterAll(() => Promise.all([model.dispose(), other.dispose()]));
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "adaattn-styles-"));
  });
  afterEach(async () => {
    await chmod(folder, 0o700);
    await rm(folder, { recursive: true });
  });

  const paint = async (cached: Awaited<ReturnType<typeof cachedStyle>>) =>
    Buffer.from((await model.stylize(photo, cached.style)).data);

  test("gives the same picture, and the same rows of the attention", async () => {
    const made = await cachedStyle(model, painting, {}, folder);
    const found = await cachedStyle(model, painting, {}, folder);
    expect([made.isCached, found.isCached]).toEqual([false, true]);
    expect((await paint(found)).equals(await paint(made))).toBe(true);
    const rows = async ({ style }: typeof made) => (await model.attention(photo, style, [{ x: 5, y: 7 }])).rows;
    expect(await rows(found)).toEqual(await rows(made));
    expect(await readdir(folder)).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.safetensors$/)]);
  });

  test("takes everything for another style that makes one", async () => {
    const asked = [
      {},
      { size: 64 },
      { stroke: 2 },
      { rotate: 90 },
      { keys: 20 },
      { mask: grayMask(20, 20, (x) => +(x > 9)) },
    ];
    for (const options of asked) expect((await cachedStyle(model, painting, options, folder)).isCached).toBe(false);
    expect((await cachedStyle(model, waves(90, 70, 4), {}, folder)).isCached).toBe(false);
    expect((await cachedStyle(other, painting, {}, folder)).isCached).toBe(false);
    expect(await readdir(folder)).toHaveLength(asked.length + 2);
    for (const options of asked) expect((await cachedStyle(model, painting, options, folder)).isCached).toBe(true);
  });

  test.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ["cut off", (bytes) => bytes.subarray(0, bytes.length / 2)],
    ["empty", () => new Uint8Array()],
    ["changed in one bit", (bytes) => bytes.map((byte, at) => (at === bytes.length - 9 ? byte ^ 4 : byte))],
    ["of another version", (bytes) => writeSafetensors(new Map(), readSafetensors(bytes).metadata)],
    ["no such file", () => new TextEncoder().encode("hello, world, this is no file of tensors")],
  ])("makes anew what is %s, and mends it", async (_, damage) => {
    const expected = await paint(await cachedStyle(model, painting, {}, folder));
    const path = join(folder, String((await readdir(folder))[0]));
    await writeFile(path, damage(await readFile(path)));
    const anew = await cachedStyle(model, painting, {}, folder);
    expect(anew.isCached).toBe(false);
    expect((await paint(anew)).equals(expected)).toBe(true);
    expect((await cachedStyle(model, painting, {}, folder)).isCached).toBe(true);
  });

  test("is no reason to fail where it cannot be written", async () => {
    const file = join(folder, "file");
    await writeFile(file, "not a folder");
    const { style, note, isCached } = await cachedStyle(model, painting, {}, file);
    expect(isCached).toBe(false);
    expect(style.levels.size).toBe(architecture.attention.modules.length);
    expect(note).toBe(
      `The style was not kept in ${file}. Cannot write ${file}: no such folder can be made (EEXIST). Choose another place.`,
    );
  });

  test("may be used by many at once", async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => cachedStyle(model, painting, {}, folder)));
    const pictures = await Promise.all(all.map(paint));
    for (const picture of pictures) expect(picture.equals(pictures[0] ?? Buffer.alloc(0))).toBe(true);
    expect(await readdir(folder)).toHaveLength(1);
  });
});
