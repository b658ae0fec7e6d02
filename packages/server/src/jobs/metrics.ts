/** What Prometheus reads of jobs, wherever they are done: in a server alone, or in each worker. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { PaintError } from "../painters/painter.ts";
import { Problem } from "../problem.ts";
import type { JobRecord } from "./record.ts";

/** Of waits, in seconds: from a queue that is empty to one that is a day long. */
const WAITS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400];

/** Of attempts, in seconds. */
const ATTEMPTS = [0.05, 0.25, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** What is done for a job: finding out its parts, each of them, and putting them together. */
export type StepName = "plan" | "part" | "finish";

/** Measures how many steps are in each state in queues that others work on. */
export function measureSteps(
  registry: Registry,
  counts: () => Promise<readonly { readonly queue: string; readonly state: string; readonly count: number }[]>,
): void {
  new Gauge({
    name: "adaattn_steps",
    help: "Steps of jobs in Redis that wait for a worker, are done, are delayed until their next try, or failed.",
    labelNames: ["queue", "state"],
    registers: [registry],
    async collect() {
      this.reset();
      // While Redis is gone nobody knows.
      for (const { queue, state, count } of await counts().catch(() => [])) this.set({ queue, state }, count);
    },
  });
}

export class QueueMetrics {
  readonly #waits: Histogram;
  readonly #attempts: Histogram;
  readonly #failures: Counter;
  /** How many steps of each job are tried at this moment. */
  readonly #underWay = new Map<string, { readonly kind: JobRecord["kind"]; steps: number }>();

  constructor(registry: Registry) {
    const registers = [registry];
    this.#waits = new Histogram({
      name: "adaattn_job_wait_seconds",
      help: "From the moment that a job was queued to its first step.",
      labelNames: ["kind"],
      buckets: WAITS,
      registers,
    });
    this.#attempts = new Histogram({
      name: "adaattn_step_duration_seconds",
      help: "How long each attempt at a step of a job takes; their count is that of the attempts.",
      labelNames: ["kind", "step", "outcome"],
      buckets: ATTEMPTS,
      registers,
    });
    this.#failures = new Counter({
      name: "adaattn_jobs_failed_total",
      help: "Jobs that were given up, by the code of the error.",
      labelNames: ["kind", "code"],
      registers,
    });
    const jobs = this.#underWay;
    new Gauge({
      name: "adaattn_jobs_under_way",
      help: "Jobs of which this process does a step at this moment.",
      labelNames: ["kind"],
      registers,
      collect() {
        for (const kind of ["pictures", "video"] as const) {
          this.set({ kind }, [...jobs.values()].filter((job) => job.kind === kind).length);
        }
      },
    });
  }

  /** Counts the wait of a job that is begun. @param queued the job as it was before. */
  begun({ kind, state, started, updated }: JobRecord): void {
    // One that was begun before, and lost whoever did it, has waited already.
    if (state === "queued" && started === undefined) this.#waits.observe({ kind }, (Date.now() - updated) / 1000);
  }

  /** Does a step of a job, and measures the attempt. */
  async attempt<Result>(
    { id, kind }: JobRecord,
    step: StepName,
    signal: AbortSignal,
    run: () => Promise<Result>,
  ): Promise<Result> {
    const job = this.#underWay.get(id) ?? { kind, steps: 0 };
    this.#underWay.set(id, job);
    job.steps++;
    const end = this.#attempts.startTimer({ kind, step });
    try {
      const result = await run();
      end({ outcome: "done" });
      return result;
    } catch (error) {
      end({ outcome: signal.aborted ? "stopped" : "failed" });
      throw error;
    } finally {
      if (--job.steps === 0) this.#underWay.delete(id);
    }
  }

  /** Counts a job that was given up. */
  failed({ kind }: JobRecord, error: unknown): void {
    this.#failures.inc({ kind, code: codeOf(error) });
  }
}

/**
 * One word for why a job was given up: a kind of problem, what a painter was at fault for, or
 * `internal`.
 */
function codeOf(error: unknown): string {
  if (error instanceof Problem) return error.kind;
  return error instanceof PaintError ? error.fault : "internal";
}
