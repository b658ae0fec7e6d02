/** `adaattn import`: weights of other programs become a model's folder. */

import type { ImportTargetName } from "adaattn/import";
import { isUrl } from "adaattn/internal/node";
import { type ImportedModel, importModel, NodeEngine, type Picture, PicturesNeeded, readPicture } from "adaattn/node";
import { listPictures } from "../../files/pictures.ts";
import { createProgressLine } from "../../terminal/terminal.ts";
import { UsageError } from "../../terminal/usage.ts";

/** The longer side at which photographs are looked at to normalize an encoder, in pixels. */
const LOOKED_AT = 384;

/** The options of `adaattn import`, checked. */
export interface ImportWeightsOptions {
  readonly target: ImportTargetName;
  readonly output: string;
  readonly sha256?: readonly string[] | undefined;
  /** A folder of photographs, or one photograph. */
  readonly pictures?: string | undefined;
  readonly half: boolean;
  readonly threads?: number | undefined;
  readonly quiet: boolean;
  readonly json: boolean;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/**
 * Imports, shows progress on stderr, and says on stdout what was made of what.
 *
 * @throws UsageError where checksums and URLs do not pair up or photographs are needed; Error that
 *   names the file and what to do; the signal's reason where it is aborted.
 */
export async function importWeights(sources: readonly string[], options: ImportWeightsOptions): Promise<void> {
  const { target, output, sha256, pictures, half, threads, quiet, json, signal } = options;
  checkSums(sources, sha256 ?? []);
  const progress = createProgressLine(process.stderr, { quiet, signal });
  let imported: ImportedModel;
  try {
    imported = await importModel(sources, output, {
      target,
      sha256,
      half,
      signal,
      ...(pictures !== undefined && {
        normalize: {
          engine: () => new NodeEngine({ device: "cpu", threads }),
          pictures: photographs(
            (await listPictures(pictures)).map(({ path }) => path),
            signal,
          ),
        },
      }),
      onProgress: (task, fraction) => progress.show(task, "", fraction),
    });
  } catch (error) {
    if (!(error instanceof PicturesNeeded)) throw error;
    throw new UsageError(`${error.message} Name a folder with some dozens by --pictures.`, { cause: error });
  } finally {
    progress.clear();
  }
  if (json) process.stdout.write(`${JSON.stringify({ output, ...imported })}\n`);
  else if (!quiet) process.stdout.write(describe(imported, output));
}

/** Every URL has a checksum or none has. */
function checkSums(sources: readonly string[], sums: readonly string[]): void {
  const urls = sources.filter(isUrl).length;
  if (sums.length > 0 && sums.length !== urls) {
    throw new UsageError(`Expected --sha256 once for each URL, ${urls} times, but received it ${sums.length} times.`);
  }
  const wrong = sums.find((sum) => !/^[0-9a-f]{64}$/i.test(sum));
  if (wrong !== undefined) {
    throw new UsageError(`Expected 64 hexadecimal digits for --sha256 but received ${wrong || "nothing"}.`);
  }
}

/** Photographs, one after another as they are asked for, so that only one is in memory. */
async function* photographs(paths: readonly string[], signal: AbortSignal): AsyncGenerator<Picture> {
  for (const path of paths) yield await readPicture(path, { longestSide: LOOKED_AT, signal });
}

function describe({ name, parameters, encoder, parts, unused }: ImportedModel, output: string): string {
  const lines = [
    `${output}: ${name}, ${(parameters / 1e6).toFixed(1)} million parameters`,
    ...Object.entries(parts).map(([part, { file, sha256 }]) => `  ${part}: ${file} (SHA-256 ${sha256})`),
    ...(encoder === "normalised"
      ? []
      : [`  the encoder was ${encoder}'s and has been normalized over the photographs`]),
    ...unused.map((file) => `  nothing was taken from ${file}`),
  ];
  return `${lines.join("\n")}\n`;
}
