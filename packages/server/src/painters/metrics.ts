/** What Prometheus reads of painters, in servers and workers. */
import { readFile } from "node:fs/promises";
import { Gauge, type Registry } from "prom-client";
import type { PainterPool } from "./pool.ts";

const PAGE_BYTES = 4096;

/** Adds the measurements of a pool. */
export function measurePool(registry: Registry, pool: PainterPool): void {
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.set(await read());
      },
    });
  gauge("adaattn_queue_depth", "Requests that wait for a painter.", () => pool.waiting);
  gauge("adaattn_tasks", "Tasks that painters have at this moment.", () => pool.busy);
  gauge("adaattn_painters", "Processes that can paint.", () => pool.painters);
  gauge("adaattn_painter_resident_memory_bytes", "Memory of all painters.", () => residentBytes(pool.pids));
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
