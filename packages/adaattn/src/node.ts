/** Everything of `adaattn` in Node: the root export and what needs files, threads and the native engine. */

export * from "./index.ts";
export {
  type FetchPictureOptions,
  fetchPicture,
  isAddress,
  MOST_STREAMED_BYTES,
  tooManyBytes,
} from "./node/addresses.ts";
export {
  checkDevice,
  type DeviceInfo,
  type DeviceProbe,
  engineInfo,
  engineVersions,
  fasterDevice,
  type ProbeOptions,
  probeDevices,
} from "./node/devices.ts";
export { type CachedStyle, cachedStyle } from "./node/diskStyleCache.ts";
export * from "./node/download.ts";
export { NodeEngine, type NodeEngineOptions } from "./node/engine.ts";
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
} from "./node/ffmpeg/codecs.ts";
export { type FilmPart, FrameReader, partOf, type ReadFramesOptions, type Stretch } from "./node/ffmpeg/decode.ts";
export { FrameWriter } from "./node/ffmpeg/encode.ts";
export { joinSegments, type Segments, type Sound } from "./node/ffmpeg/join.ts";
export {
  type AudioTrack,
  type FrameRate,
  keyFrames,
  perSecond,
  probeVideo,
  seekBefore,
  type VideoInfo,
} from "./node/ffmpeg/probe.ts";
export { type FfmpegAbilities, type FfmpegLimits, ffmpegAbilities, limitFfmpeg } from "./node/ffmpeg/process.ts";
export * from "./node/files.ts";
export * from "./node/folders.ts";
export * from "./node/importModel.ts";
export { LargePicture, LargePictureWriter } from "./node/largePictures.ts";
export { type ExifTags, type KeptMetadata, keepMetadata, type PictureMetadata } from "./node/metadata.ts";
export * from "./node/models.ts";
export { NodeModel, type PictureInput, SavablePicture, type SaveOptions } from "./node/nodeModel.ts";
export { type FilePainting, readPainting } from "./node/paintingFiles.ts";
export { type BundledPainting, listPaintings, paintingsLike } from "./node/paintings.ts";
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
