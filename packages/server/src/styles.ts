/**
 * Paintings that the server keeps under names, in its file store, with how they are looked at. A
 * style belongs to the API key that it was kept with, and nobody else sees it; those that were kept
 * without a key are everybody's. A description names the files of its style. Every file that comes
 * has a name of its own, and none is removed with the style: servers that share the store may be
 * about to read it. What no description names goes later (sweep.ts), and can never be named again.
 */
import { createHash, randomBytes } from "node:crypto";
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

/**
 * Where the styles of an owner are, with a slash at its end; no style can have the name of such a
 * folder.
 */
function ownersFolder(owner: string): string {
  return owner === "" ? "styles/" : `styles/_${createHash("sha256").update(owner).digest("hex").slice(0, 32)}/`;
}

function styleFolder(owner: string, name: string): string {
  return `${ownersFolder(owner)}${name}/`;
}

export class KeptStyles {
  readonly #files: FileStore;
  /** The last change of each name that is under way here. */
  readonly #changes = new Map<string, Promise<unknown>>();

  constructor(files: FileStore) {
    this.#files = files;
  }

  /**
   * Makes changes of one name happen one after another, in the order in which they were asked for.
   */
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

  async #read(folder: string): Promise<KeptStyle | undefined> {
    const bytes = await this.#files.read(folder + DESCRIPTION);
    return bytes && (JSON.parse(new TextDecoder().decode(bytes)) as KeptStyle);
  }

  /** An owner's own style. */
  find(owner: string, name: string): Promise<KeptStyle | undefined> {
    return this.#read(styleFolder(owner, name));
  }

  /**
   * An owner's style, or everybody's where he has none of this name. @throws Problem where there is
   * neither.
   */
  async get(owner: string, name: string): Promise<KeptStyle> {
    const style = (await this.find(owner, name)) ?? (owner === "" ? undefined : await this.find("", name));
    if (style === undefined) throw missing(name);
    return style;
  }

  /**
   * Keeps a style, instead of the owner's own that has its name. Returns it, and whether it is a
   * new name.
   */
  put(owner: string, name: string, style: NewStyle): Promise<{ readonly style: KeptStyle; readonly isNew: boolean }> {
    const folder = styleFolder(owner, name);
    return this.#inTurn(folder, () => this.#put(folder, style));
  }

  async #put(folder: string, style: NewStyle) {
    const before = await this.#read(folder);
    const keep = async (kind: string, file: NewStyle["painting"]): Promise<StoredFile> => {
      const { path, hash, bytes } = file;
      const stored = { name: `${folder}${kind}-${hash}-${randomBytes(6).toString("hex")}`, hash, bytes };
      await this.#files.put(stored.name, path);
      return stored;
    };
    const { look, width, height } = style;
    const kept: KeptStyle = {
      painting: await keep("painting", style.painting),
      mask: style.mask && (await keep("mask", style.mask)),
      look,
      width,
      height,
      updated: Date.now(),
    };
    await this.#files.write(folder + DESCRIPTION, new TextEncoder().encode(JSON.stringify(kept)));
    return { style: kept, isNew: before === undefined };
  }

  /** Forgets an owner's own style. @throws Problem where he has none of this name. */
  remove(owner: string, name: string): Promise<void> {
    const folder = styleFolder(owner, name);
    return this.#inTurn(folder, async () => {
      if ((await this.#read(folder)) === undefined) throw missing(name);
      await this.#files.remove(folder + DESCRIPTION);
    });
  }

  /** The files that no description names. */
  async strays(): Promise<string[]> {
    const files = (await this.#files.list("styles/")).filter((file) => !file.endsWith(`/${DESCRIPTION}`));
    const used = new Set<string | undefined>();
    for (const folder of new Set(files.map((file) => file.slice(0, file.lastIndexOf("/") + 1)))) {
      const style = await this.#read(folder);
      used.add(style?.painting.name).add(style?.mask?.name);
    }
    return files.filter((file) => !used.has(file));
  }

  async #own(owner: string): Promise<Map<string, KeptStyle>> {
    const folder = ownersFolder(owner);
    const names = (await this.#files.list(folder))
      .map((file) => file.slice(folder.length).split("/"))
      .flatMap(([name = "", file = "", ...deeper]) => (file === DESCRIPTION && deeper.length === 0 ? name : []));
    const found = await Promise.all(names.map(async (name) => [name, await this.find(owner, name)] as const));
    return new Map(found.flatMap(([name, style]) => (style ? [[name, style]] : [])));
  }

  /** How many styles an owner has, and the bytes of their files. */
  async usage(owner: string): Promise<{ readonly styles: number; readonly bytes: number }> {
    const own = [...(await this.#own(owner)).values()];
    return {
      styles: own.length,
      bytes: own.reduce((sum, { painting, mask }) => sum + painting.bytes + (mask?.bytes ?? 0), 0),
    };
  }

  /** An owner's styles and everybody's. */
  async list(owner: string): Promise<StyleInfo[]> {
    const shared = owner === "" ? new Map<string, KeptStyle>() : await this.#own("");
    const all = new Map([...shared, ...(await this.#own(owner))]);
    return [...all].map(([name, style]) => describeStyle(name, style)).sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

function missing(name: string): Problem {
  return new Problem("not-found", `There is no kept style ${name}. GET /v1/styles lists them.`);
}

export function describeStyle(name: string, style: KeptStyle): StyleInfo {
  const { painting, mask, look, width, height, updated } = style;
  return {
    name,
    width,
    height,
    look,
    bytes: painting.bytes,
    hasMask: mask !== undefined,
    updated: new Date(updated).toISOString(),
  };
}
