/**
 * What a file is by its first bytes. Only containers that hold their own pictures are let through
 * to ffmpeg: a playlist, a script or a description of a stream would make it open other files.
 */
import { open } from "node:fs/promises";

const text = (bytes: Uint8Array, start: number, end: number) => String.fromCharCode(...bytes.subarray(start, end));

/** The containers by their beginnings. */
const CONTAINERS: readonly ((bytes: Uint8Array) => boolean)[] = [
  // MP4, MOV and their kin; pictures in such a box are told apart by their brand.
  (bytes) =>
    text(bytes, 4, 8) === "ftyp" && !/^(avif|avis|mif1|msf1|miaf|heic|heix|heim|heis|hevc)$/.test(text(bytes, 8, 12)),
  // Matroska and WebM.
  (bytes) => text(bytes, 0, 4) === "\x1a\x45\xdf\xa3",
  (bytes) => text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 11) === "AVI",
  // MPEG transport and program streams.
  (bytes) => bytes[0] === 0x47 && bytes[188] === 0x47 && bytes[376] === 0x47,
  (bytes) => text(bytes, 0, 4) === "\x00\x00\x01\xba",
  (bytes) => text(bytes, 0, 4) === "OggS",
  (bytes) => text(bytes, 0, 3) === "FLV",
];

/** For how many milliseconds a film's decoder may give no frame: then it is taken to hang. */
export const DECODER_PATIENCE = 300_000;

/** ffmpeg's demuxers for them; it is let use no others, whatever it takes a file for. */
export const VIDEO_DEMUXERS: readonly string[] = ["mov", "matroska", "avi", "mpegts", "mpeg", "ogg", "flv"];

const PICTURES: readonly ((bytes: Uint8Array) => boolean)[] = [
  (bytes) => text(bytes, 0, 3) === "\xff\xd8\xff",
  (bytes) => text(bytes, 0, 8) === "\x89PNG\r\n\x1a\n",
  (bytes) => text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 12) === "WEBP",
  (bytes) => text(bytes, 0, 4) === "GIF8",
  (bytes) => ["II*\0", "MM\0*", "II+\0", "MM\0+"].includes(text(bytes, 0, 4)),
  (bytes) => text(bytes, 4, 8) === "ftyp",
];

/** How many bytes tell. */
const HEAD = 512;

/**
 * Whether a file begins like a picture or like a video that is read here; undefined for all else.
 */
export async function kindOf(path: string): Promise<"picture" | "video" | undefined> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD), 0, HEAD, 0);
    const head = buffer.subarray(0, bytesRead);
    if (CONTAINERS.some((matches) => matches(head))) return "video";
    return PICTURES.some((matches) => matches(head)) ? "picture" : undefined;
  } finally {
    await file.close();
  }
}

/** The media types of results. */
export const MEDIA_TYPES: Readonly<Record<string, string>> = {
  jpeg: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
  avif: "image/avif",
  gif: "image/gif",
  mp4: "video/mp4",
  m4v: "video/x-m4v",
  mov: "video/quicktime",
  webm: "video/webm",
  mkv: "video/x-matroska",
};
