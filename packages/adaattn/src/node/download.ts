/**
 * Downloads files into a cache, so that each comes over the network once, in pieces if need be:
 * what a cut connection left is kept and continued by an HTTP range (RFC 9110, sections 13.1.5 and
 * 14), even by a later process.
 */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AdaattnError } from "../error.ts";
import { cannotRead, cannotWrite } from "./files.ts";

/** The largest file, in bytes: 2 GiB, which is also what Node reads at once. */
const LARGEST = 2 ** 31;

/** How often a download is continued without any byte of progress in between. */
const MOST_FAILURES = 4;

/** How long a server may be silent, in milliseconds. */
const PATIENCE = 30_000;

/** What {@link download} may be asked. */
export interface DownloadOptions {
  /** The SHA-256 that the file must have, as 64 hexadecimal digits. */
  readonly sha256?: string | undefined;
  /** Where files are kept; by default {@link cacheFolder}. */
  readonly cache?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Called as bytes come in: how many there are, and how many there will be where the server says.
   */
  readonly onProgress?: ((received: number, total: number | undefined) => void) | undefined;
  /**
   * Milliseconds before the first new attempt; each further one waits twice as long. 500 by
   * default.
   */
  readonly pause?: number | undefined;
}

/** A file that was downloaded, now or before. */
export interface DownloadedFile {
  /** Where it lies in the cache. */
  readonly path: string;
  /** Its SHA-256 as 64 lower-case hexadecimal digits. */
  readonly sha256: string;
}

/**
 * `adaattn` in the folder for caches: XDG_CACHE_HOME where that is set (XDG Base Directory
 * Specification), else ~/.cache.
 */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "adaattn");
}

/**
 * Downloads a file, or finds it in the cache.
 *
 * @param url http or https; plain http only with a checksum, since anybody on the way can change
 *   it.
 * @throws Error with one sentence naming the URL where it cannot be had, is too large, or has
 *   another checksum (it is then removed from the cache); the signal's reason where it is aborted.
 */
export async function download(url: string, options: DownloadOptions = {}): Promise<DownloadedFile> {
  const { cache = cacheFolder() } = options;
  const sha256 = options.sha256?.toLowerCase();
  if (!URL.canParse(url)) throw cannotRead(url, "it is no valid address. Check its spelling.");
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new AdaattnError(
      "option",
      `Expected 64 hexadecimal digits for the SHA-256 of ${url} but received ${sha256}.`,
    );
  }
  checkSafe(url, url, sha256);
  try {
    await mkdir(cache, { recursive: true });
    return await downloadInto(join(cache, cacheName(url)), url, { ...options, sha256 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && "syscall" in error)) throw error;
    throw cannotWrite(
      cache,
      `the system answered ${error.code}. Choose another cache by setting XDG_CACHE_HOME.`,
      error,
    );
  }
}

async function downloadInto(path: string, url: string, options: DownloadOptions): Promise<DownloadedFile> {
  const { sha256, signal } = options;
  if ((await sizeOf(path)) > 0) {
    const kept = await hashOf(path);
    if (sha256 === undefined || kept === sha256) return { path, sha256: kept };
    // The address may have got another file since.
    await rm(path, { force: true });
  }
  const part = `${path}.part`;
  await fetchWhole(url, part, options);
  signal?.throwIfAborted();
  const found = await hashOf(part);
  if (sha256 !== undefined && found !== sha256) {
    await discard(part);
    throw cannotRead(url, `its SHA-256 is ${found} where ${sha256} was expected. Check both; it was not kept.`);
  }
  await rename(part, path);
  await discard(part);
  return { path, sha256: found };
}

/** Plain http, at first or after a redirection, is taken only with a checksum. */
function checkSafe(url: string, actual: string, sha256: string | undefined): void {
  if (sha256 === undefined && !/^https:/i.test(actual)) {
    throw cannotRead(url, "only https is safe without a checksum. Give its SHA-256, or an https address.");
  }
}

/** A name in the cache that is the URL's own and can be read. */
function cacheName(url: string): string {
  const name =
    basename(new URL(url).pathname)
      .replaceAll(/[^\w.-]/g, "_")
      .slice(-80) || "file";
  return `${createHash("sha256").update(url).digest("hex").slice(0, 16)}-${name}`;
}

/** Fetches until the file is whole, continuing what a cut connection left. */
async function fetchWhole(url: string, part: string, options: DownloadOptions): Promise<void> {
  const { signal, pause = 500 } = options;
  let failures = 0;
  for (;;) {
    const before = await sizeOf(part);
    try {
      await fetchMore(url, part, before, options);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof CutOff)) throw error;
      failures = (await sizeOf(part)) > before ? 1 : failures + 1;
      if (failures > MOST_FAILURES) {
        throw cannotRead(
          url,
          `${error.message}. Check the connection and try again; what came is kept and continued.`,
          error,
        );
      }
      await sleep(pause * 2 ** (failures - 1), undefined, signal ? { signal } : {});
    }
  }
}

/** A failure that another attempt may not have. */
class CutOff extends Error {
  override readonly name = "CutOff";
}

/**
 * Fetches the file from byte `begin` on, or from its start where the server does not continue this
 * very file.
 */
async function fetchMore(url: string, part: string, begin: number, options: DownloadOptions): Promise<void> {
  const { signal, onProgress } = options;
  const validator = await readFile(`${part}.validator`, "utf8").catch(() => undefined);
  const stall = new AbortController();
  let timer = setTimeout(() => stall.abort(), PATIENCE);
  try {
    const continued = begin > 0 && validator !== undefined;
    const response = await fetch(url, {
      headers: {
        "accept-encoding": "identity",
        ...(continued && { range: `bytes=${begin}-`, "if-range": validator }),
      },
      signal: signal ? AbortSignal.any([signal, stall.signal]) : stall.signal,
    });
    checkSafe(url, response.url, options.sha256);
    const start = checkResponse(url, response, continued ? begin : 0);
    if (start === undefined) {
      await discard(part);
      throw new CutOff("what had come of it is no part of what the server has now");
    }
    if (start === 0) await keepValidator(part, response.headers);
    const length = response.headers.get("content-length");
    const total = length === null ? undefined : start + Number(length);
    if (total !== undefined && total > LARGEST) throw tooLarge(url);
    const file = await open(part, start > 0 ? "a" : "w");
    let received = start;
    try {
      for await (const chunk of response.body ?? []) {
        clearTimeout(timer);
        timer = setTimeout(() => stall.abort(), PATIENCE);
        received += chunk.length;
        if (received > LARGEST) throw tooLarge(url);
        await file.write(chunk);
        onProgress?.(received, total);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    if (total !== undefined && received < total)
      throw new CutOff(`the connection ended after ${received} of ${total} bytes`);
    if ((await sizeOf(part)) !== received) {
      await discard(part);
      throw new CutOff("another process was writing the same file");
    }
  } catch (error) {
    signal?.throwIfAborted();
    // What fetch rejects with is a TypeError, with the system's reason as its cause.
    if (stall.signal.aborted) throw new CutOff(`the server was silent for ${PATIENCE / 1000} seconds`);
    if (error instanceof TypeError) throw new CutOff(`the connection failed (${reasonOf(error)})`, { cause: error });
    throw error;
  } finally {
    clearTimeout(timer);
    // Lets go of a connection whose answer was not read to its end.
    stall.abort();
  }
}

/** The byte at which a response begins; undefined where nothing that was kept can be continued. */
function checkResponse(url: string, response: Response, begin: number): number | undefined {
  const { status } = response;
  if (status === 206) {
    const [, start] = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "") ?? [];
    return begin > 0 && Number(start) === begin ? begin : undefined;
  }
  if (status === 416) return undefined;
  if (status === 200) return 0;
  if (status === 429 || status >= 500) throw new CutOff(`the server answered ${status}`);
  throw cannotRead(url, `the server answered ${status} (${response.statusText || "no reason"}). Check the address.`);
}

/**
 * Remembers what tells this version of the file from others: a strong ETag, else the date of its
 * last change.
 */
async function keepValidator(part: string, headers: Headers): Promise<void> {
  const tag = headers.get("etag");
  const validator = tag !== null && !tag.startsWith("W/") ? tag : headers.get("last-modified");
  if (validator === null) await rm(`${part}.validator`, { force: true });
  else await writeFile(`${part}.validator`, validator);
}

async function discard(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(`${part}.validator`, { force: true });
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

function reasonOf(error: Error): string {
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
}

function tooLarge(url: string): Error {
  return cannotRead(url, `it is larger than ${LARGEST / 2 ** 30} GiB. Choose a smaller file.`);
}
