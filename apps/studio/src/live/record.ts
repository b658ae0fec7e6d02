/**
 * Records frames as they come to a file, by WebCodecs. Frames of another size, after the detail was
 * changed, are drawn to the first's.
 */

import type { Picture, Size } from "adaattn";
import {
  BufferTarget,
  CanvasSource,
  getFirstEncodableVideoCodec,
  Mp4OutputFormat,
  Output,
  QUALITY_HIGH,
} from "mediabunny";
import { saveFile } from "../pictures/save.ts";
import { t } from "../texts/texts.ts";

export class Recorder {
  readonly #output: Output<Mp4OutputFormat, BufferTarget>;
  readonly #source: CanvasSource;
  readonly #canvas: OffscreenCanvas;
  readonly #begun = performance.now();
  #last = -1;

  private constructor(output: Output<Mp4OutputFormat, BufferTarget>, source: CanvasSource, canvas: OffscreenCanvas) {
    this.#output = output;
    this.#source = source;
    this.#canvas = canvas;
  }

  static async start({ width, height }: Size): Promise<Recorder> {
    const codec = await getFirstEncodableVideoCodec(["avc", "vp9", "av1"], { width, height });
    if (codec === null) throw new Error(t("live.noRecording"));
    const output = new Output({ format: new Mp4OutputFormat({ fastStart: "in-memory" }), target: new BufferTarget() });
    const canvas = new OffscreenCanvas(width, height);
    const source = new CanvasSource(canvas, { codec, bitrate: QUALITY_HIGH });
    output.addVideoTrack(source);
    await output.start();
    return new Recorder(output, source, canvas);
  }

  get seconds(): number {
    return Math.max(0, this.#last);
  }

  /** Appends a frame that is shown from now on. */
  async add(picture: Picture): Promise<void> {
    const now = (performance.now() - this.#begun) / 1000;
    // Two frames at once would have no length.
    if (now - this.#last < 0.005) return;
    const passed = this.#last < 0 ? 0 : now;
    this.#last = passed;
    const bitmap = await createImageBitmap(
      new ImageData(new Uint8ClampedArray(picture.data), picture.width, picture.height),
    );
    this.#canvas.getContext("2d")?.drawImage(bitmap, 0, 0, this.#canvas.width, this.#canvas.height);
    bitmap.close();
    if (this.#output.state === "started") await this.#source.add(passed);
  }

  /** Ends the file and hands it to the user. */
  async save(): Promise<void> {
    await this.#output.finalize();
    const { buffer } = this.#output.target;
    if (buffer !== null) saveFile(new Blob([buffer], { type: "video/mp4" }), "live.mp4");
  }
}
