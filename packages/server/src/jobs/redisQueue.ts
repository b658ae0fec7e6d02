/**
 * Jobs shared by machines: BullMQ on Redis or Valkey hands out their parts, and a hash and a stream in the same place say how each job
 * is. A job goes through the queue as `plan`, then one `part` each, then `finish`, which waits for all parts.
 */
import type { FlowJobNode, Job, Queue, Worker } from "bullmq";
import type { Redis } from "ioredis";
import type { Log } from "../log.ts";
import { Problem } from "../problem.ts";
import type { JobQueue } from "./queue.ts";
import { isFinished, type JobRecord, UNFINISHED } from "./record.ts";
import { RedisStore } from "./redisStore.ts";
import { ATTEMPTS, BACK_OFF, isHopeless, type JobWork, tooLate } from "./work.ts";

/** What the queue and all keys are called. */
export const PREFIX = "adaattn";
const QUEUE = "jobs";

/** How long a worker may be silent before its part is given to another, in milliseconds. */
const LOCK = 15_000;

/** How often a step that took its worker with it is tried again; the second time it is given up. */
const MOST_STALLED = 1;

/** How often jobs without a place in the queue are looked for, in milliseconds. */
const RECONCILE_EVERY = 30_000;

interface Step {
  readonly id: string;
  /** Of a part. */
  readonly index?: number;
}

type Bull = typeof import("bullmq");

/** Connects to Redis, and loads what is needed for that only now. */
async function open(url: string, isPatient: boolean, log: Log): Promise<{ redis: Redis; bull: Bull }> {
  if (!/^rediss?:\/\//.test(url)) {
    throw new Error(`Expected an address such as redis://127.0.0.1:6379 for --redis but received ${url}.`);
  }
  const [bull, { Redis }] = await Promise.all([import("bullmq"), import("ioredis")]).catch((error: unknown) => {
    throw new Error("Jobs in Redis need the packages bullmq and ioredis: run npm install bullmq ioredis.", {
      cause: error,
    });
  });
  const redis = new Redis(url, {
    // Workers wait for as long as it takes; requests are told to come again.
    maxRetriesPerRequest: isPatient ? null : 1,
    enableOfflineQueue: isPatient,
    connectTimeout: 5000,
    ...(isPatient ? {} : { commandTimeout: 5000 }),
    retryStrategy: (times) => Math.min(100 * times, 2000),
    lazyConnect: true,
  });
  // It connects again by itself; whoever asks meanwhile is told.
  let isGone = false;
  redis.on("error", (error: Error) => {
    if (!isGone) log("error", { error: error.message }, "Redis cannot be reached.");
    isGone = true;
  });
  redis.on("ready", () => {
    if (isGone) log("info", {}, "Redis is back.");
    isGone = false;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    redis.disconnect();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot reach Redis at ${withoutPassword(url)} (${reason}). Start it, or check the address.`, {
      cause: error,
    });
  }
  return { redis, bull };
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@]*@/, "//");
}

/** The server's side. */
export interface RedisConnection {
  readonly redis: Redis;
  readonly jobs: RedisStore;
  readonly queue: JobQueue;
  close(): Promise<void>;
}

/** @throws Error with one sentence where Redis cannot be reached or the packages for it are missing. */
export async function connect(url: string, log: Log): Promise<RedisConnection> {
  const { redis, bull } = await open(url, false, log);
  const jobs = new RedisStore(redis, PREFIX);
  const queue = new RemoteQueue(new bull.Queue<Step>(QUEUE, { connection: redis, prefix: PREFIX }), jobs, log);
  return { redis, jobs, queue, close: async () => redis.disconnect() };
}

class RemoteQueue implements JobQueue {
  readonly #queue: Queue<Step>;
  readonly #jobs: RedisStore;
  readonly #timer: NodeJS.Timeout;

  constructor(queue: Queue<Step>, jobs: RedisStore, log: Log) {
    this.#queue = queue;
    this.#jobs = jobs;
    queue.on("error", () => undefined);
    this.#timer = setInterval(() => {
      const trouble = (error: unknown) =>
        log("warn", { error: String(error) }, "Jobs without a place cannot be looked for.");
      this.#reconcile().catch(trouble);
    }, RECONCILE_EVERY);
    this.#timer.unref();
  }

  async submit(id: string): Promise<void> {
    await this.#queue.add("plan", { id }, { jobId: `${id}-plan`, ...retrying });
  }

  /** Workers see that the job is cancelled by its state. */
  async cancel(): Promise<void> {}

  /** Jobs that are not done but have lost their place, because somebody died between two steps, get one. */
  async #reconcile(): Promise<void> {
    for (const id of await this.#jobs.unfinished()) {
      const places = await Promise.all(["plan", "finish"].map((step) => this.#queue.getJob(`${id}-${step}`)));
      const states = await Promise.all(places.map((place) => place?.getState()));
      const [plan] = places;
      if (states[1] === "failed") {
        // Whoever should have said so has died.
        const detail = "It could not be finished.";
        const patch = { state: "failed", error: detail } as const;
        await this.#jobs.change(id, UNFINISHED, patch, () => ({ type: "error", state: "failed", detail }));
        continue;
      }
      if (states.some((state) => state !== undefined && state !== "completed" && state !== "failed")) continue;
      const record = await this.#jobs.get(id);
      // Whoever is between the steps at this very moment is left alone.
      if (record === undefined || isFinished(record) || Date.now() - record.updated < RECONCILE_EVERY) continue;
      await plan?.remove().catch(() => undefined);
      await this.submit(id);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#queue.close().catch(() => undefined);
  }
}

const retrying = {
  attempts: ATTEMPTS,
  backoff: { type: "exponential", delay: BACK_OFF },
  removeOnComplete: { age: 86_400, count: 10_000 },
  // The list of those that were given up.
  removeOnFail: { age: 7 * 86_400, count: 10_000 },
};

/** A step of a job has ended. */
export interface StepEnd {
  readonly job: string;
  readonly step: string;
  readonly milliseconds: number;
  /** Why it failed; it may be tried again. */
  readonly error?: string;
}

/** A worker's side: it takes steps, as many at once as it has painters, until it is closed. */
export class StepWorker implements AsyncDisposable {
  readonly #redis: Redis;
  readonly #worker: Worker<Step>;

  readonly #jobs: RedisStore;
  readonly #ending: AbortController;

  private constructor(redis: Redis, worker: Worker<Step>, jobs: RedisStore, ending: AbortController) {
    this.#redis = redis;
    this.#jobs = jobs;
    this.#worker = worker;
    this.#ending = ending;
  }

  /** @param makeWork gets the store and returns what does the steps. */
  static async open(
    url: string,
    {
      width,
      makeWork,
      onStep,
      log,
    }: {
      readonly width: number;
      readonly makeWork: (jobs: RedisStore) => JobWork;
      readonly onStep?: ((end: StepEnd) => void) | undefined;
      readonly log: Log;
    },
  ): Promise<StepWorker> {
    const { redis, bull } = await open(url, true, log);
    const jobs = new RedisStore(redis, PREFIX);
    const work = makeWork(jobs);
    const options = { connection: redis, prefix: PREFIX };
    const flows = new bull.FlowProducer(options);
    const begin = async (record: JobRecord, signal: AbortSignal) => {
      const plan = await work.plan(record, signal);
      const step = (name: string, index?: number): FlowJobNode => ({
        ...{ name, queueName: QUEUE, data: { id: record.id, index } },
        opts: {
          jobId: `${record.id}-${index ?? name}`,
          ...retrying,
          ...(index !== undefined && { failParentOnFailure: true }),
        },
      });
      await flows.add({
        ...step("finish"),
        children: Array.from({ length: plan.parts }, (_, index) => step("part", index)),
      });
    };
    const ending = new AbortController();
    const known = new Set<string>();
    const worker = new bull.Worker<Step>(
      QUEUE,
      async ({ name, data: { id, index = 0 } }: Job<Step>) => {
        const { started = Date.now() } = (await jobs.get(id)) ?? {};
        const record = await jobs.change(id, UNFINISHED, { state: "running", started });
        // Cancelled, or done by somebody else.
        if (record === undefined) return;
        if (!known.has(id)) {
          known.add(id);
          void forgetOnceOver(jobs, work, id, ending.signal).finally(() => known.delete(id));
        }
        const { jobMinutes } = work.limitsOf(record);
        await whileWanted(jobs, work, id, async (wanted) => {
          const late = AbortSignal.timeout(Math.max(0, started + jobMinutes * 60_000 - Date.now()));
          const signal = AbortSignal.any([wanted, late]);
          const step = async () => {
            if (name === "plan") return begin(record, signal);
            const plan = await work.plan(record, signal);
            return name === "part" ? work.part(record, plan, index, signal) : work.finish(record, plan, signal);
          };
          await step().catch((error: unknown) => {
            throw late.aborted ? tooLate(jobMinutes) : error;
          });
        }).catch((error: unknown) => {
          if (!isHopeless(error)) throw error;
          const reason = error instanceof Error ? error.message : String(error);
          throw Object.assign(new bull.UnrecoverableError(reason), { cause: error });
        });
      },
      { ...options, concurrency: width, lockDuration: LOCK, stalledInterval: LOCK / 2, maxStalledCount: MOST_STALLED },
    );
    worker.on("error", () => undefined);
    const tell = ({ name, data, processedOn = Date.now() }: Job<Step>, error?: Error) =>
      onStep?.({
        ...{ job: data.id, step: name === "part" ? `part ${data.index}` : name },
        milliseconds: Date.now() - processedOn,
        ...(error && { error: error.message }),
      });
    worker.on("completed", (job) => tell(job));
    worker.on("failed", (job, error) => {
      if (job === undefined) return;
      tell(job, error);
      const isLast =
        job.attemptsMade >= ATTEMPTS || error instanceof bull.UnrecoverableError || error.name === "UnrecoverableError";
      const isStalled = /stalled/.test(error.message);
      const reason = isStalled
        ? new Problem("failed", "Two workers died while they did this job.")
        : (error.cause ?? error);
      if (isLast || isStalled) void work.fail(job.data.id, reason).catch(() => undefined);
    });
    await worker.waitUntilReady();
    return new StepWorker(redis, worker, jobs, ending);
  }

  /** Takes no more steps and waits for those under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.close().catch(() => undefined);
    this.#ending.abort();
    await this.#jobs.close();
    this.#redis.disconnect();
  }
}

/** Does something for a job, and stops where it is cancelled meanwhile; what it left by then is removed. */
async function whileWanted(
  jobs: RedisStore,
  work: JobWork,
  id: string,
  use: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const [cancelled, ended] = [new AbortController(), new AbortController()];
  const watch = async () => {
    while (!ended.signal.aborted) {
      const news = jobs.nextEvent(id, ended.signal);
      const record = await jobs.get(id).catch(() => null);
      if (record === undefined || record?.state === "cancelled") {
        cancelled.abort(new Error("The job was cancelled."));
        return;
      }
      await news;
    }
  };
  const watching = watch();
  try {
    await use(cancelled.signal);
  } catch (error) {
    if (!cancelled.signal.aborted) throw error;
  } finally {
    ended.abort();
    await watching;
    if (cancelled.signal.aborted) await work.discard(id);
  }
}

/** Removes what this worker has on its way for a job once it has ended, whoever ended it. */
async function forgetOnceOver(jobs: RedisStore, work: JobWork, id: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const heard = new AbortController();
    const news = jobs.nextEvent(id, AbortSignal.any([signal, heard.signal]));
    const record = await jobs.get(id).catch(() => null);
    if (record === undefined || (record !== null && isFinished(record))) {
      heard.abort();
      await work.forget(id).catch(() => undefined);
      return;
    }
    await news;
  }
}
