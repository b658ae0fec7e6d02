/**
 * What a file is by its first bytes, whatever its name says, and how large a picture is before
 * anybody decodes it.
 */

export type PictureKind = "jpeg" | "png" | "webp" | "gif" | "avif" | "heic" | "bmp";
export type FileKind = PictureKind | "pdf" | "svg" | "tiff" | "video" | "unknown";

const HEIC = ["heic", "heix", "heim", "heis", "hevc", "mif1", "msf1"];

/** The kind of file that begins with these bytes; a few hundred suffice. */
export function kindOf(bytes: Uint8Array): FileKind {
  const text = (start: number, end: number) => String.fromCharCode(...bytes.subarray(start, end));
  if (text(0, 3) === "\xff\xd8\xff") return "jpeg";
  if (text(0, 8) === "\x89PNG\r\n\x1a\n") return "png";
  if (text(0, 4) === "RIFF") return text(8, 12) === "WEBP" ? "webp" : text(8, 12) === "AVI " ? "video" : "unknown";
  if (text(0, 4) === "GIF8") return "gif";
  if (text(0, 2) === "BM") return "bmp";
  if (text(0, 5) === "%PDF-") return "pdf";
  if (["II*\0", "MM\0*"].includes(text(0, 4))) return "tiff";
  if (text(0, 4) === "\x1a\x45\xdf\xa3") return "video";
  if (text(4, 8) === "ftyp") {
    const brand = text(8, 12);
    return brand === "avif" || brand === "avis" ? "avif" : HEIC.includes(brand) ? "heic" : "video";
  }
  return /^\s*(<\?xml[^>]*>\s*)?<svg/.test(text(0, 200)) ? "svg" : "unknown";
}

/**
 * Width and height as a header says them; undefined where it is not known how to read it.
 * Orientation is not applied.
 */
export function headerSize(bytes: Uint8Array): { readonly width: number; readonly height: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = kindOf(bytes);
  try {
    if (kind === "png") return { width: view.getUint32(16), height: view.getUint32(20) };
    if (kind === "gif") return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
    if (kind === "jpeg") return jpegSize(view);
    if (kind === "webp") return webpSize(view);
  } catch (error) {
    // The header goes on beyond the bytes that were given.
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

function jpegSize(view: DataView): { width: number; height: number } | undefined {
  for (let at = 2; view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

function webpSize(view: DataView): { width: number; height: number } | undefined {
  const chunk = String.fromCharCode(...[12, 13, 14, 15].map((at) => view.getUint8(at)));
  const uint24 = (at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  if (chunk === "VP8X") return { width: 1 + uint24(24), height: 1 + uint24(27) };
  if (chunk === "VP8 ") return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (chunk !== "VP8L") return undefined;
  const bits = view.getUint32(21, true);
  return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
}

/** Whether a GIF or an animated PNG or WebP has more than one picture. */
export function isAnimated(bytes: Uint8Array): boolean {
  const kind = kindOf(bytes);
  const has = (text: string) => indexOf(bytes, text) >= 0;
  if (kind === "png") return has("acTL");
  if (kind === "webp") return has("ANIM");
  if (kind !== "gif") return false;
  // A graphic control extension stands before every picture that is timed.
  const first = indexOf(bytes, "\x21\xf9\x04");
  return first >= 0 && indexOf(bytes, "\x21\xf9\x04", first + 1) >= 0;
}

function indexOf(bytes: Uint8Array, text: string, from = 0): number {
  const wanted = Array.from(text, (letter) => letter.charCodeAt(0));
  for (let at = from; at <= bytes.length - wanted.length; at++) {
    if (wanted.every((value, offset) => bytes[at + offset] === value)) return at;
  }
  return -1;
}
