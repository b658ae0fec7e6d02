/** Who does the jobs: this process, or workers on other machines. */
export interface JobQueue {
  /** Has a job done that its store remembers. */
  submit(id: string): Promise<void>;
  /** Stops what is done for a job, as far as it is this process that does it; its state says the rest. */
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
