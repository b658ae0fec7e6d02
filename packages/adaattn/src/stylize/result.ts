/**
 * What models of Node and of browsers share around a call: masks that are read before it, and the
 * picture that comes out.
 */

import type { Picture } from "../picture/picture.ts";
import type { StyleShare, StylizedPicture } from "./options.ts";

/** A stylized picture as an object of a class, which can do more with it. */
export class Result implements StylizedPicture {
  readonly width: number;
  readonly height: number;
  readonly data: StylizedPicture["data"];
  readonly milliseconds: StylizedPicture["milliseconds"];
  readonly controls: StylizedPicture["controls"];
  readonly notes: StylizedPicture["notes"];
  readonly tiles: number;

  constructor(picture: StylizedPicture) {
    this.width = picture.width;
    this.height = picture.height;
    this.data = picture.data;
    this.milliseconds = picture.milliseconds;
    this.controls = picture.controls;
    this.notes = picture.notes;
    this.tiles = picture.tiles;
  }
}

/** The styles with their masks as pixels; `read` gets a mask and what errors call it. */
export function readMasks<Mask>(
  shares: readonly StyleShare<Mask>[],
  read: (mask: Mask, label: string) => Promise<Picture>,
): Promise<StyleShare[]> {
  return Promise.all(
    shares.map(async ({ mask, ...share }, index) => {
      return mask === undefined ? share : { ...share, mask: await read(mask, `the mask of style ${index + 1}`) };
    }),
  );
}
