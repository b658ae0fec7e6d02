/**
 * Requests made at random from the OpenAPI document, right and wrong: no answer is a 5xx, and each
 * is one that the document names.
 */
import { expect, it } from "vitest";
import { problemDocument } from "../src/schemas.ts";
import { picture, testServer } from "./helpers.ts";

const { url } = await testServer({ limits: { side: 64, queue: 8 } });

interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly format?: string;
  readonly contentMediaType?: string;
  readonly required?: readonly string[];
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> };
  readonly responses: Record<string, unknown>;
}

/** Numbers from 0 to 1, the same in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = generator(8);
const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
const STRANGE = [
  null,
  true,
  -1,
  0,
  1e308,
  2 ** 53,
  0.1,
  "",
  "x",
  "../..",
  "\u0000",
  "💥",
  [],
  {},
  [[]],
  { a: {} },
] as const;

/** A value of a schema, or with some probability one that is not. */
function value(schema: Schema, strange: number): unknown {
  if (random() < strange) return pick(STRANGE);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return pick(schema.enum);
  const { minimum = -10, maximum = 100 } = schema;
  if (schema.type === "integer") return Math.floor(minimum + random() * (Math.min(maximum, minimum + 80) - minimum));
  if (schema.type === "number") return minimum + random() * (Math.min(maximum, 10) - minimum);
  if (schema.type === "boolean") return random() < 0.5;
  if (schema.type === "array")
    return Array.from({ length: Math.floor(random() * 3) + 1 }, () => value(schema.items ?? {}, strange));
  if (schema.type === "object") {
    const chosen = Object.entries(schema.properties ?? {}).filter(() => random() < (strange === 0 ? 0.06 : 0.3));
    return Object.fromEntries(chosen.map(([name, inner]) => [name, value(inner, strange)]));
  }
  if (schema.format === "uuid") return crypto.randomUUID();
  return pick(["small", "waves", "a", "#ff0000", "x".repeat(300), "%2e%2e", "é"]);
}

it("finds no 5xx and nothing that is not described", async () => {
  const files = [await picture(32), await picture(48, 32, 3, "jpeg"), new Blob(["no picture"]), new Blob([])];
  const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, Operation>>;
  };
  const wrong: string[] = [];
  const seen = new Set<number>();
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { parameters = [], requestBody, responses, operationId }] of Object.entries(operations)) {
      for (let round = 0; round < 24; round++) {
        const strange = pick([0, 0.1, 0.5]);
        let at = path;
        const query = new URLSearchParams();
        for (const { name, in: place, schema } of parameters) {
          const text = String(value(schema, strange));
          if (place === "path") at = at.replace(`{${name}}`, encodeURIComponent(text.replaceAll("\u0000", "") || "x"));
          else if (random() < 0.7) query.set(name, text);
        }
        const schema = requestBody?.content["multipart/form-data"]?.schema;
        const form = new FormData();
        for (const [name, part] of Object.entries(schema?.properties ?? {})) {
          if (name === "options") {
            if (random() < 0.8) form.append(name, JSON.stringify(value(part, strange)));
            continue;
          }
          const count =
            schema?.required?.includes(name) || name === "style" ? pick([1, 1, 1, 0, 2]) : pick([0, 0, 0, 1, 3]);
          for (let copy = 0; copy < count; copy++)
            form.append(name, random() < 0.8 ? pick(files.slice(0, 2)) : pick(files));
        }
        const init = {
          method: method.toUpperCase(),
          ...(schema && { body: form }),
          signal: AbortSignal.timeout(60_000),
        };
        const answer = await fetch(`${url}${at}${query.size > 0 ? `?${query}` : ""}`, init);
        const text = await answer.text();
        seen.add(answer.status);
        const label = `${operationId} ${at} ${JSON.stringify([...form.entries()].map(([name, one]) => [name, typeof one === "string" ? one : one.size]))}: ${answer.status} ${text.slice(0, 300)}`;
        if (answer.status >= 500 || !(String(answer.status) in responses)) wrong.push(label);
        else if (answer.status >= 400 && !problemDocument.safeParse(JSON.parse(text)).success)
          wrong.push(`no problem document: ${label}`);
      }
    }
  }
  expect(wrong).toEqual([]);
  // It was no fuzz of refusals alone.
  for (const status of [200, 202, 400, 404]) expect([...seen]).toContain(status);
});
