/**
 * Pictures from http and https addresses, fetched into memory within limits of bytes, time and
 * redirections. Nothing is kept, so plain http is taken too, as a browser would; `download` is for
 * what must be the same every time.
 */

import { cannotRead } from "./files.ts";

/** The most bytes that a picture may have that does not come from a file: 512 MiB. */
export const MOST_STREAMED_BYTES = 2 ** 29;

/** How often a server may send elsewhere. */
const MOST_REDIRECTIONS = 5;

/** What {@link fetchPicture} may be asked. */
export interface FetchPictureOptions {
  /** The most bytes, 512 MiB by default. */
  readonly mostBytes?: number | undefined;
  /** How long a server may be silent, in milliseconds; 30 seconds by default. */
  readonly patience?: number | undefined;
  /** How long all of it may take, in milliseconds; 10 minutes by default. */
  readonly longest?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Whether a text is an http or https address, and not the name of a file. */
export function isAddress(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/**
 * Fetches the file of a picture.
 *
 * @throws Error with one sentence naming the address where it cannot be had, is too large or takes
 *   too long; the signal's reason where it is aborted.
 */
export async function fetchPicture(address: string, options: FetchPictureOptions = {}): Promise<Uint8Array> {
  const { mostBytes = MOST_STREAMED_BYTES, patience = 30_000, longest = 600_000, signal } = options;
  const stop = new AbortController();
  let late: string | undefined;
  const after = (milliseconds: number, reason: string) =>
    setTimeout(() => {
      late = reason;
      stop.abort();
    }, milliseconds);
  const waiting = () => after(patience, `the server was silent for ${patience / 1000} seconds`);
  const whole = after(longest, `it took longer than ${longest / 1000} seconds`);
  let timer = waiting();
  try {
    const response = await follow(address, signal ? AbortSignal.any([signal, stop.signal]) : stop.signal);
    const length = Number(response.headers.get("content-length") ?? 0);
    const chunks: Uint8Array[] = [];
    let received = 0;
    if (length <= mostBytes) {
      for await (const chunk of response.body ?? []) {
        clearTimeout(timer);
        timer = waiting();
        received += chunk.length;
        if (received > mostBytes) break;
        chunks.push(chunk);
      }
    }
    if (Math.max(length, received) > mostBytes) throw cannotRead(address, tooManyBytes(mostBytes));
    return Buffer.concat(chunks, received);
  } catch (error) {
    signal?.throwIfAborted();
    if (late !== undefined) throw cannotRead(address, `${late}. Save it to a file first.`, error);
    // What fetch rejects with is a TypeError, with the system's reason as its cause.
    if (!(error instanceof TypeError)) throw error;
    const { cause } = error;
    const reason = cause instanceof Error && "code" in cause ? cause.code : error.message;
    throw cannotRead(address, `the connection failed (${reason}). Check the address and the connection.`, error);
  } finally {
    clearTimeout(timer);
    clearTimeout(whole);
    // Lets go of a connection whose answer was not read to its end.
    stop.abort();
  }
}

/** Why a picture that comes as a stream is refused. */
export function tooManyBytes(most: number): string {
  return `it is larger than ${most / 2 ** 20} MiB. Save it to a file first.`;
}

/** The answer at the end of all redirections. */
async function follow(address: string, signal: AbortSignal): Promise<Response> {
  if (!URL.canParse(address)) throw cannotRead(address, "it is no valid address. Check its spelling.");
  let url = new URL(address);
  for (let redirections = 0; redirections <= MOST_REDIRECTIONS; redirections++) {
    const response = await fetch(url, { redirect: "manual", headers: { "user-agent": "adaattn" }, signal });
    const { status, headers, statusText } = response;
    if (status === 200) return response;
    const location = headers.get("location");
    await response.body?.cancel();
    if (![301, 302, 303, 307, 308].includes(status) || location === null) {
      throw cannotRead(address, `the server answered ${status} (${statusText || "no reason"}). Check the address.`);
    }
    if (!URL.canParse(location, url.href) || !isAddress(new URL(location, url).href)) {
      throw cannotRead(address, `the server sends to ${location}, which is no web address. Check the address.`);
    }
    url = new URL(location, url);
  }
  throw cannotRead(address, `the server sends elsewhere more than ${MOST_REDIRECTIONS} times. Check the address.`);
}
