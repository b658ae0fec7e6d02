/**
 * The operations of the API. Each is described once, by the schemas that it is checked by, where it
 * is handled; the OpenAPI document is made of the same descriptions.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { PROBLEMS, type ProblemKind, parse } from "../problem.ts";
import * as schemas from "../schemas.ts";
import { EXAMPLES, OPTION_EXAMPLES } from "./examples.ts";

/** An answer that is no problem. */
export interface Answer {
  readonly description: string;
  /** The body as JSON, or its media type. */
  readonly body?: z.ZodType | string;
  /** What a body of another type than JSON is made of. */
  readonly parts?: z.ZodType;
  /** Headers by their names in lower case, each with a sentence. */
  readonly headers?: Readonly<Record<string, string>>;
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
  /** Whether it needs no key and is not counted. */
  readonly isOpen?: boolean;
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
  JobMessage: schemas.jobMessage,
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
      servers: [{ url: "/", description: "The server that this document comes from." }],
      security: [{}, { key: [] }],
      paths,
      webhooks: { jobEnded: { post: describeCallback() } },
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

/** What is sent to the address that a job names. */
function describeCallback(): Record<string, unknown> {
  const header = (name: string, description: string) => ({
    name,
    in: "header",
    required: true,
    description,
    schema: { type: "string" },
  });
  return {
    operationId: "jobEnded",
    summary: "A job has ended",
    description:
      "Sent to the `callback` of a job's options, again and again until it is taken. Signed by Standard Webhooks.",
    security: [],
    parameters: [
      header("webhook-id", "The same for every try."),
      header("webhook-timestamp", "When it was sent, in seconds since 1970."),
      header(
        "webhook-signature",
        "v1, and the HMAC-SHA-256 of id.timestamp.body in base64; several with spaces between.",
      ),
    ],
    requestBody: { required: true, ...contentOf({ description: "", body: schemas.jobMessage }) },
    responses: {
      "2XX": { description: "The message was taken." },
      "410": { description: "No more calls are wanted for this job." },
      "4XX": { description: "It is sent again later, as after any other answer." },
    },
  };
}

function nameOf(schema: z.ZodType): keyof typeof NAMED | undefined {
  const [name] = Object.entries(NAMED).find(([, named]) => named === schema) ?? [];
  return name as keyof typeof NAMED | undefined;
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): Record<string, unknown> {
  const name = nameOf(schema);
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  if (schema instanceof z.ZodArray) return { type: "array", items: schemaOf(schema.element as z.ZodType, io) };
  const { $schema: _, ...made } = z.toJSONSchema(schema, { io });
  return made;
}

function describeOperation(operation: Operation): Record<string, unknown> {
  const {
    id,
    summary,
    description,
    params,
    query,
    headers,
    upload,
    answers,
    problems = [],
    isOpen = false,
  } = operation;
  const parameters = [
    ...parametersOf(params, "path"),
    ...parametersOf(query, "query"),
    ...parametersOf(headers, "header"),
  ];
  const others: ProblemKind[] = isOpen
    ? ["forbidden", "failed"]
    : ["unauthorized", "forbidden", "too-many", "failed", "unavailable"];
  const responses = Object.fromEntries([
    ...byStatus([...problems, ...others]),
    // Where an answer has the status of a problem, it is that answer.
    ...Object.entries(answers).map(([status, answer]) => [
      status,
      { description: answer.description, headers: headersOf(answer.headers), ...contentOf(answer) },
    ]),
  ]);
  return {
    operationId: id,
    summary,
    ...(description && { description }),
    ...(parameters.length > 0 && { parameters }),
    ...(isOpen && { security: [] }),
    ...(upload && { requestBody: bodyOf(upload, OPTION_EXAMPLES[id]) }),
    responses,
  };
}

function parametersOf(schema: z.ZodObject | undefined, place: "path" | "query" | "header") {
  return Object.entries(schema?.shape ?? {}).map(([name, value]) => ({
    name,
    in: place,
    required: place === "path",
    schema: schemaOf(value as z.ZodType, "input"),
  }));
}

function contentOf({ body, parts }: Answer) {
  if (body === undefined) return {};
  if (typeof body === "string") return { content: { [body]: parts ? { schema: schemaOf(parts, "output") } : {} } };
  const isList = body instanceof z.ZodArray;
  const name = nameOf(isList ? (body.element as z.ZodType) : body);
  const example = name === undefined || name === "Problem" ? undefined : EXAMPLES[name];
  const shown = example && { example: isList ? [example] : example };
  return { content: { "application/json": { schema: schemaOf(body, "output"), ...shown } } };
}

function headersOf(headers: Readonly<Record<string, string>> = {}) {
  const all = { ...headers, "x-request-id": "The number of the request, as the log has it." };
  return Object.fromEntries(
    Object.entries(all).map(([name, description]) => [name, { description, schema: { type: "string" } }]),
  );
}

/** Headers that problems of a status come with. */
const PROBLEM_HEADERS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { "www-authenticate": "Bearer." },
  429: { "retry-after": "After how many seconds to come again." },
  503: { "retry-after": "After how many seconds to come again." },
};

function byStatus(kinds: readonly ProblemKind[]): [string, unknown][] {
  const statuses = new Map<number, ProblemKind[]>();
  for (const kind of new Set(kinds)) {
    const { status } = PROBLEMS[kind];
    statuses.set(status, [...(statuses.get(status) ?? []), kind]);
  }
  return [...statuses].map(([status, same]) => [
    String(status),
    {
      description: same.map((kind) => PROBLEMS[kind].title).join(", or: "),
      headers: headersOf(PROBLEM_HEADERS[status]),
      content: {
        "application/problem+json": {
          schema: { $ref: "#/components/schemas/Problem" },
          examples: Object.fromEntries(same.map((kind) => [kind, { value: exampleOf(kind) }])),
        },
      },
    },
  ]);
}

function exampleOf(kind: ProblemKind) {
  const { title, status } = PROBLEMS[kind];
  const instance = "urn:uuid:5f0c6a1e-2b7d-4e0a-9c3f-8d1e2a7b6c54";
  return { type: `/docs#${kind}`, title, status, detail: `${title}, and a sentence on what to do.`, instance };
}

function bodyOf({ parts, options }: NonNullable<Operation["upload"]>, example: object | undefined) {
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
          properties: {
            ...properties,
            options: { ...schemaOf(options, "input"), ...(example && { examples: [example] }) },
          },
          ...(required.length > 0 && { required }),
          additionalProperties: false,
        },
        encoding: { options: { contentType: "application/json" } },
      },
    },
  };
}
