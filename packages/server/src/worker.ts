/**
 * A worker: painters that take parts of jobs from Redis, on any machine that reaches it and the
 * file store.
 */
import { limitFfmpeg } from "adaattn/node";
import { collectDefaultMetrics, Registry } from "prom-client";
import { Closing } from "./closing.ts";
import { openFileStore } from "./files/open.ts";
import { QueueMetrics } from "./jobs/metrics.ts";
import { type StepEnd, StepWorker } from "./jobs/redis/worker.ts";
import { JobWork } from "./jobs/work.ts";
import type { Log } from "./log.ts";
import { measurePool } from "./painters/metrics.ts";
import { PainterPool } from "./painters/pool.ts";
import { openScratch } from "./scratch.ts";
import { type AskedPainters, DEFAULT_LIMITS, type Limits, painterSettings } from "./settings.ts";
import { openTraces } from "./traces.ts";
import { DECODER_PATIENCE, VIDEO_DEMUXERS } from "./video/kinds.ts";
import { type HealthOptions, serveHealth } from "./workerHealth.ts";

/** How long traces may take to leave at the end, in milliseconds. */
const FLUSH = 10_000;

export interface WorkerOptions {
  /** The address of the server's Redis or Valkey. */
  readonly redis: string;
  /** Where the server's files are: the same `s3://bucket/prefix`, or the same folder, shared. */
  readonly store: string;
  /** A folder of this machine for what is on its way; it is made. */
  readonly data: string;
  readonly painters?: AskedPainters | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** Where /livez, /readyz and /metrics are answered; nowhere by default. */
  readonly health?: HealthOptions | undefined;
  /** Called at the end of every step. */
  readonly onStep?: ((end: StepEnd) => void) | undefined;
  /** Hears what an operator should know; nobody by default. */
  readonly log?: Log | undefined;
}

export interface RunningWorker extends AsyncDisposable {
  /** How many parts it paints at once. */
  readonly width: number;
  /** Where it says how it is; undefined where it was not asked to. */
  readonly healthUrl?: string | undefined;
  /** Takes no more parts and waits for those under way. */
  close(): Promise<void>;
}

/**
 * @throws Error with one sentence where it cannot be started; what was opened until then is closed
 *   again.
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { redis, store, data, onStep, log = () => undefined } = options;
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const closing = new Closing();
  try {
    const traces = await openTraces({ service: "adaattn-worker", log });
    if (traces) closing.add(traces, (one) => one.close(FLUSH));
    const files = await openFileStore(store);
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    let [painting, working]: [PainterPool?, StepWorker?] = [];
    let closed: Promise<void> | undefined;
    // It can be asked from the first moment to the last.
    const health =
      options.health &&
      closing.add(
        await serveHealth(options.health, {
          reach: { redis: async () => working?.check() ?? false, store: () => files.check().then(() => true) },
          painters: () => painting?.painters ?? 0,
          isEnding: () => closed !== undefined,
          registry,
        }),
        (one) => one.close(),
      );
    const { folder: scratch } = closing.add(await openScratch(data), (one) => one[Symbol.asyncDispose]());
    const settings = painterSettings(options.painters);
    limitFfmpeg({ formats: VIDEO_DEMUXERS, memory: settings.memory, patience: DECODER_PATIENCE });
    const pool = closing.add(
      await PainterPool.start({ ...settings, pixels: limits.pixels, queue: limits.queue, hasRequests: false, log }),
      (one) => one.close(),
    );
    painting = pool;
    measurePool(registry, pool);
    const metrics = new QueueMetrics(registry);
    const worker = await StepWorker.open(redis, {
      width: pool.width,
      models: pool.models.map(({ name }) => name),
      onStep,
      log,
      makeWork: (jobs) => new JobWork({ pool, files, jobs, limits, scratch, log, metrics, traces }),
    });
    closing.add(worker, (one) => one[Symbol.asyncDispose]());
    working = worker;
    const close = () => {
      closed ??= closing.close();
      return closed;
    };
    return { width: pool.width, healthUrl: health?.url, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await closing.close();
    throw error;
  }
}
