/** What is asked of an upload before it becomes a job, and how it becomes one. */
import type { Upload, UploadedFile } from "../http/upload.ts";
import { type ChosenStyle, chooseStyles, type Input } from "../inputs.ts";
import { folderOf, type JobRecord, type JobRequest, newJobId, type StoredFile } from "../jobs/record.ts";
import { Problem, parse } from "../problem.ts";
import { bytesOf } from "../quotas.ts";
import { jobOptions } from "../schemas.ts";
import type { Services } from "../services.ts";
import { jobLimits } from "../settings.ts";
import { kindOf } from "../video/kinds.ts";
import { checkVideo } from "../video/plan.ts";
import { checkedSize, chosenModel, explainPainting, paintOf } from "./stylize.ts";

/** How long a look at a video may take, in milliseconds. */
const LOOK_MILLISECONDS = 30_000;

/** Checks an upload, puts its files where they stay, and remembers the job. */
export async function acceptJob(
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
