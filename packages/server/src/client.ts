/**
 * The typed client of the API, for browsers and Node: nothing but `fetch`, and the types of the
 * very schemas that the server checks by.
 *
 *   const client = new Client("http://127.0.0.1:8080");
 *   const { picture } = await client.stylize({ content: photo, styles: [painting], options: { strength: 0.8 } });
 */
import type {
  JobEvent,
  JobInfo,
  JobRequestOptions,
  JobState,
  ModelInfo,
  ProblemDocument,
  Readiness,
  StyleInfo,
  StyleLook,
  StylizeRequestOptions,
} from "./schemas.ts";

export type {
  JobEvent,
  JobInfo,
  JobMessage,
  JobRequestOptions,
  JobState,
  ModelInfo,
  ProblemDocument,
  Readiness,
  StyleChoice,
  StyleInfo,
  StyleLook,
  StylizeRequestOptions,
  VideoRequestOptions,
} from "./schemas.ts";

/** The server's answer was a problem document; the message is its sentence. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly status: number;
  readonly problem: ProblemDocument;
  /** After how many seconds the server asks to be asked again. */
  readonly retryAfter: number | undefined;

  constructor(problem: ProblemDocument, retryAfter?: number) {
    super(problem.detail);
    this.status = problem.status;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

export interface ClientOptions {
  /** The API key, where the server asks for one. */
  readonly key?: string;
  /** What to ask by; the global `fetch` by default. */
  readonly fetch?: typeof fetch;
}

export interface CallOptions {
  /** Ends the call; the server then stops painting. */
  readonly signal?: AbortSignal | undefined;
}

/** Files that say what the styles are; {@link StylizeRequestOptions} says the rest. */
export interface StyleFiles {
  /** The painting of each style that is not a kept one, in order. */
  readonly styles?: readonly Blob[];
  /** Where in the content each style goes, or one mask with a region for each. */
  readonly masks?: readonly Blob[];
  /** The part of each painting that is a source. */
  readonly styleMasks?: readonly Blob[];
}

export interface StylizeRequest extends StyleFiles {
  readonly content: Blob;
  readonly options?: StylizeRequestOptions;
}

export interface JobRequest extends StyleFiles {
  /** One video, or one photograph or more. */
  readonly contents: readonly Blob[];
  readonly options?: JobRequestOptions;
  /**
   * What you call this request: the same again, after a connection that broke, answers with the
   * same job.
   */
  readonly idempotencyKey?: string;
}

export interface StylizedPicture {
  readonly picture: Blob;
  /** What was done to masks that did not fit. */
  readonly notes: string;
  /** How long each stage took, as the header Server-Timing says it. */
  readonly timing: string;
}

/** How long to wait before a broken stream of events is asked for again, in milliseconds. */
const RECONNECT = 2000;

export class Client {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: typeof fetch;

  /** @param url where the server is, such as http://127.0.0.1:8080. */
  constructor(url: string, options: ClientOptions = {}) {
    this.#base = url.replace(/\/+$/, "");
    this.#headers = options.key === undefined ? {} : { authorization: `Bearer ${options.key}` };
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }

  /** Paints a photograph. @throws ProblemError. */
  async stylize(request: StylizeRequest, { signal }: CallOptions = {}): Promise<StylizedPicture> {
    const body = formOf([request.content], request);
    const response = await this.#ask("POST", "/v1/stylize", { body, signal });
    return {
      picture: await response.blob(),
      notes: response.headers.get("x-adaattn-note") ?? "",
      timing: response.headers.get("server-timing") ?? "",
    };
  }

  /**
   * Submits a video or pictures; once this resolves the server does not lose them. @throws
   * ProblemError.
   */
  async submitJob(request: JobRequest, { signal }: CallOptions = {}): Promise<JobInfo> {
    const { idempotencyKey: key } = request;
    const headers = key === undefined ? {} : { "idempotency-key": key };
    return this.#json("POST", "/v1/jobs", { body: formOf(request.contents, request), headers, signal });
  }

  /** All jobs, newest first, asked for by pages as they are needed. @throws ProblemError. */
  async *allJobs(state?: JobState, { signal }: CallOptions = {}): AsyncGenerator<JobInfo, void, undefined> {
    let path: string | undefined = `/v1/jobs${state === undefined ? "" : `?state=${state}`}`;
    while (path !== undefined) {
      const response: Response = await this.#ask("GET", path, { signal });
      yield* (await response.json()) as JobInfo[];
      path = /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
    }
  }

  /** The newest 100 jobs, newest first. @throws ProblemError. */
  listJobs(state?: JobState, { signal }: CallOptions = {}): Promise<JobInfo[]> {
    return this.#json("GET", `/v1/jobs${state === undefined ? "" : `?state=${state}`}`, { signal });
  }

  /** How a job is. @throws ProblemError. */
  getJob(id: string, { signal }: CallOptions = {}): Promise<JobInfo> {
    return this.#json("GET", `/v1/jobs/${id}`, { signal });
  }

  /** Has a job that failed tried again, from where it failed. @throws ProblemError. */
  retryJob(id: string, { signal }: CallOptions = {}): Promise<JobInfo> {
    return this.#json("POST", `/v1/jobs/${id}/retry`, { signal });
  }

  /** Cancels a job that is not done, or forgets one that is. @throws ProblemError. */
  async deleteJob(id: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#ask("DELETE", `/v1/jobs/${id}`, { signal });
  }

  /**
   * Follows a job until it has ended, and asks again where the connection breaks, so that no event
   * is missed.
   *
   * @throws ProblemError where there is no such job.
   */
  async *followJob(id: string, { signal }: CallOptions = {}): AsyncGenerator<JobEvent, void, undefined> {
    let last: string | undefined;
    for (;;) {
      try {
        const headers = last === undefined ? {} : { "last-event-id": last };
        const response = await this.#ask("GET", `/v1/jobs/${id}/events`, { headers, signal });
        if (response.status === 204 || response.body === null) return;
        for await (const { event, id: number } of eventsIn(response.body)) {
          last = number ?? last;
          yield event;
          if (event.type === "done" || event.type === "error") return;
        }
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof ProblemError && error.status < 500) throw error;
      }
      await pause(RECONNECT, signal);
    }
  }

  /** Waits until a job is done. @throws Error with the reason where it failed or was cancelled. */
  async waitForJob(id: string, options: CallOptions = {}): Promise<JobInfo> {
    for await (const event of this.followJob(id, options)) {
      if (event.type === "done") return event.job;
      if (event.type === "error") throw new Error(event.detail);
    }
    return this.getJob(id, options);
  }

  /** A result of a job, the first by default, or some of its bytes. @throws ProblemError. */
  async getResult(
    id: string,
    { index = 0, range, signal }: CallOptions & { index?: number; range?: readonly [number, number] } = {},
  ): Promise<Blob> {
    const headers = range === undefined ? {} : { range: `bytes=${range[0]}-${range[1]}` };
    return (await this.#ask("GET", `/v1/jobs/${id}/results/${index}`, { headers, signal })).blob();
  }

  /** The kept styles. @throws ProblemError. */
  listStyles({ signal }: CallOptions = {}): Promise<StyleInfo[]> {
    return this.#json("GET", "/v1/styles", { signal });
  }

  /** Keeps a painting as a style. @throws ProblemError. */
  putStyle(
    name: string,
    style: { readonly painting: Blob; readonly mask?: Blob; readonly look?: StyleLook },
    { signal }: CallOptions = {},
  ): Promise<StyleInfo> {
    const body = new FormData();
    if (style.look) body.append("options", JSON.stringify(style.look));
    body.append("painting", style.painting);
    if (style.mask) body.append("mask", style.mask);
    return this.#json("PUT", `/v1/styles/${encodeURIComponent(name)}`, { body, signal });
  }

  /** Forgets a kept style. @throws ProblemError. */
  async deleteStyle(name: string, { signal }: CallOptions = {}): Promise<void> {
    await this.#ask("DELETE", `/v1/styles/${encodeURIComponent(name)}`, { signal });
  }

  /** The models; the default one is first. @throws ProblemError. */
  listModels({ signal }: CallOptions = {}): Promise<ModelInfo[]> {
    return this.#json("GET", "/v1/models", { signal });
  }

  /** Whether the server can paint. @throws ProblemError. */
  async readiness({ signal }: CallOptions = {}): Promise<Readiness> {
    const response = await this.#fetch(`${this.#base}/readyz`, { signal: signal ?? null });
    return (await response.json()) as Readiness;
  }

  async #json<Body>(method: string, path: string, call: Call): Promise<Body> {
    return (await (await this.#ask(method, path, call)).json()) as Body;
  }

  async #ask(method: string, path: string, { body, headers = {}, signal }: Call): Promise<Response> {
    const response = await this.#fetch(this.#base + path, {
      method,
      headers: { ...this.#headers, ...headers },
      signal: signal ?? null,
      ...(body && { body }),
    });
    if (response.ok) return response;
    throw await problemOf(response);
  }
}

interface Call extends CallOptions {
  readonly body?: FormData;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The options go first, so that a server may look at them before the files. */
function formOf(contents: readonly Blob[], request: StyleFiles & { readonly options?: object }): FormData {
  const form = new FormData();
  if (request.options) form.append("options", JSON.stringify(request.options));
  for (const content of contents) form.append("content", content);
  for (const style of request.styles ?? []) form.append("style", style);
  for (const mask of request.masks ?? []) form.append("mask", mask);
  for (const mask of request.styleMasks ?? []) form.append("styleMask", mask);
  return form;
}

async function problemOf(response: Response): Promise<ProblemError> {
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  const { status, statusText } = response;
  const plain = {
    type: "about:blank",
    title: statusText,
    status,
    detail: `The server answered ${status} ${statusText}.`,
  };
  const problem = (await response.json().catch(() => plain)) as ProblemDocument;
  return new ProblemError(problem, Number.isFinite(retryAfter) ? retryAfter : undefined);
}

/** The events in a stream of server-sent events. */
async function* eventsIn(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<{ readonly event: JobEvent; readonly id: string | undefined }, void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const lines = text.slice(0, end).split("\n");
        text = text.slice(end + 2);
        const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
        const data = field("data");
        if (data !== undefined) yield { event: JSON.parse(data) as JobEvent, id: field("id") };
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
}
