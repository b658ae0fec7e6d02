/** What tells a person or a machine how the server is: models, health, metrics. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Api } from "../http/api.ts";
import { modelInfo, readiness } from "../schemas.ts";
import type { Services } from "../services.ts";

/** How long the database and the store of files may take to answer, in milliseconds. */
const PATIENCE = 3000;

export function addHealth(api: Api, { pool, jobs, files, metrics, stopping }: Services): void {
  api.add(
    {
      method: "GET",
      url: "/v1/models",
      id: "listModels",
      summary: "List the models",
      answers: { 200: { description: "The models; the default one is first.", body: z.array(modelInfo) } },
    },
    () => pool.models.map((model, index) => ({ ...model, default: index === 0 })),
  );
  api.add(
    {
      method: "GET",
      url: "/healthz",
      id: "health",
      summary: "Whether the process is alive",
      isOpen: true,
      answers: { 200: { description: "It is.", body: "text/plain" } },
    },
    (_, reply) => reply.type("text/plain; charset=utf-8").send("ok\n"),
  );
  api.add(
    {
      method: "GET",
      url: "/readyz",
      id: "readiness",
      summary: "Whether it can paint, and remember jobs and their files",
      isOpen: true,
      answers: {
        200: { description: "It can.", body: readiness },
        503: { description: "It cannot at the moment.", body: readiness },
      },
    },
    async (_, reply) => {
      const checks = Promise.all([jobs.check(), files.check()]).then(
        () => true,
        () => false,
      );
      const canRemember = await Promise.race([checks, sleep(PATIENCE, false, { ref: false })]);
      const ready = canRemember && pool.painters > 0 && !stopping.aborted;
      return reply.code(ready ? 200 : 503).send({ ready, painters: pool.painters, waiting: pool.waiting });
    },
  );
  api.add(
    {
      method: "GET",
      url: "/metrics",
      id: "metrics",
      summary: "Measurements for Prometheus",
      answers: { 200: { description: "The measurements.", body: "text/plain" } },
    },
    async (_, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}
