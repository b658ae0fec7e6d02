/** Training of AdaAttN networks: losses, the training step, the loop and the data it reads. */

export { Dataset, type DatasetOptions } from "./dataset.ts";
export { frozenFeatures, levelStatistics, readEncoder, scaleLevels, type TrainedEncoder } from "./encoders.ts";
export { generateWeights } from "./generatedWeights.ts";
export { initialiseAttention, initialiseConvolutions, initialiseEncoder } from "./initialise.ts";
export * from "./losses.ts";
export * from "./objectives.ts";
export { type Comparison, parity } from "./parity.ts";
export { Random } from "./random.ts";
export { STATE, type StepOptions, stepScalars, trainingStep } from "./step.ts";
export { readAverage, type TrainerOptions, train } from "./trainer.ts";
