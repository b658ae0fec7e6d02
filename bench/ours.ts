/**
 * Ours, measured as the peer in peers/ measures itself: one JSON object with `medianSeconds` and `peakRssBytes` on stdout.
 *
 *   ours.ts stylize --preset vgg19-image|small --size 512 --repeat 5 [--cached]
 *   ours.ts step --preset small --batch 4 --crop 128 --steps 10
 */

import { parseArgs } from "node:util";
import { toOnnx } from "@adaattn/graph";
import {
  generateWeights,
  Random,
  STATE,
  stepScalars,
  styleObjective,
  type TrainedEncoder,
  trainingStep,
} from "@adaattn/train";
import {
  type Architecture,
  architectureNamed,
  encoderParameters,
  flatten,
  parametersOf,
  stylisingParameters,
  vggEncoder,
} from "adaattn";
import { type EngineTensor, Model, NodeEngine, outputOf, type Picture, type TensorData } from "adaattn/node";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    preset: { type: "string", default: "small" },
    size: { type: "string", default: "512" },
    repeat: { type: "string", default: "5" },
    cached: { type: "boolean", default: false },
    batch: { type: "string", default: "4" },
    crop: { type: "string", default: "128" },
    steps: { type: "string", default: "10" },
    threads: { type: "string", default: "2" },
  },
});
const architecture = architectureNamed(options.preset);
const engine = new NodeEngine({ device: "cpu", threads: Number(options.threads) });
const random = new Random(1);

/** Seconds of each of `times` runs, after `warm` that are not counted. */
async function repeat(action: () => Promise<void>, warm: number, times: number): Promise<number[]> {
  const seconds: number[] = [];
  for (let run = 0; run < warm + times; run++) {
    const begun = performance.now();
    await action();
    if (run >= warm) seconds.push((performance.now() - begun) / 1000);
  }
  return seconds;
}

function noise(size: number): Picture {
  return {
    width: size,
    height: size,
    data: Uint8Array.from({ length: size * size * 4 }, (_, at) => (at % 4 === 3 ? 255 : random.below(256))),
  };
}

async function stylize(): Promise<number[]> {
  const model = await Model.load(options.preset, architecture, generateWeights(parametersOf(architecture)), engine);
  const [photo, painting] = [noise(Number(options.size)), noise(Number(options.size))];
  const known = options.cached ? await model.style(painting) : undefined;
  return repeat(
    async () => {
      const style = known ?? (await model.style(painting));
      await model.stylize(photo, style);
      if (style !== known) style.dispose();
    },
    1,
    Number(options.repeat),
  );
}

function generated(encoder: Architecture["encoder"]): TrainedEncoder {
  const shapes = encoderParameters(encoder);
  return { encoder, shapes, values: generateWeights(shapes) };
}

async function step(): Promise<number[]> {
  const [count, crop] = [Number(options.batch), Number(options.crop)];
  const parameters = stylisingParameters(architecture);
  const judge = generated(
    vggEncoder([16, 32, 64, 128, 128], (block, index) => `judge.${block}_${index}`, "judge.colour"),
  );
  const loss = { global: 10, local: 3, content: 0, identity: 0, variation: 0 };
  const objective = styleObjective(architecture, generated(architecture.encoder), {
    ...{
      judge,
      losses: loss,
      globalLevels: [2, 3, 4, 5],
      localLevels: [2, 3, 4, 5],
      localKeys: 4096,
      batch: count,
      crop,
    },
  });
  const session = await engine.load(toOnnx(trainingStep({ parameters, objective })), "the training step", {
    fixedSizes: true,
  });
  const start = flatten(parameters, generateWeights(parameters));
  let state: Record<string, TensorData | EngineTensor> = Object.fromEntries(
    STATE.map((name) => [
      name,
      { shape: [start.length], data: /first|second/.test(name) ? new Float32Array(start.length) : start },
    ]),
  );
  const pictures = () => ({
    shape: [count, 3, crop, crop],
    data: Float32Array.from({ length: count * 3 * crop * crop }, () => random.next()),
  });
  const [content, style] = [pictures(), pictures()];
  let time = 0;
  return repeat(
    async () => {
      const results = await session.run({ ...state, content, style, ...stepScalars(++time, 2e-4) });
      const total = Number((await outputOf(results, "loss.global").read()).data[0]);
      if (!Number.isFinite(total)) throw new Error(`The loss is ${total}.`);
      for (const value of Object.values(state)) if ("dispose" in value) value.dispose();
      state = Object.fromEntries(STATE.map((name) => [name, outputOf(results, `${name}.next`)]));
    },
    2,
    Number(options.steps),
  );
}

const [task] = positionals;
const seconds = task === "step" ? await step() : await stylize();
const sorted = [...seconds].sort((a, b) => a - b);
const peakRssBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ ...options, medianSeconds: sorted[sorted.length >> 1], seconds, peakRssBytes }));
await engine.dispose();
