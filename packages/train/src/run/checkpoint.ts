/**
 * Checkpoints: everything that a run needs to go on as if it had never stopped. Each is a
 * safetensors file with the tensors `parameters.NAME`, `first.NAME`, `second.NAME` (Adam's moments)
 * and `average.NAME` (the moving average of the weights), written under a temporary name and
 * renamed. The newest three are kept, and the one with the lowest running loss.
 */

import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { sizeOf } from "@adaattn/graph";
import { replaceFile } from "adaattn/internal/node";
import { flatten, type ParameterShapes, unflatten, type WeightValues, writeSafetensors } from "adaattn/network";
import { STATE } from "../step/step.ts";
import { pickTensors, readTensorFile } from "../weights/tensorFile.ts";

/** How many of the newest checkpoints are kept. */
const KEPT = 3;

/** How a run is doing. */
export interface Standing {
  /** The running mean of the total loss, undefined before the first. */
  readonly loss: number | undefined;
  /** The saved step at which that was lowest. */
  readonly best: { readonly step: number; readonly loss: number } | undefined;
}

/** A run at one step. */
export interface Checkpoint {
  readonly step: number;
  /** The vectors that a training step takes. */
  readonly vectors: Readonly<Record<(typeof STATE)[number], Float32Array>>;
  readonly standing: Standing;
}

const FOLDER = "checkpoints";
const NAME = /^(\d{7,})\.safetensors$/;

/** The path of a step's checkpoint in a run's folder. */
export function checkpointPath(run: string, step: number): string {
  return join(run, FOLDER, `${String(step).padStart(7, "0")}.safetensors`);
}

/** The steps that a run has checkpoints of, rising. */
async function savedSteps(run: string): Promise<number[]> {
  const names = await readdir(join(run, FOLDER)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
    throw error;
  });
  return names.flatMap((name) => Number(NAME.exec(name)?.[1] ?? [])).sort((a, b) => a - b);
}

/** The path of a run's newest checkpoint, or undefined where there is none yet. */
export async function newestCheckpoint(run: string): Promise<string | undefined> {
  const newest = (await savedSteps(run)).at(-1);
  return newest === undefined ? undefined : checkpointPath(run, newest);
}

/** Zeros for each of these tensors. */
export function zerosOf(shapes: ParameterShapes): Map<string, Float32Array> {
  const zeros = [...shapes].map(([name, shape]) => [name, new Float32Array(Number(sizeOf(shape)))] as const);
  return new Map(zeros);
}

/**
 * Reads a checkpoint, whose vectors hold the parameters and then the heads; heads that it does not
 * have begin at 0.
 *
 * @throws Error with one sentence where the file is damaged or of another architecture.
 */
export async function readCheckpoint(
  path: string,
  parameters: ParameterShapes,
  heads: ParameterShapes = new Map(),
): Promise<Checkpoint> {
  const file = await readTensorFile(path);
  const saved = [...heads].filter(([name]) => file.tensors.has(`parameters.${name}`));
  const shapes = new Map([...parameters, ...saved]);
  const vector = (part: string) =>
    flatten(
      new Map([...parameters, ...heads]),
      new Map([...zerosOf(heads), ...pickTensors(file, shapes, path, `${part}.`)]),
    );
  const { step, loss, bestStep, bestLoss } = file.metadata;
  return {
    step: Number(step),
    vectors: {
      parameters: vector("parameters"),
      first: vector("first"),
      second: vector("second"),
      average: vector("average"),
    },
    standing: {
      loss: loss === undefined ? undefined : Number(loss),
      best: bestStep === undefined ? undefined : { step: Number(bestStep), loss: Number(bestLoss) },
    },
  };
}

/**
 * Writes a checkpoint into a run's folder, and removes those that are no longer to be kept once it
 * lies there.
 */
export async function writeCheckpoint(run: string, parameters: ParameterShapes, checkpoint: Checkpoint): Promise<void> {
  const { step, vectors, standing } = checkpoint;
  const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const part of STATE) {
    for (const [name, data] of unflatten(parameters, vectors[part])) {
      tensors.set(`${part}.${name}`, { shape: parameters.get(name) ?? [], data });
    }
  }
  const metadata = {
    step: String(step),
    ...(standing.loss !== undefined && { loss: String(standing.loss) }),
    ...(standing.best && { bestStep: String(standing.best.step), bestLoss: String(standing.best.loss) }),
  };
  await mkdir(join(run, FOLDER), { recursive: true });
  await replaceFile(checkpointPath(run, step), writeSafetensors(tensors, metadata));
  const older = (await savedSteps(run)).slice(0, -KEPT).filter((saved) => saved !== standing.best?.step);
  for (const saved of older) await rm(checkpointPath(run, saved), { force: true });
}

/** The averaged weights of a run's newest checkpoint. */
export async function readAverage(run: string, parameters: ParameterShapes): Promise<WeightValues> {
  const path = await newestCheckpoint(run);
  if (path === undefined) throw new Error(`Expected a checkpoint in ${run} but found none.`);
  return pickTensors(await readTensorFile(path), parameters, path, "average.");
}

/** Removes what a killed run left of files that it was writing. */
export async function sweepTemporaries(run: string): Promise<void> {
  for (const folder of [run, join(run, FOLDER), join(run, "model"), join(run, "samples")]) {
    const names = await readdir(folder).catch((): string[] => []);
    for (const name of names) if (/^\.adaattn-.*\.tmp$/.test(name)) await rm(join(folder, name), { force: true });
  }
}
