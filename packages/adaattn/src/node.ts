/**
 * Everything of `adaattn` in Node: the root, and what needs files, threads, ffmpeg and the native
 * engine.
 */

export * from "./details.ts";
export { type FetchPictureOptions, fetchPicture } from "./node/addresses.ts";
export { type DeviceInfo, type DeviceProbe, type ProbeOptions, probeDevices } from "./node/devices.ts";
export { type CachedStyle, cachedStyle } from "./node/diskStyleCache.ts";
export { NodeEngine, type NodeEngineOptions } from "./node/engine.ts";
export {
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
export type { Companions, SubtitleTrack } from "./node/ffmpeg/companions.ts";
export { FrameReader, type ReadFramesOptions, type Stretch } from "./node/ffmpeg/decode.ts";
export { FrameWriter } from "./node/ffmpeg/encode.ts";
export { joinSegments, type Segments, type Sound } from "./node/ffmpeg/join.ts";
export { type AudioTrack, probeVideo, type VideoInfo } from "./node/ffmpeg/probe.ts";
export { type FfmpegAbilities, type FfmpegLimits, ffmpegAbilities, limitFfmpeg } from "./node/ffmpeg/process.ts";
export type { FrameRate } from "./node/ffmpeg/rate.ts";
export { writeNewFolder } from "./node/folders.ts";
export { type ImportedModel, type ImportOptions, importModel, PicturesNeeded } from "./node/importModel.ts";
export { LargePicture, LargePictureWriter } from "./node/largePictures.ts";
export { type ExifTags, type KeptMetadata, keepMetadata, type PictureMetadata } from "./node/metadata.ts";
export { type LoadModelOptions, listModels, loadModel, type ModelFiles, readModel } from "./node/models.ts";
export { NodeModel, type PictureInput, SavablePicture, type SaveOptions } from "./node/nodeModel.ts";
export { type FilePainting, readPainting } from "./node/paintingFiles.ts";
export { type BundledPainting, listPaintings } from "./node/paintings.ts";
export {
  encodePicture,
  type FilePicture,
  inspectPicture,
  PICTURE_EXTENSIONS,
  type PictureFormat,
  type ReadPictureOptions,
  readPicture,
  type WritePictureOptions,
  writePicture,
} from "./node/pictures.ts";
export * from "./root.ts";
