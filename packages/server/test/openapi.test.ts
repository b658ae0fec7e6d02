/**
 * The OpenAPI document: what Redocly's recommended rules say of it, and that it tells what the
 * server does.
 */
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { expect, it } from "vitest";
import { testServer } from "./helpers.ts";

interface Response {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, { schema?: unknown; example?: unknown; examples?: object }>>;
}
interface Operation {
  readonly operationId: string;
  readonly security?: unknown;
  readonly responses: Readonly<Record<string, Response>>;
}

const { url } = await testServer();
const text = await (await fetch(`${url}/openapi.json`)).text();
const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, Operation>> };
const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
const named = (id: string) => operations.find(({ operationId }) => operationId === id)?.responses ?? {};

it("is clean by the recommended rules, examples among them", async () => {
  const config = await createConfig({ extends: ["recommended"] });
  const problems = await lintFromString({ source: text, absoluteRef: "openapi.json", config });
  expect(problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer])).toEqual([]);
});

it("has an example of every answer in JSON", () => {
  const json = operations.flatMap(({ operationId, responses }) =>
    Object.entries(responses).flatMap(([status, { content = {} }]) =>
      Object.entries(content).flatMap(([type, { example, examples }]) =>
        type.endsWith("json") ? [[operationId, status, (example ?? examples) !== undefined]] : [],
      ),
    ),
  );
  expect(json.length).toBeGreaterThan(60);
  expect(json.filter(([, , has]) => !has)).toEqual([]);
});

it("names headers, and conflicts and outages as they are", async () => {
  expect(named("submitJob")[202]?.headers).toHaveProperty("location");
  expect(named("listJobs")[200]?.headers).toHaveProperty("link");
  expect(named("getResult")[206]?.headers).toHaveProperty("content-range");
  for (const { operationId, responses } of operations) {
    for (const status of ["429", "503"]) {
      const { headers, content } = responses[status] ?? { headers: { "retry-after": 0 } };
      if (operationId === "readiness")
        expect(Object.keys(content ?? { "application/json": 0 })).toEqual(["application/json"]);
      else
        expect([operationId, status, Object.keys(headers ?? {})]).toEqual([
          operationId,
          status,
          expect.arrayContaining(["retry-after"]),
        ]);
    }
  }
  const conflicts = operations.filter(({ responses }) => "409" in responses).map(({ operationId }) => operationId);
  expect(conflicts.sort()).toEqual(["getOneResult", "getResult", "putStyle", "retryJob", "submitJob"]);
  const open = operations.filter(({ security }) => JSON.stringify(security) === "[]");
  expect(open.map(({ operationId }) => operationId).sort()).toEqual(["health", "readiness"]);
  const events = named("followJob")[200]?.content?.["text/event-stream"];
  expect(events?.schema).toEqual({ $ref: "#/components/schemas/JobEvent" });
});
