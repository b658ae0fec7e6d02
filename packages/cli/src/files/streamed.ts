/**
 * A result that goes to stdout: written to a temporary file first, so that nobody ever reads half
 * of one.
 */
import { createReadStream, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { UsageError } from "../terminal/usage.ts";

/** A temporary folder for the one result. Disposing of it removes it. */
export class StreamedResult implements AsyncDisposable {
  /** Where temporary files of the result may lie. */
  readonly folder: string;
  readonly #sweep: () => void;

  private constructor(folder: string) {
    this.folder = folder;
    this.#sweep = () => rmSync(folder, { recursive: true, force: true });
    process.on("exit", this.#sweep);
  }

  /** @throws UsageError where stdout is a terminal, which shows no pictures. */
  static async open(): Promise<StreamedResult> {
    if (process.stdout.isTTY) {
      throw new UsageError("Expected a file or a pipe for the picture on stdout but received a terminal.");
    }
    return new StreamedResult(await mkdtemp(join(tmpdir(), "adaattn-")));
  }

  /** Writes a file to stdout. */
  async send(path: string): Promise<void> {
    await pipeline(createReadStream(path), process.stdout, { end: false });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sweep();
    process.off("exit", this.#sweep);
  }
}
