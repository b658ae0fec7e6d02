/**
 * Paints a film without its sound: tsx video.ts clip.mp4 painting.jpg out.mkv. Needs ffmpeg;
 * `adaattn video` does much more.
 */

import {
  FrameReader,
  FrameWriter,
  ffmpegAbilities,
  fitWithin,
  loadModel,
  probeVideo,
  readPicture,
  segmentFormat,
  stylizeVideo,
  videoTarget,
} from "adaattn/node";

const [film, painting, output] = process.argv.slice(2);
if (film === undefined || painting === undefined || output === undefined) {
  throw new Error("Expected a film, a painting and the name of the result.");
}
const info = await probeVideo(film);
const abilities = await ffmpegAbilities();
const size = fitWithin(info.width, info.height, Math.min(512, Math.max(info.width, info.height)));
const format = segmentFormat(output, size, videoTarget(output, undefined), abilities);

await using model = await loadModel("small-video");
using style = await model.style(await readPicture(painting));
await using frames = new FrameReader(info, abilities, { size });
await using painted = new FrameWriter(output, { name: output, size, rate: frames.rate, format });
let count = 0;
for await (const { picture } of stylizeVideo(model, frames, style)) {
  await painted.write(picture);
  process.stderr.write(`\rframe ${++count}`);
}
await painted.finish();
process.stderr.write(`\n${output}\n`);
