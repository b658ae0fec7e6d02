/** Where jobs are remembered: SQLite on one machine, Redis across several. */
import type { JobEvent, JobState } from "../schemas.ts";
import type { JobRecord, NumberedEvent } from "./record.ts";

/** What may change of a job; what is set to undefined is forgotten. */
export type JobPatch = Partial<
  Pick<JobRecord, "state" | "progress" | "notes" | "error" | "results" | "crashes" | "started" | "trace">
>;

export interface PageRequest {
  readonly state?: JobState | undefined;
  /** How many jobs, at most. */
  readonly most: number;
  /**
   * What an earlier page gave for its `next`: the jobs after those of that page; the newest where
   * it is not given, or none of ours.
   */
  readonly cursor?: string | undefined;
}

export interface JobPage {
  readonly jobs: readonly JobRecord[];
  /** The cursor of the next page; undefined on the last one. */
  readonly next?: string | undefined;
}

export interface JobStore {
  /** Eight hexadecimal digits that tell this database from others; they never change. */
  origin(): Promise<string>;
  /**
   * Remembers a new job, and that its submitter is to be called where it names a callback; once it
   * resolves, a restart does not forget it.
   *
   * @param mostADay how many jobs its owner may submit within a day; any number where it is not
   *   said. Those are counted that it was said for, whatever became of them.
   * @returns the number of the job that there is now: an older one where its owner has one with the
   *   same idempotency key.
   * @throws DayIsFull where it would be one too many; however many are added at once.
   */
  add(record: JobRecord, mostADay?: number): Promise<string>;
  /**
   * When an owner may submit another job, in milliseconds since 1970; undefined where that is at
   * the time that is given.
   */
  dayFullUntil(owner: string, mostADay: number, now: number): Promise<number | undefined>;
  /** Takes a job out of its owner's count of the day: it was not accepted after all. */
  uncount(owner: string, id: string): Promise<void>;
  /** The job of an owner that was submitted with an idempotency key. */
  findByKey(owner: string, key: string): Promise<JobRecord | undefined>;
  get(id: string): Promise<JobRecord | undefined>;
  /**
   * Changes a job that is in one of these states, and tells its listeners, both or neither. Where it
   * had ended and is to be done once more, its submitter is to be called once more, too.
   *
   * @param tell makes the event of the job as it will be.
   * @returns the job as it is now; undefined where it was in another state, or is not there.
   */
  change(
    id: string,
    from: readonly JobState[],
    patch: JobPatch,
    tell?: (job: JobRecord) => JobEvent,
  ): Promise<JobRecord | undefined>;
  /**
   * Counts a process that died of a job that is not done. Those that began when as many had died
   * count once together: one outage is no proof against the job.
   *
   * @param before how many had died when the process began with it.
   * @returns how many have died.
   */
  countCrash(id: string, before: number): Promise<number>;
  /**
   * Remembers how far a part of a job is, from 0 to 1, and returns the sum over all of its parts.
   */
  advance(id: string, part: number, fraction: number): Promise<number>;
  publish(id: string, event: JobEvent): Promise<void>;
  /** The events after this one, in order; all that are remembered where none is named. */
  eventsAfter(id: string, after: string | undefined): Promise<NumberedEvent[]>;
  /** Resolves when there may be new events since it was called, or the signal is aborted. */
  nextEvent(id: string, signal: AbortSignal): Promise<void>;
  /** Jobs that are neither done nor failed nor cancelled, oldest first. */
  unfinished(): Promise<string[]>;
  /** Jobs in a state of which nothing has changed since a time, in milliseconds since 1970. */
  finishedBefore(time: number): Promise<string[]>;
  /** How many jobs there are in each state. */
  counts(): Promise<Readonly<Partial<Record<JobState, number>>>>;
  /** Jobs of an owner, newest first. */
  list(owner: string, page: PageRequest): Promise<JobPage>;
  /** Jobs whose submitters are still to be called. */
  callbacks(): Promise<string[]>;
  /**
   * When the submitter of a job is to be called, in milliseconds since 1970; undefined where nobody
   * is.
   */
  callbackDue(id: string): Promise<number | undefined>;
  /**
   * Puts a call off until later, or for good where no time is given.
   *
   * @param due when it was to be made.
   * @returns false, and nothing is changed, where that is another time by now.
   */
  moveCallback(id: string, due: number, later?: number): Promise<boolean>;
  /** Forgets a job and its events. */
  remove(id: string): Promise<void>;
  /** @throws where it cannot be reached, or cannot be written. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** How long a submitted job counts towards those of a day, in milliseconds. */
export const DAY = 86_400_000;

/** An owner has submitted as many jobs within a day as he may. */
export class DayIsFull extends Error {
  override readonly name = "DayIsFull";
  /** When there is room for the next, in milliseconds since 1970. */
  readonly until: number;

  constructor(until: number) {
    super(`No more jobs until ${new Date(until).toISOString()}`);
    this.until = until;
  }
}

/** How many events of one job are remembered. */
export const MOST_EVENTS = 500;
