/**
 * The painting processes of a server or a worker, and who waits for them. Requests that somebody
 * waits for go before the parts of jobs; how many of them may wait is bounded, and more are refused
 * at once.
 */
import type { Log } from "../log.ts";
import type { LoadedModel, PainterOptions, Results, SegmentProgress, Task } from "./messages.ts";
import { PaintError, Painter, type TaskOptions } from "./painter.ts";

/**
 * Tasks that one process has at once: while the engine paints one, the next is decoded and the one
 * before encoded.
 */
const AT_ONCE = 2;

/**
 * How many headers are looked at at once, how many more may wait, and how long one may take and
 * wait, in milliseconds.
 */
const LOOKS_AT_ONCE = 4;
const MOST_LOOKS_WAITING = 128;
const LOOK_MILLISECONDS = 30_000;

/**
 * How long to wait before a process that could not even start is started again, in milliseconds.
 */
const RESTART_AFTER = 1000;

export interface PoolOptions extends PainterOptions {
  readonly workers: number;
  /** How many requests may wait. */
  readonly queue: number;
  /**
   * Whether requests are to be painted beside the parts of jobs, and need a place at any moment.
   */
  readonly hasRequests: boolean;
  readonly log: Log;
}

/** The queue is full. */
export class QueueFull extends Error {
  override readonly name = "QueueFull";
  /** After how many seconds there may be room. */
  readonly seconds: number;

  constructor(seconds: number) {
    super(`All painters are busy and the queue is full. Come again in ${seconds} s.`);
    this.seconds = seconds;
  }
}

/** Somebody who waits: `start` takes a place with a painter. */
interface Waiting {
  readonly kind: Task["kind"];
  readonly start: (painter: Painter) => void;
}

export class PainterPool {
  readonly #options: PoolOptions;
  readonly #painters: Painter[] = [];
  readonly #ready = new Set<Painter>();
  /** The parts of jobs that painters have. */
  readonly #parts = new Map<Painter, Task["kind"][]>();
  readonly #requests: Waiting[] = [];
  readonly #jobs: Waiting[] = [];
  /** Those that must be alone in their process, and the processes that have one. */
  readonly #alone: Waiting[] = [];
  readonly #closedOff = new WeakSet<Painter>();
  #models: readonly LoadedModel[] = [];
  /** Those who wait to have a header looked at, and how many of these looks are under way. */
  readonly #looks: (() => void)[] = [];
  #looking = 0;
  #closed = false;
  /** A moving average of the milliseconds that a picture takes. */
  #pace = 500;

  private constructor(options: PoolOptions) {
    this.#options = options;
  }

  /**
   * Starts the processes and waits until all can paint. @throws Error with the reason where one
   * cannot.
   */
  static async start(options: PoolOptions): Promise<PainterPool> {
    const pool = new PainterPool(options);
    try {
      await Promise.all(Array.from({ length: options.workers }, () => pool.#open()));
    } catch (error) {
      await pool.close();
      throw error;
    }
    return pool;
  }

  async #open(): Promise<void> {
    const painter = new Painter(this.#options);
    this.#painters.push(painter);
    void painter.ended.then(() => {
      this.#painters.splice(this.#painters.indexOf(painter), 1);
      const wasReady = this.#ready.delete(painter);
      if (this.#closed) return;
      const { log, memory } = this.#options;
      const about = {
        painter: painter.pid,
        reason: painter.ending,
        memory: painter.isOutOfMemory ? memory : undefined,
      };
      log("error", about, painter.isOutOfMemory ? "A painter needed too much memory." : "A painter has died.");
      if (wasReady) this.#reopen();
    });
    this.#models = await painter.ready;
    this.#ready.add(painter);
    this.#dispatch();
  }

  /** Replaces a process that has died, again and again until one can paint. */
  #reopen(): void {
    this.#open().catch((error: unknown) => {
      this.#options.log("error", { error: String(error) }, "A painter cannot be started; the next try follows.");
      if (!this.#closed) setTimeout(() => this.#reopen(), RESTART_AFTER).unref();
    });
  }

  get models(): readonly LoadedModel[] {
    return this.#models;
  }

  /** How many processes can paint at this moment. */
  get painters(): number {
    return this.#ready.size;
  }

  /** Their process numbers. */
  get pids(): readonly number[] {
    return this.#painters.flatMap(({ pid }) => pid ?? []);
  }

  /** How many requests wait. */
  get waiting(): number {
    return this.#requests.length;
  }

  /** How many tasks are under way. */
  get busy(): number {
    return this.#painters.reduce((sum, { load }) => sum + load, 0);
  }

  /** How many parts of jobs it takes at once. */
  get width(): number {
    return this.#options.workers;
  }

  /** @throws QueueFull where a request would be refused now. */
  checkRoom(): void {
    if (this.waiting < this.#options.queue) return;
    const wait = (this.waiting * this.#pace) / this.#options.workers;
    throw new QueueFull(Math.max(1, Math.ceil(wait / 1000)));
  }

  /**
   * Paints a picture for somebody who waits for it. @throws QueueFull, PaintError, or the signal's
   * reason.
   */
  async paint(task: Extract<Task, { kind: "picture" }>, signal: AbortSignal): Promise<Results["picture"]> {
    this.checkRoom();
    const run = (queue?: Waiting[]) => this.#run(queue ?? this.#requests, task, { signal });
    const result = await this.#againAlone(run, ["crowded", "died"]);
    const milliseconds = Object.values(result.milliseconds).reduce((sum, value) => sum + value, 0);
    this.#pace += 0.1 * (milliseconds - this.#pace);
    return result;
  }

  /** Does a part of a job, when nobody waits. */
  part<Kind extends "picture" | "segment">(
    task: Extract<Task, { kind: Kind }>,
    options: { readonly signal: AbortSignal; readonly onProgress?: (progress: SegmentProgress) => void },
  ): Promise<Results[Kind]> {
    return this.#againAlone((queue) => this.#run(queue ?? this.#jobs, task, options), ["crowded"]);
  }

  /**
   * Looks at a picture's header, beside whatever else is done; a few at a time, while the others
   * wait.
   *
   * @throws QueueFull where too many wait, PaintError, or the signal's reason.
   */
  async inspect(task: Extract<Task, { kind: "inspect" }>, signal: AbortSignal): Promise<Results["inspect"]> {
    if (this.#looks.length >= MOST_LOOKS_WAITING) throw new QueueFull(1);
    const late = AbortSignal.timeout(LOOK_MILLISECONDS);
    const either = AbortSignal.any([signal, late]);
    if (this.#looking < LOOKS_AT_ONCE) this.#looking++;
    else await this.#placeToLook(either);
    try {
      const [painter] = [...this.#ready].sort((a, b) => a.load - b.load);
      if (painter === undefined) throw new PaintError("No painter is ready.", "died");
      return await painter.run<"inspect">(task, { signal: either });
    } catch (error) {
      throw late.aborted ? new PaintError(`Cannot read ${task.name}: it takes too long to look at.`, "upload") : error;
    } finally {
      // The place goes to the next, or is free.
      const next = this.#looks.shift();
      if (next) next();
      else this.#looking--;
    }
  }

  /** Waits until another look is over, whose place it takes. */
  #placeToLook(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#looks.splice(this.#looks.indexOf(go), 1);
        reject(signal.reason);
      };
      const go = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#looks.push(go);
    });
  }

  /** Once more, with no other task beside it, where it failed for one of these reasons. */
  async #againAlone<Result>(
    run: (queue?: Waiting[]) => Promise<Result>,
    faults: readonly PaintError["fault"][],
  ): Promise<Result> {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof PaintError && faults.includes(error.fault)) || this.#closed) throw error;
      return run(this.#alone);
    }
  }

  #run<Kind extends Task["kind"]>(
    queue: Waiting[],
    task: Extract<Task, { kind: Kind }>,
    options: TaskOptions,
  ): Promise<Results[Kind]> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const leave = () => {
        const at = queue.indexOf(waiting);
        if (at >= 0) queue.splice(at, 1);
        reject(signal?.reason);
      };
      const waiting: Waiting = {
        kind: task.kind,
        start: (painter) => {
          signal?.removeEventListener("abort", leave);
          if (queue === this.#jobs) this.#parts.set(painter, [...this.#partsOf(painter), task.kind]);
          if (queue === this.#alone) this.#closedOff.add(painter);
          painter
            .run<Kind>(task, options)
            .then(resolve, reject)
            .finally(() => {
              if (queue === this.#jobs) this.#leavePart(painter, task.kind);
              if (queue === this.#alone) this.#closedOff.delete(painter);
              this.#dispatch();
            });
        },
      };
      signal?.addEventListener("abort", leave, { once: true });
      queue.push(waiting);
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (;;) {
      const byLoad = [...this.#ready]
        .filter((painter) => !this.#closedOff.has(painter))
        .sort((a, b) => a.load - b.load);
      if (this.#alone.length > 0 && byLoad[0]) {
        // The first that has nothing more to do is for whoever must be alone, and gets nothing new
        // until then.
        const [first] = byLoad.splice(0, 1);
        if (first?.load === 0) {
          this.#alone.shift()?.start(first);
          continue;
        }
      }
      const free = byLoad.filter(({ load }) => load < AT_ONCE);
      const next = free[0] && this.#requests.shift();
      if (next && free[0]) {
        next.start(free[0]);
        continue;
      }
      const at = this.#jobs.findIndex(({ kind }) => free.some((painter) => this.#hasPlace(painter, kind)));
      const [part] = at < 0 ? [] : this.#jobs.splice(at, 1);
      const painter = free.find((one) => part && this.#hasPlace(one, part.kind));
      if (!part || !painter) return;
      part.start(painter);
    }
  }

  #partsOf(painter: Painter): readonly Task["kind"][] {
    return this.#parts.get(painter) ?? [];
  }

  #leavePart(painter: Painter, kind: Task["kind"]): void {
    const left = [...this.#partsOf(painter)];
    left.splice(left.indexOf(kind), 1);
    if (left.length > 0) this.#parts.set(painter, left);
    else this.#parts.delete(painter);
  }

  /**
   * One part of a job at a time, which leaves a place for requests; where there are none, for a
   * picture beside a film.
   */
  #hasPlace(painter: Painter, kind: Task["kind"]): boolean {
    const parts = this.#partsOf(painter);
    return this.#options.hasRequests ? parts.length === 0 : !parts.includes(kind);
  }

  /** Ends the processes; what they do is dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    const ended = this.#painters.map((painter) => painter.ended);
    for (const painter of this.#painters) painter.kill();
    await Promise.all(ended);
  }
}
