/** A job's events as a stream of server-sent events. */
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyReply, FastifyRequest } from "fastify";
import { describeJob, isFinished, type JobRecord, type NumberedEvent } from "../jobs/record.ts";
import type { JobEvent } from "../schemas.ts";
import type { Services } from "../services.ts";

/**
 * How often a stream says that it is still there, in milliseconds; proxies close what is silent for
 * long.
 */
const HEARTBEAT = 15_000;

/** How long whoever was cut off shall wait before he asks again, in milliseconds. */
const RETRY = 2000;

/** Answers with the events of a job that its listener has not heard yet, until it has ended. */
export async function followJob(services: Services, record: JobRecord, request: FastifyRequest, reply: FastifyReply) {
  const { "last-event-id": given } = request.headers;
  const after = typeof given === "string" ? given : undefined;
  const first = stillTrue(await services.jobs.eventsAfter(record.id, after));
  if (first.length === 0 && after !== undefined && isFinished(record)) return reply.code(204).send();
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort());
  const signal = AbortSignal.any([gone.signal, services.stopping]);
  reply.type("text/event-stream; charset=utf-8").header("cache-control", "no-store").header("x-accel-buffering", "no");
  if (request.method === "HEAD") return reply.send();
  return reply.send(Readable.from(lines(services, record, { first, after, signal }), { objectMode: false }));
}

async function* lines(
  { jobs }: Services,
  record: JobRecord,
  { first, after, signal }: { first: NumberedEvent[]; after: string | undefined; signal: AbortSignal },
): AsyncGenerator<string, void, undefined> {
  yield `retry: ${RETRY}\n\n`;
  if (first.length === 0) yield written(stateOf(record));
  let [fresh, last] = [first, after];
  for (;;) {
    for (const { id, event } of fresh) {
      yield written(event, id);
      last = id;
      if (isEnd(event)) return;
    }
    // The wait begins before the look, so that nothing falls between the two.
    const heard = new AbortController();
    const news = jobs.nextEvent(record.id, AbortSignal.any([signal, heard.signal]));
    try {
      // While the store cannot be reached, the stream only shows that it is there.
      fresh = stillTrue(await jobs.eventsAfter(record.id, last).catch(() => []));
      if (fresh.length > 0) continue;
      const job = await jobs.get(record.id).catch(() => record);
      if (job === undefined) return;
      if (isFinished(job)) {
        // Its last event is not there any more, or comes this moment: the state says the same.
        yield written(stateOf(job));
        return;
      }
      for (let hasNews = false; !hasNews; ) {
        hasNews = await Promise.race([news.then(() => true), silence(heard.signal)]);
        if (signal.aborted) return;
        if (!hasNews) yield ": still here\n\n";
      }
    } finally {
      heard.abort();
    }
  }
}

/** Without the ends that were not the last: the job was tried again. */
function stillTrue(events: readonly NumberedEvent[]): NumberedEvent[] {
  return events.filter(({ event }, at) => at === events.length - 1 || !isEnd(event));
}

function isEnd({ type }: JobEvent): boolean {
  return type === "done" || type === "error";
}

/** Resolves with false when nothing was said for long. */
async function silence(signal: AbortSignal): Promise<false> {
  await sleep(HEARTBEAT, undefined, { signal, ref: false }).catch(() => undefined);
  return false;
}

function written({ type, ...data }: JobEvent, id?: string): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}

/** What a listener hears first where nothing has happened yet. */
function stateOf(record: JobRecord): JobEvent {
  const { state, progress, error = "The job was cancelled." } = record;
  if (state === "done") return { type: "done", job: describeJob(record) };
  if (state === "failed" || state === "cancelled") return { type: "error", state, detail: error };
  return { type: "progress", state, progress };
}
