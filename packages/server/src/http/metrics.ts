/** What Prometheus reads of requests: how long they take, and what is taken in by them. */
import type { FastifyInstance } from "fastify";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { JobStore } from "../jobs/store.ts";
import { JOB_STATES } from "../schemas.ts";

/** Seconds. */
const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export class Metrics {
  readonly registry: Registry;
  readonly #stages: Histogram;
  readonly #cached: Counter;

  constructor(app: FastifyInstance, registry: Registry, jobs: JobStore) {
    this.registry = registry;
    const registers = [registry];
    const requests = new Histogram({
      name: "adaattn_request_duration_seconds",
      help: "From a request's first byte to the last of its answer.",
      labelNames: ["method", "route", "status"],
      buckets: BUCKETS,
      registers,
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
      buckets: BUCKETS,
      registers,
    });
    this.#cached = new Counter({
      name: "adaattn_cached_results_total",
      help: "Pictures that were answered from memory.",
      registers,
    });
    new Gauge({
      name: "adaattn_jobs",
      help: "Jobs by state.",
      labelNames: ["state"],
      registers,
      async collect() {
        const counts = await jobs.counts().catch(() => ({}) as Record<string, number>);
        for (const state of JOB_STATES) this.set({ state }, counts[state] ?? 0);
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
