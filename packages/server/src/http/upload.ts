/**
 * An upload (multipart/form-data), streamed to files of a temporary folder under names of our own.
 * Whatever is too large, too many, too slow or not asked for ends it at once; the folder goes with
 * the request, however that ends.
 */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { FastifyRequest } from "fastify";
import { Problem } from "../problem.ts";
import type { Limits } from "../settings.ts";
import type { UploadSlot, UploadSlots } from "./uploadSlots.ts";

/** The longest text of a field, in bytes. */
const MOST_TEXT = 64 * 1024;

/** The field that holds everything but files, as JSON. */
export const OPTIONS = "options";

/** A file of an upload. */
export interface UploadedFile {
  readonly path: string;
  /** The SHA-256 of its bytes. */
  readonly hash: string;
  readonly bytes: number;
}

/** How many files a part may be, and how large each. */
export interface PartLimit {
  readonly most: number;
  readonly bytes: number;
}

export class Upload implements AsyncDisposable {
  readonly folder: string;
  readonly #files = new Map<string, UploadedFile[]>();
  /** What the field `options` says; an empty object where there is none. */
  options: unknown = {};

  constructor(folder: string) {
    this.folder = folder;
  }

  add(part: string, file: UploadedFile): void {
    this.#files.set(part, [...this.files(part), file]);
  }

  /** The files of a part in order. */
  files(part: string): readonly UploadedFile[] {
    return this.#files.get(part) ?? [];
  }

  /** The one file of a part. @throws Problem where there is none. */
  file(part: string): UploadedFile {
    const [file] = this.files(part);
    if (file === undefined) throw new Problem("bad-request", `Expected a file in the part ${part} but received none.`);
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

export interface UploadOptions {
  /** Where its temporary folder goes. */
  readonly scratch: string;
  readonly parts: Readonly<Record<string, PartLimit>>;
  readonly limits: Limits;
  /** Bytes of all of it. */
  readonly bytes: number;
  /** Where it takes a place for as long as it is read. */
  readonly slots: UploadSlots;
}

/** Reads an upload to its end. @throws Problem with one sentence; nothing is left behind then. */
export async function readUpload(request: FastifyRequest, options: UploadOptions): Promise<Upload> {
  const { scratch, limits, bytes: most } = options;
  if (!request.isMultipart()) {
    throw new Problem("unsupported-type", "Expected multipart/form-data but received another type of body.");
  }
  if (Number(request.headers["content-length"] ?? 0) > most) throw tooLarge("the upload", most);
  using slot = options.slots.take();
  const upload = new Upload(await mkdtemp(join(scratch, "upload-")));
  const watch = watchStream(request.raw, slot, limits, most);
  try {
    await Promise.race([receive(request, upload, options, watch.signal), watch.gaveUp]);
    return upload;
  } catch (error) {
    await upload[Symbol.asyncDispose]();
    throw explained(watch.signal.aborted ? watch.signal.reason : error);
  } finally {
    watch.end();
  }
}

async function receive(
  request: FastifyRequest,
  upload: Upload,
  options: UploadOptions,
  signal: AbortSignal,
): Promise<void> {
  const { parts } = options;
  const files = Object.values(parts).reduce((sum, { most }) => sum + most, 0);
  const largest = Math.max(...Object.values(parts).map(({ bytes }) => bytes));
  const limits = {
    fieldNameSize: 100,
    fieldSize: MOST_TEXT,
    fields: 4,
    files: files + 1,
    parts: files + 4,
    headerPairs: 32,
    fileSize: largest,
  };
  let count = 0;
  for await (const part of request.parts({ limits })) {
    const name = part.fieldname;
    if (name !== OPTIONS && !Object.hasOwn(parts, name)) {
      const known = [...Object.keys(parts), OPTIONS].join(", ");
      throw new Problem("bad-request", `Expected parts named ${known} but received ${name.slice(0, 80)}.`);
    }
    if (part.type === "field") {
      if (name !== OPTIONS)
        throw new Problem("bad-request", `Expected a file in the part ${name} but received a text.`);
      if (part.valueTruncated) throw tooLarge("the options", MOST_TEXT);
      upload.options = typeof part.value === "string" ? json(part.value) : part.value;
      continue;
    }
    const path = join(upload.folder, String(count++));
    const limit = parts[name] ?? { most: 1, bytes: MOST_TEXT };
    if (upload.files(name).length >= limit.most) {
      throw new Problem("too-large", `Expected at most ${limit.most} files in the part ${name} but received more.`);
    }
    const file = await save(part.file, path, { name, most: limit.bytes, signal });
    // Browsers send JSON that was given a type as a file.
    if (name === OPTIONS) upload.options = json(await readFile(path, "utf8"));
    else upload.add(name, file);
  }
}

async function save(
  from: Readable & { readonly truncated?: boolean },
  path: string,
  { name, most, signal }: { name: string; most: number; signal: AbortSignal },
): Promise<UploadedFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      hash.update(chunk);
      done(bytes > most ? tooLarge(`the part ${name}`, most) : null, chunk);
    },
  });
  await pipeline(from, count, createWriteStream(path), { signal });
  if (from.truncated) throw tooLarge(`the part ${name}`, most);
  return { path, bytes, hash: hash.digest("hex") };
}

/** Gives an upload up that stands still, takes too long or has become too large. */
function watchStream(raw: Readable, slot: UploadSlot, limits: Limits, most: number) {
  const controller = new AbortController();
  const gaveUp = new Promise<never>((_, reject) => {
    controller.signal.addEventListener("abort", () => reject(controller.signal.reason), { once: true });
  });
  gaveUp.catch(() => undefined);
  const slow = (seconds: number, what: string) =>
    setTimeout(
      () => controller.abort(new Problem("slow-upload", `The upload ${what} for ${seconds} s.`)),
      seconds * 1000,
    );
  const whole = slow(limits.uploadSeconds, "went on");
  let idle = slow(limits.idleSeconds, "stood still");
  const makeRoom = () => controller.abort(slot.signal.reason);
  slot.signal.addEventListener("abort", makeRoom, { once: true });
  let bytes = 0;
  const hear = (chunk: Buffer) => {
    bytes += chunk.length;
    slot.heard(chunk.length);
    if (bytes > most) controller.abort(tooLarge("the upload", most));
    clearTimeout(idle);
    idle = slow(limits.idleSeconds, "stood still");
  };
  raw.on("data", hear);
  return {
    gaveUp,
    signal: controller.signal,
    end: () => {
      raw.off("data", hear);
      clearTimeout(idle);
      clearTimeout(whole);
    },
  };
}

function tooLarge(what: string, most: number): Problem {
  const size = most >= 2 ** 20 ? `${Math.floor(most / 2 ** 20)} MiB` : `${Math.floor(most / 1024)} KiB`;
  return new Problem("too-large", `Expected at most ${size} for ${what} but received more.`);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 120) : String(error);
    throw new Problem("bad-request", `Expected JSON in the part ${OPTIONS} but it cannot be read: ${reason}.`);
  }
}

/** What the parser of multipart bodies says, as a problem. */
function explained(error: unknown): unknown {
  if (error instanceof Problem || !(error instanceof Error)) return error;
  const code = "code" in error ? String(error.code) : "";
  if (["FST_PARTS_LIMIT", "FST_FILES_LIMIT", "FST_FIELDS_LIMIT"].includes(code)) {
    return new Problem("too-large", "Expected fewer parts in the upload.", { cause: error });
  }
  if (code === "FST_REQ_FILE_TOO_LARGE") return new Problem("too-large", "Expected smaller files.", { cause: error });
  // Of the system, such as no space: not the upload's fault.
  if ("syscall" in error || ["ENOSPC", "EDQUOT"].includes(code)) return error;
  return new Problem("bad-request", `The upload is not whole multipart/form-data (${error.message}).`, {
    cause: error,
  });
}

/**
 * Reads what a client still sends, up to a bound, for he would not see the answer before he has
 * sent it.
 */
export async function drain(
  raw: Readable,
  { bytes, milliseconds }: { bytes: number; milliseconds: number },
): Promise<void> {
  if (raw.readableEnded || raw.destroyed) return;
  raw.unpipe();
  await new Promise<void>((resolve) => {
    let read = 0;
    const timer = setTimeout(resolve, milliseconds);
    const hear = (chunk: Buffer) => {
      read += chunk.length;
      if (read > bytes) resolve();
    };
    raw.on("data", hear).once("end", resolve).once("close", resolve).once("error", resolve);
    raw.resume();
    raw.once("end", () => clearTimeout(timer));
  });
}
