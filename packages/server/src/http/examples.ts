/**
 * An example of each thing that the API answers with, for the OpenAPI document; their types are
 * those of the schemas.
 */
import type {
  JobEvent,
  JobInfo,
  JobMessage,
  JobRequestOptions,
  ModelInfo,
  Readiness,
  StyleInfo,
  StyleLook,
  StylizeRequestOptions,
} from "../schemas.ts";

const id = "5f0c6a1e-2b7d-4e0a-9c3f-8d1e2a7b6c54";

const job: JobInfo = {
  id,
  kind: "video",
  state: "done",
  progress: 1,
  created: "2026-03-01T12:00:00.000Z",
  updated: "2026-03-01T12:04:30.000Z",
  notes: [],
  results: [{ index: 0, type: "video/mp4", bytes: 4_812_033, url: `/v1/jobs/${id}/results/0` }],
};

export const EXAMPLES = {
  Model: { name: "small", architecture: "small", parameters: 1_200_000, default: true } satisfies ModelInfo,
  Style: {
    name: "starry-night",
    width: 1280,
    height: 1014,
    bytes: 412_345,
    hasMask: false,
    look: { stroke: 1.5 },
    updated: "2026-03-01T12:00:00.000Z",
  } satisfies StyleInfo,
  Job: job,
  JobEvent: { type: "progress", state: "running", progress: 0.25 } satisfies JobEvent,
  JobMessage: { type: "job.done", timestamp: job.updated, data: job } satisfies JobMessage,
  Readiness: { ready: true, painters: 2, waiting: 0 } satisfies Readiness,
};

/** Of the options of uploads, by the operation. */
export const OPTION_EXAMPLES: Readonly<Record<string, object>> = {
  stylize: { strength: 0.8, size: 1024, format: "jpeg" } satisfies StylizeRequestOptions,
  submitJob: {
    styles: [{}, { saved: "starry-night", seconds: 12 }],
    video: { format: "mp4", fps: 25 },
    callback: "https://example.com/done",
  } satisfies JobRequestOptions,
  putStyle: { stroke: 1.5 } satisfies StyleLook,
};
