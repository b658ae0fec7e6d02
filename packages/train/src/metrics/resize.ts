/** Pictures brought to another's size, so that the two can be compared pixel by pixel. */

import type { Picture, Size } from "adaattn";
import sharp from "sharp";

/**
 * The picture stretched to a size by Lanczos's filter of three lobes; the same object where it has
 * that size already.
 */
export async function resizePicture(picture: Picture, { width, height }: Size): Promise<Picture> {
  if (picture.width === width && picture.height === height) return picture;
  const data = await sharp(picture.data, { raw: { width: picture.width, height: picture.height, channels: 4 } })
    .resize({ width, height, fit: "fill", kernel: "lanczos3" })
    .raw()
    .toBuffer();
  return { width, height, data: new Uint8Array(data.buffer, data.byteOffset, data.length) };
}
