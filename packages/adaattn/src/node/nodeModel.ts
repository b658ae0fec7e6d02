/**
 * A model in Node, which takes pictures as files, addresses and bytes, too, and gives such as can
 * be saved in one call.
 */
import { fileURLToPath } from "node:url";
import type { Sharp } from "sharp";
import type { Engine } from "../engine/engine.ts";
import { AdaattnError } from "../error.ts";
import type { Attention, AttentionMap, Point } from "../inspect/attention.ts";
import type { Architecture } from "../network/architecture.ts";
import type { WeightValues } from "../network/parameters.ts";
import type { Picture } from "../picture/picture.ts";
import { checkControls, sizeControls, styleControls } from "../stylize/controls.ts";
import { Model } from "../stylize/model.ts";
import type { InspectOptions, StyleOptions, StyleShare, StylizedPicture, StylizeOptions } from "../stylize/options.ts";
import { Result, readMasks } from "../stylize/result.ts";
import { Sessions } from "../stylize/sessions.ts";
import { CONTENT_SIDE } from "../stylize/sizes.ts";
import type { Style } from "../stylize/style.ts";
import { fetchPicture, isAddress } from "./addresses.ts";
import { type KeptMetadata, keepMetadata, type PictureMetadata } from "./metadata.ts";
import { readPainting } from "./paintingFiles.ts";
import {
  encodePicture,
  type PictureFormat,
  readPicture,
  unlessAborted,
  type WritePictureOptions,
  writePicture,
} from "./pictures.ts";

/**
 * A picture in Node: its pixels, or what they are read from. That is the path of a file, an http,
 * https or file address as a string or URL, the bytes of a file (such as a Buffer), or a sharp
 * instance.
 */
export type PictureInput = Picture | string | URL | Uint8Array | Sharp;

/** How a result is stored. */
export interface SaveOptions extends Pick<WritePictureOptions, "quality" | "signal"> {
  /** How much of what the photograph's file says of it the result says, too; `safe` by default. */
  readonly metadata?: KeptMetadata | undefined;
}

/** A stylized picture that can be saved. */
export class SavablePicture extends Result {
  readonly #metadata: PictureMetadata | undefined;

  /** @param metadata what the photograph's file says of it. */
  constructor(picture: StylizedPicture, metadata?: PictureMetadata) {
    super(picture);
    this.#metadata = metadata;
  }

  /**
   * Writes it as a file in the format that the ending of its name says, as `writePicture` does.
   *
   * @throws Error with one sentence naming the file and what to do; the signal's reason where it is
   *   aborted.
   */
  async toFile(path: string, options: SaveOptions = {}): Promise<void> {
    await writePicture(path, this, this.#writing(options));
  }

  /**
   * The bytes of such a file.
   *
   * @throws Error with one sentence where the format cannot hold it; the signal's reason where it
   *   is aborted.
   */
  async toBuffer(format: Exclude<PictureFormat, "gif"> = "png", options: SaveOptions = {}): Promise<Buffer> {
    return Buffer.from(await encodePicture(this, format, this.#writing(options)));
  }

  #writing({ metadata: kept = "safe", ...options }: SaveOptions): WritePictureOptions {
    return { ...options, metadata: this.#metadata && keepMetadata(this.#metadata, kept) };
  }
}

/** What {@link Model} is, with pictures and masks from anywhere. */
export class NodeModel extends Model {
  static override async load(
    name: string,
    architecture: Architecture,
    weights: WeightValues,
    engine: Engine,
  ): Promise<NodeModel> {
    return new NodeModel(name, architecture, weights, engine, await Sessions.load(name, architecture, weights, engine));
  }

  /**
   * As {@link Model.style}; of a painting that is read from a file, only as much is kept as its
   * size asks for.
   *
   * @throws Error with one sentence where the painting or its mask cannot be read, too.
   */
  override async style(painting: PictureInput, options: StyleOptions<PictureInput> = {}): Promise<Style> {
    const { signal, onProgress, mask: maskInput, ...asked } = options;
    const input = await openInput(painting, "the painting", signal);
    const mask = maskInput === undefined ? undefined : await pixelsOf(maskInput, "the mask of the painting", signal);
    if ("pixels" in input) return super.style(input.pixels, { ...asked, mask, signal, onProgress });
    const { file, name } = input;
    const { picture, controls } = await readPainting(file, checkControls(styleControls, asked), { name, signal });
    return super.style(picture, { ...controls, mask, signal, onProgress });
  }

  /**
   * As {@link Model.stylize}; a photograph that is read from a file is resized while it is read.
   *
   * @throws Error with one sentence where the photograph or a mask cannot be read, too.
   */
  override async stylize(
    photo: PictureInput,
    styles: Style | readonly StyleShare<PictureInput>[],
    options: StylizeOptions = {},
  ): Promise<SavablePicture> {
    const { signal } = options;
    const input = await openInput(photo, "the photograph", signal);
    const shares = Array.isArray(styles)
      ? await readMasks(styles, (mask: PictureInput, label) => pixelsOf(mask, label, signal))
      : (styles as Style);
    if ("pixels" in input) {
      return new SavablePicture(await super.stylize(input.pixels, shares, options), metadataOf(input.pixels));
    }
    const { size } = checkControls(sizeControls, { size: options.size });
    const reading = size === "full" ? {} : size === undefined ? { longestSide: CONTENT_SIDE } : { longerSide: size };
    const picture = await readPicture(input.file, { ...reading, name: input.name, signal });
    return new SavablePicture(await super.stylize(picture, shares, { ...options, size: "full" }), picture.metadata);
  }

  /**
   * As {@link Model.attention}; a photograph is read at the size of its file, upright.
   *
   * @throws Error with one sentence where the photograph cannot be read, too.
   */
  override async attention(
    photo: PictureInput,
    style: Style,
    points: readonly Point[],
    options: InspectOptions = {},
  ): Promise<Attention> {
    return super.attention(await pixelsOf(photo, "the photograph", options.signal), style, points, options);
  }

  /**
   * As {@link Model.attentionMap}; a photograph is read at the size of its file, upright.
   *
   * @throws Error with one sentence where the photograph cannot be read, too.
   */
  override async attentionMap(photo: PictureInput, style: Style, options: InspectOptions = {}): Promise<AttentionMap> {
    return super.attentionMap(await pixelsOf(photo, "the photograph", options.signal), style, options);
  }
}

/**
 * Pixels that were given, or a file that they are to be read from: its path or bytes, and what
 * errors call it.
 */
type OpenedInput = { readonly pixels: Picture } | { readonly file: string | Uint8Array; readonly name?: string };

/** @param label what the picture is to the caller, for errors. */
async function openInput(input: PictureInput, label: string, signal: AbortSignal | undefined): Promise<OpenedInput> {
  if (input instanceof Uint8Array) return { file: input };
  if (typeof input === "string" || input instanceof URL) return openNamed(String(input), label, signal);
  // A sharp instance may be one of another copy of sharp; its tags say how it is turned.
  if (hasMethod(input, "clone") && hasMethod(input, "toBuffer")) {
    const image = (input as Sharp).clone().keepMetadata().png({ compressionLevel: 1 });
    const unreadable = (cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      return new AdaattnError("file", `The sharp instance for ${label} gives no picture: ${reason}.`, { cause });
    };
    return { file: await unlessAborted(image.toBuffer(), signal, unreadable) };
  }
  if (typeof input === "object" && input !== null && "data" in input) return { pixels: input };
  const received = input === null ? "null" : typeof input;
  throw new AdaattnError("option", `Expected ${KINDS} for ${label} but received ${received}.`);
}

const KINDS = "a path, an http, https or file address, the bytes of a file, a sharp instance or pixels";

function hasMethod(input: unknown, name: string): boolean {
  return typeof input === "object" && input !== null && typeof Reflect.get(input, name) === "function";
}

/** What a path or an address names. */
async function openNamed(name: string, label: string, signal: AbortSignal | undefined): Promise<OpenedInput> {
  if (isAddress(name)) return { file: await fetchPicture(name, { signal }), name };
  if (!OTHER_ADDRESS.test(name)) return { file: name };
  try {
    return { file: fileURLToPath(name) };
  } catch (cause) {
    const received = name.length > 80 ? `${name.slice(0, 80)}…` : name;
    const wanted = `Expected a path or an http, https or file address for ${label}`;
    throw new AdaattnError("option", `${wanted} but received ${received}.`, { cause });
  }
}

/** What is no path: one letter and a colon, as paths begin on Windows, do not make an address. */
const OTHER_ADDRESS = /^([a-z][a-z0-9+.-]+:\/\/|(data|blob|file):)/i;

/** The pixels of a picture at its own size. */
async function pixelsOf(input: PictureInput, label: string, signal: AbortSignal | undefined): Promise<Picture> {
  const opened = await openInput(input, label, signal);
  return "pixels" in opened ? opened.pixels : readPicture(opened.file, { name: opened.name, signal });
}

/** What pixels from `readPicture` have beside them. */
function metadataOf(picture: Picture & { readonly metadata?: PictureMetadata }): PictureMetadata | undefined {
  return picture.metadata;
}
