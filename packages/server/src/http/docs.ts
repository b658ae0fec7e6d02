/**
 * `/docs`: the OpenAPI document as a page to read, without a script, and the page at `/` where
 * there is no studio.
 */
import { PROBLEMS } from "../problem.ts";
import type { Operation } from "./api.ts";

/** What the pages may load: their own style. */
export const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
  code, pre { font: 14px/1.4 ui-monospace, monospace; background: #f4f4f2; border-radius: 4px }
  code { padding: .1em .3em } pre { padding: .8em; overflow: auto }
  h2 { margin-top: 2.5rem; border-top: 1px solid #ddd; padding-top: 1rem }
  table { border-collapse: collapse } td, th { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0 }
  @media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } code, pre { background: #262626 } h2 { border-color: #444 } a { color: #8cf } }
`;

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head><body>${body}</body></html>\n`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Schemas as OpenAPI has them, as far as they are shown. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
}

export function welcomePage(version: string): string {
  return page(
    "adaattn",
    `<h1>adaattn</h1><p>This server paints photographs and videos in the style of paintings. Version ${escaped(version)}.</p>
     <p><a href="/docs">How to ask it</a> &middot; <a href="/openapi.json">OpenAPI</a></p>
     <pre>curl -F content=@photo.jpg -F style=@painting.jpg -o out.jpg http://&lt;this address&gt;/v1/stylize</pre>`,
  );
}

export function docsPage(operations: readonly Operation[], document: Record<string, unknown>): string {
  const schemas = (document.components as { schemas: Record<string, Schema> }).schemas;
  const paths = document.paths as Record<string, Record<string, Record<string, unknown>>>;
  const contents = operations.map(({ id, method, url, summary }) => {
    return `<tr><td><code>${method}</code></td><td><a href="#${id}"><code>${url}</code></a></td><td>${escaped(summary)}</td></tr>`;
  });
  const problems = Object.entries(PROBLEMS).map(([kind, { status, title }]) => {
    return `<tr id="${kind}"><td><code>${kind}</code></td><td>${status}</td><td>${escaped(title)}</td></tr>`;
  });
  const described = operations.map((operation) => {
    const path = operation.url.replaceAll(/:([a-z]+)/g, "{$1}");
    return section(operation, paths[path]?.[operation.method.toLowerCase()] ?? {});
  });
  const named = Object.entries(schemas).map(([name, schema]) => {
    return `<h3 id="schema-${name}">${name}</h3><pre>${escaped(JSON.stringify(schema, null, 2))}</pre>`;
  });
  return page(
    "adaattn: the API",
    `<h1>The API</h1><p>The same as <a href="/openapi.json">OpenAPI 3.1</a>.</p><table>${contents.join("")}</table>
     ${described.join("")}<h2>Problems</h2><p>Every error is an <code>application/problem+json</code> document (RFC 9457).</p>
     <table>${problems.join("")}</table><h2>Schemas</h2>${named.join("")}`,
  );
}

function section({ id, method, url, summary, description }: Operation, described: Record<string, unknown>): string {
  const { requestBody, responses } = described as {
    requestBody?: { content: Record<string, { schema: Schema }> };
    responses: Record<string, { description: string }>;
  };
  const schema = requestBody?.content["multipart/form-data"]?.schema;
  const answers = Object.entries(responses ?? {}).map(
    ([status, answer]) => `<tr><td>${status}</td><td>${escaped(answer.description)}</td></tr>`,
  );
  return `<h2 id="${id}">${escaped(summary)}</h2><p><code>${method} ${url}</code></p>
    ${description ? `<p>${escaped(description)}</p>` : ""}${schema ? `<h3>Parts</h3>${fields(schema)}` : ""}
    <h3>Answers</h3><table>${answers.join("")}</table>`;
}

/** A table of properties, with those of objects within. */
function fields({ properties = {}, required = [] }: Schema): string {
  const rows = Object.entries(properties).map(([name, schema]) => {
    const inner = schema.properties ? schema : schema.items?.properties ? schema.items : undefined;
    const need = required.includes(name) ? " <b>needed</b>" : "";
    return `<tr><td><code>${name}</code></td><td>${kind(schema)}${need}</td><td>${escaped(schema.description ?? "")}${inner ? fields(inner) : ""}</td></tr>`;
  });
  return `<table>${rows.join("")}</table>`;
}

function kind({ type = "", enum: words, minimum, maximum, items }: Schema): string {
  if (words) return escaped(words.map((word) => String(word)).join(" | "));
  if (items) return `list of ${kind(items)}`;
  const range = minimum !== undefined && maximum !== undefined ? ` ${minimum} to ${maximum}` : "";
  return `${escaped(type)}${range}`;
}
