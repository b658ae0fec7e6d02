/** What a painting process does: a picture, a stretch of a video, or a look at a header. */

import { perSecond } from "adaattn/internal/node";
import {
  AdaattnError,
  encodePicture,
  FrameReader,
  FrameWriter,
  ffmpegAbilities,
  fitWithin,
  inspectPicture,
  type KeyStyle,
  type Model,
  type PictureFormat,
  probeVideo,
  resizePicture,
  type StyleShare,
  type StylizedPicture,
  segmentFormat,
  stylizeVideo,
  type VideoFrame,
} from "adaattn/node";
import { explainReading, type Reading, readUpload, withStyles } from "./materials.ts";
import type { InspectTask, PictureTask, ResultFormat, Results, SegmentProgress, SegmentTask } from "./messages.ts";

/** How long the longer side of a preview is. */
const PREVIEW = 256;

/** How often a segment sends one, in milliseconds. */
const PREVIEW_EVERY = 2000;

export async function paintPicture(task: PictureTask, reading: Reading): Promise<Results["picture"]> {
  const { content, size, longest, paint, strokeBy, quality } = task;
  const { model, pixels, signal } = reading;
  const begun = performance.now();
  const wanted = size === undefined ? { longestSide: longest } : { longerSide: size };
  const picture = await readUpload(content.path, { ...wanted, mostPixels: pixels, name: "the content", signal });
  const read = performance.now();
  return withStyles(task, reading, async (shares) => {
    const styled = performance.now();
    const result = await model.stylize(picture, shares, { ...paint, strokeBy, size: "full", signal });
    const painted = performance.now();
    const format = task.format ?? formatLike(picture.source.format);
    const bytes = await encodePicture(result, format, { quality, signal });
    return {
      bytes,
      format,
      width: result.width,
      height: result.height,
      notes: [...new Set([...shares.flatMap(({ style }) => style.notes), ...result.notes])],
      milliseconds: {
        read: read - begun,
        style: styled - read,
        ...result.milliseconds,
        write: performance.now() - painted,
      },
    };
  });
}

/** The content's own format, where it is one that results have. */
function formatLike(format: PictureFormat): ResultFormat {
  return format === "tiff" || format === "gif" ? "png" : format;
}

export function paintSegment(
  task: SegmentTask,
  reading: Reading,
  onProgress: (progress: SegmentProgress) => void,
): Promise<Results["segment"]> {
  return withStyles(task, reading, async (shares) => {
    const { source, size, rate, from, to, seek, lead } = task;
    const { signal } = reading;
    const abilities = await ffmpegAbilities(signal);
    const info = await probeVideo(source, signal);
    const stretch = { from: from - lead, to, seek };
    await using frames = new FrameReader(info, abilities, { size, rate, stretch });
    const format = segmentFormat(task.output, size, task.target, abilities);
    // Encoders with more threads decide otherwise, and the film would depend on who painted it.
    const single = { ...format, args: [...format.args, "-threads", "1"] };
    await using writer = new FrameWriter(task.output, { name: "the video", size, rate, format: single });
    let count = 0;
    let shown = Number.NEGATIVE_INFINITY;
    const notes = new Set<string>(shares.flatMap(({ style }) => style.notes));
    const options = { ...task.paint, fade: task.fade, signal, lead };
    const begin = task.first / perSecond(rate);
    const painting = stylizeVideo(reading.model, since(frames, begin), keyStyles(shares, task), options);
    for await (const { picture } of painting) {
      signal.throwIfAborted();
      await writer.write(picture);
      for (const note of picture.notes) notes.add(note);
      count++;
      const isDue = performance.now() - shown > PREVIEW_EVERY;
      if (isDue) shown = performance.now();
      onProgress({ frames: count, ...(isDue && { preview: await previewOf(picture) }) });
    }
    if (count !== to - from) {
      throw new Error(`Expected ${to - from} frames of the video but its decoder gave ${count}.`);
    }
    await writer.finish();
    return { frames: count, notes: [...notes] };
  });
}

/** Frames with their times counted from the film's first. */
async function* since(frames: AsyncIterable<VideoFrame>, begin: number): AsyncGenerator<VideoFrame, void, undefined> {
  for await (const { picture, seconds } of frames) yield { picture, seconds: Math.max(0, seconds - begin) };
}

/** Styles of one time are mixed, and those of different times follow each other. */
function keyStyles(shares: readonly StyleShare[], { styles }: SegmentTask): KeyStyle[] {
  const keys = new Map<number, StyleShare[]>();
  for (const [index, share] of shares.entries()) {
    const seconds = styles[index]?.seconds ?? 0;
    keys.set(seconds, [...(keys.get(seconds) ?? []), share]);
  }
  return [...keys].map(([seconds, style]) => ({ seconds, style }));
}

export async function previewOf(picture: StylizedPicture): Promise<Uint8Array> {
  const { width, height } = picture;
  const small =
    Math.max(width, height) <= PREVIEW ? picture : resizePicture(picture, fitWithin(width, height, PREVIEW));
  return encodePicture(small, "jpeg", { quality: 80 });
}

export async function inspect({ file, name, pixels }: InspectTask, signal: AbortSignal): Promise<Results["inspect"]> {
  try {
    return await inspectPicture(file, { mostPixels: pixels, name, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw explainReading(error);
  }
}

/** The model that a task names. */
export function modelNamed(models: ReadonlyMap<string, Model>, name: string): Model {
  const model = models.get(name);
  if (model === undefined)
    throw new AdaattnError(
      "option",
      `Expected one of ${[...models.keys()].join(", ")} for the model but received ${name}.`,
    );
  return model;
}
