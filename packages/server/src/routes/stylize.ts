/** `POST /v1/stylize`: a photograph and paintings in, the picture out. */
import { createHash } from "node:crypto";
import { paintControls } from "adaattn/internal";
import type { FastifyReply } from "fastify";
import type { Api } from "../http/api.ts";
import { readUpload } from "../http/upload.ts";
import { chooseStyles, type Input, STYLE_PARTS, styleParts } from "../inputs.ts";
import type { InputFile, PictureResult, PictureTask } from "../painters/messages.ts";
import { PaintError } from "../painters/painter.ts";
import { QueueFull } from "../painters/pool.ts";
import { Problem, parse } from "../problem.ts";
import { type CachedResult, ResultCache } from "../resultCache.ts";
import { stylizeOptions } from "../schemas.ts";
import type { Services } from "../services.ts";
import { MEDIA_TYPES } from "../video/kinds.ts";

/** Whoever asked has gone away. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

export function addStylize(api: Api, services: Services): void {
  const { pool, limits, metrics, scratch, slots } = services;
  const cache = new ResultCache(limits.cacheBytes);
  api.add(
    {
      method: "POST",
      url: "/v1/stylize",
      id: "stylize",
      summary: "Paint a photograph",
      description:
        "Answers with the picture. The header Server-Timing says how long each stage took, and X-Adaattn-Note what was done to masks that did not fit.",
      upload: {
        parts: { content: { description: "The photograph.", isRequired: true }, ...STYLE_PARTS },
        options: stylizeOptions,
      },
      answers: {
        200: {
          description: "The picture.",
          body: "image/*",
          headers: {
            etag: "What the picture depends on.",
            "server-timing": "How long each stage took, or that it was known already.",
            "x-adaattn-note": "What was done to masks that did not fit.",
          },
        },
      },
      problems: [
        ...(["bad-request", "invalid-options", "not-found", "slow-upload", "too-large", "unsupported-type"] as const),
        ...(["unreadable", "too-late", "no-space"] as const),
      ],
    },
    async (request, reply) => {
      // Whoever cannot be served is told before he has sent everything.
      pool.checkRoom();
      await using upload = await readUpload(request, {
        scratch,
        limits,
        slots,
        bytes: limits.uploadBytes,
        parts: { content: { most: 1, bytes: limits.pictureBytes }, ...styleParts(limits) },
      });
      const options = parse(stylizeOptions, upload.options, "the options");
      const content = upload.file("content");
      const kept = (name: string) => services.styles.get(request.owner, name);
      const { styles, masks } = await chooseStyles(upload, options.styles, kept, limits);
      if (styles.some(({ seconds }) => seconds !== undefined)) {
        throw new Problem("invalid-options", "Expected no seconds for the styles of a picture; videos are jobs.");
      }
      const model = chosenModel(services, options.model);
      const size = checkedSize(services, options.size);
      const inputs = [...styles.flatMap(({ painting, mask }) => (mask ? [painting, mask] : painting)), ...masks];
      return await lendLocal(services, inputs, async (local) => {
        const task: PictureTask = {
          kind: "picture",
          model,
          size,
          longest: limits.side,
          strokeBy: options.strokeBy,
          format: options.format,
          quality: options.quality,
          paint: paintOf(options),
          content,
          styles: styles.map((style) => ({
            ...style,
            painting: local(style.painting),
            mask: style.mask && local(style.mask),
          })),
          masks: masks.map(local),
        };
        const key = keyOf(task);
        const known = cache.get(key);
        if (known) {
          metrics.cached();
          return answer(reply, known, key);
        }
        const seconds = Math.min(options.deadline ?? limits.seconds, limits.seconds);
        const result = await pool.paint(task, untilUseless(reply, seconds, services.ending)).catch(explainPainting);
        metrics.painted(result.milliseconds);
        cache.set(key, result);
        return answer(reply, result, key, result.milliseconds);
      });
    },
  );
}

/** @throws Problem where there is no such model here. */
export function chosenModel({ pool }: Services, asked: string | undefined): string {
  const names = pool.models.map(({ name }) => name);
  if (asked !== undefined && !names.includes(asked)) {
    throw new Problem("invalid-options", `Expected one of ${names.join(", ")} for the model but received ${asked}.`);
  }
  const [first = ""] = names;
  return asked ?? first;
}

/** @throws Problem where the size is over the server's limit. */
export function checkedSize({ limits }: Services, size: number | undefined): number | undefined {
  if (size !== undefined && size > limits.side) {
    throw new Problem("invalid-options", `Expected at most ${limits.side} for the size but received ${size}.`);
  }
  return size;
}

/** The controls of the picture among the options. */
export function paintOf(options: Readonly<Record<string, unknown>>): PictureTask["paint"] {
  const names = Object.keys(paintControls.shape);
  return Object.fromEntries(Object.entries(options).filter(([name]) => names.includes(name)));
}

/** Lends inputs as files of this machine's disk, for as long as `use` takes. */
function lendLocal<Result>(
  { copies }: Services,
  inputs: readonly Input[],
  use: (local: (input: Input) => InputFile) => Promise<Result>,
): Promise<Result> {
  const stored = inputs.flatMap((input) => ("stored" in input ? { name: input.stored, bytes: input.bytes } : []));
  return copies.lend(stored, (paths) => {
    const byName = new Map(stored.map(({ name }, index) => [name, paths[index] ?? ""]));
    return use((input) => ({
      path: "path" in input ? input.path : (byName.get(input.stored) ?? ""),
      hash: input.hash,
    }));
  });
}

/** What a picture depends on. */
function keyOf({ content, styles, masks, kind: _, ...rest }: PictureTask): string {
  const made = {
    ...rest,
    content: content.hash,
    styles: styles.map(({ painting, mask, ...style }) => ({ ...style, painting: painting.hash, mask: mask?.hash })),
    masks: masks.map(({ hash }) => hash),
  };
  return createHash("sha256").update(JSON.stringify(made)).digest("hex");
}

/** Aborted when nobody would have anything from the answer any more. */
export function untilUseless(reply: FastifyReply, seconds: number, ending: AbortSignal): AbortSignal {
  const gone = new AbortController();
  const leave = () => {
    if (!reply.raw.writableFinished) gone.abort(new ClientGone("The client has gone away."));
  };
  if (reply.raw.destroyed) leave();
  reply.raw.once("close", leave);
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort(
      new Problem("too-late", `The deadline of ${seconds} s has passed. Ask for a smaller size, or submit a job.`),
    );
  }, seconds * 1000);
  reply.raw.once("close", () => clearTimeout(timer));
  return AbortSignal.any([gone.signal, late.signal, ending]);
}

/** What went wrong with a painter, as a problem. */
export function explainPainting(error: unknown): never {
  if (error instanceof QueueFull) throw queueFull(error);
  if (!(error instanceof PaintError)) throw error;
  const options = { cause: error };
  if (error.fault === "upload") throw new Problem("unreadable", error.message, options);
  if (error.fault === "option") throw new Problem("invalid-options", error.message, options);
  if (error.fault === "memory") throw new Problem("too-large", error.message, options);
  if (error.fault === "died") {
    throw new Problem("unavailable", "The painting process has died. Try again.", {
      ...options,
      headers: { "retry-after": "2" },
    });
  }
  throw error;
}

export function queueFull(error: QueueFull): Problem {
  return new Problem("too-many", error.message, { headers: { "retry-after": String(error.seconds) }, cause: error });
}

function answer(reply: FastifyReply, result: CachedResult, key: string, times?: PictureResult["milliseconds"]) {
  reply.header("content-type", MEDIA_TYPES[result.format]);
  reply.header("etag", `"${key}"`);
  reply.header("cache-control", "private, no-cache");
  if (result.notes.length > 0) reply.header("x-adaattn-note", result.notes.join(" ").replaceAll(/[^\x20-\x7e]/g, "?"));
  const timing = Object.entries(times ?? {}).map(([stage, time]) => `${stage};dur=${time.toFixed(1)}`);
  reply.header("server-timing", timing.length > 0 ? timing.join(", ") : "cache");
  return reply.send(Buffer.from(result.bytes.buffer, result.bytes.byteOffset, result.bytes.length));
}
