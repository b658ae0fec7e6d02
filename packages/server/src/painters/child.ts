/**
 * A painting process: it has the models, an engine each, and does the tasks that its pool sends.
 * What comes from outside is decoded here and not in the server, so that a picture that breaks a
 * decoder, or needs too much memory, costs one process that is replaced.
 */

import { parametersOf } from "adaattn/network";
import { AdaattnError, limitFfmpeg, loadModel, type Model } from "adaattn/node";
import { DECODER_PATIENCE, VIDEO_DEMUXERS } from "../video/kinds.ts";
import { UnreadableUpload } from "./materials.ts";
import type { Fault, FromPainter, PainterOptions, Results, Task, ToPainter } from "./messages.ts";
import { inspect, modelNamed, paintPicture, paintSegment } from "./paint.ts";
import { StyleCache } from "./styleCache.ts";

/** How often its memory is looked at, in milliseconds. */
const WATCH_EVERY = 200;

const options = JSON.parse(process.argv[2] ?? "{}") as PainterOptions;
limitFfmpeg({ formats: VIDEO_DEMUXERS, memory: options.memory, patience: DECODER_PATIENCE });
const models = new Map<string, Model>();
const cache = new StyleCache();
const underWay = new Map<number, AbortController>();

function send(message: FromPainter): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

// Signals are for the server, which lets its painters end what they do.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.on("disconnect", end);
setInterval(() => {
  if (process.memoryUsage.rss() > options.memory) process.send?.({ outOfMemory: true }, undefined, undefined, end);
}, WATCH_EVERY).unref();

/** `process.exit` would wait for the engine's thread, which cannot be stopped within a run. */
function end(): void {
  process.kill(process.pid, "SIGKILL");
}

process.on("message", (message: ToPainter) => {
  if ("cancel" in message) {
    underWay.get(message.cancel)?.abort();
    return;
  }
  const { id, task } = message;
  const controller = new AbortController();
  underWay.set(id, controller);
  work(id, task, controller.signal)
    .then(
      (value) => send({ id, value }),
      (error: unknown) => send({ id, ...described(named(error, task), controller.signal) }),
    )
    .finally(() => underWay.delete(id));
});

function work(id: number, task: Task, signal: AbortSignal): Promise<Results[keyof Results]> {
  if (task.kind === "inspect") return inspect(task, signal);
  const reading = { model: modelNamed(models, task.model), cache, pixels: task.pixels ?? options.pixels, signal };
  if (task.kind === "picture") return paintPicture(task, reading);
  return paintSegment(task, reading, (progress) => send({ id, progress }));
}

/** The error with a word for each file of the task instead of where it lies on this machine. */
function named(error: unknown, task: Task): unknown {
  if (task.kind !== "segment" || !(error instanceof AdaattnError)) return error;
  const message = error.message.replaceAll(task.source, "the content").replaceAll(task.output, "the video");
  return new AdaattnError(error.code, message, { cause: error });
}

function described(error: unknown, signal: AbortSignal): { error: string; fault: Fault } {
  const message = error instanceof Error ? error.message : String(error);
  if (signal.aborted) return { error: "It was cancelled.", fault: "cancelled" };
  if (error instanceof UnreadableUpload) return { error: message, fault: "upload" };
  return { error: message, fault: error instanceof AdaattnError ? error.code : "internal" };
}

const { device, threads } = options;
for (const name of options.models) {
  const model = await loadModel(name, { device, threads });
  models.set(model.name, model);
}
send({
  ready: [...models.values()].map(({ name, architecture }) => ({
    name,
    architecture: architecture.name,
    parameters: [...parametersOf(architecture).values()].reduce(
      (sum, shape) => sum + shape.reduce((product, length) => product * length, 1),
      0,
    ),
  })),
});
