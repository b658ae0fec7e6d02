/**
 * The operations of the API. Each is described once, by the schemas that it is checked by, where it is handled; the OpenAPI document
 * is made of the same descriptions.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { PROBLEMS, type ProblemKind, parse } from "../problem.ts";
import * as schemas from "../schemas.ts";

/** An answer that is no problem. */
export interface Answer {
  readonly description: string;
  /** The body as JSON, or its media type. */
  readonly body?: z.ZodType | string;
}

/** A part of an upload. */
export interface PartDescription {
  readonly description: string;
  readonly isRequired?: boolean;
  readonly isMany?: boolean;
}

export interface Operation {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** With parameters as Fastify writes them, such as /v1/jobs/:id. */
  readonly url: string;
  /** What the client's method is called. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** Headers that it heeds, by their names in lower case. */
  readonly headers?: z.ZodObject;
  readonly upload?: { readonly parts: Readonly<Record<string, PartDescription>>; readonly options: z.ZodType };
  readonly answers: Readonly<Record<number, Answer>>;
  readonly problems?: readonly ProblemKind[];
}

/** Who handles an operation gets its checked parameters. */
export type Handler = (
  request: FastifyRequest,
  reply: FastifyReply,
  checked: {
    readonly params: Readonly<Record<string, string>>;
    readonly query: Readonly<Record<string, unknown>>;
    readonly headers: Readonly<Record<string, string | undefined>>;
  },
) => unknown;

/** The schemas that have names of their own in the document. */
const NAMED = {
  Problem: schemas.problemDocument,
  Model: schemas.modelInfo,
  Style: schemas.styleInfo,
  Job: schemas.jobInfo,
  JobEvent: schemas.jobEvent,
  Readiness: schemas.readiness,
};

export class Api {
  readonly #app: FastifyInstance;
  readonly operations: Operation[] = [];

  constructor(app: FastifyInstance) {
    this.#app = app;
  }

  add(operation: Operation, handler: Handler): void {
    this.operations.push(operation);
    const { method, url, params, query, headers } = operation;
    this.#app.route({
      method,
      url,
      handler: (request, reply) =>
        handler(request, reply, {
          params: (params ? parse(params, request.params, "the address") : {}) as Record<string, string>,
          query: query ? parse(query, request.query, "the query") : {},
          headers: (headers ? parse(headers, request.headers, "the headers") : {}) as Record<
            string,
            string | undefined
          >,
        }),
    });
  }

  /** The methods that there are at a path. */
  methodsAt(path: string): string[] {
    return this.operations
      .filter(({ url }) => new RegExp(`^${url.replaceAll(/:[a-z]+/g, "[^/]+")}$`).test(path))
      .map(({ method }) => method);
  }

  /** The OpenAPI 3.1 document. */
  document(version: string): Record<string, unknown> {
    const paths: Record<string, Record<string, unknown>> = {};
    for (const operation of this.operations) {
      const path = operation.url.replaceAll(/:([a-z]+)/g, "{$1}");
      paths[path] = { ...paths[path], [operation.method.toLowerCase()]: describeOperation(operation) };
    }
    return {
      openapi: "3.1.0",
      info: {
        title: "adaattn",
        version,
        summary: "Photographs and videos in the style of paintings.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      security: [{}, { key: [] }],
      paths,
      components: {
        schemas: componentSchemas(),
        securitySchemes: { key: { type: "http", scheme: "bearer", description: "A key of the server's --api-keys." } },
      },
    };
  }
}

function componentSchemas(): Record<string, unknown> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(NAMED)) registry.add(schema, { id });
  const { schemas: made } = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}` });
  return Object.fromEntries(Object.entries(made).map(([id, { $id: _, $schema: __, ...schema }]) => [id, schema]));
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): Record<string, unknown> {
  const [name] = Object.entries(NAMED).find(([, named]) => named === schema) ?? [];
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  if (schema instanceof z.ZodArray) return { type: "array", items: schemaOf(schema.element as z.ZodType, io) };
  const { $schema: _, ...made } = z.toJSONSchema(schema, { io });
  return made;
}

function describeOperation(operation: Operation): Record<string, unknown> {
  const { id, summary, description, params, query, headers, upload, answers, problems = [] } = operation;
  const parameters = [
    ...parametersOf(params, "path"),
    ...parametersOf(query, "query"),
    ...parametersOf(headers, "header"),
  ];
  const responses = Object.fromEntries([
    ...Object.entries(answers).map(([status, { description, body }]) => [status, { description, ...contentOf(body) }]),
    ...byStatus([...problems, "unauthorized", "forbidden", "too-many", "failed", "unavailable"]),
  ]);
  return {
    operationId: id,
    ...{ summary, ...(description && { description }) },
    ...(parameters.length > 0 && { parameters }),
    ...(upload && { requestBody: bodyOf(upload) }),
    responses,
  };
}

function parametersOf(schema: z.ZodObject | undefined, place: "path" | "query" | "header") {
  return Object.entries(schema?.shape ?? {}).map(([name, value]) => ({
    ...{ name, in: place, required: place === "path" },
    schema: schemaOf(value as z.ZodType, "input"),
  }));
}

function contentOf(body: Answer["body"]) {
  if (body === undefined) return {};
  if (typeof body !== "string") return { content: { "application/json": { schema: schemaOf(body, "output") } } };
  return { content: { [body]: {} } };
}

function byStatus(kinds: readonly ProblemKind[]): [string, unknown][] {
  const statuses = new Map<number, string[]>();
  for (const kind of new Set(kinds)) {
    const { status, title } = PROBLEMS[kind];
    statuses.set(status, [...(statuses.get(status) ?? []), title]);
  }
  return [...statuses].map(([status, titles]) => [
    String(status),
    {
      description: titles.join(", or: "),
      content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
    },
  ]);
}

function bodyOf({ parts, options }: NonNullable<Operation["upload"]>) {
  const file = { type: "string", contentMediaType: "application/octet-stream" };
  const properties = Object.fromEntries(
    Object.entries(parts).map(([name, { description, isMany }]) => [
      name,
      isMany ? { type: "array", items: file, description } : { ...file, description },
    ]),
  );
  const required = Object.entries(parts).flatMap(([name, { isRequired }]) => (isRequired ? name : []));
  return {
    required: true,
    content: {
      "multipart/form-data": {
        schema: {
          type: "object",
          properties: { ...properties, options: schemaOf(options, "input") },
          ...(required.length > 0 && { required }),
          additionalProperties: false,
        },
        encoding: { options: { contentType: "application/json" } },
      },
    },
  };
}
