/**
 * A server: painters, a file store, jobs, and HTTP in front of them; everything that it opens it
 * also closes.
 */
import { mkdir } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { limitFfmpeg } from "adaattn/node";
import type { FastifyInstance } from "fastify";
import { collectDefaultMetrics, Registry } from "prom-client";
import { Closing } from "./closing.ts";
import { LocalCopies } from "./files/copies.ts";
import { openFileStore } from "./files/open.ts";
import { buildApp } from "./http/app.ts";
import { KeyRing } from "./http/security.ts";
import { LocalQueue } from "./jobs/local.ts";
import { measureSteps, QueueMetrics } from "./jobs/metrics.ts";
import type { JobQueue } from "./jobs/queue.ts";
import { openSqliteStore } from "./jobs/sqlite.ts";
import type { JobStore } from "./jobs/store.ts";
import { JobWork, type Workshop } from "./jobs/work.ts";
import type { Log } from "./log.ts";
import { measurePool } from "./painters/metrics.ts";
import { PainterPool } from "./painters/pool.ts";
import { Quotas } from "./quotas.ts";
import { openScratch } from "./scratch.ts";
import type { Services } from "./services.ts";
import { type AskedPainters, DEFAULT_LIMITS, type Limits, painterSettings } from "./settings.ts";
import { KeptStyles } from "./styles.ts";
import { Sweeper } from "./sweep.ts";
import { openTraces } from "./traces.ts";
import { DECODER_PATIENCE, VIDEO_DEMUXERS } from "./video/kinds.ts";
import { WebhookSecrets } from "./webhooks/secrets.ts";
import { Webhooks } from "./webhooks/webhooks.ts";

/** How long requests that are under way may take when the server ends, in seconds. */
const GRACE = 30;

/** How long answers to requests that were ended may take to leave, in milliseconds. */
const LAST_WORDS = 500;

/** How long traces may take to leave at the end, at least, in milliseconds. */
const LEAST_FLUSH = 1000;

/** How often jobs that are too old are looked for, in milliseconds. */
const SWEEP_EVERY = 60_000;

export interface ServerOptions {
  /** 127.0.0.1 by default. */
  readonly host?: string | undefined;
  /** 8080 by default; 0 takes any that is free. */
  readonly port?: number | undefined;
  /** The folder for everything that is kept on this machine; it is made. */
  readonly data: string;
  /**
   * Where files of jobs and styles go: `s3://bucket/prefix` or a folder; a folder in `data` by
   * default.
   */
  readonly store?: string | undefined;
  /**
   * The address of a Redis or Valkey, which `adaattn worker` takes jobs from; by default this
   * process does them.
   */
  readonly redis?: string | undefined;
  readonly painters?: AskedPainters | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** A file of API keys. */
  readonly apiKeys?: string | undefined;
  /** Origins whose pages may ask. */
  readonly origins?: readonly string[] | undefined;
  /** The folder of the studio's files. */
  readonly studio?: string | undefined;
  /**
   * Addresses, or ranges such as 10.0.0.0/8, of proxies whose X-Forwarded-For is believed; none by
   * default.
   */
  readonly trustProxy?: readonly string[] | undefined;
  /**
   * Names by which requests may ask beside this machine's own and all addresses; one that begins
   * with a dot stands for all below it. Without keys only these are answered, with keys all names
   * are unless some are given.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Whom jobs may have called once they have ended; nobody by default. */
  readonly webhooks?: WebhookSettings | undefined;
  /**
   * How long requests that are under way may take when the server is closed, in seconds; 30 by
   * default.
   */
  readonly grace?: number | undefined;
  readonly version: string;
  /** Where to log to, as lines of JSON; nowhere by default. */
  readonly log?: { readonly level: string; readonly stream: NodeJS.WritableStream } | undefined;
}

export interface WebhookSettings {
  /** Names of hosts that may be called; one that begins with a dot stands for all below it. */
  readonly hosts: readonly string[];
  /**
   * Whether they may have private addresses, and be called by http; no by default: https and public
   * addresses.
   */
  readonly allowPrivate?: boolean | undefined;
  /**
   * A file of secrets that calls are signed with: `whsec_` and base64, one a line, perhaps after
   * the name of an API key and a colon.
   */
  readonly secrets: string;
  /**
   * How long after the end of a job each call is made until one is taken, in milliseconds; nine
   * within 14 hours by default.
   */
  readonly schedule?: readonly number[] | undefined;
}

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  /** The painting processes. */
  readonly painters: readonly number[];
  /**
   * Reads the files of API keys and webhook secrets anew. @throws Error with one sentence where one
   * is of no use; it stays as it was then.
   */
  reloadKeys(): Promise<void>;
  /**
   * Stops taking requests, answers those that are under way within the grace, and closes
   * everything; jobs are gone on with after the next start.
   */
  close(): Promise<void>;
}

/**
 * @throws Error with one sentence where it cannot be started; what was opened until then is closed
 *   again.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const closing = new Closing();
  try {
    return await open(options, closing);
  } catch (error) {
    await closing.close();
    throw error;
  }
}

async function open(options: ServerOptions, closing: Closing): Promise<RunningServer> {
  const { host = "127.0.0.1", port = 8080, data, redis, version, grace = GRACE } = options;
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const keys = options.apiKeys === undefined ? undefined : await KeyRing.open(options.apiKeys);
  const secrets = options.webhooks && (await WebhookSecrets.open(options.webhooks.secrets));
  await mkdir(data, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`Cannot make the folder ${data} (${error.code}). Choose another --data.`, { cause: error });
  });
  let app: FastifyInstance | undefined;
  const log: Log = (level, about, sentence) => app?.log[level](about, sentence);
  /** When the grace is over, once it has begun. */
  let graceEnds = Number.POSITIVE_INFINITY;
  const traces = await openTraces({ service: "adaattn-server", version, log });
  // Last, so that everything is in them; within what is left of the grace.
  if (traces)
    closing.add(traces, (one) =>
      one.close(Math.max(LEAST_FLUSH, Math.min(grace * 1000, graceEnds - performance.now()))),
    );
  const files = await openFileStore(options.store ?? join(data, "files"));
  const remote = redis === undefined ? undefined : await import("./jobs/redis/queue.ts");
  const connection = redis === undefined ? undefined : await remote?.connect(redis, log);
  if (connection) closing.add(connection, (one) => one.close());
  const jobs: JobStore = closing.add(connection ? connection.jobs : openSqliteStore(join(data, "jobs.db")), (store) =>
    store.close(),
  );
  const { folder: scratch } = closing.add(await openScratch(data), (one) => one[Symbol.asyncDispose]());
  const settings = painterSettings(options.painters);
  limitFfmpeg({ formats: VIDEO_DEMUXERS, memory: settings.memory, patience: DECODER_PATIENCE });
  const pool = closing.add(
    await PainterPool.start({ ...settings, pixels: limits.pixels, queue: limits.queue, hasRequests: true, log }),
    (one) => one.close(),
  );
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  measurePool(registry, pool);
  if (connection) measureSteps(registry, () => connection.queue.counts(pool.models.map(({ name }) => name)));
  const shop = (metrics: QueueMetrics): Workshop => ({ pool, files, jobs, limits, scratch, log, metrics, traces });
  const queue: JobQueue = closing.add(
    connection
      ? connection.queue
      : new LocalQueue(new JobWork(shop(new QueueMetrics(registry))), jobs, {
          width: pool.width,
          minutes: limits.jobMinutes,
        }),
    (one) => one.close(),
  );
  const { hosts = [], allowPrivate = false, schedule } = options.webhooks ?? {};
  const calls = { hosts, isPrivateAllowed: allowPrivate, secrets, schedule, version };
  const webhooks = closing.add(new Webhooks(jobs, calls, log), (one) => one.close());
  const [stopping, ending] = [new AbortController(), new AbortController()];
  const styles = new KeptStyles(files);
  const services: Omit<Services, "metrics" | "slots"> = {
    pool,
    files,
    jobs,
    queue,
    webhooks,
    limits,
    scratch,
    version,
    styles,
    quotas: new Quotas(jobs, styles, limits),
    copies: new LocalCopies(files, join(scratch, "kept")),
    stopping: stopping.signal,
    ending: ending.signal,
  };
  app = await buildApp(services, {
    keys,
    origins: options.origins ?? [],
    studio: options.studio,
    perMinute: limits.perMinute,
    // Where a key is needed, pages that reach this machine by another name have none.
    hosts:
      keys === undefined || options.allowedHosts !== undefined
        ? [host, hostname(), ...(options.allowedHosts ?? [])]
        : undefined,
    proxies: options.trustProxy ?? [],
    redis: connection?.redis,
    registry,
    traces,
    log: options.log,
  });
  const front = app;
  closing.add(front, (one) => endWithin(one, { stopping, ending, seconds: grace }));
  if (queue instanceof LocalQueue) await queue.recover();
  const sweeper = new Sweeper({ jobs, files, limits, styles: services.styles }, log);
  if (isAlone(options)) await sweeper.clear();
  await sweeper.sweep();
  await webhooks.adopt();
  const sweeping = setInterval(() => {
    webhooks
      .adopt()
      .catch((error: unknown) => log("error", { error: String(error) }, "Callbacks cannot be looked for."));
    sweeper.sweep().catch((error: unknown) => log("error", { error: String(error) }, "Old jobs cannot be removed."));
  }, SWEEP_EVERY);
  closing.add(sweeping, clearInterval);
  await app.listen({ host, port }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE") throw error;
    throw new Error(`Expected a free port but ${port} is taken; choose another by --port.`, { cause: error });
  });
  const address = app.server.address() as AddressInfo;
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  let closed: Promise<void> | undefined;
  const close = () => {
    graceEnds = Math.min(graceEnds, performance.now() + grace * 1000);
    closed ??= closing.close();
    return closed;
  };
  return {
    url: `http://${name}:${address.port}`,
    get painters() {
      return pool.pids;
    },
    reloadKeys: async () => {
      await keys?.reload();
      await secrets?.reload();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Lets what is under way be answered, then ends what is still not, and with it the connections. */
async function endWithin(
  app: FastifyInstance,
  { stopping, ending, seconds }: { stopping: AbortController; ending: AbortController; seconds: number },
): Promise<void> {
  stopping.abort();
  const late = setTimeout(() => {
    ending.abort();
    // Whoever is still sending must not hold the end up; the others are told first.
    setTimeout(() => app.server.closeAllConnections(), LAST_WORDS).unref();
  }, seconds * 1000);
  await app.close();
  clearTimeout(late);
  ending.abort();
}

/** Whether nobody else puts files into the store. */
function isAlone({ redis, store }: ServerOptions): boolean {
  return redis === undefined && store === undefined;
}
