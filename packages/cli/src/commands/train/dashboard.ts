/**
 * The dashboard: a page with the curves and contact sheets of a run, served to this machine alone.
 * It reads what the run's folder holds whenever it is asked, so that it shows runs that are being
 * trained and runs that are done alike.
 *
 *   /                           the page (packages/cli/dashboard), its script and style, and uPlot, which draws the curves
 *   /state.json                 the run and its stages: settings, names of contact sheets, whether anybody trains it
 *   /metrics/STAGE?from=BYTE    the lines of metrics.jsonl from there on, and where the next ones will begin
 *   /samples/STAGE/STEP.jpg     a contact sheet
 *
 * Nothing else is served, whatever the path says: every name is looked up or matched, never joined
 * as it came.
 */
import { open, readdir, readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { readConfig, trainingProcess } from "#train";

/** Where the page is looked for first. */
const DEFAULT_PORT = 8017;

/** A dashboard that is being served. */
export interface Dashboard {
  /** Where to find it, such as http://127.0.0.1:8017. */
  readonly url: string;
  /** Ends it. */
  close(): Promise<void>;
}

/** What a request is answered with. */
interface Answer {
  readonly type: string;
  readonly body: string | Uint8Array;
}

/**
 * Serves the dashboard of the run in `folder`, which need not exist yet, on 127.0.0.1.
 *
 * @param port the port; by default 8017, or any that is free where that is taken. 0 takes any.
 * @throws Error with one sentence where the port that was asked for is taken.
 */
export async function openDashboard(folder: string, port?: number): Promise<Dashboard> {
  const server = createServer((request, response) => {
    answer(folder, request).then(
      (found) => send(request, response, found),
      (error: unknown) => send(request, response, undefined, error),
    );
  });
  try {
    await listen(server, port ?? DEFAULT_PORT);
  } catch (error) {
    if (port !== undefined)
      throw new Error(`Expected a free port for the dashboard but ${port} is taken; choose another by --port.`, {
        cause: error,
      });
    await listen(server, 0);
  }
  const address = server.address();
  const taken = typeof address === "object" ? address?.port : undefined;
  return {
    url: `http://127.0.0.1:${taken}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((done, failed) => {
    server.once("error", failed);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", failed);
      done();
    });
  });
}

function send(request: IncomingMessage, response: ServerResponse, found: Answer | undefined, error?: unknown): void {
  const status = error === undefined ? (found ? 200 : 404) : 500;
  const { type, body } = found ?? { type: "text/plain; charset=utf-8", body: error ? String(error) : "Not found" };
  response.writeHead(status, {
    "content-type": type,
    "cache-control": "no-cache",
    "content-security-policy": "default-src 'self'; img-src 'self' data:",
    "x-content-type-options": "nosniff",
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

const PAGE = fileURLToPath(new URL("../../../dashboard/", import.meta.url));
const CHARTS = () => dirname(createRequire(import.meta.url).resolve("uplot"));

/** The files of the page, by their paths. */
const FILES: Readonly<Record<string, { readonly type: string; readonly path: () => string }>> = {
  "/": { type: "text/html; charset=utf-8", path: () => join(PAGE, "index.html") },
  "/page.js": { type: "text/javascript; charset=utf-8", path: () => join(PAGE, "page.js") },
  "/page.css": { type: "text/css; charset=utf-8", path: () => join(PAGE, "page.css") },
  "/uPlot.js": { type: "text/javascript; charset=utf-8", path: () => join(CHARTS(), "uPlot.esm.js") },
  "/uPlot.css": { type: "text/css; charset=utf-8", path: () => join(CHARTS(), "uPlot.min.css") },
};

/** What is at a path; undefined where there is nothing that may be served. */
async function answer(folder: string, request: IncomingMessage): Promise<Answer | undefined> {
  // A page from elsewhere that has its name point here must not read what is served.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? "")) return undefined;
  if (request.method !== "GET" && request.method !== "HEAD") return undefined;
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
  const file = Object.hasOwn(FILES, pathname) ? FILES[pathname] : undefined;
  if (file) return { type: file.type, body: await readFile(file.path()) };
  if (pathname === "/state.json") return json(await state(folder));

  const [, kind, stage = "", name = ""] = pathname.split("/");
  const run = stageFolders(folder).get(stage);
  if (run === undefined) return undefined;
  if (kind === "metrics" && name === "") return json(await metrics(run, Number(searchParams.get("from") ?? 0)));
  if (kind === "samples" && /^\d{7,}\.jpg$/.test(name)) {
    const body = await readFile(join(run, "samples", name)).catch(() => undefined);
    return body && { type: "image/jpeg", body };
  }
  return undefined;
}

function json(value: unknown): Answer {
  return { type: "application/json; charset=utf-8", body: JSON.stringify(value) };
}

/** The folders of a run's stages: the run itself, and the decoder that was trained before it. */
function stageFolders(folder: string): ReadonlyMap<string, string> {
  return new Map([
    ["main", folder],
    ["decoder", join(folder, "decoder")],
  ]);
}

/** The run, and what each of its stages has so far. */
async function state(folder: string) {
  const stages = [];
  for (const [id, path] of stageFolders(folder)) {
    const config = await readConfig(path).catch(() => undefined);
    if (config === undefined) continue;
    const { stage, steps, batch, crop, preset, device } = config;
    const names = await readdir(join(path, "samples")).catch((): string[] => []);
    const samples = names.filter((name) => /^\d{7,}\.jpg$/.test(name)).sort();
    const training = (await trainingProcess(path)) !== undefined;
    stages.push({ id, stage, steps, batch, crop, preset, device, samples, training });
  }
  return { name: basename(resolve(folder)), stages };
}

/**
 * The whole lines of a run's metrics from a byte on; from the first where the file has become
 * shorter.
 */
async function metrics(run: string, from: number) {
  const handle = await open(join(run, "metrics.jsonl")).catch(() => undefined);
  if (handle === undefined) return { from: 0, next: 0, lines: [] };
  try {
    const { size } = await handle.stat();
    const start = Number.isSafeInteger(from) && from >= 0 && from <= size ? from : 0;
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - start), 0, size - start, start);
    const text = buffer.subarray(0, bytesRead).toString("utf8");
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    const lines = whole.split("\n").filter((line) => line !== "");
    return {
      from: start,
      next: start + Buffer.byteLength(whole),
      lines: lines.map((line) => JSON.parse(line) as unknown),
    };
  } finally {
    await handle.close();
  }
}
