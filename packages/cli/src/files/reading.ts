/**
 * Reading the pictures that a command is given: files, addresses, and `-` for what comes on stdin.
 */
import { CONTENT_SIDE } from "adaattn/internal";
import { cannotRead, isAddress, MOST_STREAMED_BYTES, tooManyBytes } from "adaattn/internal/node";
import { type FilePicture, fetchPicture, readPicture } from "adaattn/node";
import { UsageError } from "../terminal/usage.ts";

/** What stands for stdin as a picture that is read, and for stdout as one that is written. */
export const STREAM = "-";

/** What errors call the picture on stdin. */
const ON_STDIN = "the picture on stdin";

/** A picture that is to be read. */
export interface Input {
  /** The path of a file, or the bytes of one. */
  readonly file: string | Uint8Array;
  /** What errors call it. */
  readonly name: string;
}

/**
 * The file that was asked for, fetched if need be.
 *
 * @throws Error with one sentence where it cannot be had, is too large or takes too long.
 */
export async function openInput(path: string, signal: AbortSignal): Promise<Input> {
  if (path === STREAM) return { file: await readStdin(), name: ON_STDIN };
  return { file: isAddress(path) ? await fetchPicture(path, { signal }) : path, name: path };
}

async function readStdin(): Promise<Uint8Array> {
  if (process.stdin.isTTY) {
    throw new UsageError("Expected a picture on stdin for - but received a terminal. Pipe one in, or name a file.");
  }
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    received += chunk.length;
    if (received > MOST_STREAMED_BYTES) throw cannotRead(ON_STDIN, tooManyBytes(MOST_STREAMED_BYTES));
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, received);
}

/** @throws UsageError where more than one picture would be read from stdin. */
export function checkStdin(paths: readonly string[]): void {
  const count = paths.filter((path) => path === STREAM).length;
  if (count > 1) throw new UsageError(`Expected - once, since stdin is one picture, but received it ${count} times.`);
}

/** A photograph, at the size asked for or as large as it is. */
export function readContent(path: string, size: number | undefined, signal: AbortSignal): Promise<FilePicture> {
  return readInput(path, size === undefined ? { longestSide: CONTENT_SIDE } : { longerSide: size }, signal);
}

/** A mask, which is stretched over its picture later. */
export function readMaskFile(path: string, signal: AbortSignal): Promise<FilePicture> {
  return readInput(path, { longestSide: CONTENT_SIDE }, signal);
}

async function readInput(
  path: string,
  size: { readonly longerSide?: number; readonly longestSide?: number },
  signal: AbortSignal,
): Promise<FilePicture> {
  const { file, name } = await openInput(path, signal);
  return readPicture(file, { ...size, name, signal });
}
