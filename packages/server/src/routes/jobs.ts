/** `/v1/jobs`: videos and many pictures, taken in now and painted later. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Api } from "../http/api.ts";
import { rangeOf } from "../http/range.ts";
import { readUpload, type Upload, type UploadedFile } from "../http/upload.ts";
import { type ChosenStyle, chooseStyles, type Input, STYLE_PARTS, styleParts } from "../inputs.ts";
import {
  describeJob,
  folderOf,
  isFinished,
  type JobRecord,
  type JobRequest,
  newJobId,
  type StoredFile,
  UNFINISHED,
} from "../jobs/record.ts";
import { previewName } from "../jobs/work.ts";
import { Problem, parse } from "../problem.ts";
import { bytesOf } from "../quotas.ts";
import { JOB_STATES, jobEvent, jobInfo, jobOptions } from "../schemas.ts";
import type { Services } from "../services.ts";
import { jobLimits } from "../settings.ts";
import { kindOf } from "../video/kinds.ts";
import { checkVideo } from "../video/plan.ts";
import { followJob } from "./events.ts";
import { checkedSize, chosenModel, explainPainting, paintOf } from "./stylize.ts";

/** How long a look at a video may take, in milliseconds. */
const LOOK_MILLISECONDS = 30_000;

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
      const record = known ?? (await accept(services, upload, { owner, requestId, idempotency, trace: span?.context }));
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
      if (callback !== undefined) await jobs.oweCallback(id);
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

/** Checks an upload, puts its files where they stay, and remembers the job. */
async function accept(
  services: Services,
  upload: Upload,
  from: Pick<JobRecord, "owner" | "requestId" | "idempotency" | "trace">,
): Promise<JobRecord> {
  const { jobs, files, queue, styles: kept, limits, quotas, ending, webhooks } = services;
  const options = parse(jobOptions, upload.options, "the options");
  const { callback } = options;
  if (callback !== undefined) webhooks.check(from.owner, callback);
  const contents = upload.files("content");
  upload.file("content");
  const find = (name: string) => kept.get(from.owner, name);
  const { styles, masks } = await chooseStyles(upload, options.styles, find, limits);
  const model = chosenModel(services, options.model);
  const size = checkedSize(services, options.size);
  const kind = await kindOfAll(contents);
  if (kind === "video") {
    checkTimes(styles);
    if (options.format ?? options.quality) {
      throw new Problem("invalid-options", "Expected the format of a video in options.video.format.");
    }
    if (options.strokeBy === "picture") {
      throw new Problem("invalid-options", "Expected pixels for strokeBy of a video but received picture.");
    }
    const [{ path } = { path: "" }] = contents;
    const signal = AbortSignal.any([ending, AbortSignal.timeout(LOOK_MILLISECONDS)]);
    await checkVideo(path, options.video ?? {}, { limits, size, signal }).catch((error: unknown) => {
      if (!signal.aborted || ending.aborted) throw error;
      throw new Problem("unreadable", "The video takes too long to look at. Convert it to MP4 first.", {
        cause: error,
      });
    });
  } else if (options.video !== undefined || styles.some(({ seconds }) => seconds !== undefined)) {
    throw new Problem("invalid-options", "Expected no options of videos for pictures.");
  }
  await checkPictures(services, kind === "pictures" ? contents : [], styles, masks);

  // Before the files are stored; it is looked at again when the job is added.
  const all = [
    ...contents,
    ...styles.flatMap(({ painting, mask }) => (mask ? [painting, mask] : [painting])),
    ...masks,
  ];
  await quotas.checkBytes(
    from.owner,
    all.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  const id = newJobId(await jobs.origin());
  const now = Date.now();
  try {
    const request: JobRequest = {
      ...(await storeAll(services, id, { contents, styles, masks })),
      model,
      size,
      paint: paintOf(options),
      strokeBy: options.strokeBy,
      format: options.format,
      quality: options.quality,
      video: options.video,
      limits: jobLimits(limits),
    };
    const record: JobRecord = {
      id,
      ...from,
      kind,
      request,
      state: "queued",
      progress: 0,
      created: now,
      updated: now,
      notes: [],
      results: [],
      callback,
    };
    const { owner, idempotency } = from;
    const added = await quotas.inTurn(owner, async () => {
      const isKnown = idempotency !== undefined && (await jobs.findByKey(owner, idempotency.key)) !== undefined;
      if (!isKnown) {
        await quotas.checkJobs(owner);
        await quotas.checkBytes(owner, bytesOf(record));
      }
      await queue.reserve(record);
      return quotas.add(record);
    });
    if (added === id) {
      await queue.submit(id);
      if (callback !== undefined) webhooks.watch(id);
      return record;
    }
    // The same request came twice at once.
    await files.remove(folderOf(id));
    const first = await jobs.get(added);
    if (first) return first;
    throw new Problem("conflict", "The job of this Idempotency-Key was deleted at this moment. Try again.");
  } catch (error) {
    await jobs.remove(id).catch(() => undefined);
    await jobs.uncount(from.owner, id).catch(() => undefined);
    await files.remove(folderOf(id)).catch(() => undefined);
    throw error;
  }
}

/** The SHA-256 of all that was sent. */
function fingerprintOf(upload: Upload): string {
  const hashes = Object.keys(PARTS).map((part) => upload.files(part).map(({ hash }) => hash));
  return createHash("sha256")
    .update(JSON.stringify([upload.options, hashes]))
    .digest("hex");
}

async function kindOfAll(contents: readonly UploadedFile[]): Promise<JobRecord["kind"]> {
  const kinds = await Promise.all(contents.map(({ path }) => kindOf(path)));
  const unknown = kinds.indexOf(undefined);
  if (unknown >= 0) {
    throw new Problem(
      "unreadable",
      `Cannot read content ${unknown + 1}: it is neither a JPEG, PNG, WebP, AVIF, TIFF or GIF picture nor an MP4, MOV, WebM, Matroska, AVI, MPEG, Ogg or FLV video.`,
    );
  }
  if (!kinds.includes("video")) return "pictures";
  if (contents.length > 1)
    throw new Problem("bad-request", "Expected one video or any number of pictures but received both or several.");
  return "video";
}

function checkTimes(styles: readonly ChosenStyle[]): void {
  if (styles.some(({ seconds = 0 }) => seconds === 0)) return;
  throw new Problem(
    "invalid-options",
    "Expected a style from the begin of the video, at 0 seconds, but received none.",
  );
}

/** Looks at the header of every picture. */
async function checkPictures(
  services: Services,
  contents: readonly UploadedFile[],
  styles: readonly ChosenStyle[],
  masks: readonly Input[],
): Promise<void> {
  const { pool, limits, ending } = services;
  const inspect = (input: Input, name: string) => {
    // Kept styles were looked at when they came.
    if (!("path" in input)) return Promise.resolve();
    if (input.bytes > limits.pictureBytes) {
      throw new Problem(
        "too-large",
        `Expected at most ${Math.floor(limits.pictureBytes / 2 ** 20)} MiB for ${name} but received more.`,
      );
    }
    const task = { kind: "inspect", file: input.path, name, pixels: limits.pixels } as const;
    return pool.inspect(task, ending).then(() => undefined, explainPainting);
  };
  for (const [index, content] of contents.entries()) await inspect(content, `content ${index + 1}`);
  for (const [index, { painting, mask }] of styles.entries()) {
    await inspect(painting, `the painting of style ${index + 1}`);
    if (mask) await inspect(mask, `the style mask of style ${index + 1}`);
  }
  for (const [index, mask] of masks.entries()) await inspect(mask, `mask ${index + 1}`);
}

async function storeAll(
  services: Services,
  id: string,
  inputs: { contents: readonly UploadedFile[]; styles: readonly ChosenStyle[]; masks: readonly Input[] },
): Promise<Pick<JobRequest, "contents" | "styles" | "masks">> {
  const { files } = services;
  const store = async (input: Input, name: string): Promise<StoredFile> => {
    const stored = { name: `${folderOf(id)}in/${name}`, hash: input.hash, bytes: input.bytes };
    if ("path" in input) {
      await files.put(stored.name, input.path);
    } else {
      // A copy of its own: the kept style may change.
      const bytes = await files.read(input.stored);
      if (bytes === undefined) throw new Problem("not-found", "The kept style is gone.");
      await files.write(stored.name, bytes);
    }
    return stored;
  };
  const contents = [];
  for (const [index, content] of inputs.contents.entries()) contents.push(await store(content, `content-${index}`));
  const styles = [];
  for (const [index, { painting, mask, ...rest }] of inputs.styles.entries()) {
    styles.push({
      ...rest,
      painting: await store(painting, `style-${index}`),
      mask: mask && (await store(mask, `style-mask-${index}`)),
    });
  }
  const masks = [];
  for (const [index, mask] of inputs.masks.entries()) masks.push(await store(mask, `mask-${index}`));
  return { contents, styles, masks };
}
