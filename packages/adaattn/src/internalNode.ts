/**
 * What the command, the server and the trainer share with the library in Node. It may change in any
 * version.
 */

export { isAddress, MOST_STREAMED_BYTES, tooManyBytes } from "./node/addresses.ts";
export { checkDevice, engineInfo, engineVersions, fasterDevice } from "./node/devices.ts";
export { cacheFolder, type DownloadedFile, type DownloadOptions, download } from "./node/download.ts";
export { keepsAlpha } from "./node/ffmpeg/codecs.ts";
export { leftOut } from "./node/ffmpeg/companions.ts";
export { type FilmPart, partOf } from "./node/ffmpeg/decode.ts";
export { keyFrames, seekBefore } from "./node/ffmpeg/probe.ts";
export { perSecond } from "./node/ffmpeg/rate.ts";
export {
  cannotRead,
  cannotWrite,
  checkReadable,
  checkReplaceable,
  linkTarget,
  moveInto,
  readFileStart,
  readWholeFile,
  removeTemporary,
  replaceFile,
  replaceFileBy,
  systemCode,
  temporaryBeside,
  writeFailure,
} from "./node/files.ts";
export { checkNewFolder } from "./node/folders.ts";
export { hasHugePages, withHugePages } from "./node/hugePages.ts";
export { isUrl } from "./node/importModel.ts";
export { fingerprintOfModel } from "./node/models.ts";
export { paintingsLike } from "./node/paintings.ts";
export { checkPictureOutput, MOST_PIXELS, pictureVersions } from "./node/pictures.ts";
