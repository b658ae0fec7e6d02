/**
 * Pixels to tensors and back. Pixels are RGBA bytes in sRGB as a canvas has them, row-major and not
 * premultiplied; tensors are planes of red, green and blue from 0 to 1, which is what the networks
 * were trained on (no mean or deviation is taken off here).
 *
 * The networks never see alpha: colors go in as they are, but for those that alpha hides
 * (`hidden.ts`), and the result takes over the content's alpha unchanged, so that a cut-out stays
 * cut out.
 */

import { AdaattnError } from "../error.ts";

/** The least width and height of a picture: the encoder halves it four times. */
export const LEAST_SIDE = 16;

/** A width and a height in pixels. */
export interface Size {
  /** Columns, a positive whole number. */
  readonly width: number;
  /** Rows, a positive whole number. */
  readonly height: number;
}

/** A picture in memory, laid out like the ImageData of a canvas. */
export interface Picture extends Size {
  /**
   * Red, green, blue and alpha of each pixel, 0 to 255 in sRGB, row after row; alpha is not
   * premultiplied.
   */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/**
 * Checks a picture that came from outside.
 *
 * @param label what the picture is to the caller, such as "the content", for the error.
 * @throws Error where a side is not a whole number of at least 16, or the data does not have four
 *   bytes a pixel.
 */
export function checkPicture(picture: Picture, label: string): void {
  const { width, height, data } = picture;
  for (const [side, length] of [
    ["width", width],
    ["height", height],
  ] as const) {
    if (!Number.isSafeInteger(length) || length < LEAST_SIDE) {
      throw new AdaattnError(
        "option",
        `Expected a whole number of at least ${LEAST_SIDE} for the ${side} of ${label} but received ${length}.`,
      );
    }
  }
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw new AdaattnError(
      "option",
      `Expected a Uint8Array or Uint8ClampedArray for the data of ${label} but received ${typeof data}.`,
    );
  }
  if (data.length !== width * height * 4) {
    throw new AdaattnError(
      "option",
      `Expected ${width * height * 4} bytes for the data of ${label} of ${width} x ${height} pixels but received ${data.length}.`,
    );
  }
}

/**
 * The size of the same aspect ratio whose longer side is `longerSide`, smaller or larger; the
 * shorter side is rounded to whole pixels and never less than one.
 */
export function fitWithin(width: number, height: number, longerSide: number): Size {
  const scale = longerSide / Math.max(width, height);
  return {
    width: width >= height ? longerSide : Math.max(1, Math.round(width * scale)),
    height: height >= width ? longerSide : Math.max(1, Math.round(height * scale)),
  };
}

/** The least size that holds `size` and whose sides are multiples of `multiple`, 16 by default. */
export function paddedSize(size: Size, multiple = 16): Size {
  return {
    width: Math.ceil(size.width / multiple) * multiple,
    height: Math.ceil(size.height / multiple) * multiple,
  };
}

/**
 * The picture's colors as planes `[3, height, width]` of red, green and blue, 0 to 1.
 *
 * @param size the tensor's size, the picture's own by default. What it is larger by on the right
 *   and at the bottom is filled by mirroring the picture at its edge (without repeating the edge
 *   itself), which gives a network no false edge to paint.
 */
export function toTensor(picture: Picture, size: Size = picture): Float32Array<ArrayBuffer> {
  const { data } = picture;
  const { width, height } = size;
  const plane = width * height;
  const tensor = new Float32Array(3 * plane);
  for (let y = 0; y < picture.height; y++) {
    let from = y * picture.width * 4;
    const start = y * width;
    for (let to = start; to < start + picture.width; to++) {
      tensor[to] = UNIT[data[from] as number] as number;
      tensor[to + plane] = UNIT[data[from + 1] as number] as number;
      tensor[to + 2 * plane] = UNIT[data[from + 2] as number] as number;
      from += 4;
    }
  }
  for (let channel = 0; channel < 3; channel++) {
    const values = tensor.subarray(channel * plane, (channel + 1) * plane);
    for (let x = picture.width; x < width; x++) {
      const mirrored = mirror(x, picture.width);
      for (let y = 0; y < picture.height; y++) values[y * width + x] = values[y * width + mirrored] as number;
    }
    for (let y = picture.height; y < height; y++) {
      const mirrored = mirror(y, picture.height) * width;
      values.copyWithin(y * width, mirrored, mirrored + width);
    }
  }
  return tensor;
}

/**
 * The picture that a tensor `[3, height, width]` shows: values are clamped to 0 to 1 and rounded to
 * the nearest byte.
 *
 * @param size the tensor's size; what it is larger than the picture by on the right and at the
 *   bottom is cut off.
 * @param content the picture that gives the result its size and its alpha.
 */
export function toPicture(
  tensor: Float32Array,
  size: Size,
  content: Picture,
): Picture & { data: Uint8ClampedArray<ArrayBuffer> } {
  const { width, height } = content;
  const plane = size.width * size.height;
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    let to = y * width * 4;
    const start = y * size.width;
    for (let from = start; from < start + width; from++) {
      // Storing to a Uint8ClampedArray clamps and rounds, and turns NaN into 0.
      data[to] = (tensor[from] as number) * 255;
      data[to + 1] = (tensor[from + plane] as number) * 255;
      data[to + 2] = (tensor[from + 2 * plane] as number) * 255;
      data[to + 3] = content.data[to + 3] as number;
      to += 4;
    }
  }
  return { width, height, data };
}

/**
 * The picture as it looks on white, opaque: the same object where it is opaque already. For
 * paintings, whose transparent parts would otherwise lend the style colors that nobody sees.
 */
export function onWhite(picture: Picture): Picture {
  if (isOpaque(picture)) return picture;
  const data = new Uint8ClampedArray(picture.data.length);
  for (let i = 0; i < data.length; i += 4) {
    const alpha = (picture.data[i + 3] as number) / 255;
    const white = 255 * (1 - alpha);
    data[i] = (picture.data[i] as number) * alpha + white;
    data[i + 1] = (picture.data[i + 1] as number) * alpha + white;
    data[i + 2] = (picture.data[i + 2] as number) * alpha + white;
    data[i + 3] = 255;
  }
  return { width: picture.width, height: picture.height, data };
}

/** Whether every pixel's alpha is 255. */
export function isOpaque({ data }: Picture): boolean {
  for (let i = 3; i < data.length; i += 4) if (data[i] !== 255) return false;
  return true;
}

/** A byte as a value from 0 to 1. */
const UNIT = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/**
 * Where position `x` beyond the end of a row of `length` falls when the row is mirrored at its last
 * and first value, again and again.
 */
function mirror(x: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const within = x % period;
  return within < length ? within : period - within;
}
