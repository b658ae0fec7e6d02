/**
 * Who may ask: API keys, pages of other origins, names that lead here by accident, and how often.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isIPv4, isIPv6 } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Problem } from "../problem.ts";

/** A key and what it is called in logs. */
export interface ApiKey {
  /** Its name in the file, else the first 16 digits of its hash; jobs belong to this name. */
  readonly name: string;
  /** The SHA-256 of the key. */
  readonly hash: Buffer;
}

/** The shortest key that is taken. */
const LEAST_KEY = 16;

function hashOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

/**
 * Reads a file of keys, one a line, each perhaps after a name and a colon; empty lines and those
 * that begin with # are skipped.
 *
 * @throws Error with one sentence where there is no key in it, or one is too short.
 */
export async function readApiKeys(path: string): Promise<ApiKey[]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`Cannot read the API keys in ${path} (${error.code}). Check its name and permissions.`, {
      cause: error,
    });
  });
  const lines = text.split("\n").map((line) => line.trim());
  const keys = lines.flatMap((line, index) => {
    if (line === "" || line.startsWith("#")) return [];
    const [, given, key = ""] = /^(?:([^:\s]+):)?(.*)$/.exec(line) ?? [];
    if (key.length < LEAST_KEY) {
      throw new Error(`Expected keys of at least ${LEAST_KEY} characters in ${path} but line ${index + 1} is shorter.`);
    }
    const hash = hashOf(key);
    // What belongs to a key without a name must stay with it when lines are added or taken out.
    return [{ name: given ?? `key ${hash.toString("hex").slice(0, 16)}`, hash }];
  });
  if (keys.length === 0) throw new Error(`Expected at least one API key in ${path} but there is none.`);
  return keys;
}

/** The keys of a file, which can be read anew. */
export class KeyRing {
  readonly #path: string;
  #keys: readonly ApiKey[];

  private constructor(path: string, keys: readonly ApiKey[]) {
    this.#path = path;
    this.#keys = keys;
  }

  /** @throws Error with one sentence where the file is of no use. */
  static async open(path: string): Promise<KeyRing> {
    return new KeyRing(path, await readApiKeys(path));
  }

  /**
   * Takes what the file says now. @throws Error with one sentence where it is of no use; the keys
   * stay as they were then.
   */
  async reload(): Promise<void> {
    this.#keys = await readApiKeys(this.#path);
  }

  /**
   * The name of the key that a request came with; undefined where it has none of ours. All are
   * compared, each in constant time.
   */
  nameOf(request: FastifyRequest): string | undefined {
    const { authorization = "", "x-api-key": plain } = request.headers;
    const given = /^Bearer (.+)$/i.exec(authorization)?.[1] ?? (typeof plain === "string" ? plain : "");
    const hash = hashOf(given);
    return this.#keys.filter((key) => timingSafeEqual(key.hash, hash))[0]?.name;
  }
}

export interface SecurityOptions {
  /** Who may ask; anybody where there are none. */
  readonly keys?: KeyRing | undefined;
  /** Origins whose pages may ask. */
  readonly origins: readonly string[];
  /**
   * Names that requests may be for, beside this machine's own and all addresses; any name where
   * there are none.
   */
  readonly hosts?: readonly string[] | undefined;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Whose key it came with; empty where there are no keys. */
    owner: string;
  }
}

/**
 * Whether a request for this host may be answered. Pages from elsewhere can have a name of their
 * own point to this machine, but neither an address nor localhost.
 *
 * @param hosts names; one that begins with a dot stands for all below it.
 */
export function isAllowedHost(host: string, hosts: readonly string[]): boolean {
  const [, bracketed, plain = ""] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(host.toLowerCase()) ?? [];
  if (bracketed !== undefined) return isIPv6(bracketed);
  if (isIPv4(plain) || plain === "localhost" || plain.endsWith(".localhost")) return true;
  return hosts.some((one) => plain === one.toLowerCase() || (one.startsWith(".") && plain.endsWith(one.toLowerCase())));
}

/** Counts a request. @throws Problem where its sender has asked too often. */
export type Counting = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/**
 * The routes that anybody may ask, as they are registered: health, documentation and the studio's
 * files. All others need a key, and so does what matches no route.
 */
const OPEN: ReadonlySet<string> = new Set(["/", "/*", "/docs", "/openapi.json", "/healthz", "/readyz"]);

/**
 * Whether anybody may ask. The route that was matched decides: an address can be spelled in many
 * ways.
 */
export function isOpen(request: FastifyRequest): boolean {
  return OPEN.has(request.routeOptions.url ?? "");
}

/**
 * Checks every request before anything of its body is read; those with a wrong key are counted like
 * all others.
 */
export function secure(app: FastifyInstance, { keys, origins, hosts }: SecurityOptions, count?: Counting): void {
  app.decorateRequest("owner", "");
  app.addHook("onRequest", async (request, reply) => {
    const { host = "", origin } = request.headers;
    if (hosts && !isAllowedHost(host, hosts)) {
      throw new Problem(
        "forbidden",
        "Expected a request for this machine by its own name. The server's --allowed-hosts allows others.",
      );
    }
    if (origin !== undefined && !origins.includes(origin) && !isSameHost(origin, host)) {
      throw new Problem("forbidden", "Expected no page of another origin. The server's --cors allows some.");
    }
    // Browsers ask whether they may ask without saying who they are.
    if (request.method === "OPTIONS" || isOpen(request)) return;
    const name = keys ? keys.nameOf(request) : "";
    request.owner = name ?? "";
    await count?.(request, reply);
    if (name === undefined) {
      throw new Problem("unauthorized", "Expected a known API key in the header Authorization: Bearer.", {
        headers: { "www-authenticate": "Bearer" },
      });
    }
  });
  app.addHook("onSend", async (_, reply) => {
    reply.header("x-content-type-options", "nosniff");
    reply.header("referrer-policy", "no-referrer");
    reply.header("x-frame-options", "DENY");
    if (!reply.hasHeader("content-security-policy")) {
      reply.header("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    }
    if (!reply.hasHeader("cross-origin-resource-policy")) {
      reply.header("cross-origin-resource-policy", origins.length > 0 ? "cross-origin" : "same-origin");
    }
  });
}

function isSameHost(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host;
}
