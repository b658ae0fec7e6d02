/** Makes a model's folder, or an encoder's file, out of weight files of other programs. */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { Engine } from "../engine/engine.ts";
import { AdaattnError } from "../error.ts";
import { normalizeFilters } from "../import/normalize.ts";
import { openTensors } from "../import/open.ts";
import { gatherWeights, type ImportTargetName, importTarget, type WeightFile } from "../import/released.ts";
import type { EncoderLayout } from "../import/vgg.ts";
import { countParameters } from "../network/architecture.ts";
import type { Picture } from "../picture/picture.ts";
import { writeSafetensors } from "../weights/safetensors.ts";
import { download } from "./download.ts";
import { cannotRead, checkReplaceable, readWholeFile, replaceFile } from "./files.ts";
import { checkNewFolder, writeNewFolder } from "./folders.ts";

/** What {@link importModel} may be asked. */
export interface ImportOptions {
  /**
   * The network: the released one for pictures or for video, or VGG-19 alone, for measuring and
   * training.
   */
  readonly target: ImportTargetName;
  /** SHA-256 of each source that is a URL, in their order; required for http, advised for https. */
  readonly sha256?: readonly string[] | undefined;
  /**
   * Stores weights as 16-bit floats: half the size, each value rounded to 11 significant bits.
   * False by default.
   */
  readonly half?: boolean | undefined;
  /**
   * What normalizes an encoder that is not yet: an engine, which is asked for only then, and
   * photographs.
   */
  readonly normalize?:
    | { readonly engine: () => Engine; readonly pictures: AsyncIterable<Picture> | Iterable<Picture> }
    | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Called as the work goes on, with a few words on what is done now and, where it is known, the
   * share of it that is done.
   */
  readonly onProgress?: ((task: string, fraction?: number) => void) | undefined;
}

/** What was imported. */
export interface ImportedModel {
  /** The network's name. */
  readonly name: string;
  readonly parameters: number;
  /** Whether the encoder came normalized or was normalized now. */
  readonly encoder: EncoderLayout;
  /** The name and SHA-256 of the file that each part came from, by what the part is. */
  readonly parts: Readonly<Record<string, { readonly file: string; readonly sha256: string }>>;
  /** Names of sources from which nothing was taken. */
  readonly unused: readonly string[];
}

/** An encoder that needs pictures to be normalized over, and none were given. */
export class PicturesNeeded extends AdaattnError {
  override readonly name = "PicturesNeeded";

  constructor(message: string) {
    super("option", message);
  }
}

/** Whether a source is to be downloaded. */
export function isUrl(source: string): boolean {
  return /^https?:\/\//i.test(source);
}

/**
 * Reads weights from files or URLs (PyTorch, safetensors or .npz, told apart by their content),
 * picks what the network needs by the tensors' names and shapes, and writes a folder that
 * `loadModel` reads, or for `encoder` one safetensors file. It appears whole or not at all.
 *
 * @param sources paths and URLs.
 * @param output a folder that is new or empty; for `encoder` a file.
 * @throws PicturesNeeded where the encoder is torchvision's or Keras's and `normalize` is not
 *   given; Error that names the file and what to do where anything is missing, damaged or does not
 *   fit; the signal's reason where it is aborted.
 */
export async function importModel(
  sources: readonly string[],
  output: string,
  options: ImportOptions,
): Promise<ImportedModel> {
  const { signal, onProgress } = options;
  const target = importTarget(options.target);
  await (options.target === "encoder" ? checkReplaceable(output) : checkNewFolder(output));
  const files: (WeightFile & { readonly sha256: string })[] = [];
  const sums = [...(options.sha256 ?? [])];
  for (const source of sources) {
    const path = isUrl(source)
      ? (
          await download(source, {
            sha256: sums.shift(),
            signal,
            onProgress: (received, total) =>
              onProgress?.(`downloading ${source}`, total === undefined ? undefined : received / total),
          })
        ).path
      : source;
    onProgress?.(`reading ${source}`);
    files.push(await readFile(path, source, signal));
  }
  const gathered = await gatherWeights(target, files);
  let { weights } = gathered;
  if (gathered.encoder !== "normalised") {
    if (options.normalize === undefined) {
      throw new PicturesNeeded(
        `Expected photographs to normalize the encoder of ${gathered.from.get("the encoder")} over, since it is ${gathered.encoder}'s, but received none.`,
      );
    }
    const engine = options.normalize.engine();
    try {
      onProgress?.("normalizing the encoder");
      weights = await normalizeFilters(engine, target.encoder, weights, options.normalize.pictures, {
        signal,
        onPicture: (done) => onProgress?.(`normalizing the encoder, picture ${done}`),
      });
    } finally {
      await engine.dispose();
    }
  }
  signal?.throwIfAborted();
  const hashes = new Map(files.map(({ name, sha256 }) => [name, sha256]));
  const imported: ImportedModel = {
    name: target.name,
    parameters: countParameters(target.shapes),
    encoder: gathered.encoder,
    parts: Object.fromEntries(
      [...gathered.from].map(([part, file]) => [part, { file: shortName(file), sha256: hashes.get(file) ?? "" }]),
    ),
    unused: files.map(({ name }) => name).filter((name) => ![...gathered.from.values()].includes(name)),
  };
  onProgress?.(`writing ${output}`);
  const tensors = new Map(
    [...target.shapes].map(([name, shape]) => [name, { shape, data: weights.get(name) as Float32Array }]),
  );
  const dtype = options.half ? "F16" : "F32";
  if (options.target === "encoder") {
    await replaceFile(output, writeSafetensors(tensors, {}, dtype), signal);
  } else {
    const { name: architecture, parameters, encoder, parts } = imported;
    const description = {
      architecture,
      parameters,
      weights: `model.safetensors, ${dtype}`,
      imported: { encoder, parts },
    };
    await writeNewFolder(
      output,
      {
        "model.safetensors": writeSafetensors(tensors, { architecture }, dtype),
        "model.json": new TextEncoder().encode(`${JSON.stringify(description, null, 2)}\n`),
      },
      signal,
    );
  }
  return imported;
}

/** A source without what it tells of the machine it was on. */
const shortName = (source: string) => (isUrl(source) ? source : basename(source));

async function readFile(path: string, name: string, signal: AbortSignal | undefined) {
  const bytes = await readWholeFile(path, signal);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  try {
    const { tensors } = await openTensors(bytes);
    return { name, tensors, sha256 };
  } catch (error) {
    throw cannotRead(name, error instanceof Error ? error.message : String(error), error);
  }
}
