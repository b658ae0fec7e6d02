/**
 * The training loop: one engine run a step, the whole state staying with the engine between steps. A run is a folder:
 * metrics.jsonl (a line a logged step), samples/ (contact sheets) and checkpoint.safetensors (weights, their moving average
 * and Adam's moments), written under a temporary name and renamed, so that a killed run loses only the steps since.
 */

import { appendFile, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Tensor, toOnnx } from "@adaattn/graph";
import {
  flatten,
  type ParameterShapes,
  readSafetensors,
  unflatten,
  type WeightValues,
  writeSafetensors,
} from "adaattn";
import { type Engine, type EngineTensor, outputOf, replaceFile, type TensorData } from "adaattn/node";
import { STATE, stepScalars } from "./step.ts";

export interface TrainerOptions {
  readonly engine: Engine;
  /** The outputs of `trainingStep`. */
  readonly step: Readonly<Record<string, Tensor>>;
  readonly parameters: ParameterShapes;
  /** Where to start; a checkpoint in `folder` goes before it. */
  readonly initial: WeightValues;
  /** The run's folder; it is made where it is missing. */
  readonly folder: string;
  /** Steps in all, those of earlier sittings included. */
  readonly steps: number;
  /** The learning rate at a step (1 is the first). */
  readonly rate: (step: number) => number;
  /** The other inputs of a step, such as pictures. */
  readonly batch: (step: number) => Readonly<Record<string, TensorData>>;
  /** Samples in a batch, for the log. */
  readonly batchSize: number;
  readonly logEvery?: number;
  readonly checkpointEvery?: number;
  readonly sampleEvery?: number;
  /** Draws a contact sheet with the averaged weights (as the engine holds them) into the file. */
  readonly sample?: (average: EngineTensor, path: string) => Promise<void>;
  readonly onLog?: (line: Readonly<Record<string, number>>) => void;
  /** Ends the run after the step under way, with a checkpoint. */
  readonly signal?: AbortSignal;
}

interface Checkpoint {
  readonly step: number;
  readonly vectors: Record<(typeof STATE)[number], Float32Array>;
}

/** Weights, averaged weights and moments of a run, or undefined where there is no checkpoint yet. */
async function readCheckpoint(path: string, parameters: ParameterShapes): Promise<Checkpoint | undefined> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  const { tensors, metadata } = readSafetensors(bytes);
  const vector = (part: string) =>
    flatten(
      parameters,
      new Map(
        [...parameters].map(([name, shape]) => {
          const tensor = tensors.get(`${part}.${name}`);
          if (!(tensor?.data instanceof Float32Array) || tensor.shape.join() !== shape.join()) {
            throw new Error(
              `Expected the tensor ${part}.${name} of [${shape.join(", ")}] in ${path}: it is of another architecture.`,
            );
          }
          return [name, tensor.data];
        }),
      ),
    );
  return {
    step: Number(metadata.step),
    vectors: {
      parameters: vector("parameters"),
      first: vector("first"),
      second: vector("second"),
      average: vector("average"),
    },
  };
}

/** The averaged weights of a run's checkpoint. */
export async function readAverage(folder: string, parameters: ParameterShapes): Promise<Map<string, Float32Array>> {
  const path = join(folder, "checkpoint.safetensors");
  const checkpoint = await readCheckpoint(path, parameters);
  if (checkpoint === undefined) throw new Error(`Expected a checkpoint in ${folder} but found none`);
  return unflatten(parameters, checkpoint.vectors.average);
}

/** Trains until `steps` and returns the averaged weights. Throws at the first loss that is not a number. */
export async function train(options: TrainerOptions): Promise<Map<string, Float32Array>> {
  const { engine, step: outputs, parameters, folder, steps, batchSize } = options;
  const { logEvery = 20, checkpointEvery = 500, sampleEvery = 500 } = options;
  await mkdir(join(folder, "samples"), { recursive: true });
  const checkpointPath = join(folder, "checkpoint.safetensors");
  const start = flatten(parameters, options.initial);
  const checkpoint = (await readCheckpoint(checkpointPath, parameters)) ?? {
    step: 0,
    vectors: {
      parameters: start,
      first: new Float32Array(start.length),
      second: new Float32Array(start.length),
      average: start,
    },
  };
  const session = await engine.load(
    toOnnx(outputs, { target: engine.device, name: "training step" }),
    "the training step",
    { fixedSizes: true },
  );
  const lossNames = Object.keys(outputs).filter((name) => !name.endsWith(".next"));
  let state: Record<string, TensorData | EngineTensor> = Object.fromEntries(
    STATE.map((name) => [name, { shape: [start.length], data: checkpoint.vectors[name] }]),
  );

  const save = async (step: number) => {
    const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    for (const part of STATE) {
      const value = state[part];
      const { data } = value && "read" in value ? await value.read() : (value as TensorData);
      for (const [name, values] of unflatten(parameters, data as Float32Array)) {
        tensors.set(`${part}.${name}`, { shape: parameters.get(name) ?? [], data: values });
      }
    }
    await replaceFile(checkpointPath, writeSafetensors(tensors, { step: String(step) }));
  };

  let logged = { step: checkpoint.step, time: performance.now() };
  let step = checkpoint.step;
  let last = step >= steps || options.signal?.aborted === true;
  while (!last) {
    step++;
    const scalars = stepScalars(step, options.rate(step));
    const results = await session.run({ ...state, ...options.batch(step), ...scalars });
    for (const value of Object.values(state)) if ("dispose" in value) value.dispose();
    state = Object.fromEntries(STATE.map((name) => [name, outputOf(results, `${name}.next`)]));
    last = step >= steps || options.signal?.aborted === true;
    const saved = last || step % checkpointEvery === 0;
    // What is saved is looked at first, so that no checkpoint is ever made of numbers that are none.
    if (saved || step % logEvery === 0) {
      const line: Record<string, number> = { step, samples: step * batchSize, rate: options.rate(step) };
      for (const name of lossNames) line[name] = Number((await outputOf(results, name).read()).data[0]);
      const now = performance.now();
      line.samplesPerSecond = ((step - logged.step) * batchSize * 1000) / (now - logged.time);
      logged = { step, time: now };
      if (!Object.values(line).every(Number.isFinite)) {
        throw new Error(`The losses of step ${step} are not finite; the last checkpoint in ${folder} is from before.`);
      }
      await appendFile(join(folder, "metrics.jsonl"), `${JSON.stringify(line)}\n`);
      options.onLog?.(line);
    }
    for (const name of lossNames) outputOf(results, name).dispose();
    if (saved) await save(step);
    const average = state.average;
    if (options.sample && average && "read" in average && (step % sampleEvery === 0 || last)) {
      await options.sample(average, join(folder, "samples", `${String(step).padStart(7, "0")}.png`));
    }
  }
  const average = state.average;
  const { data } = average && "read" in average ? await average.read() : (average as TensorData);
  session.dispose();
  for (const value of Object.values(state)) if ("dispose" in value) value.dispose();
  return unflatten(parameters, data as Float32Array);
}
