/** What a job depends on, so that it goes on only with the same. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { fingerprintOfModel } from "adaattn/internal/node";
import type { VideoSource } from "../../files/frames.ts";
import type { VideoOptions } from "./options.ts";

/** All that decides what frames look like: a job goes on only with the same. */
export async function factsOf(
  { path, size, rate }: Pick<VideoSource, "path" | "size" | "rate">,
  options: VideoOptions,
): Promise<unknown> {
  const identity = async (file: string) => {
    const found = await stat(file).catch(() => undefined);
    return found ? { file: resolve(file), bytes: found.size, modified: found.mtimeMs } : { file };
  };
  const { version, look, paint, fade, start = 0, end = null, model, film, frames, signal } = options;
  return {
    version,
    size,
    rate,
    look,
    paint,
    fade,
    start,
    end,
    model,
    target: film?.target ?? null,
    frames: frames === undefined ? null : resolve(frames),
    weights: await fingerprintOfModel(model, signal),
    input: await identity(path),
    styles: await Promise.all(options.styles.map(async (style) => ({ ...style, ...(await identity(style.path)) }))),
    masks: await Promise.all([...options.masks, ...options.styleMasks].map(identity)),
  };
}
