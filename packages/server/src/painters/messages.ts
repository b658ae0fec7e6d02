/**
 * What the pool and its painting processes say to each other. Pictures go over as the paths of
 * uploads, results as encoded bytes.
 */
import type { StrokeControls } from "adaattn/internal";
import type { ErrorCode, FrameRate, PaintControls, Size, StyleControls, VideoTarget } from "adaattn/node";
import type { PICTURE_FORMATS } from "../schemas.ts";

export type ResultFormat = (typeof PICTURE_FORMATS)[number];

/** A file that came with a request, under a name of the server's choice. */
export interface InputFile {
  readonly path: string;
  /** The SHA-256 of its bytes. */
  readonly hash: string;
}

/** One style of a picture or a video, whose files are known as `File`. */
export interface StyleInput<File = InputFile> {
  readonly painting: File;
  readonly mask?: File | undefined;
  readonly look: StyleControls;
  readonly weight?: number | undefined;
  readonly region?: string | undefined;
  /** From when on, in seconds; for videos. */
  readonly seconds?: number | undefined;
}

/** What pictures and videos have in common. */
export interface PaintTask {
  /** One of the models that the process was started with. */
  readonly model: string;
  readonly styles: readonly StyleInput[];
  /** One a style, one with a region for each style, or none. */
  readonly masks: readonly InputFile[];
  readonly paint: PaintControls;
  /**
   * Pixels that a picture of it may have before it is decoded, where that is not what the process
   * was started with.
   */
  readonly pixels?: number | undefined;
}

export interface PictureTask extends PaintTask {
  readonly kind: "picture";
  readonly content: InputFile;
  /** The longer side of the result. */
  readonly size?: number | undefined;
  /** The longer side that a content is shrunk to where no size is asked for. */
  readonly longest: number;
  readonly strokeBy?: StrokeControls["strokeBy"];
  readonly format?: ResultFormat | undefined;
  readonly quality?: number | undefined;
}

/** A stretch of a video, painted into a file of its own. */
export interface SegmentTask extends PaintTask {
  readonly kind: "segment";
  readonly source: string;
  readonly size: Size;
  readonly rate: FrameRate;
  /** The first frame, and the one after the last, on the film's grid. */
  readonly from: number;
  readonly to: number;
  /** How many frames before the first are looked at, for statistics that the scene shares. */
  readonly lead: number;
  /** Which of the grid's frames is the film's first. */
  readonly first: number;
  /**
   * Where to begin to decode, in seconds: a key frame well before `from`; the begin where there is
   * none.
   */
  readonly seek?: number | undefined;
  readonly fade?: number | undefined;
  readonly target: VideoTarget;
  readonly output: string;
}

/** Looks at a picture's header. */
export interface InspectTask {
  readonly kind: "inspect";
  readonly file: string;
  /** What errors call it. */
  readonly name: string;
  readonly pixels: number;
}

export type Task = PictureTask | SegmentTask | InspectTask;

export interface PictureResult {
  readonly bytes: Uint8Array;
  readonly format: ResultFormat;
  readonly width: number;
  readonly height: number;
  readonly notes: readonly string[];
  readonly milliseconds: Readonly<Record<"read" | "style" | "encode" | "attend" | "decode" | "write", number>>;
}

/** What a task ends with. */
export interface Results {
  readonly picture: PictureResult;
  readonly segment: { readonly frames: number; readonly notes: readonly string[] };
  readonly inspect: Size & { readonly format: string };
}

/** How far a segment is. */
export interface SegmentProgress {
  readonly frames: number;
  /** A small JPEG of the newest frame, now and then. */
  readonly preview?: Uint8Array | undefined;
}

/** How a painting process is set up; its only argument, as JSON. */
export interface PainterOptions {
  readonly models: readonly string[];
  readonly device: "auto" | "cpu" | "webgpu";
  readonly threads: number;
  readonly pixels: number;
  readonly memory: number;
}

/** What a loaded model is. */
export interface LoadedModel {
  readonly name: string;
  readonly architecture: string;
  readonly parameters: number;
}

export type ToPainter = { readonly id: number; readonly task: Task } | { readonly cancel: number };

export type FromPainter =
  | { readonly ready: readonly LoadedModel[] }
  /** It would need more memory than it may have, and ends. */
  | { readonly outOfMemory: true }
  | { readonly id: number; readonly value: Results[keyof Results] }
  | { readonly id: number; readonly progress: SegmentProgress }
  | { readonly id: number; readonly error: string; readonly fault: Fault };

/**
 * Whose fault an error is: of an upload, nobody's, because it was cancelled, what the library's
 * code says, or a mistake of ours, whose message is for the log alone.
 */
export type Fault = "upload" | "cancelled" | ErrorCode | "internal";
