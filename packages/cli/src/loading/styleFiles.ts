/** The paintings and masks that a command reads before it paints. */
import { type FilePicture, regionMasks, type StyleControls, type StyleShare } from "adaattn/node";
import { type Painting, readMaskFile, readPainting } from "../files/reading.ts";
import type { StyleText } from "../options/styles.ts";

/** What `--style-mask` is given for a painting that is a source as a whole. */
export const WHOLE = "none";

/** Which files the styles are made of. */
export interface StyleFileOptions {
  readonly styles: readonly StyleText[];
  /** One with a region for each style, or one for each style, or none. */
  readonly masks: readonly string[];
  /** One for each style, or none. */
  readonly styleMasks: readonly string[];
  /** How the paintings are looked at. */
  readonly look: StyleControls;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Everything that is read once, whatever the number of contents. */
export interface StyleFiles {
  readonly paintings: readonly Painting[];
  readonly styleMasks: readonly (FilePicture | undefined)[];
  /** Where in the content each style goes, in grey. */
  readonly masks: readonly StyleShare["mask"][];
}

/** Reads paintings and masks. */
export async function readStyleFiles({
  styles,
  masks,
  styleMasks,
  look,
  signal,
}: StyleFileOptions): Promise<StyleFiles> {
  const paintings = await Promise.all(styles.map(({ path }) => readPainting(path, look, signal)));
  const read = (path: string) => (path === WHOLE ? undefined : readMaskFile(path, signal));
  const [grey, sources] = [await Promise.all(masks.map(read)), await Promise.all(styleMasks.map(read))];
  const colours = styles.flatMap(({ region }) => region ?? []);
  const [coloured] = grey;
  const regions = coloured !== undefined && colours.length > 0 ? regionMasks(coloured, colours) : grey;
  return { paintings, styleMasks: sources, masks: regions };
}
