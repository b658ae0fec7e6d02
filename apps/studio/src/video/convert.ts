/**
 * Videos, read and written in the browser by WebCodecs and mediabunny. Sound is copied as it is
 * where an MP4 can have it, else converted where the browser can, else left out.
 */

import type { Picture } from "adaattn";
import { fitWithin } from "adaattn/web";
import {
  ALL_FORMATS,
  BlobSource,
  BufferTarget,
  Conversion,
  getFirstEncodableVideoCodec,
  Input,
  type InputVideoTrack,
  Mp4OutputFormat,
  Output,
  QUALITY_HIGH,
  VideoSampleSink,
} from "mediabunny";
import { even } from "../live/live.ts";
import { t } from "../texts/texts.ts";

/** A part of a video, in seconds from its begin. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface ConvertOptions {
  /** What is painted; all of it by default. */
  readonly span?: Span | undefined;
  readonly longerSide: number;
  readonly signal: AbortSignal;
  readonly paint: (frame: Picture) => Promise<Picture>;
  readonly onProgress: (fraction: number) => void;
  /** Called where the result will be without the sound that the video has. */
  readonly onSoundLost: () => void;
}

/** A video that can be decoded here. */
export class OpenVideo {
  readonly file: File;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly seconds: number;
  readonly hasSound: boolean;
  readonly #input: Input;
  readonly #track: InputVideoTrack;

  constructor(file: File, input: Input, track: InputVideoTrack, facts: { seconds: number; hasSound: boolean }) {
    this.file = file;
    this.name = file.name;
    this.width = track.displayWidth;
    this.height = track.displayHeight;
    this.seconds = facts.seconds;
    this.hasSound = facts.hasSound;
    this.#input = input;
    this.#track = track;
  }

  #sizeWithin(longerSide: number) {
    const { width, height } = this;
    return even(fitWithin(width, height, Math.min(longerSide, Math.max(width, height))));
  }

  /** The frame that is shown at a time. */
  async frameAt(seconds: number, longerSide: number): Promise<Picture | undefined> {
    const sample = await new VideoSampleSink(this.#track).getSample(seconds);
    if (sample === null) return undefined;
    try {
      return pictureOf(sample, this.#sizeWithin(longerSide));
    } finally {
      sample.close();
    }
  }

  /** Paints every frame; gives the bytes of an MP4. Frames keep their times from the begin of the span. */
  async convert({ span, longerSide, signal, paint, onProgress, onSoundLost }: ConvertOptions): Promise<Blob> {
    const size = this.#sizeWithin(longerSide);
    const codec = await getFirstEncodableVideoCodec(["avc", "vp9", "av1"], size);
    if (codec === null) throw new Error(t("video.noEncoder"));
    const output = new Output({ format: new Mp4OutputFormat({ fastStart: "in-memory" }), target: new BufferTarget() });
    const canvas = new OffscreenCanvas(size.width, size.height);
    const trim = span === undefined ? {} : { start: span.from, end: span.to };
    const conversion = await Conversion.init({
      input: this.#input,
      output,
      trim,
      video: (track) =>
        track.id === this.#track.id
          ? {
              codec,
              bitrate: QUALITY_HIGH,
              forceTranscode: true,
              processedWidth: size.width,
              processedHeight: size.height,
              process: async (sample) => {
                signal.throwIfAborted();
                const painted = await paint(pictureOf(sample, size));
                const pixels = new Uint8ClampedArray(painted.data);
                canvas.getContext("2d")?.putImageData(new ImageData(pixels, size.width, size.height), 0, 0);
                return canvas;
              },
            }
          : { discard: true },
    });
    if (this.hasSound && !conversion.utilizedTracks.some((track) => track.isAudioTrack())) onSoundLost();
    conversion.onProgress = onProgress;
    const cancel = () => void conversion.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      await conversion.execute();
    } finally {
      signal.removeEventListener("abort", cancel);
    }
    signal.throwIfAborted();
    const { buffer } = output.target;
    if (buffer === null) throw new Error(t("video.noEncoder"));
    return new Blob([buffer], { type: "video/mp4" });
  }

  dispose(): void {
    this.#input.dispose();
  }
}

interface Drawable {
  draw(context: OffscreenCanvasRenderingContext2D, x: number, y: number, width: number, height: number): void;
}

function pictureOf(sample: Drawable, { width, height }: { width: number; height: number }): Picture {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error(t("problem.canvas"));
  sample.draw(context, 0, 0, width, height);
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}

/**
 * Opens a video.
 *
 * @throws Error with one sentence in the user's language where it cannot be read or decoded here.
 */
export async function readVideo(file: File): Promise<OpenVideo> {
  const { name } = file;
  if (file.size === 0) throw new Error(t("problem.empty", { name }));
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
  try {
    const track = await input.getPrimaryVideoTrack().catch((cause: unknown) => {
      throw new Error(t("video.damaged", { name }), { cause });
    });
    if (track === null) throw new Error(t("video.noVideo", { name }));
    if (typeof VideoDecoder === "undefined" || !(await track.canDecode())) {
      throw new Error(t("video.noDecoder", { name, codec: track.codec ?? "?" }));
    }
    const seconds = await input.computeDuration();
    const hasSound = (await input.getPrimaryAudioTrack()) !== null;
    return new OpenVideo(file, input, track, { seconds, hasSound });
  } catch (error) {
    input.dispose();
    throw error;
  }
}
