/** Who does the jobs: this process, or workers on other machines. */
export interface JobQueue {
  /** Has a job done that its store remembers. */
  submit(id: string): Promise<void>;
  /** Stops what is done for a job, as far as it is this process that does it; its state says the rest. */
  cancel(id: string): Promise<void>;
  /** Stops everything; what is not done is gone on with after a restart. */
  close(): Promise<void>;
}
