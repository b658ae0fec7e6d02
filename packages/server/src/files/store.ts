/**
 * Where files of jobs and kept styles lie: a folder of this machine, a folder that machines share,
 * or an S3-compatible store. Names are of the server's own making, parts joined by slashes; what is
 * at a name is whole or not there at all. Where it cannot be reached at the moment, or asks to be
 * asked less, every call ends with a Problem `unavailable`, after a time of its own.
 */
import type { Readable } from "node:stream";

export interface FileStore {
  /** Moves a finished local file in, replacing what is there. */
  put(name: string, path: string): Promise<void>;
  /** Writes a small file. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Its bytes; undefined where it is not there. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** How many bytes it has; undefined where it is not there. */
  size(name: string): Promise<number | undefined>;
  /** Its bytes from `start` to and with `end`. */
  open(name: string, range?: { readonly start: number; readonly end: number }): Promise<Readable>;
  /**
   * A local path with its bytes, to be read only.
   *
   * @param folder where a copy goes if one has to be made; it is not made twice.
   * @throws Error where it is not there.
   */
  fetch(name: string, folder: string): Promise<string>;
  /** The names that begin so. */
  list(prefix: string): Promise<string[]>;
  /**
   * Removes what begins with a prefix that ends in a slash, or the one file of a name; what is not
   * there is no error.
   */
  remove(name: string): Promise<void>;
  /** @throws where it cannot be reached, or the folder is not there any more. */
  check(): Promise<void>;
}
