/**
 * How a worker is, by HTTP: /livez, /readyz and /metrics. It takes nothing in, and knows no keys:
 * it is for machines nearby.
 */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Registry } from "prom-client";

/** How long Redis and the store of files may take to answer, in milliseconds. */
const PATIENCE = 3000;

export interface HealthOptions {
  /** 127.0.0.1 by default. */
  readonly host?: string | undefined;
  /** 0 takes any that is free. */
  readonly port: number;
}

export interface Vitals {
  /**
   * What must be reached, by its name: whether it is. One that rejects, or is silent for 3 seconds,
   * is not.
   */
  readonly reach: Readonly<Record<string, () => Promise<boolean>>>;
  /** How many processes can paint. */
  readonly painters: () => number;
  /** Whether it takes no more parts because it is to end. */
  readonly isEnding: () => boolean;
  readonly registry: Registry;
}

export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

/** @throws Error with one sentence where the port is taken. */
export async function serveHealth({ host = "127.0.0.1", port }: HealthOptions, vitals: Vitals): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const [path = ""] = (request.url ?? "").split("?");
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      return say(response, 405, "text/plain", "Expected GET here.\n");
    }
    answer(path, response, vitals).catch(() => say(response, 500, "text/plain", "Something went wrong here.\n"));
  });
  server.listen(port, host);
  await once(server, "listening").catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === "EADDRINUSE" ? "it is taken" : error.message;
    throw new Error(`Cannot listen at port ${port} (${reason}). Choose another --health-port.`, { cause: error });
  });
  const { address, family, port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${taken}`,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(path: string, response: ServerResponse, vitals: Vitals): Promise<void> {
  if (path === "/livez") return say(response, 200, "text/plain", "ok\n");
  if (path === "/metrics") {
    return say(response, 200, vitals.registry.contentType, await vitals.registry.metrics());
  }
  if (path !== "/readyz") {
    return say(response, 404, "text/plain", "There is nothing here but /livez, /readyz and /metrics.\n");
  }
  const names = Object.entries(vitals.reach);
  const reached = await Promise.all(names.map(async ([name, reach]) => [name, await isReached(reach)] as const));
  const painters = vitals.painters();
  const ready = reached.every(([, is]) => is) && painters > 0 && !vitals.isEnding();
  const body = { ready, ...Object.fromEntries(reached), painters };
  say(response, ready ? 200 : 503, "application/json", `${JSON.stringify(body)}\n`);
}

async function isReached(reach: () => Promise<boolean>): Promise<boolean> {
  return Promise.race([reach().catch(() => false), sleep(PATIENCE, false, { ref: false })]);
}

function say(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    "content-type": type.includes(";") ? type : `${type}; charset=utf-8`,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(text);
}
