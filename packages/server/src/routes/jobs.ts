/** `/v1/jobs`: videos and many pictures, taken in now and painted later. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Api } from "../http/api.ts";
import { rangeOf } from "../http/range.ts";
import { readUpload, type Upload } from "../http/upload.ts";
import { STYLE_PARTS, styleParts } from "../inputs.ts";
import { describeJob, folderOf, isFinished, type JobRecord, UNFINISHED } from "../jobs/record.ts";
import { previewName } from "../jobs/work.ts";
import { Problem } from "../problem.ts";
import { JOB_STATES, jobEvent, jobInfo, jobOptions } from "../schemas.ts";
import type { Services } from "../services.ts";
import { acceptJob } from "./acceptJob.ts";
import { followJob } from "./events.ts";

/** How many jobs are listed. */
const MOST_LISTED = 100;

const numbered = z.strictObject({ id: z.uuid("the number of a job") });
const numberedResult = z.strictObject({
  id: z.uuid("the number of a job"),
  index: z.string().regex(/^\d{1,4}$/, "the number of a result"),
});
const LIMIT = `a whole number from 1 to ${MOST_LISTED}`;
const filter = z.strictObject({
  state: z.enum(JOB_STATES, `one of ${JOB_STATES.join(", ")}`).optional(),
  limit: z.coerce.number(LIMIT).int(LIMIT).min(1, LIMIT).max(MOST_LISTED, LIMIT).optional(),
  cursor: z.string().max(100, "a cursor of an earlier page").optional(),
});

const KEY = "1 to 255 printable ASCII characters";
const submitting = z.object({
  "idempotency-key": z
    .string(KEY)
    .regex(/^[\x20-\x7e]{1,255}$/, KEY)
    .optional()
    .describe("What you call this request. The same key and the same upload again answer with the same job."),
});

const LOCATION = { location: "Where the job is." };

/** The parts of an upload of a job. */
const PARTS = {
  content: { description: "One video, or one photograph or more.", isRequired: true, isMany: true },
  ...STYLE_PARTS,
};

export function addJobs(api: Api, services: Services): void {
  const { jobs, files, queue, limits, quotas, scratch, slots, webhooks } = services;

  const find = async (request: FastifyRequest, id = ""): Promise<JobRecord> => {
    const record = await jobs.get(id);
    // Somebody else's job is no job.
    if (record === undefined || record.owner !== request.owner)
      throw new Problem("not-found", `There is no job ${id}.`);
    return record;
  };

  const checkRoom = async (owner: string) => {
    await quotas.checkJobs(owner);
    const { queued = 0, running = 0 } = await jobs.counts();
    if (queued + running < limits.jobs) return;
    throw new Problem("too-many", "Too many jobs are waiting. Come again later.", {
      headers: { "retry-after": "30" },
    });
  };

  api.add(
    {
      method: "POST",
      url: "/v1/jobs",
      id: "submitJob",
      summary: "Submit a video, or pictures",
      description: "The job is on the disk when this answers, and a restart does not lose it.",
      upload: {
        parts: PARTS,
        options: jobOptions,
      },
      headers: submitting,
      answers: { 202: { description: "The job was accepted.", body: jobInfo, headers: LOCATION } },
      problems: [
        ...(["bad-request", "invalid-options", "not-found", "slow-upload", "too-large", "unsupported-type"] as const),
        ...(["unreadable", "key-reused", "conflict", "quota", "no-space"] as const),
      ],
    },
    async (request, reply, { headers: { "idempotency-key": key } }) => {
      const { owner, id: requestId, span } = request;
      const known = key === undefined ? undefined : await jobs.findByKey(owner, key);
      if (known === undefined) {
        await checkRoom(owner);
        await quotas.checkDay(owner);
      }
      await using upload = await readUpload(request, {
        scratch,
        limits,
        slots,
        bytes: limits.uploadBytes,
        parts: { content: { most: limits.pictures, bytes: limits.videoBytes }, ...styleParts(limits) },
      });
      const idempotency = key === undefined ? undefined : { key, fingerprint: fingerprintOf(upload) };
      const record =
        known ?? (await acceptJob(services, upload, { owner, requestId, idempotency, trace: span?.context }));
      if (record.idempotency?.fingerprint !== idempotency?.fingerprint) {
        throw new Problem(
          "key-reused",
          `Expected the upload that came with the Idempotency-Key ${key} before but received another. Choose a new key.`,
        );
      }
      request.log.info({ job: record.id }, "A job was accepted.");
      return reply.code(202).header("location", `/v1/jobs/${record.id}`).send(describeJob(record));
    },
  );
  api.add(
    {
      method: "GET",
      url: "/v1/jobs",
      id: "listJobs",
      summary: "List jobs, newest first",
      description: `At most ${MOST_LISTED}, or as many as limit says; the header Link (rel="next") has the address of the next page. With state=failed: those that were given up.`,
      query: filter,
      answers: {
        200: {
          description: "The jobs.",
          body: z.array(jobInfo),
          headers: { link: 'The address of the next page, as rel="next"; not on the last one.' },
        },
      },
      problems: ["invalid-options"],
    },
    async (request, reply, { query }) => {
      const { state, limit = MOST_LISTED, cursor } = query as z.output<typeof filter>;
      const page = await jobs.list(request.owner, { state, most: limit, cursor });
      if (page.next !== undefined) {
        const next = new URLSearchParams({ limit: String(limit), ...(state && { state }), cursor: page.next });
        reply.header("link", `</v1/jobs?${next}>; rel="next"`);
      }
      return page.jobs.map(describeJob);
    },
  );
  api.add(
    {
      method: "GET",
      url: "/v1/jobs/:id",
      id: "getJob",
      summary: "How a job is",
      params: numbered,
      answers: { 200: { description: "The job.", body: jobInfo } },
      problems: ["invalid-options", "not-found"],
    },
    async (request, _, { params }) => describeJob(await find(request, params.id)),
  );
  api.add(
    {
      method: "DELETE",
      url: "/v1/jobs/:id",
      id: "deleteJob",
      summary: "Cancel a job, or forget one",
      params: numbered,
      description: "One that is not done yet is cancelled; one that has ended is forgotten, with its results.",
      answers: { 204: { description: "It is cancelled or forgotten." } },
      problems: ["invalid-options", "not-found"],
    },
    async (request, reply, { params }) => {
      const { id } = await find(request, params.id);
      const cancelled = { type: "error", state: "cancelled", detail: "The job was cancelled." } as const;
      if (await jobs.change(id, UNFINISHED, { state: "cancelled" }, () => cancelled)) {
        await queue.cancel(id);
      } else {
        await jobs.remove(id);
      }
      // A worker may be writing there at this moment; it removes what it finds when it has stopped,
      // and the sweep what is left then.
      await files
        .remove(folderOf(id))
        .catch((error: unknown) => request.log.warn({ job: id, error: String(error) }, "Files of a job are left."));
      return reply.code(204).send();
    },
  );
  api.add(
    {
      method: "POST",
      url: "/v1/jobs/:id/retry",
      id: "retryJob",
      summary: "Try a job again that failed",
      params: numbered,
      description:
        "It goes on with the parts that were not done. What it needs for that is kept for as long as the job.",
      answers: { 202: { description: "It is queued again.", body: jobInfo, headers: LOCATION } },
      problems: ["invalid-options", "not-found", "conflict"],
    },
    async (request, reply, { params }) => {
      const failed = await find(request, params.id);
      const { id, state, callback, request: asked } = failed;
      if (state !== "failed") throw new Problem("conflict", `Expected a job that failed but it is ${state}.`);
      await checkRoom(request.owner);
      const [{ name } = { name: "" }] = asked.contents;
      if ((await files.size(name)) === undefined) {
        throw new Problem("conflict", "What the job was to be made of is not kept any more. Submit it anew.");
      }
      await queue.clear(id);
      await queue.reserve(failed);
      const fresh = { error: undefined, started: undefined, crashes: undefined, trace: request.span?.context };
      const anew = { ...fresh, state: "queued" } as const;
      const queued = ({ progress }: JobRecord) => ({ type: "progress", state: "queued", progress }) as const;
      const record = await jobs.change(id, ["failed"], anew, queued);
      if (record === undefined) throw new Problem("conflict", "The job was changed by somebody else at this moment.");
      await queue.submit(id);
      if (callback !== undefined) webhooks.watch(id);
      return reply.code(202).header("location", `/v1/jobs/${id}`).send(describeJob(record));
    },
  );
  api.add(
    {
      method: "GET",
      url: "/v1/jobs/:id/events",
      id: "followJob",
      summary: "Follow a job",
      params: numbered,
      description:
        "Server-sent events: progress, preview, done, error; the data of each is a JobEvent. After a break, the header Last-Event-ID says what was heard last. 204 once there is nothing more to hear.",
      answers: {
        200: { description: "The events, until the job has ended.", body: "text/event-stream", parts: jobEvent },
        204: { description: "The job has ended, and all was heard." },
      },
      problems: ["invalid-options", "not-found"],
    },
    async (request, reply, { params }) => followJob(services, await find(request, params.id), request, reply),
  );
  api.add(
    {
      method: "GET",
      url: "/v1/jobs/:id/preview",
      id: "getPreview",
      summary: "The newest frame, small",
      params: numbered,
      answers: { 200: { description: "A picture.", body: "image/jpeg" } },
      problems: ["invalid-options", "not-found"],
    },
    async (request, reply, { params }) => {
      const { id } = await find(request, params.id);
      const bytes = await files.read(previewName(id));
      if (bytes === undefined) throw new Problem("not-found", "There is no preview of this job yet.");
      return reply.type("image/jpeg").header("cache-control", "no-store").send(Buffer.from(bytes));
    },
  );
  const result = async (request: FastifyRequest, reply: FastifyReply, id: string | undefined, index: number) => {
    const record = await find(request, id);
    const found = record.results[index];
    if (found === undefined) {
      if (!isFinished(record))
        throw new Problem("conflict", "The job is not done yet.", { headers: { "retry-after": "5" } });
      throw new Problem("not-found", `The job has no result ${index}; it is ${record.state}.`);
    }
    return sendResult(services, record, { ...found, index }, request, reply);
  };
  const tagged = { etag: "Stays the same for as long as the result.", "accept-ranges": "bytes." };
  const results = {
    200: { description: "All of it.", body: "*/*", headers: tagged },
    206: {
      description: "The bytes that the header Range asked for.",
      body: "*/*",
      headers: { ...tagged, "content-range": "Which bytes of how many." },
    },
    304: { description: "The one that the header If-None-Match names.", headers: tagged },
  };
  const missing = ["invalid-options", "not-found", "conflict", "range-not-satisfiable"] as const;
  api.add(
    {
      method: "GET",
      url: "/v1/jobs/:id/result",
      id: "getResult",
      summary: "The first result",
      params: numbered,
      answers: results,
      problems: missing,
    },
    (request, reply, { params }) => result(request, reply, params.id, 0),
  );
  api.add(
    {
      method: "GET",
      url: "/v1/jobs/:id/results/:index",
      id: "getOneResult",
      summary: "One of several results",
      params: numberedResult,
      answers: results,
      problems: missing,
    },
    (request, reply, { params }) => result(request, reply, params.id, Number(params.index)),
  );
}

async function sendResult(
  { files }: Services,
  { id }: JobRecord,
  result: { readonly name: string; readonly type: string; readonly bytes: number; readonly index: number },
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const { name, type, bytes, index } = result;
  const etag = `"${id}-${index}"`;
  reply.header("etag", etag).header("accept-ranges", "bytes").header("cache-control", "private, no-cache");
  if (request.headers["if-none-match"] === etag) return reply.code(304).send();
  const { range: asked, "if-range": unchanged } = request.headers;
  const range = unchanged === undefined || unchanged === etag ? rangeOf(asked, bytes) : undefined;
  reply.type(type);
  if (range === undefined) {
    reply.header("content-length", bytes);
    return reply.send(request.method === "HEAD" ? Readable.from([]) : await files.open(name));
  }
  const { start, end } = range;
  reply
    .code(206)
    .header("content-range", `bytes ${start}-${end}/${bytes}`)
    .header("content-length", end - start + 1);
  return reply.send(request.method === "HEAD" ? Readable.from([]) : await files.open(name, range));
}

/** The SHA-256 of all that was sent. */
function fingerprintOf(upload: Upload): string {
  const hashes = Object.keys(PARTS).map((part) => upload.files(part).map(({ hash }) => hash));
  return createHash("sha256")
    .update(JSON.stringify([upload.options, hashes]))
    .digest("hex");
}
