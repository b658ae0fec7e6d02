/** Everything of `adaattn` in Node: the root export and what needs files, threads and the native engine. */

export { NodeEngine, type NodeEngineOptions } from "./engine/node.ts";
export * from "./index.ts";
export * from "./node/download.ts";
export { type FfmpegAbilities, ffmpegAbilities } from "./node/ffmpeg.ts";
export {
  keepsAlpha,
  type SegmentFormat,
  segmentFormat,
  VIDEO_CODECS,
  VIDEO_EXTENSIONS,
  type VideoCodec,
  type VideoExtension,
  type VideoQuality,
  type VideoTarget,
  videoTarget,
} from "./node/ffmpegCodecs.ts";
export { FrameReader, firstDelay, type ReadFramesOptions, type Stretch } from "./node/ffmpegDecode.ts";
export { FrameWriter } from "./node/ffmpegEncode.ts";
export { joinSegments, type Segments, type Sound } from "./node/ffmpegJoin.ts";
export {
  type AudioTrack,
  type FrameRate,
  keyFrames,
  perSecond,
  probeVideo,
  type VideoInfo,
} from "./node/ffmpegProbe.ts";
export * from "./node/files.ts";
export * from "./node/folders.ts";
export * from "./node/importing.ts";
export { LargePicture, LargePictureWriter } from "./node/largePictures.ts";
export * from "./node/models.ts";
export {
  checkPictureOutput,
  encodePicture,
  type FilePicture,
  inspectPicture,
  MOST_PIXELS,
  PICTURE_EXTENSIONS,
  type PictureFormat,
  pictureVersions,
  type ReadPictureOptions,
  readPicture,
  type WritePictureOptions,
  writePicture,
} from "./node/pictures.ts";
export { type CachedStyle, cachedStyle } from "./node/styleCache.ts";
