/**
 * Paintings that the server keeps under names, in its file store, with how they are looked at. A description names the files of its
 * style. Every file that comes has a name of its own, and none is removed with the style: servers that share the store may be about to
 * read it. What no description names goes later (sweep.ts), and can never be named again.
 */
import { randomBytes } from "node:crypto";
import type { FileStore } from "./files/store.ts";
import type { StoredFile } from "./jobs/record.ts";
import { Problem } from "./problem.ts";
import type { StyleInfo, StyleLook } from "./schemas.ts";

/** A kept style as its file describes it. */
export interface KeptStyle {
  readonly painting: StoredFile;
  readonly mask?: StoredFile | undefined;
  readonly look: StyleLook;
  readonly width: number;
  readonly height: number;
  /** In milliseconds since 1970. */
  readonly updated: number;
}

/** What is to be kept: local files with their hashes, which are moved. */
export interface NewStyle {
  readonly painting: { readonly path: string; readonly hash: string; readonly bytes: number };
  readonly mask?: { readonly path: string; readonly hash: string; readonly bytes: number } | undefined;
  readonly look: StyleLook;
  readonly width: number;
  readonly height: number;
}

const DESCRIPTION = "style.json";

export class KeptStyles {
  readonly #files: FileStore;
  /** The last change of each name that is under way here. */
  readonly #changes = new Map<string, Promise<unknown>>();

  constructor(files: FileStore) {
    this.#files = files;
  }

  /** Makes changes of one name happen one after another, in the order in which they were asked for. */
  async #inTurn<Result>(name: string, change: () => Promise<Result>): Promise<Result> {
    const before = this.#changes.get(name) ?? Promise.resolve();
    const mine = before.then(change, change);
    this.#changes.set(name, mine);
    try {
      return await mine;
    } finally {
      if (this.#changes.get(name) === mine) this.#changes.delete(name);
    }
  }

  async find(name: string): Promise<KeptStyle | undefined> {
    const bytes = await this.#files.read(`styles/${name}/${DESCRIPTION}`);
    return bytes && (JSON.parse(new TextDecoder().decode(bytes)) as KeptStyle);
  }

  /** @throws Problem where there is none of this name. */
  async get(name: string): Promise<KeptStyle> {
    const style = await this.find(name);
    if (style === undefined)
      throw new Problem("not-found", `There is no kept style ${name}. GET /v1/styles lists them.`);
    return style;
  }

  /** Keeps a style, instead of one that has its name. Returns it, and whether it is a new name. */
  put(name: string, style: NewStyle): Promise<{ readonly style: KeptStyle; readonly isNew: boolean }> {
    return this.#inTurn(name, () => this.#put(name, style));
  }

  async #put(name: string, style: NewStyle) {
    const before = await this.find(name);
    const keep = async (kind: string, file: NewStyle["painting"]): Promise<StoredFile> => {
      const { path, hash, bytes } = file;
      const stored = { name: `styles/${name}/${kind}-${hash}-${randomBytes(6).toString("hex")}`, hash, bytes };
      await this.#files.put(stored.name, path);
      return stored;
    };
    const { look, width, height } = style;
    const kept: KeptStyle = {
      painting: await keep("painting", style.painting),
      mask: style.mask && (await keep("mask", style.mask)),
      ...{ look, width, height, updated: Date.now() },
    };
    await this.#files.write(`styles/${name}/${DESCRIPTION}`, new TextEncoder().encode(JSON.stringify(kept)));
    return { style: kept, isNew: before === undefined };
  }

  /** @throws Problem where there is none of this name. */
  remove(name: string): Promise<void> {
    return this.#inTurn(name, async () => {
      await this.get(name);
      await this.#files.remove(`styles/${name}/${DESCRIPTION}`);
    });
  }

  /** The files that no description names. */
  async strays(): Promise<string[]> {
    const files = (await this.#files.list("styles/")).filter((file) => !file.endsWith(`/${DESCRIPTION}`));
    const used = new Set<string | undefined>();
    for (const name of new Set(files.map((file) => file.split("/")[1] ?? ""))) {
      const style = await this.find(name);
      used.add(style?.painting.name).add(style?.mask?.name);
    }
    return files.filter((file) => !used.has(file));
  }

  async list(): Promise<StyleInfo[]> {
    const names = (await this.#files.list("styles/"))
      .filter((file) => file.endsWith(`/${DESCRIPTION}`))
      .map((file) => file.split("/")[1] ?? "");
    const found = await Promise.all(names.map(async (name) => ({ name, style: await this.find(name) })));
    return found.flatMap(({ name, style }) => (style ? describeStyle(name, style) : []));
  }
}

export function describeStyle(name: string, style: KeptStyle): StyleInfo {
  const { painting, mask, look, width, height, updated } = style;
  return {
    ...{ name, width, height, look, bytes: painting.bytes, hasMask: mask !== undefined },
    updated: new Date(updated).toISOString(),
  };
}
