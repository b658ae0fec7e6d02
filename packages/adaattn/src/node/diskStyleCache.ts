/**
 * Styles kept on disk, so that a painting is encoded once for all processes. A file is called by a
 * digest of everything that the style depends on (the model, the painting's pixels, its mask, the
 * controls) and holds a digest of its own contents; one that is damaged, or that another version
 * wrote, is made anew. Processes may share a folder: files are whole or absent.
 */

import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Picture } from "../picture/picture.ts";
import type { Model } from "../stylize/model.ts";
import type { SavedStyle, StyleOptions } from "../stylize/options.ts";
import type { Style } from "../stylize/style.ts";
import { readSafetensors, writeSafetensors } from "../weights/safetensors.ts";
import { cannotWrite, replaceFile } from "./files.ts";

/** Counts the ways in which styles were kept; what another way kept is not found. */
const FORMAT = "2";

/** A style, and where it came from. */
export interface CachedStyle {
  readonly style: Style;
  /** Whether it was found rather than made. */
  readonly isCached: boolean;
  /** A sentence on why it could not be kept, where it could not. */
  readonly note?: string | undefined;
}

/**
 * The style of a painting, from the folder where it has been kept there, and kept there otherwise.
 * The folder is made where there is none; where nothing can be written to it, the style is made all
 * the same, and a note says why.
 *
 * @throws Error as `model.style` does.
 */
export async function cachedStyle(
  model: Model,
  painting: Picture,
  options: StyleOptions,
  folder: string,
): Promise<CachedStyle> {
  const key = await styleKey(model, painting, options);
  const path = join(folder, `${key}.safetensors`);
  const kept = await readKept(path, key);
  if (kept !== undefined) return { style: await model.restoreStyle(painting, options, kept), isCached: true };
  const style = await model.style(painting, options);
  try {
    await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
      throw cannotWrite(folder, `no such folder can be made (${error.code}). Choose another place.`, error);
    });
    const tensors = await model.saveStyle(style);
    await replaceFile(path, writeSafetensors(tensors, { key, digest: digestOf(tensors) }), options.signal);
    return { style, isCached: false };
  } catch (error) {
    if (options.signal?.aborted) {
      style.dispose();
      throw error;
    }
    const reason = error instanceof Error ? error.message : String(error);
    return { style, isCached: false, note: `The style was not kept in ${folder}. ${reason}` };
  }
}

/** 64 hexadecimal digits that are the same only for the same style. */
async function styleKey(model: Model, painting: Picture, { mask, ...options }: StyleOptions): Promise<string> {
  const { size, stroke, rotate, seed, keys } = options;
  const hash = createHash("sha256");
  const known = { format: FORMAT, model: await model.fingerprint(), size, stroke, rotate, seed, keys };
  hash.update(JSON.stringify(known));
  for (const picture of [painting, ...(mask ? [mask] : [])]) {
    hash.update(`${picture.width} x ${picture.height}`).update(picture.data);
  }
  return hash.digest("hex");
}

async function readKept(path: string, key: string): Promise<SavedStyle | undefined> {
  try {
    const { tensors, metadata } = readSafetensors(await readFile(path));
    const kept = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    for (const [name, { shape, data }] of tensors) if (data instanceof Float32Array) kept.set(name, { shape, data });
    return metadata.key === key && metadata.digest === digestOf(kept) ? kept : undefined;
  } catch {
    // Not there, or not what was written.
    return undefined;
  }
}

function digestOf(tensors: SavedStyle): string {
  const hash = createHash("sha256");
  for (const name of [...tensors.keys()].sort()) {
    const data = tensors.get(name)?.data ?? new Float32Array();
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
