/**
 * Errors as their callers see them: problem documents (RFC 9457), one kind for each thing that a
 * caller would do something about.
 */
import type { z } from "zod";
import type { ProblemDocument } from "./schemas.ts";

/**
 * Every kind of problem: its status and what it is called; the documentation lists them from here.
 */
export const PROBLEMS = {
  "bad-request": { status: 400, title: "The request cannot be read" },
  "invalid-options": { status: 400, title: "An option does not fit" },
  unauthorized: { status: 401, title: "An API key is needed" },
  forbidden: { status: 403, title: "Not from there" },
  "not-found": { status: 404, title: "There is no such thing" },
  "method-not-allowed": { status: 405, title: "That cannot be done here" },
  "slow-upload": { status: 408, title: "The upload was too slow" },
  conflict: { status: 409, title: "Not in this state" },
  "too-large": { status: 413, title: "Too large" },
  "unsupported-type": { status: 415, title: "Not a type that is read here" },
  "range-not-satisfiable": { status: 416, title: "There are no such bytes" },
  "key-reused": { status: 422, title: "The Idempotency-Key was used for another request" },
  unreadable: { status: 422, title: "An upload cannot be read" },
  "too-many": { status: 429, title: "Too many requests" },
  quota: { status: 429, title: "A quota of this API key is used up" },
  "headers-too-large": { status: 431, title: "The headers are too large" },
  failed: { status: 500, title: "Something went wrong here" },
  unavailable: { status: 503, title: "Not available at the moment" },
  "too-late": { status: 504, title: "The deadline has passed" },
  "no-space": { status: 507, title: "No space is left" },
} as const;

export type ProblemKind = keyof typeof PROBLEMS;

/** An error that is answered as a problem document. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly kind: ProblemKind;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly errors: ProblemDocument["errors"];

  /** @param detail one sentence on what happened and what to do. */
  constructor(
    kind: ProblemKind,
    detail: string,
    options: {
      readonly headers?: Readonly<Record<string, string>>;
      readonly errors?: ProblemDocument["errors"];
      readonly cause?: unknown;
    } = {},
  ) {
    super(detail, { cause: options.cause });
    this.kind = kind;
    this.status = PROBLEMS[kind].status;
    this.headers = options.headers ?? {};
    this.errors = options.errors;
  }

  /** The document. */
  toJSON(): ProblemDocument {
    const { status, title } = PROBLEMS[this.kind];
    return {
      type: `/docs#${this.kind}`,
      title,
      status,
      detail: this.message,
      ...(this.errors && { errors: this.errors }),
    };
  }
}

/**
 * The value, if it fits the schema.
 *
 * @param what what the value is to the caller, such as "the options".
 * @throws Problem with a sentence on the first thing that does not fit and a list of all.
 */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.map((issue) => {
    const at = issue.path.map(String);
    const pointer = `#${at.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")}`;
    if (issue.code === "unrecognized_keys") {
      return { pointer, detail: `Expected an option that there is but received ${shortened(issue.keys.join(", "))}.` };
    }
    const received = issue.path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown>)?.[key], value);
    const name = at.length === 0 ? what : at.join(".");
    return { pointer, detail: `Expected ${issue.message} for ${name} but received ${describe(received)}.` };
  });
  throw new Problem("invalid-options", errors[0]?.detail ?? `Expected other values for ${what}.`, {
    errors: errors.slice(0, 20),
  });
}

function describe(value: unknown): string {
  if (typeof value === "string") return value === "" ? "nothing" : shortened(value);
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  return value === undefined ? "nothing" : String(value);
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
