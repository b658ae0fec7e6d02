/**
 * What the user has set for the picture, as one immutable record with a history; and the same as
 * the part of an address after #.
 */

import { computed, type Signal, signal } from "@preact/signals";
import type { PaintControls } from "adaattn/web";
import { type Part, readPart, writePart } from "./parting.ts";
import { type Regions, regionsFor } from "./regions.ts";

/** Where the marker stands on the mixing pad, from 0 to 1 from its left and top edge. */
export interface PadPoint {
  readonly x: number;
  readonly y: number;
}

export interface Settings {
  /** Ids of one to four paintings. */
  readonly paintings: readonly string[];
  readonly pad: PadPoint;
  readonly strength: number;
  readonly color: NonNullable<PaintControls["color"]>;
  /** How large strokes are, from half to twice. */
  readonly stroke: number;
  /** How far the painting is turned, in degrees from -180 to 180. */
  readonly rotate: number;
  /** How much brushwork grows where the photograph is flat, from 0 to 1. */
  readonly grain: number;
  /** The parts of paintings that are used, by painting; all of it where none is said. */
  readonly parts: Readonly<Record<string, Part>>;
  /**
   * Where each painting goes, at least one of those that are chosen; undefined where they go
   * everywhere.
   */
  readonly regions: Regions | undefined;
}

export const MOST_PAINTINGS = 4;

export const DEFAULTS: Settings = {
  paintings: ["van-gogh-starry-night"],
  pad: { x: 0.5, y: 0.5 },
  strength: 1,
  color: "style",
  stroke: 1,
  rotate: 0,
  grain: 0,
  parts: {},
  regions: undefined,
};

/** How many changes can be taken back. */
const MOST_UNDONE = 60;

/**
 * Settings with undo: successive changes that carry the same mark, such as the steps of one drag,
 * are taken back as one.
 */
export class History {
  readonly #past = signal<readonly Settings[]>([]);
  readonly #future = signal<readonly Settings[]>([]);
  readonly #now;
  readonly canUndo = computed(() => this.#past.value.length > 0);
  readonly canRedo = computed(() => this.#future.value.length > 0);
  #mark: string | undefined;

  constructor(begin: Settings) {
    this.#now = signal(begin);
  }

  get value(): Settings {
    return this.#now.value;
  }

  change(part: Partial<Settings>, mark?: string): void {
    const now = this.#now.peek();
    if (mark === undefined || mark !== this.#mark) {
      this.#past.value = [...this.#past.peek().slice(-MOST_UNDONE + 1), now];
    }
    this.#mark = mark;
    this.#future.value = [];
    this.#now.value = { ...now, ...part };
  }

  /** Ends what counts as one change. */
  settle(): void {
    this.#mark = undefined;
  }

  undo(): void {
    this.#step(this.#past, this.#future);
  }

  redo(): void {
    this.#step(this.#future, this.#past);
  }

  #step(from: Signal<readonly Settings[]>, to: Signal<readonly Settings[]>): void {
    const next = from.peek().at(-1);
    if (next === undefined) return;
    from.value = from.peek().slice(0, -1);
    to.value = [...to.peek(), this.#now.peek()];
    this.#now.value = next;
    this.#mark = undefined;
  }
}

/**
 * Other paintings: the only one takes over all regions; else those of paintings that are no longer
 * chosen go.
 */
export function withPaintings(now: Settings, paintings: readonly string[]): Pick<Settings, "paintings" | "regions"> {
  return { paintings, regions: now.regions && regionsFor(now.regions, paintings) };
}

const round = (value: number) => Math.round(value * 100) / 100;

/**
 * The settings as the parameters of an address; what is as by default, own paintings and regions
 * are left out.
 */
export function toParameters(settings: Settings, isLinkable: (painting: string) => boolean): URLSearchParams {
  const parameters = new URLSearchParams();
  const paintings = settings.paintings.filter(isLinkable);
  if (paintings.join() !== DEFAULTS.paintings.join() && paintings.length > 0)
    parameters.set("paintings", paintings.join());
  if (paintings.length > 1) parameters.set("mix", `${round(settings.pad.x)},${round(settings.pad.y)}`);
  for (const name of ["strength", "stroke", "rotate", "grain"] as const) {
    if (settings[name] !== DEFAULTS[name]) parameters.set(name, String(round(settings[name])));
  }
  // One for each painting, in their order.
  const parts = paintings.map((id) => settings.parts[id]);
  if (parts.some(Boolean)) parameters.set("parts", parts.map((part) => (part ? writePart(part) : "")).join(";"));
  if (settings.color !== DEFAULTS.color) parameters.set("color", settings.color);
  return parameters;
}

/**
 * Settings from the parameters of an address, which anybody may have written: what does not fit is
 * as by default.
 */
export function fromParameters(parameters: URLSearchParams, isKnown: (painting: string) => boolean): Settings {
  const number = (name: string, least: number, most: number, otherwise: number) => {
    const text = parameters.get(name);
    const value = Number(text);
    return text === null || text === "" || Number.isNaN(value) ? otherwise : Math.min(most, Math.max(least, value));
  };
  const paintings = [...new Set(parameters.get("paintings")?.split(","))].filter(isKnown).slice(0, MOST_PAINTINGS);
  const [x = Number.NaN, y = Number.NaN] = (parameters.get("mix") ?? "").split(",").map(Number);
  const isInside = x >= 0 && x <= 1 && y >= 0 && y <= 1;
  const color = (["style", "content", "match"] as const).find((one) => one === parameters.get("color"));
  const chosen = paintings.length > 0 ? paintings : DEFAULTS.paintings;
  const written = (parameters.get("parts") ?? "").split(";");
  const parts = chosen.flatMap((id, index) => {
    const part = readPart(written[index] ?? "");
    return part === undefined ? [] : [[id, part] as const];
  });
  return {
    paintings: chosen,
    pad: parameters.has("mix") && isInside ? { x, y } : DEFAULTS.pad,
    strength: number("strength", 0, 2, DEFAULTS.strength),
    color: color ?? DEFAULTS.color,
    stroke: number("stroke", 0.5, 2, DEFAULTS.stroke),
    rotate: number("rotate", -180, 180, DEFAULTS.rotate),
    grain: number("grain", 0, 1, DEFAULTS.grain),
    parts: Object.fromEntries(parts),
    regions: undefined,
  };
}
