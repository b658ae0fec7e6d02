/**
 * Where weights come from when a person names a source: a bundled model, a model's folder, the
 * folder of a run, or a safetensors file (an encoder, a model or a checkpoint).
 */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { parametersOf, type Safetensors, type StoredTensor } from "adaattn/network";
import { readModel } from "adaattn/node";
import { encoderAmong, type TrainedEncoder } from "../weights/encoders.ts";
import { readTensorFile } from "../weights/tensorFile.ts";
import { newestCheckpoint } from "./checkpoint.ts";

/** The file of a run's frozen encoder, or of the encoder that it has learnt. */
export const ENCODER_FILE = "encoder.safetensors";

/** Tensors, and what their names begin with. */
interface Source {
  readonly file: Safetensors;
  readonly path: string;
  readonly prefix: "" | "average.";
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

async function fromFile(path: string): Promise<Source> {
  const file = await readTensorFile(path);
  const averaged = [...file.tensors.keys()].some((name) => name.startsWith("average."));
  return { file, path, prefix: averaged ? "average." : "" };
}

/**
 * The averaged weights of a run's newest checkpoint; one file `checkpoint.safetensors` counts as
 * such.
 */
async function fromRun(folder: string): Promise<Source | undefined> {
  const newest = await newestCheckpoint(folder);
  if (newest !== undefined) return fromFile(newest);
  const only = join(folder, "checkpoint.safetensors");
  return (await isFile(only)) ? fromFile(only) : undefined;
}

async function fromModel(nameOrFolder: string): Promise<Source> {
  const { architecture, weights } = await readModel(nameOrFolder);
  const tensors = [...parametersOf(architecture)].map(([name, shape]): [string, StoredTensor] => {
    const data = weights.get(name) ?? new Float32Array();
    return [name, { dtype: "F32", shape: [...shape], data }];
  });
  return { file: { tensors: new Map(tensors), metadata: {} }, path: nameOrFolder, prefix: "" };
}

/** The weights to start from: of a run's newest checkpoint, of a model, or of a file. */
export async function startWeights(source: string): Promise<Source> {
  if (await isFile(source)) return fromFile(source);
  return (await fromRun(source)) ?? fromModel(source);
}

/**
 * The encoder of a run (the one that it learnt or the one that it was trained with), of a model, or
 * in a file.
 *
 * @throws Error with one sentence where there is none, or its tensors are those of no encoder that
 *   is known.
 */
export async function findEncoder(source: string): Promise<TrainedEncoder> {
  if (await isFile(source)) return encoderOf(await fromFile(source));
  const run = await fromRun(source);
  // A run that trains the encoder along has its newest state in the checkpoint; another has the
  // frozen one beside it.
  if (run !== undefined && hasEncoder(run)) return encoderOf(run);
  const own = join(source, ENCODER_FILE);
  if (await isFile(own)) return encoderOf(await fromFile(own));
  return encoderOf(run ?? (await fromModel(source)));
}

function hasEncoder({ file, prefix }: Source): boolean {
  return [...file.tensors.keys()].some((name) => name.startsWith(`${prefix}encoder.`));
}

function encoderOf({ file, path, prefix }: Source): TrainedEncoder {
  return encoderAmong(file, path, prefix);
}
