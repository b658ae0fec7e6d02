/**
 * What the page knows: the view, the photograph, the paintings, the settings, and the notices to
 * the user.
 */

import { batch, effect, signal } from "@preact/signals";
import type { Device, Picture } from "adaattn";
import { STYLE_SIDE } from "adaattn/internal";
import { rotatePicture } from "adaattn/web";
import { Engine } from "./engine/client.ts";
import type { Look } from "./engine/protocol.ts";
import { type Part, partOf, WHOLE } from "./parting.ts";
import {
  type BundledPainting,
  EXAMPLE_PHOTO,
  PAINTINGS,
  PHOTOS,
  paintingUrl,
  photoUrl,
  thumbnailUrl,
} from "./pictures/bundled.ts";
import { openPicture } from "./pictures/decode.ts";
import { keptPaintings } from "./pictures/kept.ts";
import {
  DEFAULTS,
  fromParameters,
  History,
  MOST_PAINTINGS,
  type Settings,
  toParameters,
  withPaintings,
} from "./settings.ts";
import { sentenceOf } from "./texts/problems.ts";
import { nameOf, t } from "./texts/texts.ts";

export const VIEWS = ["picture", "attention", "live", "video"] as const;
export type View = (typeof VIEWS)[number];

/** A photograph that was opened. */
export interface Photo {
  /** Unique for each that is opened. */
  readonly key: string;
  readonly name: string;
  readonly picture: Picture;
  /** As it was opened, and what was made of that. */
  readonly original: Picture;
  readonly cut: Cut;
  /** Of the bundled photographs, for links. */
  readonly sample: string | undefined;
}

/** How a photograph was turned, clockwise by quarters, and which part was then taken. */
export interface Cut {
  readonly quarters: number;
  readonly part: Part;
}

const UNCUT: Cut = { quarters: 0, part: WHOLE };

/** A painting that can be chosen. */
export interface Painting {
  readonly id: string;
  readonly title: string;
  /** Where its small picture is shown from. */
  readonly url: string;
  /** Who made it; undefined for the user's own. */
  readonly credit: BundledPainting | undefined;
}

/** A sentence for the user. */
export interface Notice {
  readonly text: string;
  readonly isProblem: boolean;
}

const asked = new URL(location.href);
const [viewAsked = "", linked = ""] = asked.hash.slice(1).split("?");
const parameters = new URLSearchParams(linked);
const isBundled = (id: string) => PAINTINGS.some((painting) => painting.id === id);

export const view = signal<View>(VIEWS.find((one) => one === viewAsked) ?? "picture");
export const photo = signal<Photo | undefined>(undefined);
export const settings = new History(fromParameters(parameters, isBundled));
/** The bundled photograph that is open or being opened, for links. */
const sample = signal<string | undefined>(undefined);
export const notice = signal<Notice | undefined>(undefined);
export const paintings = signal<readonly Painting[]>(
  PAINTINGS.map((credit) => ({ id: credit.id, title: credit.title, url: thumbnailUrl(credit.id), credit })),
);

const device = (["cpu", "webgpu"] as const).find((one): one is Device => one === asked.searchParams.get("device"));
export const engine = new Engine(device ?? "auto", (failure) =>
  say(t("engine.recovered", { reason: sentenceOf(failure) })),
);

/** The model for pictures, and the one for moving ones, which is faster where there is one. */
export const PICTURE_MODEL = "small";
export const VIDEO_MODEL = STUDIO_FILES.models["small-video"] === undefined ? "small" : "small-video";

export function say(text: string): void {
  notice.value = { text, isProblem: false };
}

/** Shows what went wrong; a call that was cancelled is nothing to be shown. */
export function complain(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  notice.value = { text: sentenceOf(error), isProblem: true };
}

/**
 * Marks the entries of the browser's history that the page made: going back to one changes the view
 * and nothing else.
 */
const OWN = { isStudio: true };

/** Settings and a bundled photograph as the parameters of an address. */
export function linkOf(set: Settings, photo: string | undefined): string {
  const link = toParameters(set, isBundled);
  if (photo !== undefined) link.set("photo", photo);
  return String(link);
}

/** The address mirrors what is shown, so that it can be shared. */
effect(() => {
  const link = linkOf(settings.value, sample.value);
  const hash = `#${view.value}${link === "" ? "" : `?${link}`}`;
  history.replaceState(OWN, "", `${location.pathname}${location.search}${hash}`);
});

/** Shows another view, which can be left by the browser's Back. */
export function show(name: View): void {
  if (view.peek() === name) return;
  history.pushState(OWN, "", `#${name}`);
  view.value = name;
}

addEventListener("popstate", ({ state }: PopStateEvent) => {
  const [name = "", rest = ""] = location.hash.slice(1).split("?");
  view.value = VIEWS.find((one) => one === name) ?? view.peek();
  if (state?.isStudio || rest === "") return;
  // The user followed a link or wrote an address.
  follow(rest);
});

/** Sets what the parameters of an address say, and opens their photograph. */
export function follow(parameters: string): void {
  const link = new URLSearchParams(parameters);
  const { regions: _, ...linked } = fromParameters(link, isBundled);
  // At once, so that the address never is that of the new settings with the old photograph: a
  // reload may come at any moment.
  batch(() => {
    settings.change({ ...linked, ...withPaintings(settings.value, linked.paintings) });
    openSample(link.get("photo") ?? "");
  });
}

let count = 0;
/**
 * The photograph that was asked for last; one that comes later but was asked for before is not
 * shown.
 */
let lastAsked = 0;

/** Opens a photograph from a file. */
export async function openPhoto(file: Blob, name: string, from?: string, ask = ++lastAsked): Promise<void> {
  try {
    const { picture, note } = await openPicture(file, name);
    if (ask !== lastAsked) return;
    sample.value = from;
    showPhoto({ name, picture, original: picture, cut: UNCUT, sample: from });
    notice.value = note === undefined ? undefined : { text: note, isProblem: false };
  } catch (error) {
    complain(error);
  }
}

/** Shows a photograph in the place of the one before; regions are painted on one photograph. */
function showPhoto(shown: Omit<Photo, "key">): void {
  const key = `photo ${++count}`;
  engine.keep(key, shown.picture);
  if (settings.value.regions !== undefined) settings.change({ regions: undefined });
  const before = photo.peek();
  photo.value = { ...shown, key };
  if (before !== undefined) engine.forget(before.key);
}

/** Turns and cuts the photograph, always out of what was opened. */
export function cutPhoto(cut: Cut): void {
  const opened = photo.peek();
  if (opened === undefined) return;
  const { original } = opened;
  showPhoto({ ...opened, picture: partOf(rotatePicture(original, 90 * cut.quarters), cut.part), cut });
}

/** Opens a bundled photograph; an unknown name does nothing. */
export async function openSample(id: string): Promise<void> {
  const found = PHOTOS.find((one) => one.id === id);
  if (found === undefined || photo.peek()?.sample === id) return;
  sample.value = id;
  const ask = ++lastAsked;
  try {
    await openPhoto(await fetchBlob(photoUrl(id)), nameOf(id, found.title), id, ask);
  } catch (error) {
    complain(error);
  }
}

/** The files of the user's own paintings. */
const own = new Map<string, Blob>();

/** Adds a painting of the user's own, chooses it, and keeps it for the next visit. */
export async function addPainting(file: Blob, name: string): Promise<void> {
  try {
    const { picture } = await openPicture(file, name, 2 * STYLE_SIDE);
    const added = Date.now();
    const id = `own ${added} ${++count}`;
    engine.keep(id, picture);
    given.add(id);
    const title = name.replace(/\.\w+$/, "");
    list({ id, title, file });
    settings.change(withPaintings(settings.value, [id]));
    await keptPaintings.keep({ id, title, file, added });
  } catch (error) {
    complain(error);
  }
}

function list({ id, title, file }: { readonly id: string; readonly title: string; readonly file: Blob }): void {
  own.set(id, file);
  paintings.value = [...paintings.peek(), { id, title, url: URL.createObjectURL(file), credit: undefined }];
}

/**
 * Removes a painting of the user's own, here and for later visits; until the page is left, undo
 * brings it back to the picture.
 */
export async function removePainting(id: string): Promise<void> {
  const removed = paintings.peek().find((painting) => painting.id === id);
  if (removed === undefined || removed.credit !== undefined) return;
  paintings.value = paintings.peek().filter((painting) => painting !== removed);
  URL.revokeObjectURL(removed.url);
  const others = settings.value.paintings.filter((one) => one !== id);
  settings.change(withPaintings(settings.value, others.length > 0 ? others : DEFAULTS.paintings));
  await keptPaintings.drop(id);
}

keptPaintings.all().then((kept) => kept.forEach(list), complain);

/** Chooses a painting, or takes it away where it is chosen and not the only one. */
export function togglePainting(id: string, isMixed: boolean): void {
  const chosen = settings.value.paintings;
  if (!isMixed) {
    if (chosen.length !== 1 || chosen[0] !== id) choosePaintings([id]);
  } else if (chosen.includes(id)) {
    if (chosen.length > 1) choosePaintings(chosen.filter((one) => one !== id));
  } else if (chosen.length >= MOST_PAINTINGS) {
    notice.value = { text: t("paintings.most"), isProblem: true };
  } else {
    choosePaintings([...chosen, id]);
  }
}

export function choosePaintings(ids: readonly string[]): void {
  settings.change(withPaintings(settings.value, ids));
  // Who has no photograph yet sees the painting at work on the example's.
  if (photo.peek() === undefined && view.peek() === "picture" && sample.peek() === undefined) {
    openSample(EXAMPLE_PHOTO);
  }
}

const given = new Set<string>();

/** Sees to it that the engine can have a painting. */
export async function givePainting(id: string): Promise<void> {
  if (given.has(id)) return;
  const file = own.get(id) ?? (await fetchBlob(paintingUrl(id)));
  const { picture } = await openPicture(file, id, own.has(id) ? 2 * STYLE_SIDE : undefined);
  engine.keep(id, picture);
  given.add(id);
}

async function fetchBlob(url: string): Promise<Blob> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} cannot be fetched: the server answered ${response.status}.`);
  return response.blob();
}

/** What a painting is called in the names of files: bundled ones by their ids, others by their titles. */
export function nameInFiles(id: string): string {
  return own.has(id) ? (paintings.peek().find((painting) => painting.id === id)?.title ?? id) : id;
}

/** How a painting is looked at. */
export function lookOf(painting: string): Look {
  const { stroke, rotate, parts } = settings.value;
  return { stroke, rotate, part: parts[painting] };
}

/** Opens the photograph of the address; its name is in the language that is chosen by then. */
export const openLinked = (): Promise<void> => openSample(parameters.get("photo") ?? "");
