/**
 * What an encoder of 8-bit integers costs: how alike the pictures are that `adaattn export` paints
 * with and without it, as the structural similarity (SSIM) of bundled photographs in the style of
 * bundled paintings, and the bytes of either file.
 *
 *   npm run bench:int8
 */

import { grayOf, structuralSimilarity } from "@adaattn/train";
import { exportOnnx, toPicture, toTensor } from "adaattn/network";
import { type Picture, readModel, readPicture, resizePicture } from "adaattn/node";
import { InferenceSession, Tensor } from "onnxruntime-node";

const asset = (path: string) => new URL(`../assets/${path}.jpg`, import.meta.url).pathname;
const [width, height] = [512, 384];
const opaque: Picture = { width, height, data: new Uint8Array(width * height * 4).fill(255) };

async function planes(path: string, size: { width: number; height: number }): Promise<Tensor> {
  const picture = resizePicture(await readPicture(asset(path)), size);
  return new Tensor("float32", toTensor(picture), [1, 3, size.height, size.width]);
}

async function load(int8Encoder: boolean): Promise<{ session: InferenceSession; bytes: number }> {
  const files = exportOnnx(await readModel("small"), { half: true, int8Encoder });
  const file = files["model.onnx"] ?? new Uint8Array();
  return { session: await InferenceSession.create(file), bytes: file.length };
}

const [exact, rounded] = [await load(false), await load(true)];
const values: number[] = [];
for (const photo of ["bee", "castle", "portrait", "tiger"]) {
  for (const painting of ["van-gogh-starry-night", "hokusai-great-wave", "popova-portrait"]) {
    const feeds = {
      content: await planes(`contents/${photo}`, { width, height }),
      style: await planes(`paintings/${painting}`, { width: 512, height: 512 }),
    };
    const paint = async ({ session }: typeof exact) => {
      const { picture } = await session.run(feeds);
      return grayOf(toPicture(picture?.data as Float32Array, { width, height }, opaque));
    };
    const value = structuralSimilarity(await paint(exact), await paint(rounded));
    values.push(value);
    process.stdout.write(`${photo} as ${painting}: ${value.toFixed(4)}\n`);
  }
}
const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
process.stdout.write(
  `mean ${mean.toFixed(4)}, least ${Math.min(...values).toFixed(4)}; ${exact.bytes} bytes, ${rounded.bytes} with integers\n`,
);
