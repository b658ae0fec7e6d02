/** The user's own paintings, kept in this browser across visits (IndexedDB). Where it keeps nothing, they last as long as the page. */

/** A painting as it is kept. */
export interface KeptPainting {
  readonly id: string;
  readonly title: string;
  readonly file: Blob;
  /** When it was added, for their order. */
  readonly added: number;
}

const STORE = "paintings";

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open("adaattn-studio", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "id" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function inStore<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await openDatabase();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const asked = ask(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/** Those that were kept, the oldest first; none where the browser keeps nothing, as in some private windows. */
export async function keptPaintings(): Promise<readonly KeptPainting[]> {
  const kept: KeptPainting[] = await inStore("readonly", (store) => store.getAll()).catch(() => []);
  return kept.sort((a, b) => a.added - b.added);
}

export async function keepPainting(painting: KeptPainting): Promise<void> {
  await inStore("readwrite", (store) => store.put(painting)).catch(() => undefined);
}

export async function dropPainting(id: string): Promise<void> {
  await inStore("readwrite", (store) => store.delete(id)).catch(() => undefined);
}
