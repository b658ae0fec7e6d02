/**
 * The sample clip of the video view, static/pictures/sample.mp4: a slow pan over a bundled photograph, by
 * ffmpeg.
 *
 *   node --conditions=@adaattn/source --import ./scripts/source.mjs apps/studio/scripts/sample.ts
 */

import { execFileSync } from "node:child_process";
import { join } from "node:path";

const photo = join(import.meta.dirname, "../../../assets/contents/castle.jpg");
const clip = join(import.meta.dirname, "../static/pictures/sample.mp4");

const [SECONDS, RATE] = [4, 12];
/** How far the pan is, from 0 to 1, slow at both ends. */
const AT = `(0.5-0.5*cos(PI*t/${SECONDS}))`;
// Enlarged first: the window moves by whole pixels.
const pan = `scale=2304:1536:flags=lanczos,crop=1536:1024:(iw-ow)*${AT}:(ih-oh)*${AT},scale=384:256:flags=area`;

execFileSync("ffmpeg", [
  ...["-v", "error", "-y", "-loop", "1", "-framerate", String(RATE), "-i", photo, "-t", String(SECONDS), "-vf", pan],
  ...["-c:v", "libx264", "-preset", "veryslow", "-crf", "27", "-pix_fmt", "yuv420p"],
  // The same bytes each time, readable from the begin.
  ...["-threads", "1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1"],
  ...["-movflags", "+faststart", clip],
]);
