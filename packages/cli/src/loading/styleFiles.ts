/** The paintings and masks that a command reads before it paints. */
import { stat } from "node:fs/promises";
import {
  type FilePainting,
  type FilePicture,
  readPainting,
  regionMasks,
  type StyleControls,
  type StyleShare,
} from "adaattn/node";
import { picturesIn } from "../files/contents.ts";
import { openInput, readMaskFile } from "../files/reading.ts";
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
  readonly paintings: readonly FilePainting[];
  readonly styleMasks: readonly (FilePicture | undefined)[];
  /** Where in the content each style goes, in gray. */
  readonly masks: readonly StyleShare["mask"][];
}

/**
 * The styles, with a folder replaced by all pictures in it: each is a style of its own, with the
 * folder's weight and region.
 *
 * @throws UsageError where a folder holds none.
 */
export async function openFolders<Text extends StyleText>(styles: readonly Text[]): Promise<Text[]> {
  const opened: Text[] = [];
  for (const style of styles) {
    const { path: folder } = style;
    if (!(await stat(folder).catch(() => undefined))?.isDirectory()) opened.push(style);
    else for (const path of await picturesIn(folder)) opened.push({ ...style, path, folder });
  }
  return opened;
}

/** Reads paintings and masks. */
export async function readStyleFiles({
  styles,
  masks,
  styleMasks,
  look,
  signal,
}: StyleFileOptions): Promise<StyleFiles> {
  const readStyle = async ({ path }: StyleText) => {
    const { file, name } = await openInput(path, signal);
    return readPainting(file, look, { name, signal });
  };
  const paintings = await Promise.all(styles.map(readStyle));
  const read = (path: string) => (path === WHOLE ? undefined : readMaskFile(path, signal));
  const [gray, sources] = [await Promise.all(masks.map(read)), await Promise.all(styleMasks.map(read))];
  const colors = styles.flatMap(({ region }) => region ?? []);
  const [colored] = gray;
  const regions = colored !== undefined && colors.length > 0 ? regionMasks(colored, colors) : gray;
  return { paintings, styleMasks: sources, masks: regions };
}
