/**
 * What is kept in this browser across visits (IndexedDB): the user's own paintings, and the last
 * results. Where the browser keeps nothing, as in some private windows, they last as long as the
 * page.
 */

/** A painting as it is kept. */
export interface KeptPainting {
  readonly id: string;
  readonly title: string;
  readonly file: Blob;
  /** When it was added, for their order. */
  readonly added: number;
}

/** A result as it is kept. */
export interface KeptResult {
  /**
   * The same for results of the same photograph in the same paintings, of which only the last is
   * kept.
   */
  readonly id: string;
  /** What its file is called. */
  readonly name: string;
  readonly file: Blob;
  /** What was set, as the parameters of an address. */
  readonly link: string;
  readonly added: number;
}

/** So many results are kept, and at most so many bytes of them. */
export const MOST_RESULTS = { count: 24, bytes: 40e6 } as const;

const STORES = ["paintings", "results"] as const;
type Store = (typeof STORES)[number];

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open("adaattn-studio", 2);
    asked.onupgradeneeded = () => {
      for (const name of STORES) {
        if (!asked.result.objectStoreNames.contains(name)) asked.result.createObjectStore(name, { keyPath: "id" });
      }
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function inStore<T>(
  name: Store,
  mode: IDBTransactionMode,
  ask: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await openDatabase();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(name, mode);
      const asked = ask(transaction.objectStore(name));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/**
 * All that is kept of one kind. Where the browser keeps nothing, there is nothing, and keeping does
 * nothing.
 */
class Shelf<T extends { readonly id: string; readonly added: number }> {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The oldest first. */
  async all(): Promise<readonly T[]> {
    const kept: T[] = await inStore(this.#store, "readonly", (store) => store.getAll()).catch(() => []);
    return kept.sort((a, b) => a.added - b.added);
  }

  /** Keeps one in the place of an earlier one of the same id. */
  keep(one: T): Promise<void> {
    return this.#change((store) => store.put(one));
  }

  drop(id: string): Promise<void> {
    return this.#change((store) => store.delete(id));
  }

  async #change(ask: (store: IDBObjectStore) => IDBRequest): Promise<void> {
    await inStore(this.#store, "readwrite", ask).catch(() => undefined);
  }
}

export const keptPaintings = new Shelf<KeptPainting>("paintings");
export const keptResults = new Shelf<KeptResult>("results");

/** Those of the results, the newest first, for which there is no room. */
export function surplusOf(
  results: readonly { readonly file: { readonly size: number } }[],
  { count, bytes }: { readonly count: number; readonly bytes: number } = MOST_RESULTS,
): number {
  let [fit, total] = [0, 0];
  for (const { file } of results) {
    total += file.size;
    if (fit === count || total > bytes) break;
    fit++;
  }
  return results.length - fit;
}
