import type { JobRecord } from "./record.ts";

/** Who does the jobs: this process, or workers on other machines. */
export interface JobQueue {
  /**
   * Keeps a place for a job that its store is about to remember as queued: it is done then, though
   * the server may die in between.
   */
  reserve(record: JobRecord): Promise<void>;
  /** Has a job done that its store remembers and that has a place. */
  submit(id: string): Promise<void>;
  /**
   * Stops what is done for a job, as far as it is this process that does it, and takes it out of
   * the queue; its state says the rest.
   */
  cancel(id: string): Promise<void>;
  /**
   * Takes what is left of a job that has ended out of the queue, so that it can be submitted again.
   *
   * @throws Problem where a part of it is still being ended.
   */
  clear(id: string): Promise<void>;
  /** Stops everything; what is not done is gone on with after a restart. */
  close(): Promise<void>;
}
