/** What the operations of the API work with. */
import type { LocalCopies } from "./files/copies.ts";
import type { FileStore } from "./files/store.ts";
import type { Metrics } from "./http/metrics.ts";
import type { UploadSlots } from "./http/uploadSlots.ts";
import type { JobQueue } from "./jobs/queue.ts";
import type { JobStore } from "./jobs/store.ts";
import type { PainterPool } from "./painters/pool.ts";
import type { Quotas } from "./quotas.ts";
import type { Limits } from "./settings.ts";
import type { KeptStyles } from "./styles.ts";
import type { Webhooks } from "./webhooks/webhooks.ts";

export interface Services {
  readonly pool: PainterPool;
  readonly files: FileStore;
  /** Kept styles on this machine's disk, for pictures that are painted at once. */
  readonly copies: LocalCopies;
  readonly styles: KeptStyles;
  readonly jobs: JobStore;
  readonly queue: JobQueue;
  readonly webhooks: Webhooks;
  readonly limits: Limits;
  readonly quotas: Quotas;
  readonly metrics: Metrics;
  readonly slots: UploadSlots;
  /** A folder of this process alone, for uploads. */
  readonly scratch: string;
  /**
   * Aborted when the server is asked to end: it is not ready any more, and streams of events end.
   */
  readonly stopping: AbortSignal;
  /** Aborted when the time for what was under way then is over. */
  readonly ending: AbortSignal;
  readonly version: string;
}
