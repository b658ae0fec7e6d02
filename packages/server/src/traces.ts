/**
 * Traces by OpenTelemetry: a span for every request and for every attempt at a step of a job. Its
 * packages are loaded only where the environment names an address that traces go to, and it is set
 * up by the variables of OpenTelemetry's specification alone.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { Log } from "./log.ts";

/** Where a span is in its trace, as the headers of W3C's Trace Context say it. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string | undefined;
}

export type Attributes = Readonly<Record<string, string | number | undefined>>;

export interface Span {
  /** What is done because of this has it as its parent. */
  readonly context: TraceContext;
  /** @param error what went wrong, where something did. */
  end(attributes?: Attributes, error?: string): void;
}

export interface SpanOptions {
  /** What it is about: a request that came, or something that was taken from a queue. */
  readonly kind: "server" | "consumer";
  /** A trace of its own where there is none, or none that can be read. */
  readonly parent?: TraceContext | undefined;
  readonly attributes: Attributes;
}

export interface Traces {
  begin(name: string, options: SpanOptions): Span;
  /** Sends what is not sent yet, for so many milliseconds at most. */
  close(milliseconds: number): Promise<void>;
}

const PACKAGES = [
  "@opentelemetry/api@1.9",
  "@opentelemetry/core@2",
  "@opentelemetry/resources@2",
  "@opentelemetry/sdk-trace-base@2",
  "@opentelemetry/exporter-trace-otlp-proto@0.223",
];

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether the environment asks for traces. @throws Error with one sentence where it cannot be. */
function areWanted(env: Environment): boolean {
  // The more special variable first.
  const pick = (suffix: string) =>
    [`OTEL_EXPORTER_OTLP_TRACES_${suffix}`, `OTEL_EXPORTER_OTLP_${suffix}`]
      .map((name) => ({ name, value: env[name]?.trim() ?? "" }))
      .find(({ value }) => value !== "");
  const endpoint = pick("ENDPOINT");
  if (endpoint === undefined || env.OTEL_SDK_DISABLED?.toLowerCase() === "true") return false;
  if (env.OTEL_TRACES_EXPORTER === "none") return false;
  if (!/^https?:\/\//i.test(endpoint.value) || !URL.canParse(endpoint.value)) {
    throw new Error(
      `Expected an address such as http://127.0.0.1:4318 for ${endpoint.name} but received ${endpoint.value}.`,
    );
  }
  const protocol = pick("PROTOCOL");
  if (protocol !== undefined && protocol.value !== "http/protobuf") {
    throw new Error(`Expected http/protobuf for ${protocol.name} but received ${protocol.value}.`);
  }
  return true;
}

/**
 * Loads OpenTelemetry where the environment has an address for traces.
 *
 * @param options.service what the process is called in traces, unless OTEL_SERVICE_NAME says
 *   otherwise.
 * @returns undefined where there is no address.
 * @throws Error with one sentence where the packages for it are missing, or a variable does not fit.
 */
export async function openTraces(options: {
  readonly service: string;
  readonly version?: string | undefined;
  readonly log: Log;
}): Promise<Traces | undefined> {
  if (!areWanted(process.env)) return undefined;
  const [api, core, resources, sdk, { OTLPTraceExporter }] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/core"),
    import("@opentelemetry/resources"),
    import("@opentelemetry/sdk-trace-base"),
    import("@opentelemetry/exporter-trace-otlp-proto"),
  ]).catch((error: unknown) => {
    throw new Error(`Traces need OpenTelemetry's packages: run npm install ${PACKAGES.join(" ")}.`, { cause: error });
  });
  const { service, version, log } = options;
  const own = resources.resourceFromAttributes({
    "service.name": service,
    "service.instance.id": randomUUID(),
    "host.name": hostname(),
    ...(version !== undefined && { "service.version": version }),
  });
  const asked = resources.detectResources({ detectors: [resources.envDetector] });
  const exporter = telling(new OTLPTraceExporter(), core.ExportResultCode.SUCCESS, log);
  const provider = new sdk.BasicTracerProvider({
    resource: resources.defaultResource().merge(own).merge(asked),
    spanProcessors: [new sdk.BatchSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer("adaattn", version);
  const propagator = new core.W3CTraceContextPropagator();
  const kinds = { server: api.SpanKind.SERVER, consumer: api.SpanKind.CONSUMER };
  return {
    begin(name, { kind, parent, attributes }) {
      const around = propagator.extract(api.ROOT_CONTEXT, parent ?? {}, api.defaultTextMapGetter);
      const span = tracer.startSpan(name, { kind: kinds[kind], attributes }, around);
      return {
        get context() {
          const carrier = { traceparent: "" };
          propagator.inject(api.trace.setSpan(around, span), carrier, api.defaultTextMapSetter);
          return carrier;
        },
        end(more = {}, error) {
          span.setAttributes(more);
          if (error !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR, message: error });
          span.end();
        },
      };
    },
    async close(milliseconds) {
      const late = new AbortController();
      const { signal } = late;
      // What cannot be sent was told by the exporter.
      const sent = provider.shutdown().catch(() => undefined);
      await Promise.race([sent, sleep(milliseconds, undefined, { signal }).catch(() => undefined)]);
      late.abort();
    },
  };
}

/** An exporter that tells the log when it begins to fail, and when it works again. */
function telling(exporter: SpanExporter, success: number, log: Log): SpanExporter {
  let isFailing = false;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const fails = result.code !== success;
        if (fails && !isFailing) log("warn", { error: result.error?.message }, "Traces cannot be sent.");
        if (!fails && isFailing) log("info", {}, "Traces are sent again.");
        isFailing = fails;
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
}
