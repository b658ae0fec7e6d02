/**
 * The server's front: Fastify with its limits, the operations, the documentation, the studio, and
 * errors as problem documents.
 */
import cors from "@fastify/cors";
import multipart from "@fastify/multipart";
import rateLimit from "@fastify/rate-limit";
import statics from "@fastify/static";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Registry } from "prom-client";
import { Problem } from "../problem.ts";
import { addHealth } from "../routes/health.ts";
import { addJobs } from "../routes/jobs.ts";
import { addStyles } from "../routes/styles.ts";
import { addStylize, ClientGone, explainPainting } from "../routes/stylize.ts";
import type { Services } from "../services.ts";
import type { Traces } from "../traces.ts";
import { Api } from "./api.ts";
import { docsPage, PAGE_POLICY, welcomePage } from "./docs.ts";
import { Metrics } from "./metrics.ts";
import { type Counting, type SecurityOptions, secure } from "./security.ts";
import { traceRequests } from "./traces.ts";
import { drain } from "./upload.ts";
import { UploadSlots } from "./uploadSlots.ts";

/**
 * What the studio's files may do: run their own scripts and WebAssembly, and show pictures that
 * they made.
 */
const STUDIO_POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' blob:; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self' blob: data:; frame-ancestors 'none'";

/** How long the headers of a request may take, in milliseconds. */
const HEADER_MILLISECONDS = 10_000;

/** How long the headers of a request may be, in bytes. */
const HEADER_BYTES = 16_384;

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

/** How much of an upload that was refused is still read, so that its sender hears why. */
const DRAIN = { bytes: 8 * 2 ** 20, milliseconds: 2000 };

export interface AppOptions extends SecurityOptions {
  /** The folder of the studio's files. */
  readonly studio?: string | undefined;
  /**
   * Requests a minute of one caller, and a connection to Redis to count them in where there is one.
   */
  readonly perMinute: number;
  readonly redis?: unknown;
  /** Where measurements are kept. */
  readonly registry: Registry;
  readonly traces?: Traces | undefined;
  /** Addresses and ranges of proxies that are believed who a request is from. */
  readonly proxies: readonly string[];
  readonly log?: { readonly level: string; readonly stream: NodeJS.WritableStream } | undefined;
}

export async function buildApp(
  services: Omit<Services, "metrics" | "slots">,
  options: AppOptions,
): Promise<FastifyInstance> {
  const { limits, version } = services;
  const app = Fastify({
    logger: options.log ?? false,
    trustProxy: options.proxies.length > 0 ? [...options.proxies] : false,
    // Only multipart bodies are read, and those have limits of their own.
    bodyLimit: 1024,
    requestTimeout: (limits.uploadSeconds + 5) * 1000,
    connectionTimeout: 0,
    keepAliveTimeout: 65_000,
    // What is under way when the server ends is answered; connections that wait for a request are
    // closed.
    forceCloseConnections: "idle",
    genReqId: ({ headers: { "x-request-id": given } }) =>
      typeof given === "string" && UUID.test(given) ? given.toLowerCase() : crypto.randomUUID(),
    // As long as an address can be at all: what a parameter may be is said by its schema.
    routerOptions: { maxParamLength: HEADER_BYTES },
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply as FastifyReply),
    http: { headersTimeout: HEADER_MILLISECONDS, connectionsCheckingInterval: 2000, maxHeaderSize: HEADER_BYTES },
    clientErrorHandler: answerBrokenRequest,
  });
  if (options.traces) traceRequests(app, options.traces);
  // An answer that is given while the server ends is the last one of its connection.
  app.addHook("onSend", async (request, reply) => {
    reply.header("x-request-id", request.id);
    if (services.stopping.aborted) reply.header("connection", "close");
  });
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply));
  if (options.origins.length > 0) {
    const exposedHeaders = [
      "link",
      "location",
      "retry-after",
      "server-timing",
      "x-adaattn-note",
      "etag",
      "content-range",
      "x-request-id",
    ];
    await app.register(cors, {
      origin: [...options.origins],
      exposedHeaders,
      methods: ["GET", "PUT", "POST", "DELETE"],
    });
  }
  secure(app, options, options.perMinute > 0 ? await counting(app, options) : undefined);
  await app.register(multipart, { throwFileSizeLimit: false });

  const metrics = new Metrics(app, options.registry, services.jobs);
  const api = new Api(app);
  const whole: Services = { ...services, metrics, slots: new UploadSlots(limits.uploads) };
  addStylize(api, whole);
  addJobs(api, whole);
  addStyles(api, whole);
  addHealth(api, whole);
  const document = api.document(version);
  const docs = docsPage(api.operations, document);
  const html = (reply: FastifyReply, text: string) =>
    reply.type("text/html; charset=utf-8").header("content-security-policy", PAGE_POLICY).send(text);
  app.get("/openapi.json", (_, reply) => reply.send(document));
  app.get("/docs", (_, reply) => html(reply, docs));
  if (options.studio === undefined) app.get("/", (_, reply) => html(reply, welcomePage(version)));
  else {
    // The studio's files are open; what is missing from the API must not pass for one of them.
    app.get("/v1/*", (_, reply) => reply.callNotFound());
    await app.register(statics, {
      root: options.studio,
      setHeaders: (reply) => {
        reply.setHeader("content-security-policy", STUDIO_POLICY);
        // WebAssembly has threads only where no other origin shares the page.
        reply.setHeader("cross-origin-opener-policy", "same-origin");
        reply.setHeader("cross-origin-embedder-policy", "require-corp");
      },
    });
  }
  app.setNotFoundHandler((request, reply) => {
    const [path = ""] = request.url.split("?");
    const methods = api.methodsAt(path);
    if (methods.length === 0) {
      return answerError(
        new Problem("not-found", "There is nothing here. GET /docs says what there is."),
        request,
        reply,
      );
    }
    const headers = { allow: methods.join(", ") };
    return answerError(
      new Problem("method-not-allowed", `Expected ${headers.allow} here.`, { headers }),
      request,
      reply,
    );
  });
  return app;
}

/**
 * Counts requests by key, or by address where they have none of ours; the headers say how many are
 * left.
 */
async function counting(app: FastifyInstance, { perMinute, redis }: AppOptions): Promise<Counting> {
  await app.register(rateLimit, {
    global: false,
    max: perMinute,
    timeWindow: 60_000,
    skipOnError: true,
    ...(redis ? { redis, nameSpace: "adaattn-rate-" } : {}),
    allowList: (request) => request.owner !== "" && request.routeOptions.url === "/metrics",
    keyGenerator: (request) => request.owner || request.ip,
  });
  const count = app.createRateLimit();
  return async (request, reply) => {
    const counted = await count(request);
    if (counted.isAllowed) return;
    const { max, remaining, ttlInSeconds: seconds, isExceeded } = counted;
    reply.headers({ "x-ratelimit-limit": max, "x-ratelimit-remaining": remaining, "x-ratelimit-reset": seconds });
    if (!isExceeded) return;
    throw new Problem("too-many", `Expected at most ${max} requests a minute. Come again in ${seconds} s.`, {
      headers: { "retry-after": String(seconds) },
    });
  };
}

/** Answers with a problem document, whatever it was. */
async function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply) {
  if (error instanceof ClientGone || reply.raw.destroyed) {
    request.log.info("the client has gone away");
    return reply.hijack();
  }
  const problem = problemOf(error);
  if (problem.status >= 500) request.log.error({ err: error }, problem.message);
  // An answer beside a body that is still on its way would never be seen.
  if (!request.raw.readableEnded && request.raw.headers["content-type"] !== undefined) {
    await drain(request.raw, DRAIN);
    if (!request.raw.readableEnded) reply.header("connection", "close");
  }
  for (const [name, value] of Object.entries(problem.headers)) reply.header(name, value);
  return reply
    .code(problem.status)
    .type("application/problem+json; charset=utf-8")
    .send(JSON.stringify({ ...problem.toJSON(), instance: `urn:uuid:${request.id}` }));
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  try {
    explainPainting(error);
  } catch (explained) {
    if (explained instanceof Problem) return explained;
  }
  const {
    code = "",
    statusCode = 500,
    message = "",
  } = error as { code?: string; statusCode?: number; message?: string };
  const cause = { cause: error };
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new Problem("no-space", "No space is left on the server's disk. Try again later.", cause);
  }
  if (statusCode === 413) return new Problem("too-large", "Expected a smaller body.", cause);
  if (statusCode === 415)
    return new Problem("unsupported-type", "Expected multipart/form-data but received another type.", cause);
  if (statusCode >= 400 && statusCode < 500)
    return new Problem("bad-request", `${message}.`.replace(/\.\.$/, "."), cause);
  // Redis, or the store: not there at the moment.
  if (
    /ECONNREFUSED|ECONNRESET|ETIMEDOUT|MaxRetriesPerRequest|Connection is closed|Stream isn't writeable|Command timed out/i.test(
      `${code} ${message}`,
    )
  ) {
    return new Problem("unavailable", "A part of the server cannot be reached at the moment. Try again.", {
      ...cause,
      headers: { "retry-after": "5" },
    });
  }
  return new Problem("failed", "Something went wrong here; the log says what, by this request's number.", cause);
}

/** Answers what is no HTTP, or came too slowly, before there is a request. */
function answerBrokenRequest(error: Error & { code?: string }, socket: import("node:net").Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const kinds: Record<string, Problem> = {
    HPE_HEADER_OVERFLOW: new Problem("headers-too-large", "Expected at most 16 KiB of headers."),
    ERR_HTTP_REQUEST_TIMEOUT: new Problem("slow-upload", "The request took too long."),
  };
  const problem = kinds[error.code ?? ""] ?? new Problem("bad-request", "Expected a request in HTTP/1.1.");
  const body = JSON.stringify(problem);
  const lines = [
    `HTTP/1.1 ${problem.status} ${problem.toJSON().title}`,
    "content-type: application/problem+json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`, () => socket.destroySoon());
}
