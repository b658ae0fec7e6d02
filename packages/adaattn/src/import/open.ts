/**
 * Opens a file of tensors of any format that is read, told by its first bytes and never by its
 * name.
 */

import { AdaattnError } from "../error.ts";
import { readSafetensors } from "../weights/safetensors.ts";
import type { TensorEntries, TensorEntry } from "../weights/stored.ts";
import { isNpz, readNpz } from "./npz.ts";
import { isLegacyTorch, readLegacyTorch, readTorchZip } from "./torch.ts";
import { readZip } from "./zip.ts";

/** The formats that {@link openTensors} reads. */
export type TensorFormat = "torch" | "torch, before 1.6" | "npz" | "safetensors";

/** A file of tensors. */
export interface TensorFile {
  readonly format: TensorFormat;
  readonly tensors: TensorEntries;
}

/**
 * What files begin with that are often taken for weights, in lower case, and what to do about them.
 */
const MISTAKES: readonly [starts: readonly string[], what: string][] = [
  [["<!doctype", "<html", "<?xml", "<head"], "a web page. Download the file itself, not the page that shows it"],
  [["version https://"], "a pointer of Git LFS. Fetch the file itself with git lfs pull"],
  [["\x89hdf"], "an HDF5 file. Save its arrays with numpy.savez first"],
  [["\x93numpy"], "a single array without a name. Save all arrays together with numpy.savez"],
  [["\x1f\x8b"], "a file packed by gzip. Unpack it with gunzip first"],
  [["\x80"], "a pickle without PyTorch's head. Save the weights with torch.save(model.state_dict(), FILE)"],
];

/**
 * The tensors of a file: a checkpoint of PyTorch (zip, or the format from before 1.6), NumPy's
 * .npz, or safetensors. Nothing in the file is evaluated; every size and place is checked before
 * memory is taken, and values are read when they are asked for.
 *
 * @param bytes the whole file; kept alive by the tensors that have not been read.
 * @throws Error with one sentence where the format is another, or the file is damaged, dishonest or
 *   asks for code to be run.
 */
export async function openTensors(bytes: Uint8Array): Promise<TensorFile> {
  const start = String.fromCharCode(...bytes.subarray(0, 16));
  if (start.startsWith("PK\x03\x04") || start.startsWith("PK\x05\x06")) {
    const entries = readZip(bytes);
    if (isNpz(entries)) return { format: "npz", tensors: await readNpz(entries) };
    return { format: "torch", tensors: await readTorchZip(entries) };
  }
  if (isLegacyTorch(bytes)) return { format: "torch, before 1.6", tensors: readLegacyTorch(bytes) };
  // The ninth byte of safetensors opens the header's object.
  if (start[8] === "{") {
    const { tensors } = readSafetensors(bytes);
    const entries = [...tensors].map(([name, { dtype, shape, data }]): [string, TensorEntry] => [
      name,
      { dtype, shape, read: async () => data },
    ]);
    return { format: "safetensors", tensors: new Map(entries) };
  }
  const [, known] =
    MISTAKES.find(([starts]) => starts.some((mistake) => start.trimStart().toLowerCase().startsWith(mistake))) ?? [];
  const found = known ?? (/^[\s -~]+$/.test(start) ? "text" : "something else");
  throw new AdaattnError("file", `Expected a checkpoint of PyTorch, safetensors or .npz but received ${found}.`);
}
