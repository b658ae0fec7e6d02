/**
 * Writes model.safetensors (fp16) and model.json from the runs that trained a model:
 *
 *   export.ts --distil RUN --invert RUN --stylise RUN --smooth RUN --out FOLDER
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readAverage } from "@adaattn/train";
import {
  architectureNamed,
  countParameters,
  encoderParameters,
  parametersOf,
  stylisingParameters,
  writeSafetensors,
} from "adaattn";
import { replaceFile } from "adaattn/node";

const { values: options } = parseArgs({
  options: {
    distil: { type: "string", default: "" },
    invert: { type: "string", default: "" },
    stylise: { type: "string", default: "" },
    smooth: { type: "string", default: "" },
    out: { type: "string", default: "models/small" },
  },
});
const architecture = architectureNamed("small");
const shapes = parametersOf(architecture);
const values = new Map([
  ...(await readAverage(options.distil, encoderParameters(architecture.encoder))),
  ...(await readAverage(options.smooth, stylisingParameters(architecture))),
]);

type Line = Readonly<Record<string, number>>;

/** Steps, samples and the mean losses of the last fifty logged steps of a run. */
async function record(run: string) {
  const text = await readFile(join(run, "metrics.jsonl"), "utf8");
  const lines = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  const last = lines.slice(-50);
  const losses = Object.keys(last.at(-1) ?? {}).filter((name) => name.startsWith("loss."));
  const mean = (name: string) => last.reduce((sum, line) => sum + (line[name] ?? 0), 0) / last.length;
  const config = JSON.parse(await readFile(join(run, "config.json"), "utf8")) as Readonly<Record<string, unknown>>;
  return {
    ...config,
    steps: last.at(-1)?.step,
    samples: last.at(-1)?.samples,
    losses: Object.fromEntries(losses.map((name) => [name.slice("loss.".length), Number(mean(name).toPrecision(4))])),
  };
}

const tensors = new Map(
  [...shapes].map(([name, shape]) => [name, { shape: [...shape], data: values.get(name) ?? new Float32Array() }]),
);
await replaceFile(
  join(options.out, "model.safetensors"),
  writeSafetensors(tensors, { architecture: architecture.name }, "F16"),
);
const description = {
  architecture: architecture.name,
  parameters: countParameters(shapes),
  weights: "model.safetensors, fp16, the moving average of the last stage",
  data: {
    content: "3,400 photographs (COCO, VOC, BSDS, ImageNet samples, Flickr8k, scenes), shorter side 288",
    style: "3,000 artworks of about 39 movements (PeopleArt, WikiArt and others), shorter side 288",
  },
  teacher:
    "quarter-width VGG-19 (Wang et al., Collaborative Distillation, CVPR 2020), each level scaled to unit mean activation",
  command: "models/small/train.sh",
  stages: {
    distil: await record(options.distil),
    invert: await record(options.invert),
    stylise: await record(options.stylise),
    smooth: await record(options.smooth),
  },
};
await replaceFile(
  join(options.out, "model.json"),
  new TextEncoder().encode(`${JSON.stringify(description, null, 2)}\n`),
);
