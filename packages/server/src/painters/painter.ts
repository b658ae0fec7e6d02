/** One painting process seen from its pool: tasks go out, and what they end with comes back. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { withHugePages } from "adaattn/internal/node";
import type {
  Fault,
  FromPainter,
  LoadedModel,
  PainterOptions,
  Results,
  SegmentProgress,
  Task,
  ToPainter,
} from "./messages.ts";

/**
 * How long a process may take to answer that a task is cancelled before it is ended, in
 * milliseconds.
 */
const PATIENCE = 10_000;

/** A task failed. */
export class PaintError extends Error {
  override readonly name = "PaintError";
  /**
   * `crowded` is `memory` or `died` where another task was under way too, which may have been the
   * reason.
   */
  readonly fault: Fault | "died" | "crowded";

  constructor(message: string, fault: PaintError["fault"]) {
    super(message);
    this.fault = fault;
  }
}

export interface TaskOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: SegmentProgress) => void) | undefined;
}

interface UnderWay {
  readonly kind: Task["kind"];
  readonly resolve: (value: Results[keyof Results]) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: TaskOptions["onProgress"];
}

export class Painter {
  /** Resolves once it can paint; rejects where it cannot be started. */
  readonly ready: Promise<readonly LoadedModel[]>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #tasks = new Map<number, UnderWay>();
  #count = 0;
  #complaints = "";
  #isOutOfMemory = false;
  #ending = "";

  constructor(options: PainterOptions) {
    // Beside this file there is child.ts in the sources and child.js in the package.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const child = fork(fileURLToPath(new URL(`./child.${extension}`, import.meta.url)), [JSON.stringify(options)], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: withHugePages(process.env),
    });
    this.#child = child;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-2000);
    });
    this.ready = new Promise((resolve, reject) => {
      child.on("message", (message: FromPainter) => {
        if ("ready" in message) resolve(message.ready);
        else if ("outOfMemory" in message) this.#isOutOfMemory = true;
        else this.#hear(message);
      });
      child.once("close", () => reject(new Error(this.#reason())));
      child.once("error", reject);
    });
    this.ready.catch(() => undefined);
    this.ended = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.#ending = signal ?? `exit code ${code}`;
        for (const { kind, reject } of this.#tasks.values()) reject(this.#whatKilled(kind));
        this.#tasks.clear();
        resolve();
      });
    });
  }

  /** What a task hears of the death of its process: whether it alone can have been the reason. */
  #whatKilled(kind: Task["kind"]): PaintError {
    // A look at a header needs next to no memory.
    if (!this.#isOutOfMemory || kind === "inspect") {
      const fault = kind !== "inspect" && this.#tasks.size > 1 ? "crowded" : "died";
      return new PaintError("The process that painted it has died.", fault);
    }
    const paintings = [...this.#tasks.values()].filter((task) => task.kind !== "inspect");
    const fault = paintings.length > 1 ? "crowded" : "memory";
    return new PaintError("It needs more memory than it may have. Choose a smaller size.", fault);
  }

  /** How many tasks it has. */
  get load(): number {
    return this.#tasks.size;
  }

  /** Whether it ended because it would have needed more memory than it may have. */
  get isOutOfMemory(): boolean {
    return this.#isOutOfMemory;
  }

  /** How it ended: a signal or an exit code; empty while it lives. */
  get ending(): string {
    return this.#ending;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The sentence among what the process said last. */
  #reason(): string {
    const said =
      /(?:^|\n)(?:\w*Error: )([^\n]+)/.exec(this.#complaints)?.[1] ?? this.#complaints.trim().split("\n").at(-1);
    return said || "The painting process ended before it could paint.";
  }

  #hear(message: Extract<FromPainter, { id: number }>): void {
    const task = this.#tasks.get(message.id);
    if (task === undefined) return;
    if ("progress" in message) {
      task.onProgress?.(message.progress);
      return;
    }
    this.#tasks.delete(message.id);
    if ("error" in message) task.reject(new PaintError(message.error, message.fault));
    else task.resolve(message.value);
  }

  /** Does a task. @throws PaintError; the signal's reason as soon as it is aborted. */
  run<Kind extends Task["kind"]>(
    task: Extract<Task, { kind: Kind }>,
    { signal, onProgress }: TaskOptions = {},
  ): Promise<Results[Kind]> {
    const id = ++this.#count;
    const answer = new Promise<Results[keyof Results]>((resolve, reject) => {
      this.#tasks.set(id, { kind: task.kind, resolve, reject, onProgress });
    });
    this.#post({ id, task });
    const result = answer as Promise<Results[Kind]>;
    return signal ? this.#cancellable(id, result, signal) : result;
  }

  #post(message: ToPainter): void {
    // Where it has died, its end rejects the tasks.
    if (this.#child.connected) this.#child.send(message, undefined, undefined, () => undefined);
  }

  #cancellable<Result>(id: number, answer: Promise<Result>, signal: AbortSignal): Promise<Result> {
    return new Promise((resolve, reject) => {
      const cancel = () => {
        this.#post({ cancel: id });
        const impatient = setTimeout(() => this.kill(), PATIENCE);
        answer.finally(() => clearTimeout(impatient)).catch(() => undefined);
        reject(signal.reason);
      };
      if (signal.aborted) cancel();
      else signal.addEventListener("abort", cancel, { once: true });
      answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", cancel));
    });
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
