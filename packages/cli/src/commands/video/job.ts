/**
 * A film in the making: a hidden folder beside its place, with segments that are whole and a
 * manifest of what they were made from. A killed job leaves it behind, and the next one with the
 * same options goes on after the last whole segment.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { cannotWrite, replaceFile } from "adaattn/internal/node";
import { UsageError } from "../../terminal/usage.ts";

const MANIFEST = "job.json";

/** A whole segment. */
export interface Segment {
  readonly path: string;
  readonly frames: number;
}

/** The folder of one job. */
export class VideoJob {
  readonly folder: string;
  readonly #segments: Segment[];
  /**
   * Whether it was begun by an earlier run, has thrown away what such a run had begun, or neither.
   */
  readonly past: "resumed" | "replaced" | "none";

  private constructor(folder: string, segments: Segment[], past: VideoJob["past"]) {
    this.folder = folder;
    this.#segments = segments;
    this.past = past;
  }

  /**
   * Begins a job or, where `resume` is asked for and there is one, takes it up again.
   *
   * @param output what the film will be called.
   * @param facts all that decides what the frames will look like; a job is taken up only if they
   *   are the same.
   * @throws UsageError where the job was begun with others; Error with one sentence where the
   *   folder cannot be written to.
   */
  static async open(output: string, facts: unknown, resume: boolean): Promise<VideoJob> {
    const whole = resolve(output);
    const folder = join(dirname(whole), `.${basename(whole)}.adaattn`);
    const options = createHash("sha256").update(JSON.stringify(facts)).digest("hex");
    const segments = await wholeSegments(folder);
    const before = await readFile(join(folder, MANIFEST), "utf8").catch(() => undefined);
    if (resume && before !== undefined) {
      if (optionsOf(before) !== options) {
        throw new UsageError(
          `Expected the options and files that ${output} was begun with but received others; run it without --resume to begin anew.`,
        );
      }
      for (const name of await readdir(folder)) {
        const isKept = name === MANIFEST || segments.some(({ path }) => basename(path) === name);
        if (!isKept) await rm(join(folder, name), { recursive: true, force: true });
      }
      return new VideoJob(folder, segments, "resumed");
    }
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
      throw cannotWrite(output, `no folder can be made beside it (${error.code}). Choose another place.`, error);
    });
    const manifest = new TextEncoder().encode(`${JSON.stringify({ options, facts }, null, 1)}\n`);
    try {
      await replaceFile(join(folder, MANIFEST), manifest);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
    return new VideoJob(folder, [], segments.length > 0 ? "replaced" : "none");
  }

  /** The whole segments, in order. */
  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /** How many frames the whole segments hold. */
  get frames(): number {
    return this.#segments.reduce((sum, { frames }) => sum + frames, 0);
  }

  /**
   * Where a segment grows; no other process, such as an encoder that outlived a killed job, writes
   * to this name.
   */
  growing(index: number, extension: string): string {
    return join(this.folder, `${process.pid}-${index}.part${extension}`);
  }

  /** Counts a file as whole. */
  async keep(path: string, frames: number, extension: string): Promise<void> {
    const name = `${String(this.#segments.length).padStart(6, "0")}-${frames}${extension}`;
    await rename(path, join(this.folder, name));
    this.#segments.push({ path: join(this.folder, name), frames });
  }

  /** Removes the folder. */
  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

function optionsOf(manifest: string): unknown {
  try {
    return (JSON.parse(manifest) as { options?: unknown } | null)?.options;
  } catch {
    return undefined;
  }
}

/** The whole segments of a folder up to the first that is missing. */
async function wholeSegments(folder: string): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const name of (await readdir(folder).catch(() => [])).sort()) {
    const [, index, frames] = /^(\d{6,})-(\d+)\.\w+$/.exec(name) ?? [];
    if (index === undefined) continue;
    if (Number(index) !== segments.length) break;
    segments.push({ path: join(folder, name), frames: Number(frames) });
  }
  return segments;
}
