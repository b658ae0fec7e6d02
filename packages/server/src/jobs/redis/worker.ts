/**
 * A worker's side of jobs that machines share: it takes the steps that it has the models for, as
 * many at once as it has painters.
 */
import { randomUUID } from "node:crypto";
import type { Job, Worker } from "bullmq";
import type { Redis } from "ioredis";
import type { Log } from "../../log.ts";
import { Problem } from "../../problem.ts";
import type { StepName } from "../metrics.ts";
import { isFinished, type JobRecord, UNFINISHED } from "../record.ts";
import { ATTEMPTS, type Attempt, diedTwice, isHopeless, type JobWork, MOST_CRASHES, tooLate } from "../work.ts";
import { Attendance } from "./attendance.ts";
import { type Bull, openRedis, PREFIX } from "./connection.ts";
import { lanesOf, type Step, stepOf } from "./lanes.ts";
import { RedisStore } from "./store.ts";
import { Turns } from "./turns.ts";

/** How long a worker may be silent before its part is given to another, in milliseconds. */
const LOCK = 15_000;

/** How often a step may lose its worker, or its worker the way to Redis, before it is given up. */
const MOST_STALLED = 3;

/** A step of a job has ended. */
export interface StepEnd {
  readonly job: string;
  readonly step: string;
  readonly milliseconds: number;
  /** Why it failed; it may be tried again. */
  readonly error?: string;
}

export interface StepWorkerOptions {
  /** How many steps of each kind of job are done at once. */
  readonly width: number;
  /** The models that it has; jobs of others are left to others. */
  readonly models: readonly string[];
  /** Gets the store and returns what does the steps. */
  readonly makeWork: (jobs: RedisStore) => JobWork;
  readonly onStep?: ((end: StepEnd) => void) | undefined;
  readonly log: Log;
}

function attemptOf({ name, data: { index }, attemptsMade, timestamp }: Job<Step>): Attempt {
  const step = name as StepName;
  // The last step is in its queue from the begin, and waits for the parts.
  return { step, index, count: attemptsMade + 1, queued: step === "finish" ? undefined : timestamp };
}

export class StepWorker implements AsyncDisposable {
  readonly #redis: Redis;
  readonly #bull: Bull;
  readonly #jobs: RedisStore;
  readonly #work: JobWork;
  readonly #onStep: StepWorkerOptions["onStep"];
  readonly #attendance: Attendance;
  readonly #turns = new Turns();
  readonly #workers: readonly Worker<Step>[];
  readonly #ending = new AbortController();
  /** What stops the steps of each job that is done here. */
  readonly #stops = new Map<string, AbortController>();

  private constructor(
    { redis, bull, name }: { redis: Redis; bull: Bull; name: string },
    { width, models, makeWork, onStep }: StepWorkerOptions,
  ) {
    this.#redis = redis;
    this.#bull = bull;
    this.#attendance = new Attendance(redis, PREFIX, name);
    this.#jobs = new RedisStore(redis, PREFIX);
    this.#work = makeWork(this.#jobs);
    this.#onStep = onStep;
    const options = { connection: redis, prefix: PREFIX };
    const flows = new bull.FlowProducer(options);
    const begin = async (record: JobRecord, turn: number, signal: AbortSignal) => {
      const { parts } = await this.#work.plan(record, signal);
      const children = Array.from({ length: parts }, (_, index) => stepOf(record, turn, "part", index));
      await flows.add({ ...stepOf(record, turn, "finish"), children });
    };
    // What is given up is written down first, by whoever does the step.
    const patience = { lockDuration: LOCK, stalledInterval: LOCK / 2, maxStalledCount: Number.MAX_SAFE_INTEGER };
    this.#workers = lanesOf(models).map((lane) => {
      const doing = (step: Job<Step>) => this.#do(step, begin);
      const worker = new bull.Worker<Step>(lane, doing, { ...options, ...patience, concurrency: width });
      worker.on("error", () => undefined);
      worker.on("completed", (step) => this.#tell(step));
      worker.on("failed", (step, error) => step && this.#tell(step, error));
      return worker;
    });
  }

  /**
   * @throws Error with one sentence where Redis cannot be reached or the packages for it are
   *   missing.
   */
  static async open(url: string, options: StepWorkerOptions): Promise<StepWorker> {
    const name = `${PREFIX}-worker-${randomUUID()}`;
    const connected = await openRedis(url, { isPatient: true, log: options.log, connectionName: name });
    const worker = new StepWorker({ ...connected, name }, options);
    await Promise.all(worker.#workers.map((one) => one.waitUntilReady()));
    return worker;
  }

  async #do(
    step: Job<Step>,
    begin: (record: JobRecord, turn: number, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const { id } = step.data;
    const crashes = await this.#countDead(id);
    const leave = await this.#turns.enter(crashes > 0 ? id : "");
    try {
      if (crashes >= MOST_CRASHES) throw diedTwice();
      if (step.stalledCounter > MOST_STALLED)
        throw new Problem("failed", "A part of the job has lost its worker too often.");
      const before = await this.#jobs.get(id);
      const { started = Date.now() } = before ?? {};
      const record = await this.#jobs.change(id, UNFINISHED, { state: "running", started });
      // Cancelled, or done by somebody else.
      if (before === undefined || record === undefined) return;
      this.#work.metrics.begun(before);
      await this.#attendance.enter(id, step.id ?? "", record.crashes ?? 0);
      const unwanted = this.#stopOf(id);
      const late = AbortSignal.timeout(Math.max(0, started + this.#minutesOf(record) * 60_000 - Date.now()));
      try {
        const signal = AbortSignal.any([unwanted, late]);
        await this.#work.attempt(record, attemptOf(step), signal, () => this.#doStep(step, record, begin, signal));
      } catch (error) {
        if (unwanted.aborted) return;
        throw late.aborted ? tooLate(this.#minutesOf(record)) : error;
      } finally {
        await this.#discardUnwanted(id);
      }
    } catch (error) {
      if (!isHopeless(error) && step.attemptsMade + 1 < ATTEMPTS) throw error;
      // The job is given up before its step is: whoever dies in between is followed by somebody who
      // finds it ended.
      await this.#work.fail(id, error);
      throw new this.#bull.UnrecoverableError(error instanceof Error ? error.message : String(error));
    } finally {
      this.#attendance.leave(id, step.id ?? "");
      leave();
    }
  }

  async #doStep(
    { name, data: { turn, index = 0 } }: Job<Step>,
    record: JobRecord,
    begin: (record: JobRecord, turn: number, signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    if ((name as StepName) === "plan") return begin(record, turn, signal);
    const plan = await this.#work.plan(record, signal);
    if ((name as StepName) === "part") await this.#work.part(record, plan, index, signal);
    else await this.#work.finish(record, plan, signal);
  }

  #minutesOf(record: JobRecord): number {
    return this.#work.limitsOf(record).jobMinutes;
  }

  /**
   * Counts the workers that died at steps of a job, and returns how many processes have died of it.
   */
  async #countDead(id: string): Promise<number> {
    const record = await this.#jobs.get(id);
    if (record === undefined || isFinished(record)) return 0;
    const dead = await this.#attendance.dead(id);
    if (dead.size === 0) return record.crashes ?? 0;
    const crashes = await this.#jobs.countCrash(id, Math.max(...dead.values()));
    await this.#attendance.bury(id, dead);
    return crashes;
  }

  #tell({ name, data, processedOn = Date.now() }: Job<Step>, error?: Error): void {
    this.#onStep?.({
      job: data.id,
      step: name === "part" ? `part ${data.index}` : name,
      milliseconds: Date.now() - processedOn,
      ...(error && { error: error.message }),
    });
  }

  /**
   * A signal that is aborted once a job has ended in another way than by its last step; what is on
   * its way for it is removed then.
   */
  #stopOf(id: string): AbortSignal {
    const known = this.#stops.get(id);
    if (known) return known.signal;
    const stop = new AbortController();
    this.#stops.set(id, stop);
    const watch = async () => {
      const record = await this.#jobs.ended(id, this.#ending.signal);
      this.#stops.delete(id);
      if (record?.state !== "done") stop.abort(new Error("The job has ended."));
      await this.#work.forget(id);
    };
    watch().catch(() => undefined);
    return stop.signal;
  }

  /**
   * Removes the files of a job that was cancelled or forgotten: whoever did that has removed those
   * that were there then.
   */
  async #discardUnwanted(id: string): Promise<void> {
    const record = await this.#jobs.get(id).catch(() => null);
    if (record === undefined || record?.state === "cancelled") await this.#work.discard(id);
  }

  /** Whether Redis answers. */
  async check(): Promise<boolean> {
    // While it is gone, commands would wait for it, one more at every look.
    return this.#redis.status === "ready" && (await this.#redis.ping()) === "PONG";
  }

  /** Takes no more steps and waits for those under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close().catch(() => undefined)));
    this.#ending.abort();
    await this.#jobs.close();
    this.#redis.disconnect();
  }
}
