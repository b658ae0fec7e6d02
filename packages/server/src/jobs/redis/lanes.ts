/**
 * The queues of BullMQ through which the steps of jobs go: one for each kind of job and each model.
 * So a worker takes only what it has the model for, and pictures do not wait behind films. Within a
 * queue, the later a step is among all that its owner waits for, the later its turn: whoever has
 * much to do does not keep others waiting.
 */
import type { FlowJobNode } from "bullmq";
import type { StepName } from "../metrics.ts";
import type { JobRecord } from "../record.ts";
import { ATTEMPTS, BACK_OFF } from "../work.ts";

/** The latest turn that BullMQ knows. */
const LAST_TURN = 2 ** 21 - 1;

/** What a worker is told of a step. */
export interface Step {
  readonly id: string;
  /** When the job's turn is: 1 for the first of its owner's jobs that are not done, and so on. */
  readonly turn: number;
  /** Of a part. */
  readonly index?: number;
}

/** The queue of a kind of job and a model. */
export function laneOf(kind: JobRecord["kind"], model: string): string {
  // A colon would be taken for the end of the name.
  return `${kind}-${encodeURIComponent(model)}`;
}

/** The queues that somebody with these models serves. */
export function lanesOf(models: readonly string[]): string[] {
  return models.flatMap((model) => [laneOf("pictures", model), laneOf("video", model)]);
}

/** The number of a step among all, by which it is found again. */
export function stepId(id: string, name: StepName, index = 0): string {
  return `${id}-${name === "part" ? index : name}`;
}

/** A step as BullMQ takes it. */
export function stepOf(record: JobRecord, turn: number, name: StepName, index = 0): FlowJobNode {
  const { id, kind, request } = record;
  const data: Step = { id, turn, ...(name === "part" && { index }) };
  return {
    name,
    queueName: laneOf(kind, request.model),
    data,
    opts: {
      jobId: stepId(id, name, index),
      attempts: ATTEMPTS,
      backoff: { type: "exponential", delay: BACK_OFF },
      removeOnComplete: { age: 86_400, count: 10_000 },
      // The list of those that were given up.
      removeOnFail: { age: 7 * 86_400, count: 10_000 },
      // What is painted is finished first, before anything that has a turn.
      ...(name !== "finish" && { priority: Math.min(turn + index, LAST_TURN) }),
      ...(name === "part" && { failParentOnFailure: true }),
    },
  };
}
