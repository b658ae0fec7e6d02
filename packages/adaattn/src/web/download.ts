/**
 * Fetches a file with progress in bytes, checked against its SHA-256, and kept in the browser's
 * Cache Storage, from where it comes the next time. A file without a checksum may change: it is
 * fetched anew, and what was kept serves where there is no network. What is gzipped is inflated
 * here, so that progress counts what is transferred. Many servers label such a file, and the
 * browser then inflates it first; the checksum is therefore of what is inside.
 */

import { WebProblem } from "./problem.ts";

/** What {@link fetchFile} may be asked. */
export interface FetchFileOptions {
  /**
   * The SHA-256 of the file, of what is inside where it is gzipped, in 64 hexadecimal digits. It is
   * not checked by default.
   */
  readonly sha256?: string | undefined;
  /** How many bytes are transferred, if the caller knows; by default what the server says. */
  readonly bytes?: number | undefined;
  /** The name of the cache that keeps the file, "adaattn" by default; false for none. */
  readonly cache?: string | false | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called as bytes come in: how many there are, and of how many where that is known. */
  readonly onProgress?: ((received: number, total: number | undefined) => void) | undefined;
}

/** The part of Cache Storage that is used; its types come with a browser's, which Node has not. */
interface Store {
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
  delete(request: string | Request): Promise<boolean>;
  keys(): Promise<readonly Request[]>;
}

/**
 * The bytes of a file, inflated where it is gzipped.
 *
 * @throws WebProblem with one sentence naming the URL where it cannot be had or has another
 *   checksum, in which case it is not kept; the signal's reason where it is aborted.
 */
export async function fetchFile(url: string, options: FetchFileOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const { sha256, signal, onProgress, bytes } = options;
  const store = await openStore(options.cache ?? "adaattn");
  if (sha256 === undefined) return inflate(await fetchOrKept(url, store, { signal, onProgress, bytes }), url);
  const key = `${url}${url.includes("?") ? "&" : "?"}sha256=${sha256}`;
  const kept = await store?.match(key).catch(() => undefined);
  if (kept !== undefined) {
    const file = new Uint8Array(await kept.arrayBuffer());
    const content = await inflate(file, url).catch(() => undefined);
    if (content !== undefined && (await digest(content)) === sha256) {
      onProgress?.(file.length, file.length);
      return content;
    }
  }
  const file = await receive(url, { signal, onProgress, bytes });
  const content = await inflate(file, url);
  const found = await digest(content);
  if (found !== sha256) {
    const sentence = `Expected the SHA-256 ${sha256} for ${url} but received ${found}; reload the page to try again.`;
    throw new WebProblem("damaged", sentence);
  }
  await keep(store, key, file);
  return content;
}

type Receiving = Pick<FetchFileOptions, "signal" | "onProgress" | "bytes">;

async function fetchOrKept(
  url: string,
  store: Store | undefined,
  options: Receiving,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const file = await receive(url, options);
    await keep(store, url, file);
    return file;
  } catch (error) {
    options.signal?.throwIfAborted();
    const kept = await store?.match(url).catch(() => undefined);
    if (kept === undefined) throw error;
    const file = new Uint8Array(await kept.arrayBuffer());
    options.onProgress?.(file.length, file.length);
    return file;
  }
}

/**
 * Keeps a file in place of its earlier versions. A full or forbidden cache is no reason to go
 * without the file.
 */
async function keep(store: Store | undefined, key: string, file: Uint8Array<ArrayBuffer>): Promise<void> {
  if (store === undefined) return;
  try {
    const name = (url: string) => url.replace(/[?&]sha256=[0-9a-f]+$/, "");
    for (const request of await store.keys()) {
      if (new URL(name(request.url), request.url).href === new URL(name(key), request.url).href) {
        await store.delete(request);
      }
    }
    const headers = { "content-type": "application/octet-stream", "content-length": String(file.length) };
    await store.put(key, new Response(file, { headers }));
  } catch {}
}

async function openStore(name: string | false): Promise<Store | undefined> {
  const { caches } = globalThis as { caches?: { open(name: string): Promise<Store> } };
  // Pages from plain http have no Cache Storage, and private windows may refuse it.
  return name === false ? undefined : caches?.open(name).catch(() => undefined);
}

async function receive(url: string, { signal, onProgress, bytes }: Receiving): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url, signal ? { signal } : {}).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw new WebProblem("unreachable", `${url} cannot be fetched; check the connection and try again.`, {
      cause: error,
    });
  });
  if (!response.ok) {
    throw new WebProblem("refused", `${url} cannot be fetched: the server answered ${response.status}.`);
  }
  // A length counts what is transferred, which is less than what arrives where the server
  // compressed it.
  const isEncoded = response.headers.has("content-encoding");
  const length = response.headers.get("content-length");
  const total = isEncoded ? undefined : (bytes ?? (length === null ? undefined : Number(length)));
  const chunks: Uint8Array[] = [];
  let received = 0;
  try {
    const reader = response.body?.getReader();
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
      chunks.push(part.value);
      received += part.value.length;
      onProgress?.(received, total === undefined ? undefined : Math.max(total, received));
    }
  } catch (error) {
    signal?.throwIfAborted();
    const sentence = `${url} broke off after ${received} bytes; check the connection and try again.`;
    throw new WebProblem("brokenOff", sentence, { cause: error });
  }
  const file = new Uint8Array(received);
  let at = 0;
  for (const chunk of chunks) {
    file.set(chunk, at);
    at += chunk.length;
  }
  return file;
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  // Only pages from https and localhost have it; elsewhere nothing can be checked.
  if (globalThis.crypto?.subtle === undefined) {
    throw new WebProblem("insecure", "This page must be served by https to check its files.");
  }
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Told by its first bytes, not by its name: a server may have inflated it on the way. */
async function inflate(file: Uint8Array<ArrayBuffer>, url: string): Promise<Uint8Array<ArrayBuffer>> {
  if (file[0] !== 0x1f || file[1] !== 0x8b) return file;
  try {
    const stream = new Blob([file]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream as ReadableStream<Uint8Array>).arrayBuffer());
  } catch (error) {
    throw new WebProblem("damaged", `${url} is a damaged gzip file.`, { cause: error });
  }
}
