/** What `adaattn video` is asked, once it is checked. */
import type { FrameRate, KeptMetadata, PaintControls, VideoTarget } from "adaattn/node";
import type { LoadOptions } from "../../loading/styles.ts";
import type { TimedStyle } from "./times.ts";

/** A film to write. */
export interface Film {
  readonly path: string;
  readonly target: VideoTarget;
}

/** The options of `adaattn video`, checked. */
export interface VideoOptions extends LoadOptions {
  readonly styles: readonly TimedStyle[];
  readonly paint: PaintControls;
  /** How long key styles fade into each other, in seconds. */
  readonly fade: number;
  /** The file to write, or nothing; there is then a folder for frames. */
  readonly film?: Film | undefined;
  /** The folder to write frames into. */
  readonly frames?: string | undefined;
  /** The longer side in pixels. */
  readonly size?: number | undefined;
  readonly rate?: FrameRate | undefined;
  /** In seconds. */
  readonly start?: number | undefined;
  readonly end?: number | undefined;
  readonly resume: boolean;
  /** How much of what the video says of itself the result says, too. */
  readonly metadata: KeptMetadata;
  readonly quiet: boolean;
  readonly json: boolean;
  /** The version of this command. */
  readonly version: string;
}
