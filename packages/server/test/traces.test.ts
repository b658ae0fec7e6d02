/**
 * Traces of OpenTelemetry: what processes send to a collector, how it hangs together, and that
 * nothing of it is loaded where nobody asked.
 */
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Client } from "../src/client.ts";
import { startServer } from "../src/index.ts";
import { type CollectedSpan, startCollector } from "./collector.ts";
import { hasRedis, picture, temporaryFolder } from "./helpers.ts";
import { adaattn, freePort, serve, TestRedis } from "./processes.ts";

const [photo, painting] = [await picture(48), await picture(48, 48, 3)];

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const REQUEST = "0b0e7d5c-6f0f-4d0e-9b3a-2f6c4f1f7a11";

/** A client whose requests are part of a trace. */
function tracedClient(url: string): Client {
  return new Client(url, {
    fetch: (input, init = {}) => {
      const headers = new Headers(init.headers);
      headers.set("traceparent", `00-${TRACE}-${PARENT}-01`);
      headers.set("x-request-id", REQUEST);
      return fetch(input, { ...init, headers });
    },
  });
}

/** Nothing is sent before the end. */
const atTheEnd = (url: string) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_BSP_SCHEDULE_DELAY: "3600000" });

/** The spans of the trace that the client sent. */
const ours = (spans: readonly CollectedSpan[]) => spans.filter(({ traceId }) => traceId === TRACE);

/** Checks that the steps of a job follow from the request that submitted it, and returns them. */
function stepsOf(spans: readonly CollectedSpan[], id: string): CollectedSpan[] {
  const [submitted] = ours(spans).filter(({ name }) => name === "POST /v1/jobs");
  expect(submitted).toMatchObject({
    service: "adaattn-server",
    parentId: PARENT,
    kind: 2,
    status: 0,
    attributes: {
      "http.request.method": "POST",
      "http.route": "/v1/jobs",
      "http.response.status_code": 202,
      "url.path": "/v1/jobs",
      "adaattn.request.id": REQUEST,
    },
  });
  const steps = ours(spans).filter(({ name }) => name.startsWith("job "));
  expect(steps.map(({ name }) => name).sort()).toEqual(["job finish", "job part", "job part", "job plan"]);
  for (const { parentId, kind, attributes } of steps) {
    expect([parentId, kind]).toEqual([submitted?.spanId, 5]);
    expect(attributes).toMatchObject({
      "adaattn.job.id": id,
      "adaattn.job.attempt": 1,
      "adaattn.request.id": REQUEST,
      "adaattn.outcome": "done",
    });
  }
  return steps;
}

describe("spans", () => {
  it("of requests and of a server's own jobs follow from what the client sent, and arrive at the end", async () => {
    const { url: collector, spans } = await startCollector();
    const { program, url } = await serve(["--data", temporaryFolder()], { env: atTheEnd(collector) });
    const client = tracedClient(url);
    await client.stylize({ content: photo, styles: [painting] });
    await expect(client.getJob(REQUEST)).rejects.toMatchObject({ status: 404 });
    const { id } = await client.submitJob({ contents: [photo, painting], styles: [painting] });
    await client.waitForJob(id);
    expect(spans).toEqual([]);
    await program.end("SIGTERM");
    const steps = stepsOf(spans, id);
    expect(steps.map(({ service }) => service)).toEqual(Array(4).fill("adaattn-server"));
    const [painted] = spans.filter(({ name }) => name === "POST /v1/stylize");
    expect(painted).toMatchObject({ parentId: PARENT, attributes: { "http.response.status_code": 200 } });
    // Named by the route, not by what was asked.
    const [missing] = spans.filter(({ name }) => name === "GET /v1/jobs/:id");
    expect(missing).toMatchObject({ status: 0, attributes: { "http.response.status_code": 404 } });
  });

  it.skipIf(!hasRedis)("of workers follow from the request too, across Redis", async () => {
    const { url: collector, spans } = await startCollector();
    const redis = await TestRedis.start(temporaryFolder());
    const shared = ["--redis", redis.url, "--store", temporaryFolder()];
    const server = await serve([...shared, "--data", temporaryFolder()], { env: atTheEnd(collector) });
    const client = tracedClient(server.url);
    const { id } = await client.submitJob({ contents: [photo, painting], styles: [painting] });
    const submitted = performance.now();
    const args = ["--workers", "1", "--threads", "1", "--device", "cpu", "--data", temporaryFolder()];
    const worker = adaattn(["worker", ...shared, ...args], { env: atTheEnd(collector) });
    await worker.says(/adaattn works/);
    const waited = (performance.now() - submitted) / 1000;
    await client.waitForJob(id);
    expect(spans).toEqual([]);
    await worker.end("SIGTERM");
    await server.program.end("SIGTERM");
    const steps = stepsOf(spans, id);
    expect(steps.map(({ service }) => service)).toEqual(Array(4).fill("adaattn-worker"));
    const [plan] = steps.filter(({ name }) => name === "job plan");
    // It was in the queue before there was a worker.
    expect(plan?.attributes["adaattn.queue.wait"]).toBeGreaterThan(waited / 2);
    const parts = steps.flatMap(({ attributes }) => attributes["adaattn.job.part"] ?? []);
    expect(parts.sort()).toEqual([0, 1]);
  });

  it("of steps that fail say why", async () => {
    const { url: collector, spans } = await startCollector();
    const { program, url } = await serve(["--data", temporaryFolder()], {
      env: atTheEnd(collector),
    });
    // Its header is whole, and it ends after that.
    const large = await picture(300);
    const cut = new Blob([(await large.arrayBuffer()).slice(0, large.size / 2)]);
    const client = tracedClient(url);
    const { id } = await client.submitJob({ contents: [cut], styles: [painting] });
    await expect(client.waitForJob(id)).rejects.toThrow("Cannot read the content");
    await program.end("SIGTERM");
    const [failed] = ours(spans).filter(({ name }) => name === "job part");
    expect(failed).toMatchObject({
      status: 2,
      message: expect.stringContaining("Cannot read the content"),
      attributes: { "adaattn.outcome": "failed" },
    });
  });
});

describe("a collector", () => {
  it("that never answers does not hold up the end", async () => {
    const collector = await startCollector({ answers: false });
    const patience = { OTEL_EXPORTER_OTLP_TIMEOUT: "3600000", OTEL_BSP_EXPORT_TIMEOUT: "3600000" };
    const { program, url } = await serve(["--data", temporaryFolder(), "--grace", "2"], {
      env: { ...atTheEnd(collector.url), ...patience },
    });
    await fetch(`${url}/healthz`);
    await program.end("SIGTERM");
    expect(collector.requests).toBe(1);
  });

  it("that is gone is in the log once, and requests are answered", async () => {
    const env = {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `http://127.0.0.1:${await freePort()}/v1/traces`,
      OTEL_EXPORTER_OTLP_TIMEOUT: "100",
      OTEL_BSP_SCHEDULE_DELAY: "50",
    };
    const { program, url } = await serve(["--data", temporaryFolder()], { env });
    const asked = async () => (await fetch(`${url}/healthz`)).status;
    expect(await asked()).toBe(200);
    await program.says(/Traces cannot be sent/);
    expect(await asked()).toBe(200);
    await program.end("SIGTERM");
    expect(program.said.match(/Traces cannot be sent/g)).toHaveLength(1);
  });
});

describe("without OpenTelemetry's packages", () => {
  const start = () => startServer({ port: 0, version: "test", data: temporaryFolder(), painters: { workers: 1 } });
  const lacking = () => {
    vi.doMock("@opentelemetry/sdk-trace-base", () => {
      throw new Error("Cannot find package");
    });
    onTestFinished(() => {
      vi.doUnmock("@opentelemetry/sdk-trace-base");
      vi.unstubAllEnvs();
    });
  };

  it("a server starts where no address is set", async () => {
    lacking();
    vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", "");
    await using server = await start();
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });

  it("one sentence says what to install where one is", async () => {
    lacking();
    vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    await expect(start()).rejects.toThrow(
      /^Traces need OpenTelemetry's packages: run npm install @opentelemetry\/api@1.9 .*@0.223\.$/,
    );
  });
});

it.each([
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" }, "http://127.0.0.1:4318 for OTEL_EXPORTER_OTLP_ENDPOINT but"],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://" }, "for OTEL_EXPORTER_OTLP_TRACES_ENDPOINT but received http://."],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4317", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
    "Expected http/protobuf for OTEL_EXPORTER_OTLP_PROTOCOL but received grpc.",
  ],
])("variables that do not fit are refused with a sentence: %j", async (env, sentence) => {
  const program = adaattn(["serve", "--port", "0", "--data", temporaryFolder()], { env });
  await program.ends();
  expect(program.said).toContain(sentence);
  expect(program.child.exitCode).toBe(1);
});
