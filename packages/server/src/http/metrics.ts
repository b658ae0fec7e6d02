/** What Prometheus reads: how long requests take, who waits, how many jobs there are, and how much memory is taken. */
import { readFile } from "node:fs/promises";
import type { FastifyInstance } from "fastify";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { JobStore } from "../jobs/store.ts";
import type { PainterPool } from "../painters/pool.ts";
import { JOB_STATES } from "../schemas.ts";

/** Seconds. */
const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const PAGE_BYTES = 4096;

export class Metrics {
  readonly registry = new Registry();
  readonly #stages: Histogram;
  readonly #cached: Counter;

  constructor(app: FastifyInstance, { pool, jobs }: { readonly pool: PainterPool; readonly jobs: JobStore }) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    const requests = new Histogram({
      name: "adaattn_request_duration_seconds",
      help: "From a request's first byte to the last of its answer.",
      labelNames: ["method", "route", "status"],
      ...{ buckets: BUCKETS, registers },
    });
    app.addHook("onResponse", async (request, reply) => {
      const route = request.routeOptions.url ?? "none";
      const labels = { method: request.method, route, status: String(reply.statusCode) };
      requests.observe(labels, reply.elapsedTime / 1000);
    });
    this.#stages = new Histogram({
      name: "adaattn_stage_duration_seconds",
      help: "How long each stage of a picture takes.",
      labelNames: ["stage"],
      ...{ buckets: BUCKETS, registers },
    });
    this.#cached = new Counter({
      name: "adaattn_cached_results_total",
      help: "Pictures that were answered from memory.",
      registers,
    });
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        ...{ name, help, registers },
        collect() {
          this.set(read());
        },
      });
    gauge("adaattn_queue_depth", "Requests that wait for a painter.", () => pool.waiting);
    gauge("adaattn_tasks", "Tasks that painters have at this moment.", () => pool.busy);
    gauge("adaattn_painters", "Processes that can paint.", () => pool.painters);
    new Gauge({
      ...{ name: "adaattn_jobs", help: "Jobs by state.", labelNames: ["state"], registers },
      async collect() {
        const counts = await jobs.counts().catch(() => ({}) as Record<string, number>);
        for (const state of JOB_STATES) this.set({ state }, counts[state] ?? 0);
      },
    });
    new Gauge({
      ...{ name: "adaattn_painter_resident_memory_bytes", help: "Memory of all painters.", registers },
      async collect() {
        this.set(await residentBytes(pool.pids));
      },
    });
  }

  /** Counts a picture that was painted. */
  painted(milliseconds: Readonly<Record<string, number>>): void {
    for (const [stage, time] of Object.entries(milliseconds)) this.#stages.observe({ stage }, time / 1000);
  }

  /** Counts a picture that was known already. */
  cached(): void {
    this.#cached.inc();
  }
}

/** How much memory processes hold; 0 where the system does not tell. */
export async function residentBytes(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/statm`, "utf8").catch(() => "");
      return Number(text.split(" ")[1] ?? 0) * PAGE_BYTES;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
