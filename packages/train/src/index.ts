/** Training of AdaAttN networks: losses, the training step, the loop and the data it reads. */

export { Dataset, type DatasetOptions } from "./data/dataset.ts";
export { Random } from "./data/random.ts";
export * from "./metrics/index.ts";
export { type Comparison, parity } from "./parity.ts";
export { newestCheckpoint, readAverage } from "./run/checkpoint.ts";
export { type RunConfig, readConfig, trainingProcess } from "./run/folder.ts";
export { initializeAttention, initializeConvolutions, initializeEncoder } from "./run/initialize.ts";
export type { KindComparison, LevelComparison, LevelMoments } from "./run/levels.ts";
export * from "./run/settings.ts";
export { type MetricsLine, type StepInputs, Trainer, type TrainerOptions } from "./run/trainer.ts";
export { distillEncoder, type RunStart, type TrainingEvents, trainModel } from "./run/training.ts";
export { findEncoder } from "./run/weightSources.ts";
export { type Choose, selfSimilarityLoss, structureLoss, transportLoss } from "./step/likeness.ts";
export * from "./step/losses.ts";
export * from "./step/objectives.ts";
export { type Schedule, scheduledRate } from "./step/schedule.ts";
export { type Optimizer, STATE, type StepOptions, stepScalars, trainingStep } from "./step/step.ts";
export { supervisionHeads, supervisionLoss, type Wanted } from "./step/supervision.ts";
export { strokesLoss, weaveLoss } from "./step/texture.ts";
export { calm, calmNorm, type Painted, type PaintOptions, paint, sleepiness, sleepLoss } from "./step/waking.ts";
export {
  frozenFeatures,
  levelStatistics,
  normalizeLevels,
  readEncoder,
  scaleLevels,
  type TrainedEncoder,
} from "./weights/encoders.ts";
export { generateWeights } from "./weights/generated.ts";
export { writeModel } from "./weights/modelFolder.ts";
