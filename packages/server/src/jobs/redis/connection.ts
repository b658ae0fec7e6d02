/** The way to Redis or Valkey, for servers and workers. */
import type { Redis } from "ioredis";
import type { Log } from "../../log.ts";

/** What the keys of all begin with. */
export const PREFIX = "adaattn";

/** How long to wait before the next try to connect, in milliseconds, at most. */
export const MOST_RECONNECT = 2000;

export type Bull = typeof import("bullmq");

/**
 * Connects to Redis, and loads what is needed for that only now.
 *
 * @param isPatient whether commands wait while it is gone, instead of being refused.
 * @param connectionName what the connection is called in Redis's list of them.
 * @throws Error with one sentence where it cannot be reached or the packages for it are missing.
 */
export async function openRedis(
  url: string,
  { isPatient, log, connectionName }: { isPatient: boolean; log: Log; connectionName?: string },
): Promise<{ redis: Redis; bull: Bull }> {
  if (!/^rediss?:\/\//.test(url)) {
    throw new Error(`Expected an address such as redis://127.0.0.1:6379 for --redis but received ${url}.`);
  }
  const [bull, { Redis }] = await Promise.all([import("bullmq"), import("ioredis")]).catch((error: unknown) => {
    throw new Error("Jobs in Redis need the packages bullmq and ioredis: run npm install bullmq ioredis.", {
      cause: error,
    });
  });
  const redis = new Redis(url, {
    // Workers wait for as long as it takes; requests are told to come again.
    maxRetriesPerRequest: isPatient ? null : 1,
    enableOfflineQueue: isPatient,
    connectTimeout: 5000,
    ...(isPatient ? {} : { commandTimeout: 5000 }),
    retryStrategy: (times) => Math.min(100 * times, MOST_RECONNECT),
    lazyConnect: true,
    ...(connectionName !== undefined && { connectionName }),
  });
  // It connects again by itself; whoever asks meanwhile is told.
  let isGone = false;
  redis.on("error", (error: Error) => {
    if (!isGone) log("error", { error: error.message }, "Redis cannot be reached.");
    isGone = true;
  });
  redis.on("ready", () => {
    if (isGone) log("info", {}, "Redis is back.");
    isGone = false;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    redis.disconnect();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot reach Redis at ${withoutPassword(url)} (${reason}). Start it, or check the address.`, {
      cause: error,
    });
  }
  return { redis, bull };
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@]*@/, "//");
}
