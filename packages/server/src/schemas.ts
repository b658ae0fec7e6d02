/**
 * What goes over the wire, in one place: the server checks requests by these schemas, the OpenAPI
 * document is made of them, and the client has its types from them. The message of each rule is the
 * X of `Expected X for Y but received Z`.
 */
import { paintControls, shareControls, strokeControls, styleControls } from "adaattn/internal";
import { z } from "zod";

const number = (least: number, most: number) => {
  const expected = `a number from ${least} to ${most}`;
  return z.number(expected).min(least, expected).max(most, expected);
};
const whole = (least: number, most: number) => {
  const expected = `a whole number from ${least} to ${most}`;
  return z.int(expected).min(least, expected).max(most, expected);
};
const oneOf = <const Words extends readonly [string, ...string[]]>(words: Words) =>
  z.enum(words, `one of ${words.join(", ")}`);

/** The most styles of one request. */
export const MOST_STYLES = 8;

const NAME = "a name of lower-case letters, digits and hyphens, at most 64";

/** The name of a kept style. */
export const styleName = z.string(NAME).regex(/^[a-z0-9][a-z0-9-]{0,63}$/, NAME);

const COLOR = "a color such as #ff0000";

/** One style of a request: a painting that comes with it, or one that the server keeps. */
export const styleChoice = z.strictObject(
  {
    ...styleControls.shape,
    ...shareControls.shape,
    saved: styleName
      .optional()
      .describe("The name of a kept style. Without it the next part `style` of the upload is taken."),
    region: z
      .string(COLOR)
      .regex(/^#[0-9a-fA-F]{6}$/, COLOR)
      .optional()
      .describe("The color, in the one part `mask`, of the region that this style goes to."),
    seconds: number(0, 86400)
      .optional()
      .describe(
        "From when on a video is painted in this style, in seconds; styles of one time are mixed. 0 by default.",
      ),
  },
  "an object",
);

/** How a painting is kept. */
export const styleLook = z.strictObject(styleControls.shape, "an object");

export const PICTURE_FORMATS = ["jpeg", "png", "webp", "avif"] as const;
export const VIDEO_FORMATS = ["mp4", "m4v", "mov", "webm", "mkv", "gif"] as const;

const MODEL = "the name of a model";
const painting = {
  ...paintControls.shape,
  strokeBy: strokeControls.shape.strokeBy.describe(
    "Whether strokes grow with the picture, which is the default, or have as many pixels in every one; there is no difference up to 512 pixels. Videos are always painted by pixels, and picture is refused for them.",
  ),
  model: z
    .string(MODEL)
    .min(1, MODEL)
    .max(128, MODEL)
    .optional()
    .describe("Which network paints; the server's first by default."),
  size: whole(16, 16384)
    .optional()
    .describe("The result's longer side in pixels; by default the content's, up to the server's limit."),
  styles: z
    .array(styleChoice, "a list of styles")
    .min(1, `1 to ${MOST_STYLES} styles`)
    .max(MOST_STYLES, `1 to ${MOST_STYLES} styles`)
    .optional()
    .describe("The styles in order; by default one for each part `style`, all of one weight."),
  format: oneOf(PICTURE_FORMATS)
    .optional()
    .describe("The format of pictures; by default the content's where it can be written, else png."),
  quality: whole(1, 100).optional().describe("The quality of JPEG (92 by default), WebP (90) and AVIF (70)."),
};

/** The options of `POST /v1/stylize`. */
export const stylizeOptions = z.strictObject(
  {
    ...painting,
    deadline: number(0.01, 3600)
      .optional()
      .describe(
        "After how many seconds the answer is of no use any more; at most the server's own limit, which is the default.",
      ),
  },
  "an object",
);

/** What is asked of a video besides. */
export const videoOptions = z.strictObject(
  {
    format: oneOf(VIDEO_FORMATS).optional().describe("The file; mp4 by default."),
    codec: oneOf(["h264", "vp9", "av1", "prores", "gif"])
      .optional()
      .describe("The usual one of the format by default."),
    crf: whole(0, 63).optional().describe("Constant quality, lower is better."),
    bitrate: whole(1000, 1_000_000_000).optional().describe("Bits a second, instead of a constant quality."),
    fps: number(0.1, 120).optional().describe("Frames a second; the video's own by default."),
    start: number(0, 86400).optional().describe("Where to begin, in seconds."),
    end: number(0, 86400).optional().describe("Where to end, in seconds."),
    fade: number(0, 3600)
      .optional()
      .describe("How long one style takes to fade into the next, in seconds; 1 by default."),
  },
  "an object",
);

const CALLBACK = "an address such as https://example.com/done";

/** The options of `POST /v1/jobs`. */
export const jobOptions = z.strictObject(
  {
    ...painting,
    video: videoOptions.optional(),
    callback: z
      .string(CALLBACK)
      .max(2000, CALLBACK)
      .optional()
      .describe("An address that is called once the job has ended, among the hosts that the server may call."),
  },
  "an object",
);

/** An error, as RFC 9457 has it. */
export const problemDocument = z.object({
  type: z.string().describe("Which kind of problem it is: a place in the documentation."),
  title: z.string(),
  status: z.int(),
  detail: z.string().describe("One sentence on what happened and what to do."),
  instance: z.string().optional().describe("The request's number, as the log has it."),
  errors: z
    .array(z.object({ pointer: z.string(), detail: z.string() }))
    .optional()
    .describe("Every option that does not fit, by its JSON pointer."),
});

export const modelInfo = z.object({
  name: z.string(),
  architecture: z.string(),
  parameters: z.int().describe("How many numbers its weights are."),
  default: z.boolean(),
});

export const styleInfo = z.object({
  name: styleName,
  width: z.int(),
  height: z.int(),
  bytes: z.int(),
  hasMask: z.boolean(),
  look: styleLook,
  updated: z.iso.datetime(),
});

export const JOB_STATES = ["queued", "running", "done", "failed", "cancelled"] as const;

export const jobResult = z.object({
  index: z.int(),
  type: z.string().describe("Its media type."),
  bytes: z.int(),
  url: z.string(),
});

export const jobInfo = z.object({
  id: z.uuid(),
  kind: z.enum(["pictures", "video"]),
  state: z.enum(JOB_STATES),
  progress: z.number().min(0).max(1),
  created: z.iso.datetime(),
  updated: z.iso.datetime(),
  notes: z.array(z.string()).describe("Sentences on what was done to inputs that did not fit quite."),
  error: z.string().optional().describe("Why it failed."),
  results: z.array(jobResult),
});

/** What `GET /v1/jobs/:id/events` sends; `event:` is the type and `data:` the rest as JSON. */
export const jobEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("progress"), state: z.enum(["queued", "running"]), progress: z.number() }),
  z.object({ type: z.literal("preview"), url: z.string().describe("A small JPEG of the newest frame or picture.") }),
  z.object({ type: z.literal("done"), job: jobInfo }),
  z.object({ type: z.literal("error"), state: z.enum(["failed", "cancelled"]), detail: z.string() }),
]);

/** What an address is sent that a job names as its `callback`. */
export const jobMessage = z.object({
  type: z.enum(["job.done", "job.failed", "job.cancelled"]),
  timestamp: z.iso.datetime().describe("When the job ended."),
  data: jobInfo,
});

export const readiness = z.object({
  ready: z.boolean(),
  painters: z.int().describe("Processes that can paint."),
  waiting: z.int().describe("Requests that wait for one."),
});

export type StyleChoice = z.input<typeof styleChoice>;
export type StylizeRequestOptions = z.input<typeof stylizeOptions>;
export type VideoRequestOptions = z.input<typeof videoOptions>;
export type JobRequestOptions = z.input<typeof jobOptions>;
export type StyleLook = z.input<typeof styleLook>;
export type ProblemDocument = z.output<typeof problemDocument>;
export type ModelInfo = z.output<typeof modelInfo>;
export type StyleInfo = z.output<typeof styleInfo>;
export type JobInfo = z.output<typeof jobInfo>;
export type JobMessage = z.output<typeof jobMessage>;
export type JobState = (typeof JOB_STATES)[number];
export type JobEvent = z.output<typeof jobEvent>;
export type Readiness = z.output<typeof readiness>;
