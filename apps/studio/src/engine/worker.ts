/**
 * The worker that paints: it owns the engine, the models, the pictures that the page gave it, and
 * the styles made of them.
 */

import type { StyleOptions } from "adaattn";
import {
  type CallOptions,
  type Device,
  fetchFile,
  fetchModel,
  fitWithin,
  Model,
  type Picture,
  probeWebGpu,
  problemCode,
  type RuntimeBuild,
  type RuntimeFiles,
  type Style,
  WebEngine,
  WebProblem,
} from "adaattn/web";
import { partOf, WHOLE } from "../parting.ts";
import { paint, resize } from "./paint.ts";
import type {
  AttentionRequest,
  FromWorker,
  Kind,
  Look,
  Looked,
  Opened,
  OpenRequest,
  Painted,
  PaintRequest,
  Photo,
  Report,
  Requests,
  Share,
  ToWorker,
} from "./protocol.ts";
import { Scenes } from "./scenes.ts";

/** Styles that are kept; the least recently used goes first. */
const MOST_STYLES = 12;

/** Where each stage of a stylization lies in its progress. */
const BEGINS = { style: 0, encode: 0.05, attend: 0.3, decode: 0.7, paint: 0.3 } as const;
const LENGTHS = { style: 0.05, encode: 0.25, attend: 0.4, decode: 0.3, paint: 0.7 } as const;

interface Call {
  readonly signal: AbortSignal;
  readonly report: (report: Report) => void;
}

const pictures = new Map<string, Picture>();
const models = new Map<string, Promise<Model>>();
const styles = new Map<string, Promise<Style>>();
const calls = new Map<number, AbortController>();
const scenes = new Scenes();
let opened: { readonly device: Device; readonly base: string; engine: WebEngine | undefined } | undefined;

const send = (message: FromWorker, transfer: Transferable[] = []) => self.postMessage(message, { transfer });

async function open({ device, base }: OpenRequest, { signal, report }: Call): Promise<Opened> {
  const runtime = { files: (build: RuntimeBuild) => fetchRuntime(build, base, signal, report) };
  const probed = device === "cpu" ? undefined : await probeWebGpu({ ...runtime, allowSoftware: device === "webgpu" });
  signal.throwIfAborted();
  if (probed !== undefined && "engine" in probed) {
    opened = { device: "webgpu", base, engine: probed.engine };
    probed.engine.lost.then((sentence) => send({ lost: { code: "gpuLost", sentence } }));
    return { device: "webgpu", reason: undefined };
  }
  if (probed !== undefined && device === "webgpu") throw new WebProblem(probed.code, probed.reason);
  const engine = await WebEngine.create({ ...runtime, device: "cpu" });
  opened = { device: "cpu", base, engine };
  return { device: "cpu", reason: probed && { code: probed.code, sentence: probed.reason } };
}

async function fetchRuntime(
  build: RuntimeBuild,
  base: string,
  signal: AbortSignal,
  report: Call["report"],
): Promise<RuntimeFiles> {
  const { script, wasm, sha256, bytes } = STUDIO_FILES.engine[build];
  const onProgress = (received: number, total: number | undefined) => report({ stage: "engine", received, total });
  const content = await fetchFile(new URL(wasm, base).href, { sha256, bytes, signal, onProgress });
  return { script: new URL(script, base).href, wasm: content };
}

function modelNamed(name: string, { signal, report }: Call): Promise<Model> {
  const known = models.get(name);
  if (known !== undefined) return known;
  const loading = (async () => {
    if (opened === undefined) throw new Error("Expected an open engine before a model is asked for.");
    const { base, device } = opened;
    const onProgress = (received: number, total: number | undefined) => report({ stage: "model", received, total });
    const sha256 = STUDIO_FILES.models[name]?.sha256;
    const fetched = await fetchModel(new URL(`models/${name}`, base).href, { sha256, signal, onProgress });
    report({ stage: "prepare" });
    // The first model takes the engine that was probed; a model owns its engine.
    const engine = opened.engine ?? (await WebEngine.create({ device }));
    opened.engine = undefined;
    return Model.load(fetched.name, fetched.architecture, fetched.weights, engine);
  })();
  models.set(name, loading);
  loading.catch(() => models.delete(name));
  return loading;
}

function pictureOf(photo: Photo): Picture {
  if (typeof photo !== "string") return photo;
  const picture = pictures.get(photo);
  if (picture === undefined) throw new Error(`Expected a picture that was given before but received ${photo}.`);
  return picture;
}

/** Pictures at other sizes; the last that were made are kept. */
const resized = new Map<string, Picture>();

function forget(picture: string): void {
  pictures.delete(picture);
  for (const key of resized.keys()) if (key.startsWith(`${picture} `)) resized.delete(key);
  for (const [key, style] of styles) {
    if (JSON.parse(key)[1] !== picture) continue;
    styles.delete(key);
    style.then((one) => one.dispose()).catch(() => undefined);
  }
}

function pictureAt(photo: Photo, longerSide: number | undefined): Picture {
  const picture = pictureOf(photo);
  const { width, height } = picture;
  if (longerSide === undefined || longerSide === Math.max(width, height)) return picture;
  const key = typeof photo === "string" ? `${photo} ${longerSide}` : undefined;
  const known = key === undefined ? undefined : resized.get(key);
  if (known !== undefined) return known;
  const made = resize(picture, fitWithin(width, height, longerSide));
  if (key !== undefined) {
    if (resized.size > 4) resized.clear();
    resized.set(key, made);
  }
  return made;
}

async function styleOf(model: Model, painting: string, look: Look, { signal }: CallOptions): Promise<Style> {
  const key = JSON.stringify([model.name, painting, look.stroke, look.rotate, look.part]);
  const known = styles.get(key);
  styles.delete(key);
  const { part = WHOLE, ...controls } = look;
  const making = known ?? model.style(partOf(pictureOf(painting), part), { ...controls, signal });
  styles.set(key, making);
  making.catch(() => styles.get(key) === making && styles.delete(key));
  for (const [old, style] of styles) {
    if (styles.size <= MOST_STYLES) break;
    styles.delete(old);
    style.then((one) => one.dispose()).catch(() => undefined);
  }
  try {
    return await making;
  } catch (error) {
    // Another call that shared it was cancelled, not this one.
    if (known !== undefined && !signal?.aborted) return styleOf(model, painting, look, { signal });
    throw error;
  }
}

/** A style of a small copy of a painting, which is not kept. */
function smallStyle(
  model: Model,
  painting: string,
  { part = WHOLE, ...controls }: Look,
  options: Pick<StyleOptions, "size" | "signal">,
): Promise<Style> {
  return model.style(partOf(pictureOf(painting), part), { ...controls, ...options });
}

async function paintShares(request: PaintRequest, call: Call): Promise<Painted> {
  const { model: name, photo, shares, longerSide, paintingSide, clip, ...controls } = request;
  const { signal, report } = call;
  const model = await modelNamed(name, call);
  report({ stage: "paint", fraction: 0 });
  const made = [];
  for (const { painting, look, weight, mask } of shares satisfies readonly Share[]) {
    const style =
      paintingSide === undefined
        ? await styleOf(model, painting, look, { signal })
        : await smallStyle(model, painting, look, { size: paintingSide, signal });
    made.push({ style, weight, mask });
  }
  const onProgress: CallOptions["onProgress"] = ({ stage, fraction }) =>
    report({ stage: "paint", fraction: BEGINS[stage] + LENGTHS[stage] * fraction });
  const picture = pictureAt(photo, longerSide);
  const statistics = clip === undefined ? undefined : scenes.next(clip, picture);
  try {
    return await paint(model, picture, made, { ...controls, statistics, signal, onProgress });
  } finally {
    if (paintingSide !== undefined) for (const { style } of made) style.dispose();
  }
}

async function look<T>(
  request: AttentionRequest,
  call: Call,
  find: (model: Model, photo: Picture, style: Style) => Promise<T>,
): Promise<Looked<T>> {
  const model = await modelNamed(request.model, call);
  const style = await styleOf(model, request.painting, request.look, call);
  const photo = pictureAt(request.photo, request.longerSide);
  const found = await find(model, photo, style);
  return { found, painting: style.source.painting, photo: { width: photo.width, height: photo.height } };
}

type Handlers = { readonly [K in Kind]: (ask: Requests[K]["ask"], call: Call) => Promise<Requests[K]["answer"]> };

const handlers: Handlers = {
  open,
  keep: async ({ key, picture }) => {
    pictures.set(key, picture);
    return null;
  },
  fetch: async ({ model }, { signal }) => {
    if (opened !== undefined && !models.has(model)) {
      await fetchModel(new URL(`models/${model}`, opened.base).href, {
        sha256: STUDIO_FILES.models[model]?.sha256,
        signal,
      });
    }
    return null;
  },
  prepare: async ({ model }, call) => {
    await modelNamed(model, call);
    return null;
  },
  forget: async ({ key }) => {
    forget(key);
    return null;
  },
  paint: paintShares,
  attention: ({ points, ...request }, call) =>
    look(request, call, (model, photo, style) =>
      model.attention(photo, style, points, { level: request.level, signal: call.signal }),
    ),
  map: (request, call) =>
    look(request, call, (model, photo, style) => {
      const onProgress: CallOptions["onProgress"] = ({ fraction }) => call.report({ stage: "paint", fraction });
      return model.attentionMap(photo, style, { level: request.level, signal: call.signal, onProgress });
    }),
};

async function answer<K extends Kind>(id: number, kind: K, ask: Requests[K]["ask"]): Promise<void> {
  const controller = new AbortController();
  calls.set(id, controller);
  try {
    const call = { signal: controller.signal, report: (report: Report) => send({ id, report }) };
    const result = await handlers[kind](ask, call);
    const transfer = kind === "paint" ? [(result as Painted).data.buffer] : [];
    send({ id, answer: result }, transfer);
  } catch (error) {
    send({
      id,
      failure: { code: problemCode(error), sentence: error instanceof Error ? error.message : String(error) },
      isAborted: controller.signal.aborted,
    });
  } finally {
    calls.delete(id);
  }
}

self.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  if ("cancel" in data) calls.get(data.cancel)?.abort(new DOMException("The call was cancelled.", "AbortError"));
  else answer(data.id, data.kind, data.ask);
});
