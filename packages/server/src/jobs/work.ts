/**
 * What is done for a job, part by part. Every step can be done again, by another process: what is
 * there already is not made anew, and what is made appears whole or not at all. So whoever dies in
 * the middle is followed by somebody who goes on.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { perSecond } from "adaattn/internal/node";
import { joinSegments, probeVideo } from "adaattn/node";
import type { FileStore } from "../files/store.ts";
import type { Log } from "../log.ts";
import type { InputFile, PaintTask, SegmentProgress } from "../painters/messages.ts";
import { PaintError } from "../painters/painter.ts";
import type { PainterPool } from "../painters/pool.ts";
import { Problem } from "../problem.ts";
import type { Limits } from "../settings.ts";
import type { Traces } from "../traces.ts";
import { MEDIA_TYPES } from "../video/kinds.ts";
import { planVideo, type VideoPlan } from "../video/plan.ts";
import type { QueueMetrics, StepName } from "./metrics.ts";
import { describeJob, folderOf, type JobRecord, type StoredFile, type StoredResult, UNFINISHED } from "./record.ts";
import type { JobStore } from "./store.ts";

/** How often progress is told, in milliseconds. */
const TELL_EVERY = 500;

/** How many times a part is tried. */
export const ATTEMPTS = 3;

/** How long to wait before the next try, in milliseconds; it doubles each time. */
export const BACK_OFF = 1000;

/** How many processes may die of a job. */
export const MOST_CRASHES = 2;

/**
 * How long to wait before the end of a job is written again, in milliseconds: at first and at most.
 */
const WRITE_AGAIN = 250;
const MOST_WRITE_AGAIN = 5000;

/** What a part leaves behind beside its file. */
interface PartNote {
  readonly result: StoredResult;
  readonly frames?: number;
  readonly notes: readonly string[];
}

/** What a job is made of. */
interface Plan {
  readonly parts: number;
  readonly video?: VideoPlan;
}

export interface Workshop {
  readonly pool: PainterPool;
  readonly files: FileStore;
  readonly jobs: JobStore;
  readonly limits: Limits;
  /** A folder of this process alone, for what is on its way. */
  readonly scratch: string;
  readonly log: Log;
  readonly metrics: QueueMetrics;
  readonly traces?: Traces | undefined;
}

/** An attempt at a step of a job. */
export interface Attempt {
  readonly step: StepName;
  /** Which part. */
  readonly index?: number | undefined;
  /** 1 for the first. */
  readonly count: number;
  /** Since when the step could have been begun, in milliseconds since 1970, where that is known. */
  readonly queued?: number | undefined;
}

/** Whether an error would come again however often one tried. */
export function isHopeless(error: unknown): boolean {
  if (error instanceof Problem) return error.status < 500 || error.kind === "too-late" || error.kind === "failed";
  return error instanceof PaintError && ["upload", "option", "memory"].includes(error.fault);
}

/** What ends a job that takes too long. */
export function tooLate(minutes: number): Problem {
  return new Problem("too-late", `The job took longer than ${minutes} minutes.`);
}

/** What ends a job that ends the processes that do it, painters or servers or workers. */
export function diedTwice(): Problem {
  return new Problem("failed", "The process that did this job has died, twice.");
}

function isDeath(error: unknown): boolean {
  return error instanceof PaintError && error.fault === "died";
}

/**
 * Whether the message of an error is for whoever submitted the job: it names no file of this
 * machine.
 */
function isForCallers(error: unknown): boolean {
  return error instanceof Problem || (error instanceof PaintError && error.fault !== "internal");
}

export class JobWork {
  readonly #shop: Workshop;

  constructor(shop: Workshop) {
    this.#shop = shop;
  }

  get metrics(): QueueMetrics {
    return this.#shop.metrics;
  }

  /** Does a step of a job, and tells metrics and traces of it. @param signal stops the step. */
  async attempt<Result>(
    record: JobRecord,
    { step, index, count, queued }: Attempt,
    signal: AbortSignal,
    run: () => Promise<Result>,
  ): Promise<Result> {
    const { id, kind, request, requestId, trace: parent } = record;
    const span = this.#shop.traces?.begin(`job ${step}`, {
      kind: "consumer",
      parent,
      attributes: {
        "adaattn.job.id": id,
        "adaattn.job.kind": kind,
        "adaattn.job.part": index,
        "adaattn.job.attempt": count,
        "adaattn.model": request.model,
        "adaattn.request.id": requestId,
        "adaattn.queue.wait": count > 1 || queued === undefined ? undefined : Math.max(0, Date.now() - queued) / 1000,
      },
    });
    try {
      const result = await this.metrics.attempt(record, step, signal, run);
      span?.end({ "adaattn.outcome": "done" });
      return result;
    } catch (error) {
      if (signal.aborted) span?.end({ "adaattn.outcome": "stopped" });
      else span?.end({ "adaattn.outcome": "failed" }, error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /** What holds for a job. */
  limitsOf({ request }: JobRecord): Limits {
    return { ...this.#shop.limits, ...request.limits };
  }

  /** Finds out what the parts of a job are. */
  async plan(record: JobRecord, signal: AbortSignal): Promise<Plan> {
    if (record.kind === "pictures") return { parts: record.request.contents.length };
    const { files } = this.#shop;
    const limits = this.limitsOf(record);
    const name = `${folderOf(record.id)}plan.json`;
    const known = await files.read(name);
    if (known !== undefined) return JSON.parse(new TextDecoder().decode(known)) as Plan;
    const { contents, video = {}, size } = record.request;
    const source = await this.#fetch(record, contents[0]);
    const plan = await planVideo(source.path, video, { limits, size, signal });
    const whole: Plan = { parts: plan.segments.length, video: plan };
    await files.write(name, new TextEncoder().encode(JSON.stringify(whole)));
    return whole;
  }

  /** Paints one part, unless it has been painted. */
  async part(record: JobRecord, plan: Plan, index: number, signal: AbortSignal): Promise<void> {
    const done = await this.#note(record.id, index);
    if (done === undefined) {
      const note = await this.#countDeaths(record.id, () =>
        plan.video
          ? this.#segment(record, plan, plan.video, index, signal)
          : this.#picture(record, plan, index, signal),
      );
      await this.#shop.files.write(noteName(record.id, index), new TextEncoder().encode(JSON.stringify(note)));
    }
    // That nobody hears of it is no reason to paint it again.
    await this.#advance(record.id, plan, index, 1).catch((error: unknown) => this.#complain(error));
  }

  /** Does something for a job, and counts it where a painter dies of that. */
  async #countDeaths<Made>(id: string, make: () => Promise<Made>): Promise<Made> {
    const { jobs } = this.#shop;
    const { crashes = 0 } = (await jobs.get(id)) ?? {};
    try {
      return await make();
    } catch (error) {
      if (!isDeath(error)) throw error;
      throw (await jobs.countCrash(id, crashes)) < MOST_CRASHES ? error : diedTwice();
    }
  }

  async #note(id: string, index: number): Promise<PartNote | undefined> {
    const bytes = await this.#shop.files.read(noteName(id, index));
    return bytes && (JSON.parse(new TextDecoder().decode(bytes)) as PartNote);
  }

  async #picture(record: JobRecord, plan: Plan, index: number, signal: AbortSignal): Promise<PartNote> {
    const { pool, files } = this.#shop;
    const { contents, size, strokeBy, format, quality } = record.request;
    const task = {
      kind: "picture" as const,
      content: await this.#fetch(record, contents[index]),
      size,
      longest: this.limitsOf(record).side,
      strokeBy,
      format,
      quality,
      ...(await this.#painting(record)),
    };
    const { bytes, format: made, notes } = await pool.part<"picture">(task, { signal });
    const result = {
      name: `${folderOf(record.id)}out/${index}.${made}`,
      type: MEDIA_TYPES[made] ?? "application/octet-stream",
      bytes: bytes.length,
    };
    await files.write(result.name, bytes);
    if (plan.parts > 1) await this.#preview(record.id, result.name).catch((error: unknown) => this.#complain(error));
    return { result, notes };
  }

  async #segment(
    record: JobRecord,
    plan: Plan,
    video: VideoPlan,
    index: number,
    signal: AbortSignal,
  ): Promise<PartNote> {
    const { pool, files } = this.#shop;
    const segment = video.segments[index];
    if (segment === undefined) throw new Error(`Expected one of ${plan.parts} parts but received ${index}`);
    const { path: source } = await this.#fetch(record, record.request.contents[0]);
    const extension = video.target.codec === "gif" ? "nut" : video.target.codec === "prores" ? "mov" : "mp4";
    const output = join(await this.#folder(record.id), `${index}-${process.hrtime.bigint()}.${extension}`);
    let told = 0;
    const onProgress = ({ frames, preview }: SegmentProgress) => {
      const now = performance.now();
      if (now - told < TELL_EVERY && preview === undefined) return;
      told = now;
      const telling = async () => {
        await this.#advance(record.id, plan, index, frames / (segment.to - segment.from));
        if (preview === undefined) return;
        await files.write(previewName(record.id), preview);
        await this.#preview(record.id, previewName(record.id));
      };
      // That nobody hears of it is no reason to stop.
      telling().catch(() => undefined);
    };
    const task = {
      kind: "segment" as const,
      source,
      output,
      size: video.size,
      rate: video.rate,
      first: video.first,
      target: video.target,
      fade: record.request.video?.fade,
      ...(await this.#painting(record)),
    };
    const run = (stretch: typeof segment) => pool.part<"segment">({ ...task, ...stretch }, { signal, onProgress });
    try {
      const { frames, notes } = await run(segment).catch((error: unknown) => {
        // A file whose index is wrong is decoded from its begin.
        if (segment.seek === undefined || isHopeless(error) || isDeath(error) || signal.aborted) throw error;
        const { seek: _, ...whole } = segment;
        return run(whole);
      });
      const name = `${folderOf(record.id)}parts/${String(index).padStart(6, "0")}.${extension}`;
      await files.put(name, output);
      return { result: { name, type: "", bytes: 0 }, frames, notes };
    } finally {
      await rm(output, { force: true });
    }
  }

  /** What pictures and videos have in common, with local files. */
  async #painting(record: JobRecord): Promise<Omit<PaintTask, "kind">> {
    const { model, styles, masks, paint } = record.request;
    return {
      model,
      paint,
      pixels: this.limitsOf(record).pixels,
      styles: await Promise.all(
        styles.map(async ({ painting, mask, ...rest }) => ({
          ...rest,
          painting: await this.#fetch(record, painting),
          mask: mask && (await this.#fetch(record, mask)),
        })),
      ),
      masks: await Promise.all(masks.map((mask) => this.#fetch(record, mask))),
    };
  }

  async #fetch(record: JobRecord, file: StoredFile | undefined): Promise<InputFile> {
    if (file === undefined) throw new Error("Expected another file of the job");
    return { path: await this.#shop.files.fetch(file.name, await this.#folder(record.id)), hash: file.hash };
  }

  async #folder(id: string): Promise<string> {
    const folder = join(this.#shop.scratch, id);
    await mkdir(folder, { recursive: true });
    return folder;
  }

  async #advance(id: string, { parts }: Plan, index: number, fraction: number): Promise<void> {
    const { jobs } = this.#shop;
    // Joining is the rest.
    const progress = Math.min(0.99, (await jobs.advance(id, index, fraction)) / parts);
    await jobs.change(id, ["running"], { progress }, () => ({ type: "progress", state: "running", progress }));
  }

  async #preview(id: string, name: string): Promise<void> {
    const file = name.slice(folderOf(id).length);
    const url = file.startsWith("out/")
      ? `/v1/jobs/${id}/results/${file.slice(4).split(".")[0]}`
      : `/v1/jobs/${id}/preview`;
    await this.#shop.jobs.publish(id, { type: "preview", url });
  }

  /** Makes the results of the parts, and the job is done. */
  async finish(record: JobRecord, plan: Plan, signal: AbortSignal): Promise<void> {
    const { jobs } = this.#shop;
    const notes = await Promise.all(
      Array.from({ length: plan.parts }, async (_, index) => {
        const note = await this.#note(record.id, index);
        if (note === undefined) throw new Error(`Expected part ${index} of ${plan.parts} to be painted`);
        return note;
      }),
    );
    const results = plan.video
      ? [await this.#join(record, plan.video, notes, signal)]
      : notes.map(({ result }) => result);
    const all = [...new Set(notes.flatMap((note) => note.notes))];
    const patch = { state: "done", progress: 1, results, notes: all } as const;
    const done = await this.#written(signal, () =>
      jobs.change(record.id, UNFINISHED, patch, (job) => ({ type: "done", job: describeJob(job) })),
    );
    if (done === undefined) return;
    await this.#tidy(record.id);
  }

  async #join(
    record: JobRecord,
    video: VideoPlan,
    parts: readonly PartNote[],
    signal: AbortSignal,
  ): Promise<StoredResult> {
    const { files } = this.#shop;
    const { rate, target, audio, first, isCut } = video;
    const folder = await this.#folder(record.id);
    const { path: source } = await this.#fetch(record, record.request.contents[0]);
    const joined = join(folder, `joined${target.extension}`);
    const segments = await Promise.all(
      parts.map(async ({ result, frames = 0 }) => ({ path: await files.fetch(result.name, folder), frames })),
    );
    const frames = segments.reduce((sum, segment) => sum + segment.frames, 0);
    const start = first / perSecond(rate);
    const seconds = isCut ? frames / perSecond(rate) : undefined;
    const { companions } = await probeVideo(source, signal);
    await joinSegments(joined, target, {
      files: segments,
      rate,
      scratch: join(folder, "joining"),
      name: "the video",
      signal,
      sound: { path: source, tracks: audio, start, seconds, delay: 0, companions },
    });
    const name = `${folderOf(record.id)}out/0${target.extension}`;
    await files.put(name, joined);
    const bytes = (await files.size(name)) ?? 0;
    return { name, type: MEDIA_TYPES[target.extension.slice(1)] ?? "application/octet-stream", bytes };
  }

  /**
   * Gives a job up; its files stay, so that it can be tried again. @param signal ends the tries to
   * write that down.
   */
  async fail(id: string, error: unknown, signal?: AbortSignal): Promise<void> {
    const { jobs } = this.#shop;
    const { requestId } = (await jobs.get(id).catch(() => undefined)) ?? {};
    const reason = error instanceof Error ? error.message : String(error);
    this.#shop.log("warn", { job: id, requestId, error: reason }, "A job has failed.");
    const detail = isForCallers(error) ? reason : "Something went wrong here; the log says what, by the job's number.";
    const failed = await this.#written(signal, () =>
      jobs.change(id, UNFINISHED, { state: "failed", error: detail }, () => ({
        type: "error",
        state: "failed",
        detail,
      })),
    );
    // Of several parts that fail at once, one ends the job.
    if (failed) this.#shop.metrics.failed(failed, error);
    await this.forget(id);
  }

  /**
   * Writes down how a job has ended, again and again until that succeeds: what is painted must not
   * be lost with it.
   */
  async #written<Written>(signal: AbortSignal | undefined, write: () => Promise<Written>): Promise<Written> {
    for (let wait = WRITE_AGAIN; ; wait = Math.min(2 * wait, MOST_WRITE_AGAIN)) {
      try {
        return await write();
      } catch (error) {
        this.#complain(error);
        await sleep(wait, undefined, { ...(signal && { signal }) });
      }
    }
  }

  #complain(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#shop.log("error", { error: reason }, "The state of a job cannot be written.");
  }

  /** Removes what is left of a job that was cancelled. */
  async discard(id: string): Promise<void> {
    await this.forget(id);
    await this.#shop.files.remove(folderOf(id)).catch((error: unknown) => this.#complain(error));
  }

  /** Removes what is of no use any more once a job is done. */
  async #tidy(id: string): Promise<void> {
    const { files } = this.#shop;
    for (const rest of ["in/", "parts/", "plan.json"]) await files.remove(folderOf(id) + rest);
    await this.forget(id);
  }

  /** Removes what this process has on its way for a job. */
  async forget(id: string): Promise<void> {
    await rm(join(this.#shop.scratch, id), { recursive: true, force: true });
  }
}

function noteName(id: string, index: number): string {
  return `${folderOf(id)}parts/${String(index).padStart(6, "0")}.json`;
}

/** The newest preview of a job. */
export function previewName(id: string): string {
  return `${folderOf(id)}preview.jpg`;
}
