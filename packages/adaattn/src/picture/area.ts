/** Areas of a picture, and pictures that are read area by area. */

import { isOpaque, type Picture, type Size } from "./picture.ts";

/** A rectangle of a picture, in pixels from its left and top edge. */
export interface Area extends Size {
  readonly left: number;
  readonly top: number;
}

/** A picture that is read area by area, so that it need not be in memory as a whole. */
export interface PictureSource extends Size {
  /**
   * Whether the picture may be transparent anywhere; where it is not said, the picture is read once
   * more to see.
   */
  readonly hasAlpha?: boolean | undefined;
  /** The pixels of an area that lies within the picture. */
  read(area: Area): Promise<Picture>;
}

/** An area with a margin on every side, as far as the picture goes. */
export function withMargin({ left, top, width, height }: Area, margin: number, within: Size): Area {
  const [x, y] = [Math.max(0, left - margin), Math.max(0, top - margin)];
  return {
    left: x,
    top: y,
    width: Math.min(within.width, left + width + margin) - x,
    height: Math.min(within.height, top + height + margin) - y,
  };
}

/** The part of an area that lies within a picture. */
export function clipped(area: Area, within: Size): Area {
  return withMargin(area, 0, within);
}

/** `area` as seen from the left and top edge of `outer`, in which it lies. */
export function relativeTo(outer: Area, area: Area): Area {
  return { ...area, left: area.left - outer.left, top: area.top - outer.top };
}

/** A picture in memory as a source. */
export function sourceOf(picture: Picture): PictureSource {
  const { width, height } = picture;
  return { width, height, hasAlpha: !isOpaque(picture), read: async (area) => cropPicture(picture, area) };
}

/** An area of a picture; the picture itself where it is all of it. */
export function cropPicture<P extends Picture>(
  picture: P,
  { left, top, width, height }: Area,
): P | (Picture & { readonly data: Uint8ClampedArray<ArrayBuffer> }) {
  if (width === picture.width && height === picture.height) return picture;
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * picture.width + left) * 4;
    data.set(picture.data.subarray(start, start + width * 4), y * width * 4);
  }
  return { width, height, data };
}
