/**
 * The training loop: one engine run a step, the whole state staying with the engine between steps,
 * and the batches of the next steps drawn while it computes. What it leaves in the run's folder:
 *
 *   metrics.jsonl   a line every few steps: losses, learning rate, seconds, samples a second, the share of time outside the engine;
 *                   with every checkpoint, how alive the network is (health.ts)
 *   checkpoints/    see checkpoint.ts; a killed run goes on from the newest, and loses only the steps since
 *   samples/        contact sheets, STEP.jpg
 */

import { appendFile, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Tensor, toOnnx } from "@adaattn/graph";
import { replaceFile } from "adaattn/internal/node";
import {
  type Engine,
  type EngineTensor,
  flatten,
  outputOf,
  type ParameterShapes,
  type Session,
  type TensorData,
  unflatten,
  type WeightValues,
} from "adaattn/network";
import { STATE, stepScalars } from "../step/step.ts";
import {
  checkpointPath,
  newestCheckpoint,
  readCheckpoint,
  type Standing,
  sweepTemporaries,
  writeCheckpoint,
  zerosOf,
} from "./checkpoint.ts";
import { samplesOf } from "./settings.ts";

/** The inputs of a step beside its state, such as pictures. */
export type StepInputs = Readonly<Record<string, TensorData>>;

/** What a step computes, by name. */
type StepGraph = Readonly<Record<string, Tensor>>;

/** A line of metrics.jsonl; `loss` is the sum of the terms `loss.NAME`. */
export type MetricsLine = Readonly<Record<string, number>>;

/** What a trainer is opened with. */
export interface TrainerOptions {
  readonly engine: Engine;
  /** The outputs of `trainingStep`; several that have the same state and losses take turns. */
  readonly step: StepGraph | readonly StepGraph[];
  readonly parameters: ParameterShapes;
  /**
   * Parameters of heads that the step trains along: checkpoints have them, from 0 on where an older
   * one has none. None by default.
   */
  readonly heads?: ParameterShapes | undefined;
  /** Where the parameters start; a checkpoint in `folder` goes before it. */
  readonly initial: WeightValues;
  /** The run's folder; it is made where it is missing. */
  readonly folder: string;
  /** Steps in all, those of earlier sittings included. */
  readonly steps: number;
  /** The learning rate at a step (1 is the first). */
  readonly rate: (step: number) => number;
  /**
   * The other inputs of a step. They are asked for two steps ahead, and should be a function of the
   * step alone.
   */
  readonly batch: (step: number) => StepInputs | Promise<StepInputs>;
  /** Samples in a batch, or in the batch of each turn, for the log. */
  readonly batchSize: number | readonly number[];
  /** Names of the turns: with them the metrics have the loss of each as `NAME.loss`. */
  readonly turns?: readonly string[] | undefined;
  /** Steps from one line of metrics to the next; 20 by default. */
  readonly logEvery?: number;
  /** Steps from one checkpoint to the next; 500 by default. */
  readonly checkpointEvery?: number;
  /** Steps from one contact sheet to the next; 500 by default. */
  readonly sampleEvery?: number;
  /** Draws a contact sheet with the averaged weights (as the engine holds them) into the file. */
  readonly sample?: ((average: EngineTensor, path: string) => Promise<void>) | undefined;
  /** What the metrics of a checkpoint's step tell of its averaged weights. */
  readonly examine?: ((average: WeightValues) => Promise<MetricsLine>) | undefined;
  /** Called after every step. */
  readonly onStep?: ((step: number) => void) | undefined;
  readonly onLog?: ((line: MetricsLine) => void) | undefined;
  /** Called with the averaged weights after every checkpoint. */
  readonly onCheckpoint?: ((step: number, average: WeightValues) => Promise<void>) | undefined;
}

/** How many batches are drawn ahead of the one that the engine works on. */
const AHEAD = 2;
/**
 * The share of the running mean of the total loss that a step keeps: it looks back about a hundred
 * steps.
 */
const LOSS_KEEP = 0.99;

/** A run that is being trained. */
export class Trainer implements AsyncDisposable {
  readonly #options: TrainerOptions;
  /** Parameters and heads. */
  readonly #shapes: ParameterShapes;
  /** One for each turn. */
  readonly #sessions: readonly Session[];
  readonly #batches: readonly { readonly batch: number }[];
  readonly #watched: readonly string[];
  #step: number;
  #saved: number;
  #state: Record<string, TensorData | EngineTensor>;
  #standing: Standing;

  private constructor(
    options: TrainerOptions,
    sessions: readonly Session[],
    start: { step: number; vectors: Readonly<Record<string, Float32Array>>; standing: Standing },
  ) {
    this.#options = options;
    this.#shapes = shapesOf(options);
    this.#sessions = sessions;
    this.#batches = [options.batchSize].flat().map((batch) => ({ batch }));
    this.#watched = Object.keys([options.step].flat()[0] ?? {}).filter((name) => !name.endsWith(".next"));
    this.#step = start.step;
    this.#saved = start.step;
    this.#state = Object.fromEntries(
      Object.entries(start.vectors).map(([name, data]) => [name, { shape: [data.length], data }]),
    );
    this.#standing = start.standing;
  }

  /**
   * Opens a run: at its newest checkpoint, or at `initial` where it has none.
   *
   * @throws Error with one sentence where the checkpoint is damaged or of another architecture, or
   *   the engine refuses the step.
   */
  static async open(options: TrainerOptions): Promise<Trainer> {
    const { engine, heads = new Map(), folder, step } = options;
    const shapes = shapesOf(options);
    await mkdir(join(folder, "samples"), { recursive: true });
    await sweepTemporaries(folder);
    const newest = await newestCheckpoint(folder);
    const first = flatten(shapes, new Map([...zerosOf(heads), ...options.initial]));
    const start = newest
      ? await readCheckpoint(newest, options.parameters, heads)
      : {
          step: 0,
          vectors: {
            parameters: first,
            first: new Float32Array(first.length),
            second: new Float32Array(first.length),
            average: first,
          },
          standing: { loss: undefined, best: undefined },
        };
    await forgetLinesAfter(join(folder, "metrics.jsonl"), start.step);
    const sessions: Session[] = [];
    for (const graph of [step].flat()) {
      const model = toOnnx(graph, { target: engine.device, name: "training step" });
      sessions.push(await engine.load(model, "the training step", { fixedSizes: true }));
    }
    return new Trainer(options, sessions, start);
  }

  /** How many steps have been done, those of earlier sittings included. */
  get step(): number {
    return this.#step;
  }

  /**
   * Trains to the last step, or until the signal is aborted, and then ends after the step under way
   * with a checkpoint.
   *
   * @throws Error at the first loss that is not a number (on WebGPU: the first that is looked at),
   *   leaving the last checkpoint.
   */
  async run(signal?: AbortSignal): Promise<void> {
    const { steps, batch, rate, engine } = this.#options;
    const { logEvery = 20, checkpointEvery = 500, sampleEvery = 500, sample } = this.#options;
    const upcoming = new Upcoming(batch, steps);
    let since = { step: this.#step, time: performance.now(), engine: 0, sums: new Sums() };
    while (this.#step < steps && !signal?.aborted) {
      const step = this.#step + 1;
      const inputs = await upcoming.take(step).catch(async (error: unknown) => {
        if (this.#step > this.#saved) await this.#save();
        throw error;
      });
      const begun = performance.now();
      const results = await this.#sessionOf(step).run({ ...this.#state, ...inputs, ...stepScalars(step, rate(step)) });
      since.engine += performance.now() - begun;
      for (const value of Object.values(this.#state)) if ("dispose" in value) value.dispose();
      this.#state = Object.fromEntries(STATE.map((name) => [name, outputOf(results, `${name}.next`)]));
      this.#step = step;
      const last = step >= steps || signal?.aborted === true;
      const saving = last || step % checkpointEvery === 0;
      const logging = saving || step % logEvery === 0;
      // Reading back costs next to nothing on the CPU, while a GPU would have to finish all that it
      // was given.
      if (logging || engine.device === "cpu") {
        await this.#look(results, since.sums);
      }
      for (const name of this.#watched) outputOf(results, name).dispose();
      if (logging) {
        await this.#log(since, rate(step), saving);
        since = { step, time: performance.now(), engine: 0, sums: new Sums() };
      }
      if (saving) await this.#save();
      const average = this.#state.average;
      if (sample && average && "read" in average && (step >= steps || step % sampleEvery === 0)) {
        await sample(average, join(this.#options.folder, "samples", `${String(step).padStart(7, "0")}.jpg`));
      }
      this.#options.onStep?.(step);
    }
    // Stopped after a step, while its line was written or its sheet drawn.
    if (this.#step > this.#saved) await this.#save();
  }

  #sessionOf(step: number): Session {
    const session = this.#sessions[(step - 1) % this.#sessions.length];
    if (session === undefined) throw new Error("Expected at least one graph of a step but received none.");
    return session;
  }

  /** Reads a step's losses, adds them up, and stops the run where one is no number. */
  async #look(results: Readonly<Record<string, EngineTensor>>, sums: Sums): Promise<void> {
    let total = 0;
    for (const name of this.#watched) {
      const value = Number((await outputOf(results, name).read()).data[0]);
      if (!Number.isFinite(value)) {
        const { folder } = this.#options;
        const kept =
          this.#saved > 0 ? `the last good checkpoint is ${checkpointPath(folder, this.#saved)}` : "none was saved";
        throw new Error(`The losses of step ${this.#step} are not finite (${name} is ${value}); ${kept}.`);
      }
      sums.add(name, value);
      if (name.startsWith("loss.")) total += value;
    }
    sums.add("loss", total);
    const { turns } = this.#options;
    if (turns) sums.add(`${turns[(this.#step - 1) % turns.length]}.loss`, total);
    const before = this.#standing.loss ?? total;
    this.#standing = { ...this.#standing, loss: LOSS_KEEP * before + (1 - LOSS_KEEP) * total };
  }

  async #log(
    since: { step: number; time: number; engine: number; sums: Sums },
    rate: number,
    isExamined: boolean,
  ): Promise<void> {
    const { folder, examine, onLog } = this.#options;
    const elapsed = performance.now() - since.time;
    const samples = samplesOf(this.#batches, this.#step);
    const line: Record<string, number> = { step: this.#step, samples, rate };
    Object.assign(line, since.sums.means());
    line.seconds = elapsed / 1000;
    line.samplesPerSecond = ((samples - samplesOf(this.#batches, since.step)) * 1000) / elapsed;
    line.outside = 1 - since.engine / elapsed;
    if (isExamined) Object.assign(line, await examine?.(await this.average()));
    await appendFile(join(folder, "metrics.jsonl"), `${JSON.stringify(line)}\n`);
    onLog?.(line);
  }

  async #save(): Promise<void> {
    const { folder, onCheckpoint } = this.#options;
    const vectors = { parameters: await this.#read("parameters"), first: await this.#read("first") };
    const others = { second: await this.#read("second"), average: await this.#read("average") };
    const { loss, best } = this.#standing;
    const better = loss !== undefined && !(best && best.loss <= loss);
    const standing = { loss, best: better ? { step: this.#step, loss } : best };
    const checkpoint = { step: this.#step, vectors: { ...vectors, ...others }, standing };
    await writeCheckpoint(folder, this.#shapes, checkpoint);
    this.#standing = standing;
    this.#saved = this.#step;
    await onCheckpoint?.(this.#step, await this.average());
  }

  async #read(part: (typeof STATE)[number]): Promise<Float32Array> {
    const value = this.#state[part];
    const { data } = value && "read" in value ? await value.read() : (value as TensorData);
    return data as Float32Array;
  }

  /** The moving average of the weights, without the heads. */
  async average(): Promise<Map<string, Float32Array>> {
    return unflatten(this.#options.parameters, await this.#read("average"));
  }

  /** Gives back what the engine holds; the engine stays its owner's. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) session.dispose();
    for (const value of Object.values(this.#state)) if ("dispose" in value) value.dispose();
  }
}

/** What the vectors of a run hold. */
function shapesOf({ parameters, heads = new Map() }: TrainerOptions): ParameterShapes {
  return new Map([...parameters, ...heads]);
}

/** Sums of what steps tell, for their means. */
class Sums {
  readonly #sums = new Map<string, { readonly sum: number; readonly count: number }>();

  add(name: string, value: number): void {
    const { sum, count } = this.#sums.get(name) ?? { sum: 0, count: 0 };
    this.#sums.set(name, { sum: sum + value, count: count + 1 });
  }

  means(): Record<string, number> {
    return Object.fromEntries([...this.#sums].map(([name, { sum, count }]) => [name, sum / count]));
  }
}

/** Batches, asked for before they are needed. */
class Upcoming {
  readonly #batch: TrainerOptions["batch"];
  readonly #last: number;
  readonly #waiting = new Map<number, Promise<StepInputs>>();

  constructor(batch: TrainerOptions["batch"], last: number) {
    this.#batch = batch;
    this.#last = last;
  }

  take(step: number): Promise<StepInputs> {
    for (let at = step; at <= Math.min(step + AHEAD, this.#last); at++) {
      if (this.#waiting.has(at)) continue;
      const batch = (async () => this.#batch(at))();
      // Whoever takes it hears of its failure.
      batch.catch(() => undefined);
      this.#waiting.set(at, batch);
    }
    const taken = this.#waiting.get(step) ?? Promise.reject(new Error(`There is no step ${step}.`));
    this.#waiting.delete(step);
    return taken;
  }
}

/**
 * Takes back the lines of steps that a killed run had logged but not saved, and a line that it had
 * not finished.
 */
async function forgetLinesAfter(path: string, step: number): Promise<void> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return;
  const kept = text
    .split("\n")
    .filter((line) => line.endsWith("}") && (JSON.parse(line) as { step: number }).step <= step)
    .map((line) => `${line}\n`)
    .join("");
  if (kept !== text) await replaceFile(path, new TextEncoder().encode(kept));
}
