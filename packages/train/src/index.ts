/** Training of AdaAttN networks: losses, the training step, the loop and the data it reads. */

export { newestCheckpoint, readAverage } from "./checkpoint.ts";
export { Dataset, type DatasetOptions } from "./dataset.ts";
export {
  frozenFeatures,
  levelStatistics,
  normaliseLevels,
  readEncoder,
  scaleLevels,
  type TrainedEncoder,
} from "./encoders.ts";
export { generateWeights } from "./generatedWeights.ts";
export { initialiseAttention, initialiseConvolutions, initialiseEncoder } from "./initialise.ts";
export * from "./losses.ts";
export * from "./metrics/index.ts";
export { writeModel } from "./modelFolder.ts";
export * from "./objectives.ts";
export { type Comparison, parity } from "./parity.ts";
export { Random } from "./random.ts";
export { type RunConfig, readConfig, trainingProcess } from "./runFolder.ts";
export { type Schedule, scheduledRate } from "./schedule.ts";
export * from "./settings.ts";
export { STATE, type StepOptions, stepScalars, trainingStep } from "./step.ts";
export { type MetricsLine, type StepInputs, Trainer, type TrainerOptions } from "./trainer.ts";
export { distillEncoder, type RunStart, type TrainingEvents, trainModel } from "./training.ts";
export { findEncoder } from "./weightSources.ts";
