/** Style transfer over HTTP, as a library: start a server or a worker from one's own program. */

export type { StepEnd } from "./jobs/redis/worker.ts";
export { jsonLog, type Log } from "./log.ts";
export { type RunningServer, type ServerOptions, startServer } from "./server.ts";
export { DEFAULT_LIMITS, type Limits, type PainterSettings } from "./settings.ts";
export { type RunningWorker, startWorker, type WorkerOptions } from "./worker.ts";
