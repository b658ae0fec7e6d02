/**
 * Contact sheets: the same eight pairs, painted again and again while the network learns. A sheet
 * has a column a pair: the photograph, the painting where there is one, and what the averaged
 * weights make of them.
 */

import { join } from "node:path";
import { input, toOnnx } from "@adaattn/graph";
import type { Picture } from "adaattn";
import {
  countParameters,
  type Engine,
  type EngineTensor,
  outputOf,
  type ParameterShapes,
  splitVector,
  tensorWeights,
  toPicture,
  toTensor,
} from "adaattn/network";
import { writePicture } from "adaattn/node";
import sharp from "sharp";
import { listPictures } from "../data/pictureFiles.ts";
import { Random } from "../data/random.ts";
import type { Paint } from "./stages.ts";

/** The side of a picture on the sheet, in pixels. */
const SIDE = 192;
const PAIRS = 8;

/** A photograph and a painting, both of {@link SIDE} pixels a side. */
interface Pair {
  readonly content: Picture;
  readonly style: Picture;
}

/** Where pairs are taken from. */
export interface PairSources {
  /** Files that training draws from too. */
  readonly contents: readonly string[];
  readonly styles: readonly string[];
  readonly seed: number;
  /** A folder with content/ and style/ to take the pairs from instead, evenly. */
  readonly test?: string | undefined;
}

/** Eight pairs; always the same for the same sources. Files that cannot be read are passed over. */
export async function samplePairs({ contents, styles, seed, test }: PairSources): Promise<Pair[]> {
  if (test !== undefined) {
    const [photographs, paintings] = [
      await listPictures(join(test, "content")),
      await listPictures(join(test, "style")),
    ];
    return pairsOf(evenly(photographs, PAIRS), evenly(paintings, PAIRS));
  }
  const drawn = (paths: readonly string[], stream: number) => (at: number, attempt: number) =>
    paths[Random.of(seed, stream, at, attempt).below(paths.length)];
  return pairsOf(drawn(contents, 1), drawn(styles, 2));
}

type Choose = (at: number, attempt: number) => string | undefined;

function evenly(paths: readonly string[], count: number): Choose {
  return (at, attempt) => paths[(Math.floor((at * paths.length) / count) + attempt) % paths.length];
}

/** At most `count` of these files, evenly chosen, their middles at `side` pixels a side. */
export function evenPictures(paths: readonly string[], count: number, side: number): Promise<Picture[]> {
  const length = Math.min(count, paths.length);
  return Promise.all(Array.from({ length }, (_, at) => firstGood(evenly(paths, length), at, side)));
}

function pairsOf(content: Choose, style: Choose): Promise<Pair[]> {
  return Promise.all(
    Array.from({ length: PAIRS }, async (_, at) => ({
      content: await firstGood(content, at, SIDE),
      style: await firstGood(style, at, SIDE),
    })),
  );
}

async function firstGood(choose: Choose, at: number, side: number): Promise<Picture> {
  let failure: unknown;
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      const data = await sharp(choose(at, attempt), { failOn: "error" })
        .autoOrient()
        .resize(side, side, { fit: "cover" })
        .flatten({ background: "#fff" })
        .toColourspace("srgb")
        .ensureAlpha()
        .raw({ depth: "uchar" })
        .toBuffer();
      return { width: side, height: side, data };
    } catch (error) {
      failure = error;
    }
  }
  throw new Error("Expected pictures for the contact sheets but twenty in a row cannot be read.", { cause: failure });
}

/** Draws sheets. */
export interface SampleSheet extends Disposable {
  /** Paints all pairs with the averaged weights, as the engine holds them, and writes the sheet. */
  draw(average: EngineTensor, path: string): Promise<void>;
}

/** A sheet of these pairs, painted on this engine. */
export async function openSampleSheet(
  engine: Engine,
  parameters: ParameterShapes,
  { styled, graph }: Paint,
  pairs: readonly Pair[],
): Promise<SampleSheet> {
  const shape = [1, 3, SIDE, SIDE];
  const weights = tensorWeights(splitVector(parameters, input("average", [countParameters(parameters)])));
  const painted = graph(input("content", shape), input("style", shape), weights);
  const session = await engine.load(toOnnx({ painted }, { target: engine.device }), "the contact sheet");
  return {
    async draw(average, path) {
      const results: Picture[] = [];
      for (const { content, style } of pairs) {
        const feeds = {
          average,
          content: { shape, data: toTensor(content) },
          ...(styled && { style: { shape, data: toTensor(style) } }),
        };
        const output = outputOf(await session.run(feeds), "painted");
        results.push(toPicture((await output.read()).data as Float32Array, content, content));
        output.dispose();
      }
      const rows = [pairs.map(({ content }) => content), ...(styled ? [pairs.map(({ style }) => style)] : []), results];
      await writePicture(path, arrange(rows));
    },
    [Symbol.dispose]: () => session.dispose(),
  };
}

/** Rows of pictures as one picture. */
function arrange(rows: readonly (readonly Picture[])[]): Picture {
  const columns = rows[0]?.length ?? 0;
  const data = new Uint8Array(columns * SIDE * rows.length * SIDE * 4);
  rows.forEach((row, y) => {
    row.forEach((picture, x) => {
      for (let line = 0; line < SIDE; line++) {
        const source = picture.data.subarray(line * SIDE * 4, (line + 1) * SIDE * 4);
        data.set(source, ((y * SIDE + line) * columns + x) * SIDE * 4);
      }
    });
  });
  return { width: columns * SIDE, height: rows.length * SIDE, data };
}
