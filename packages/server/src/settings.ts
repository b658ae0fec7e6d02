/** How a server or a worker is set up: what it is allowed to take, and where things are. */
import { availableParallelism, totalmem } from "node:os";

/** What a server accepts at most. */
export interface Limits {
  /** Bytes of one picture. */
  readonly pictureBytes: number;
  /** Bytes of one video. */
  readonly videoBytes: number;
  /** Bytes of one whole upload. */
  readonly uploadBytes: number;
  /** Pixels of a picture, or of a frame of a video, before it is decoded. */
  readonly pixels: number;
  /** The result's longer side in pixels. */
  readonly side: number;
  /** Seconds of a video. */
  readonly videoSeconds: number;
  /** Frames of a video, at the rate at which it is painted. */
  readonly frames: number;
  /** Minutes that a job may be under way. */
  readonly jobMinutes: number;
  /** Pictures in one job. */
  readonly pictures: number;
  /** Jobs that are neither done nor failed. */
  readonly jobs: number;
  /** Jobs of one API key that are neither done nor failed; 0 for no limit but that of all. */
  readonly keyJobs: number;
  /** Jobs that one API key may submit within any 24 hours; 0 for no limit. */
  readonly keyJobsADay: number;
  /** Bytes of files of one API key, of its jobs and kept styles; 0 for no limit. */
  readonly keyBytes: number;
  /** Requests that wait for a painter; more are told to come again. */
  readonly queue: number;
  /** Seconds for one request that is answered with a picture. */
  readonly seconds: number;
  /** Seconds without a byte after which an upload is given up. */
  readonly idleSeconds: number;
  /** Seconds that a whole upload may take. */
  readonly uploadSeconds: number;
  /** Uploads that are read at once. */
  readonly uploads: number;
  /** Requests a minute of one caller; 0 for no limit. */
  readonly perMinute: number;
  /** Bytes of results that are kept in memory to answer the same request again. */
  readonly cacheBytes: number;
  /** Hours after which a job and its files are removed. */
  readonly keepHours: number;
}

/**
 * Those that are promised to whoever submits a job: they go with it, and hold wherever it is done.
 */
export type JobLimits = Pick<Limits, "pixels" | "side" | "videoSeconds" | "frames" | "jobMinutes">;

/** What is promised by these limits. */
export function jobLimits({ pixels, side, videoSeconds, frames, jobMinutes }: Limits): JobLimits {
  return { pixels, side, videoSeconds, frames, jobMinutes };
}

export const DEFAULT_LIMITS: Limits = {
  pictureBytes: 32 * 2 ** 20,
  videoBytes: 2 ** 30,
  uploadBytes: 2 ** 30 + 2 ** 28,
  pixels: 50e6,
  side: 2048,
  videoSeconds: 600,
  frames: 72_000,
  jobMinutes: 1440,
  pictures: 200,
  jobs: 1000,
  keyJobs: 0,
  keyJobsADay: 0,
  keyBytes: 0,
  queue: 16,
  seconds: 60,
  idleSeconds: 10,
  uploadSeconds: 600,
  uploads: 64,
  perMinute: 0,
  cacheBytes: 64 * 2 ** 20,
  keepHours: 24,
};

/** Who paints. */
export interface PainterSettings {
  /** Names of bundled models, or folders; the first is the default. */
  readonly models: readonly string[];
  /** How many processes paint. */
  readonly workers: number;
  /** Threads of each. */
  readonly threads: number;
  readonly device: "auto" | "cpu" | "webgpu";
  /** Bytes of memory that one of them may take before it is ended. */
  readonly memory: number;
}

/** What is not said is chosen. */
export type AskedPainters = { readonly [Name in keyof PainterSettings]?: PainterSettings[Name] | undefined };

/**
 * Bytes of memory that this process and its children may have: the container's where it is in one,
 * else the machine's.
 */
function memoryLimit(): number {
  // Without a limit it is 0, or more than any machine has.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** The most processes that paint where no number is asked for; each holds the models in memory. */
const MOST_WORKERS = 8;

/** Memory that a process may need, by which their number is bounded too. */
const WORKER_MEMORY = 2 ** 31;

/**
 * One process a core, with one thread: two with a thread each paint more than twice the pictures of
 * one with two, which wait for each other at every layer (bench/load). They share three quarters of
 * the memory.
 */
export function painterSettings(asked: AskedPainters = {}): PainterSettings {
  const cores = availableParallelism();
  const memory = memoryLimit();
  const usual = Math.max(1, Math.min(cores, MOST_WORKERS, Math.floor(memory / WORKER_MEMORY)));
  const workers = asked.workers ?? usual;
  return {
    models: asked.models ?? ["small"],
    workers,
    threads: asked.threads ?? Math.max(1, Math.floor(cores / workers)),
    device: asked.device ?? "auto",
    memory: asked.memory ?? Math.floor((0.75 * memory) / workers),
  };
}
