/** A job as it is kept: what was asked, and how far it is. */
import { randomUUID } from "node:crypto";
import type { StrokeControls } from "adaattn/internal";
import type { PaintControls } from "adaattn/node";
import type { ResultFormat, StyleInput } from "../painters/messages.ts";
import type { JobEvent, JobInfo, JobState, VideoRequestOptions } from "../schemas.ts";
import type { JobLimits } from "../settings.ts";
import type { TraceContext } from "../traces.ts";

/** A file of a job in the store. */
export interface StoredFile {
  /** Its name there. */
  readonly name: string;
  /** The SHA-256 of its bytes. */
  readonly hash: string;
  readonly bytes: number;
}

/** What was asked, checked. */
export interface JobRequest {
  readonly contents: readonly StoredFile[];
  readonly styles: readonly StyleInput<StoredFile>[];
  readonly masks: readonly StoredFile[];
  readonly paint: PaintControls;
  readonly strokeBy?: StrokeControls["strokeBy"];
  readonly model: string;
  readonly size?: number | undefined;
  readonly format?: ResultFormat | undefined;
  readonly quality?: number | undefined;
  readonly video?: VideoRequestOptions | undefined;
  /**
   * What the server allowed when it accepted the job; the limits of whoever does it where it does
   * not say.
   */
  readonly limits?: JobLimits | undefined;
}

export interface StoredResult {
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
}

export interface JobRecord {
  readonly id: string;
  /** Whose key it was submitted with; empty where there are no keys. */
  readonly owner: string;
  readonly kind: JobInfo["kind"];
  readonly state: JobState;
  readonly progress: number;
  /** In milliseconds since 1970. */
  readonly created: number;
  readonly updated: number;
  /** When something was first done for it. */
  readonly started?: number | undefined;
  readonly notes: readonly string[];
  readonly error?: string | undefined;
  /**
   * How often a process that did it, a painter or its server or worker, has ended without being
   * asked to.
   */
  readonly crashes?: number | undefined;
  readonly results: readonly StoredResult[];
  readonly request: JobRequest;
  /**
   * What its submitter calls the request, so that it is not done twice, and the SHA-256 of all that
   * was in it.
   */
  readonly idempotency?: { readonly key: string; readonly fingerprint: string } | undefined;
  /** The address that is called once it has ended. */
  readonly callback?: string | undefined;
  /** The number of the HTTP request by which it was submitted, for the log. */
  readonly requestId?: string | undefined;
  /** The span of that request, or of the one by which it was last tried again. */
  readonly trace?: TraceContext | undefined;
}

/** An event and its place among the job's. */
export interface NumberedEvent {
  /** Larger for later ones; what a client sends as Last-Event-ID. */
  readonly id: string;
  readonly event: JobEvent;
}

export const UNFINISHED: readonly JobState[] = ["queued", "running"];

export function isFinished({ state }: Pick<JobRecord, "state">): boolean {
  return !UNFINISHED.includes(state);
}

/**
 * The number of a new job, a UUID that begins with its database's own digits: of files in a store
 * that databases share, it says which of them should know the job.
 */
export function newJobId(origin: string): string {
  return origin + randomUUID().slice(origin.length);
}

/** The folder of a job in the file store, with a slash at its end. */
export function folderOf(id: string): string {
  return `jobs/${id}/`;
}

/** A job as its submitter sees it. */
export function describeJob(record: JobRecord): JobInfo {
  const { id, kind, state, progress, notes, error } = record;
  return {
    id,
    kind,
    state,
    progress,
    created: new Date(record.created).toISOString(),
    updated: new Date(record.updated).toISOString(),
    notes: [...notes],
    ...(error !== undefined && { error }),
    results: record.results.map(({ type, bytes }, index) => ({
      index,
      type,
      bytes,
      url: `/v1/jobs/${id}/results/${index}`,
    })),
  };
}
