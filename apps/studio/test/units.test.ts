/** Parts of the studio that need no browser. */

import { readdir, readFile } from "node:fs/promises";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { previewPicture, previewTags } from "../scripts/preview.ts";
import { Scenes } from "../src/engine/scenes.ts";
import { adaptedSide } from "../src/live/detail.ts";
import { padCorners, padWeights } from "../src/mixing.ts";
import { Pace } from "../src/pace.ts";
import { movedPart, partOf, readPart, resizedPart, WHOLE, writePart } from "../src/parting.ts";
import { headerSize, isAnimated, kindOf } from "../src/pictures/fileKinds.ts";
import { surplusOf } from "../src/pictures/kept.ts";
import { dab, drawRegions, emptyRegions, fill, invert, maskOf } from "../src/regions.ts";
import { DEFAULTS, fromParameters, History, toParameters } from "../src/settings.ts";
import { en } from "../src/texts/en.ts";
import { ja, jaNames } from "../src/texts/ja.ts";
import { preferredLanguage } from "../src/texts/texts.ts";
import { zh, zhNames } from "../src/texts/zh.ts";

describe("the mixing pad", () => {
  test("gives a painting all where the marker is on it, and all the same in the middle", () => {
    for (const count of [1, 2, 3, 4]) {
      for (const [index, corner] of padCorners(count).entries()) {
        expect(padWeights(corner, count)).toEqual(padCorners(count).map((_, at) => (at === index ? 1 : 0)));
      }
    }
    expect(padWeights({ x: 0.5, y: 0.5 }, 4)).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect(padWeights({ x: 0.25, y: 0.5 }, 2)).toEqual([0.9, 0.1].map((weight) => expect.closeTo(weight, 6)));
  });

  test("gives weights that sum to 1 everywhere", () => {
    for (const count of [1, 2, 3, 4]) {
      for (let at = 0; at <= 20; at++) {
        const weights = padWeights({ x: at / 20, y: ((at * 7) % 21) / 20 }, count);
        expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 9);
        expect(Math.min(...weights)).toBeGreaterThanOrEqual(0);
      }
    }
  });
});

describe("settings", () => {
  const known = (id: string) => ["van-gogh-starry-night", "van-gogh-meadow", "hokusai-great-wave"].includes(id);

  test("go through an address and back", () => {
    const all = {
      ...DEFAULTS,
      paintings: ["van-gogh-meadow", "hokusai-great-wave"],
      pad: { x: 0.25, y: 1 },
      strength: 0.65,
      color: "match",
      stroke: 0.5,
      rotate: -45,
      parts: { "hokusai-great-wave": { left: 0, top: 0.25, right: 0.5, bottom: 1 } },
    } as const;
    expect(fromParameters(toParameters(all, known), known)).toEqual(all);
    expect(toParameters(DEFAULTS, known).toString()).toBe("");
    expect(toParameters({ ...DEFAULTS, paintings: ["own 1"] }, known).toString()).toBe("");
  });

  test("from an address that anybody may have written are within their ranges", () => {
    const read = (text: string) => fromParameters(new URLSearchParams(text), known);
    expect(read("strength=9&stroke=-1&rotate=1e9&color=odd&paintings=x,,y&mix=2,0")).toEqual({
      ...DEFAULTS,
      strength: 2,
      stroke: 0.5,
      rotate: 180,
    });
    expect(read("strength=&stroke=NaN&rotate=left&mix=a")).toEqual(DEFAULTS);
    expect(read("paintings=hokusai-great-wave,hokusai-great-wave,van-gogh-meadow").paintings).toEqual([
      "hokusai-great-wave",
      "van-gogh-meadow",
    ]);
  });

  test("take back the steps of one drag as one", () => {
    const history = new History(DEFAULTS);
    history.change({ strength: 0.9 }, "strength");
    history.change({ strength: 0.8 }, "strength");
    history.settle();
    history.change({ strength: 0.7 }, "strength");
    history.change({ color: "content" });
    const seen: unknown[] = [];
    while (history.canUndo.value) {
      history.undo();
      seen.push([history.value.strength, history.value.color]);
    }
    expect(seen).toEqual([
      [0.7, "style"],
      [0.8, "style"],
      [1, "style"],
    ]);
    history.redo();
    expect(history.value.strength).toBe(0.8);
    history.change({ strength: 2 });
    expect(history.canRedo.value).toBe(false);
  });
});

test("the time of a picture is told by all sizes that it is painted at, and by its tiles", () => {
  const pace = new Pace();
  const [small, large] = [
    { width: 500, height: 400 },
    { width: 2048, height: 1024 },
  ];
  expect(pace.estimate(small)).toBeUndefined();
  pace.measure(small, 1000, 1);
  expect(pace.estimate(small)).toBe(1000);
  // 512, 1024 and 2048 pixels, and the margins of tiles.
  const pixels = 512 * 256 + 1024 * 512 + 2048 * 1024;
  expect(pace.estimate(large)).toBeCloseTo((1.6 * 1000 * pixels) / 200_000, 6);
  pace.measure(large, 20_000, 9);
  expect(pace.estimate(large)).toBe(20_000);
  expect(pace.estimate(small)).toBe(1000);
});

describe("regions", () => {
  test("never cover more than everything, and leave earlier ones as they were", () => {
    const empty = emptyRegions({ width: 640, height: 320 });
    expect([empty.width, empty.height]).toEqual([320, 160]);
    const one = dab(empty, { painting: "a", radius: 0.2 }, [0.2, 0.5], [0.6, 0.5]);
    const two = dab(one, { painting: "b", radius: 0.1 }, [0.5, 0.5], [0.5, 0.5]);
    const at = 80 * 320 + 160;
    expect([one.planes.a?.[at], two.planes.a?.[at], two.planes.b?.[at]]).toEqual([255, 0, 255]);
    const [a, b] = [two.planes.a ?? [], two.planes.b ?? []];
    for (let i = 0; i < a.length; i++) expect((a[i] ?? 0) + (b[i] ?? 0)).toBeLessThanOrEqual(256);
    expect(maskOf(two, "b")?.data.slice(at * 4, at * 4 + 4)).toEqual(Uint8ClampedArray.of(255, 255, 255, 255));
    expect(drawRegions(two, ["a", "b"]).data.slice(at * 4, at * 4 + 4)).toEqual(
      Uint8ClampedArray.of(38, 121, 178, 128),
    );
    expect(dab(two, { painting: undefined, radius: 2 }, [0, 0], [1, 1]).planes).toEqual({});
    expect(empty.planes).toEqual({});
  });
});

describe("a region from a click", () => {
  const [width, height] = [320, 160];
  // Two gray halves with a slope across each, and a dark line between them.
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let at = 0; at < width * height; at++) {
    const x = at % width;
    data.fill(x === 160 ? 20 : 100 + x / 16, at * 4, at * 4 + 3);
  }
  const photo = { width, height, data };
  const empty = emptyRegions({ width: 640, height: 320 });
  const covered = (plane: Uint8Array | undefined) => plane?.reduce((sum, value) => sum + Number(value === 255), 0);

  test("is what resembles it up to the next edge, and takes that from others", () => {
    const left = fill(empty, photo, "a", [0.1, 0.5]);
    expect(covered(left.planes.a)).toBe(160 * height);
    expect(left.planes.a?.slice(158, 163)).toEqual(Uint8Array.of(255, 255, 0, 0, 0));
    const both = fill(fill(left, photo, "b", [0.2, 0.2]), photo, "a", [0.9, 0.9]);
    expect([covered(both.planes.a), covered(both.planes.b)]).toEqual([159 * height, 160 * height]);
    expect(Object.keys(fill(both, photo, undefined, [0.2, 0.2]).planes)).toEqual(["a"]);
    expect(() => fill(empty, { ...photo, width: 10 }, "a", [0, 0])).toThrow("Expected a photo of 320 x 160");
  });

  test("is turned around, and leaves to others only what is left", () => {
    const left = fill(empty, photo, "a", [0.1, 0.5]);
    const inverted = invert(left, "a");
    expect(covered(inverted.planes.a)).toBe(160 * height);
    expect(invert(inverted, "a")).toEqual(left);
    expect(Object.keys(invert(left, "b").planes).sort()).toEqual(["b"]);
    expect(covered(invert(left, "b").planes.b)).toBe(width * height);
  });
});

describe("parts of pictures", () => {
  const part = { left: 0.25, top: 0.25, right: 0.75, bottom: 0.5 };

  test("stay inside, and keep a size", () => {
    expect(movedPart(part, 0.5, -1)).toEqual({ left: 0.5, top: 0, right: 1, bottom: 0.25 });
    expect(resizedPart(part, "top left", -1, 0.1)).toEqual({ left: 0, top: 0.1, right: 0.75, bottom: 0.5 });
    const { right, bottom } = resizedPart(part, "bottom right", 0, 2);
    expect([right, bottom]).toEqual([expect.closeTo(0.33, 9), 1]);
  });

  test("are the pixels that they name, and the picture itself where they are all of it", () => {
    const data = Uint8ClampedArray.from({ length: 40 * 80 * 4 }, (_, at) => (at >> 2) % 251);
    const picture = { width: 40, height: 80, data };
    const cut = partOf(picture, part);
    expect([cut.width, cut.height]).toEqual([20, 20]);
    expect(cut.data[0]).toBe((20 * 40 + 10) % 251);
    expect(partOf(picture, WHOLE)).toBe(picture);
    expect(partOf(picture, { left: 0.9, top: 0.9, right: 1, bottom: 1 })).toMatchObject({ width: 16, height: 16 });
  });

  test("go through an address and back, and anything else is none", () => {
    expect(readPart(writePart(part))).toEqual(part);
    for (const text of ["", "0,0,1", "0,0,2,1", "0.5,0,0.5,1", "a,b,c,d", "-1,0,1,1"]) {
      expect(readPart(text)).toBeUndefined();
    }
  });
});

test("the detail of the camera follows its frame rate, a step at a time", () => {
  expect([256, 192, 128].map((side) => adaptedSide(side, 3))).toEqual([192, 128, 128]);
  // Fast enough for the next larger side, or not.
  expect([adaptedSide(256, 32), adaptedSide(256, 30), adaptedSide(512, 60)]).toEqual([384, 256, 512]);
  expect(adaptedSide(256, 10)).toBe(256);
});

test("results are kept while there is room for their number and their bytes", () => {
  const results = [30, 40, 50, 10].map((size) => ({ file: { size } }));
  expect(surplusOf(results, { count: 9, bytes: 1000 })).toBe(0);
  expect(surplusOf(results, { count: 2, bytes: 1000 })).toBe(2);
  expect(surplusOf(results, { count: 9, bytes: 100 })).toBe(2);
  expect(surplusOf(results, { count: 9, bytes: 20 })).toBe(4);
});

test("links to the page have a preview with whole addresses where the page's own is known", async () => {
  const contents = (address?: string) =>
    new Map(previewTags(address).map(({ attrs }) => [attrs?.property ?? attrs?.name, attrs?.content]));
  expect(contents("https://example.org/studio").get("og:image")).toBe("https://example.org/studio/preview.jpg");
  expect(contents("https://example.org/studio/").get("og:url")).toBe("https://example.org/studio/");
  expect(contents().get("og:image")).toBe("preview.jpg");
  const asset = (name: string) => new URL(`../../../assets/${name}`, import.meta.url).pathname;
  const picture = await previewPicture(asset("contents/castle.jpg"), asset("contents/bee.jpg"));
  expect(await sharp(picture).metadata()).toMatchObject({ format: "jpeg", width: 1200, height: 630 });
  expect(picture.length).toBeLessThan(300e3);
});

describe("files", () => {
  const bytes = (...parts: (string | number[])[]) =>
    Uint8Array.from(
      parts.flatMap((part) => (typeof part === "string" ? Array.from(part, (c) => c.charCodeAt(0)) : part)),
    );

  test.each([
    ["jpeg", bytes([0xff, 0xd8, 0xff, 0xe0])],
    ["png", bytes([0x89], "PNG\r\n", [0x1a], "\n")],
    ["webp", bytes("RIFF", [0, 0, 0, 0], "WEBPVP8 ")],
    ["video", bytes("RIFF", [0, 0, 0, 0], "AVI LIST")],
    ["gif", bytes("GIF89a")],
    ["pdf", bytes("%PDF-1.7")],
    ["heic", bytes([0, 0, 0, 24], "ftypheic")],
    ["avif", bytes([0, 0, 0, 24], "ftypavif")],
    ["video", bytes([0, 0, 0, 24], "ftypisom")],
    ["video", bytes([0x1a, 0x45, 0xdf, 0xa3])],
    ["svg", bytes('<?xml version="1.0"?>\n<svg xmlns="x">')],
    ["unknown", bytes("hello")],
    ["unknown", bytes()],
  ] as const)("are told by their bytes: %s", (kind, content) => {
    expect(kindOf(content)).toBe(kind);
  });

  test("say their sizes, and nothing where their header is cut", () => {
    const gif = bytes("GIF89a", [0x40, 1, 0xf0, 0]);
    expect(headerSize(gif)).toEqual({ width: 320, height: 240 });
    const jpeg = bytes([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc2, 0, 17, 8, 0x20, 0xd0, 0x2e, 0xe0]);
    expect(headerSize(jpeg)).toEqual({ width: 12_000, height: 8400 });
    expect(headerSize(jpeg.subarray(0, 12))).toBeUndefined();
    expect(isAnimated(gif)).toBe(false);
    expect(isAnimated(bytes("GIF89a", [0x21, 0xf9, 4, 0, 0x21, 0xf9, 4]))).toBe(true);
  });
});

describe("texts", () => {
  test.each([
    ["zh", zh],
    ["ja", ja],
  ] as const)("in %s are all there, with the same values in them", (_, texts) => {
    const values = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
    for (const [key, text] of Object.entries(en)) {
      const translated = Object.entries(texts).find(([name]) => name === key)?.[1] ?? "";
      expect([key, ...values(translated)]).toEqual([key, ...values(text)]);
      expect(translated).not.toBe("");
    }
    expect(Object.keys(texts).length).toBe(Object.keys(en).length);
  });

  test.each([
    ["zh", zhNames],
    ["ja", jaNames],
  ] as const)("in %s name every picture and artist", async (_, names) => {
    const assets = new URL("../../../assets/", import.meta.url);
    const [, ...rows] = (await readFile(new URL("paintings/paintings.tsv", assets), "utf8")).trimEnd().split("\n");
    const ids = rows.map((row) => row.split("\t")[0]?.replace(".jpg", ""));
    const artists = new Set(rows.map((row) => row.split("\t")[2]));
    const photos = (await readdir(new URL("contents", assets))).map((name) => name.replace(".jpg", ""));
    expect(Object.keys(names).sort()).toEqual([...ids, ...artists, ...photos].sort());
  });

  test("are in the language that is preferred among those that there are", () => {
    expect(preferredLanguage(["fr-FR", "ja-JP", "zh"])).toBe("ja");
    expect(preferredLanguage(["zh-Hant"])).toBe("zh");
    expect(preferredLanguage(["fr"])).toBe("en");
  });
});

test("frames of a clip share statistics until it cuts to another scene, and no clip shares those of another", () => {
  const gray = (value: number) => ({ width: 32, height: 18, data: new Uint8ClampedArray(32 * 18 * 4).fill(value) });
  const scenes = new Scenes();
  const [first, second, cut, after, other] = [
    scenes.next("a", gray(20)),
    scenes.next("a", gray(24)),
    scenes.next("a", gray(200)),
    scenes.next("a", gray(201)),
    scenes.next("b", gray(201)),
  ];
  expect([second === first, cut === second, after === cut, other === after]).toEqual([true, false, true, false]);
});
