/**
 * Goes on training the model `small` on a few pictures of one's own: tsx train.ts photos paintings
 * run [steps]
 *
 * Afterwards `adaattn stylize ... --model run/model` uses it. A run that was stopped goes on when
 * it is started again.
 */

import { checkSettings, DEFAULTS, LOSS_DEFAULTS, STAGE_DEFAULTS, type TrainSettings, trainModel } from "@adaattn/train";

const [content, style, folder, steps = "300"] = process.argv.slice(2);
if (content === undefined || style === undefined || folder === undefined) {
  throw new Error("Expected a folder of photographs, one of paintings and one for the run.");
}
const settings: TrainSettings = {
  ...DEFAULTS,
  ...LOSS_DEFAULTS,
  ...STAGE_DEFAULTS.fineTuning,
  // Ten pictures are soon known by heart: small steps, and few of them.
  rate: 5e-5,
  warmup: 20,
  steps: Number(steps),
  batch: 2,
  crop: 96,
  stage: "style",
  start: "small",
  decoderSteps: 0,
  content,
  style,
  logEvery: 5,
  sampleEvery: 100,
};
checkSettings(settings);

const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
await trainModel(folder, settings, {
  signal: stop.signal,
  onLog: ({ step, loss }) => console.log(`step ${step} of ${steps}: loss ${loss?.toFixed(3)}`),
});
