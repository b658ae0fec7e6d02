/** A span for every request, from its first byte until its answer has left. */
import type { FastifyInstance } from "fastify";
import type { Span, Traces } from "../traces.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Where there are traces. */
    span?: Span;
  }
}

/** Traces requests, those that are refused among them; to be called before all other hooks. */
export function traceRequests(app: FastifyInstance, traces: Traces): void {
  app.decorateRequest("span");
  app.addHook("onRequest", async (request, reply) => {
    const { method, headers, id } = request;
    const { url: route } = request.routeOptions;
    const { traceparent, tracestate } = headers;
    const [path] = request.url.split("?");
    const span = traces.begin(route === undefined ? method : `${method} ${route}`, {
      kind: "server",
      ...(typeof traceparent === "string" && {
        parent: { traceparent, ...(typeof tracestate === "string" && { tracestate }) },
      }),
      attributes: {
        "http.request.method": method,
        "http.route": route,
        "url.path": path,
        "url.scheme": request.protocol,
        "adaattn.request.id": id,
      },
    });
    request.span = span;
    reply.raw.once("close", () => {
      const { statusCode, headersSent } = reply.raw;
      if (!headersSent) span.end({}, "The client has gone away.");
      else span.end({ "http.response.status_code": statusCode }, statusCode >= 500 ? String(statusCode) : undefined);
    });
  });
}
