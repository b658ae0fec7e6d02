/**
 * Makes the model of a recipe's last run the one that is shipped, with a record of all its runs in
 * model.json:
 *
 *   export.ts RUN... --out FOLDER
 */

import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { writeModel } from "@adaattn/train";
import { readModel } from "adaattn/node";

const { values: options, positionals: runs } = parseArgs({
  allowPositionals: true,
  options: { out: { type: "string", default: "models/small" } },
});

/**
 * The settings of a run that are worth keeping, all but where things lay on the machine, and how
 * model.json calls them.
 */
const KEPT = {
  stage: "stage",
  device: "device",
  batch: "batch",
  crop: "crop",
  rate: "rate",
  warmup: "warmup",
  clip: "clip",
  seed: "seed",
  losses: "lossWeights",
  lossWeights: "lossWeights",
  globalLevels: "globalLevels",
  localLevels: "localLevels",
  localKeys: "localKeys",
  trainEncoder: "trainEncoder",
};

/** Settings, steps, samples and the mean losses of the last fifty lines of a run's metrics. */
async function record(run: string) {
  const config = JSON.parse(await readFile(join(run, "config.json"), "utf8")) as Readonly<Record<string, unknown>>;
  const text = await readFile(join(run, "metrics.jsonl"), "utf8");
  const lines = text
    .trim()
    .split("\n")
    .slice(-50)
    .map((line) => JSON.parse(line) as Readonly<Record<string, number>>);
  const losses = Object.keys(lines.at(-1) ?? {}).filter((name) => name.startsWith("loss."));
  const mean = (name: string) => lines.reduce((sum, line) => sum + (line[name] ?? 0), 0) / lines.length;
  return {
    ...Object.fromEntries(Object.entries(KEPT).flatMap(([name, as]) => (name in config ? [[as, config[name]]] : []))),
    steps: lines.at(-1)?.step,
    samples: lines.at(-1)?.samples,
    losses: Object.fromEntries(losses.map((name) => [name.slice("loss.".length), Number(mean(name).toPrecision(4))])),
  };
}

const { architecture, weights } = await readModel(join(runs.at(-1) ?? "", "model"));
const stages: Record<string, unknown> = {};
for (const run of runs) stages[basename(run)] = await record(run);
await writeModel(options.out, architecture, weights, {
  weights: "model.safetensors, fp16, the moving average of the last stage",
  data: {
    content: "3,400 photographs (COCO, VOC, BSDS, ImageNet samples, Flickr8k, scenes), shorter side 288",
    style: "3,000 artworks of about 39 movements (PeopleArt, WikiArt and others), shorter side 288",
  },
  lossNetworks:
    "quarter-width VGG-19 (Wang et al., Collaborative Distillation, CVPR 2020) to begin with, normalized VGG-19 at the end, each level scaled to unit mean activation",
  command: `models/${basename(options.out)}/train.sh`,
  stages,
});
