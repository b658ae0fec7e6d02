/** `adaattn export`: a model becomes a folder of ONNX files. */
import { checkNewFolder } from "adaattn/internal/node";
import { type ExportOptions, exportOnnx } from "adaattn/network";
import { readModel, writeNewFolder } from "adaattn/node";
import { createProgressLine } from "../../terminal/terminal.ts";

/**
 * Exports, shows progress on stderr, and says on stdout what was written.
 *
 * @param folder new or empty.
 * @throws Error that names the file or folder and what to do; the signal's reason where it is
 *   aborted.
 */
export async function exportFiles(
  folder: string,
  asked: {
    readonly model: string;
    readonly options: ExportOptions;
    readonly quiet: boolean;
    readonly json: boolean;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { model, options, quiet, json, signal } = asked;
  await checkNewFolder(folder);
  const progress = createProgressLine(process.stderr, { quiet, signal });
  let files: Record<string, Uint8Array>;
  try {
    progress.show(`reading ${model}`, "");
    const read = await readModel(model, signal);
    progress.show(`writing ${folder}`, "");
    files = exportOnnx(read, options);
    await writeNewFolder(folder, files, signal);
  } finally {
    progress.clear();
  }
  const sizes = Object.entries(files).map(([file, { length }]) => ({ file, bytes: length }));
  if (json) process.stdout.write(`${JSON.stringify({ folder, files: sizes })}\n`);
  else if (!quiet) {
    const lines = sizes.map(({ file, bytes }) => `  ${file}: ${(bytes / 1e6).toFixed(bytes < 1e5 ? 3 : 1)} MB\n`);
    process.stdout.write(`${folder}: ${model}\n${lines.join("")}`);
  }
}
