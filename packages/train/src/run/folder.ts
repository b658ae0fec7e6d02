/**
 * A run's folder:
 *
 *   config.json                what it is trained with, and on what machine
 *   metrics.jsonl              a line every few steps (trainer.ts)
 *   checkpoints/               weights and optimizer (checkpoint.ts)
 *   samples/                   contact sheets (sampleSheet.ts)
 *   model/                     the model as it is so far, for `adaattn stylize --model RUN/model`
 *   encoder.safetensors        the encoder: the one it uses, or the one it learns
 *   loss-network.safetensors   the encoder that judges or teaches, its levels scaled to a mean activation of 1
 *   levels.json                what the loss network sees in the windows and in whole pictures (levels.ts)
 *   trainer.pid                while it is being trained: the process
 */

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cannotRead, replaceFile } from "adaattn/internal/node";
import type { RevivedLayer } from "./revive.ts";
import type { DistillSettings, TrainSettings } from "./settings.ts";

/** What a run depends on beside its settings, if it is to be repeated bit for bit. */
export interface Environment {
  readonly [name: string]: string | number;
}

/** What config.json holds. */
export type RunConfig = (TrainSettings | DistillSettings) & {
  readonly environment: Environment;
  /** What was dead in the first weights, and is not any more, where the run was told to wake it. */
  readonly woken?: readonly RevivedLayer[] | undefined;
};

/**
 * The configuration of a run.
 *
 * @throws Error with one sentence where the folder holds no run that this version can go on with.
 */
export async function readConfig(run: string): Promise<RunConfig> {
  const path = join(run, "config.json");
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw cannotRead(run, "there is no config.json in it, as the folder of every run has. Check its name.", error);
  });
  const config = parse(path, text);
  for (const name of ["preset", "content", "style"] as const) {
    if (typeof config[name] !== "string")
      throw cannotRead(
        path,
        `it does not say the ${name}, as those of this version do. Start a new run from it instead.`,
      );
  }
  return config;
}

function parse(path: string, text: string): RunConfig {
  try {
    return JSON.parse(text) as RunConfig;
  } catch (error) {
    throw cannotRead(path, "it is not JSON. Restore the file, or start a new run from this one.", error);
  }
}

/** The configuration of a run, or undefined where the folder holds none yet. */
export async function findConfig(run: string): Promise<RunConfig | undefined> {
  const text = await readFile(join(run, "config.json"), "utf8").catch(() => undefined);
  return text === undefined ? undefined : readConfig(run);
}

/** Writes the configuration of a run. */
export async function writeConfig(run: string, config: RunConfig): Promise<void> {
  await replaceFile(join(run, "config.json"), new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`));
}

/**
 * What makes a run go on otherwise than it would have without a stop, such as "rate 0.0002 instead
 * of 0.0004".
 */
export function differences(before: RunConfig, now: RunConfig): string[] {
  const numerical = [
    "steps",
    "batch",
    "crop",
    "rate",
    "warmup",
    "clip",
    "seed",
    "losses",
    "globalLevels",
    "localLevels",
    "localKeys",
    "calm",
    "trainEncoder",
    "device",
  ];
  const settings = numerical.map(
    (name) => [name, before[name as keyof RunConfig], now[name as keyof RunConfig]] as const,
  );
  const names = new Set([...Object.keys(before.environment ?? {}), ...Object.keys(now.environment)]);
  const environment = [...names].map((name) => [name, before.environment?.[name], now.environment[name]] as const);
  return [...settings, ...environment]
    .map(([name, old, fresh]) => [name, JSON.stringify(old), JSON.stringify(fresh)] as const)
    .filter(([, old, fresh]) => old !== fresh)
    .map(([name, old, fresh]) => `${name} ${fresh ?? "unset"} instead of ${old ?? "unset"}`);
}

/** The process that is training a run, or undefined. */
export async function trainingProcess(run: string): Promise<number | undefined> {
  const pid = Number(await readFile(join(run, "trainer.pid"), "utf8").catch(() => ""));
  if (!(pid > 0)) return undefined;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? pid : undefined;
  }
}

/**
 * Takes a run's folder for this process, making it where it is missing, until the result is
 * disposed of.
 *
 * @throws Error with one sentence where another process is training the run.
 */
export async function holdRun(run: string): Promise<AsyncDisposable> {
  const other = await trainingProcess(run);
  if (other !== undefined)
    throw new Error(`The run in ${run} is being trained by the process ${other}. Stop that one first.`);
  await mkdir(run, { recursive: true });
  const path = join(run, "trainer.pid");
  await writeFile(path, String(process.pid));
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
}
