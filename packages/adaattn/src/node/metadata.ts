/**
 * What a picture's file says of who made it, when and how: read from its EXIF (CIPA DC-008, which
 * is a TIFF 6.0 file in small) and XMP (ISO 16684-1), and written into the file of another picture.
 * EXIF is written by libexif, which knows ASCII only, so names in other letters stand in the XMP.
 */
import { closeSync, openSync, readSync } from "node:fs";
import type { Metadata, Sharp } from "sharp";

/**
 * Tags by the directories that they are in, and by what libexif calls them: of the picture, of the
 * camera, of the place.
 */
export interface ExifTags {
  readonly IFD0: Readonly<Record<string, string>>;
  readonly IFD2: Readonly<Record<string, string>>;
  readonly IFD3: Readonly<Record<string, string>>;
}

/**
 * What a file says of its picture. The orientation is no part of it: pictures are upright once they
 * are read.
 */
export interface PictureMetadata {
  readonly copyright?: string | undefined;
  readonly creator?: string | undefined;
  /** When it was taken, as ISO 8601 has it. */
  readonly captured?: string | undefined;
  /** Dots an inch. */
  readonly density?: number | undefined;
  readonly exif: ExifTags;
}

/**
 * How much of it is kept: nothing; who made the picture and when, and its density; or camera and
 * place, too.
 */
export type KeptMetadata = "none" | "safe" | "all";

/** The part of it that is kept. */
export function keepMetadata(metadata: PictureMetadata, kept: KeptMetadata): PictureMetadata | undefined {
  if (kept === "none") return undefined;
  if (kept === "all") return metadata;
  const { IFD0, IFD2 } = metadata.exif;
  const safe = (tags: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(tags).filter(([name]) => SAFE.includes(name)));
  return { ...metadata, exif: { IFD0: safe(IFD0), IFD2: safe(IFD2), IFD3: {} } };
}

const SAFE = ["Artist", "Copyright", "DateTime", "DateTimeOriginal", "OffsetTimeOriginal", "SubSecTimeOriginal"];

/** The tags that are read, by their numbers. */
const TAGS = {
  IFD0: {
    270: "ImageDescription",
    271: "Make",
    272: "Model",
    305: "Software",
    306: "DateTime",
    315: "Artist",
    33432: "Copyright",
  },
  IFD2: {
    33434: "ExposureTime",
    33437: "FNumber",
    34855: "ISOSpeedRatings",
    36867: "DateTimeOriginal",
    36868: "DateTimeDigitized",
    36881: "OffsetTimeOriginal",
    37385: "Flash",
    37386: "FocalLength",
    37521: "SubSecTimeOriginal",
    41989: "FocalLengthIn35mmFilm",
    42032: "CameraOwnerName",
    42035: "LensMake",
    42036: "LensModel",
  },
  IFD3: {
    1: "GPSLatitudeRef",
    2: "GPSLatitude",
    3: "GPSLongitudeRef",
    4: "GPSLongitude",
    5: "GPSAltitudeRef",
    6: "GPSAltitude",
    7: "GPSTimeStamp",
    29: "GPSDateStamp",
  },
} as const satisfies Record<keyof ExifTags, Readonly<Record<number, string>>>;

/** Where a directory refers to the other two. */
const CAMERA = 34665;
const PLACE = 34853;

/** The bytes at a place of a file; fewer where it ends. */
type ReadAt = (at: number, length: number) => Uint8Array;

/**
 * What a file says of its picture; whatever is damaged of it is left out.
 *
 * @param input the file or its path, into which TIFF files are looked, since they are EXIF
 *   themselves.
 */
export function readMetadata(input: string | Uint8Array, { exif, xmp, density, format }: Metadata): PictureMetadata {
  const tags = format === "tiff" ? ofTiff(input) : readExif(partsOf(exif?.subarray(isPrefixed(exif) ? 6 : 0)));
  const packet = xmp?.toString("utf8") ?? "";
  return {
    copyright: listed(packet, "dc:rights") ?? tags.IFD0.Copyright,
    creator: listed(packet, "dc:creator") ?? tags.IFD0.Artist,
    captured:
      isoDate(tags.IFD2) ??
      /(?:photoshop:DateCreated|exif:DateTimeOriginal)(?:="|>)([\dT:.+Z-]{10,35})/.exec(packet)?.[1],
    density,
    exif: tags,
  };
}

function isPrefixed(exif: Uint8Array): boolean {
  return exif[0] === 0x45;
}

function partsOf(bytes: Uint8Array = new Uint8Array(0)): ReadAt {
  return (at, length) => bytes.subarray(at, at + length);
}

function ofTiff(input: string | Uint8Array): ExifTags {
  if (typeof input !== "string") return readExif(partsOf(input));
  const file = openSync(input, "r");
  try {
    return readExif((at, length) => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(file, bytes, 0, length, at));
    });
  } finally {
    closeSync(file);
  }
}

/** The longest text that is read, and the most entries of a directory: what has more is damaged. */
const LONGEST = 8192;
const MOST_ENTRIES = 1000;

function readExif(read: ReadAt): ExifTags {
  const isLittle = read(0, 1)[0] === 0x49;
  const number = (bytes: Uint8Array, at: number, size: 2 | 4, isSigned = false) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (at + size > bytes.length) return 0;
    if (size === 2) return view.getUint16(at, isLittle);
    return isSigned ? view.getInt32(at, isLittle) : view.getUint32(at, isLittle);
  };
  /** The entries of a directory as tag, type, count, and the place of the value. */
  const entriesOf = (at: number) => {
    const count = at > 0 ? Math.min(MOST_ENTRIES, number(read(at, 2), 0, 2)) : 0;
    const bytes = read(at + 2, count * 12);
    return Array.from({ length: Math.floor(bytes.length / 12) }, (_, index) => {
      const start = index * 12;
      const [tag, type, values] = [
        number(bytes, start, 2),
        number(bytes, start + 2, 2),
        number(bytes, start + 4, 4),
      ] as const;
      const length = values * ({ 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 10: 8 }[type] ?? Number.NaN);
      const place = length > 4 ? number(bytes, start + 8, 4) : at + 2 + start + 8;
      return { tag, type, values, length, place };
    });
  };
  const textOf = ({ type, values, length, place }: ReturnType<typeof entriesOf>[number]) => {
    if (!(length > 0 && length <= LONGEST)) return undefined;
    const bytes = read(place, length);
    if (bytes.length < length) return undefined;
    if (type === 2) return decoded(bytes);
    const each = Array.from({ length: values }, (_, index) => {
      if (type === 1) return bytes[index];
      if (type === 3) return number(bytes, index * 2, 2);
      if (type === 4) return number(bytes, index * 4, 4);
      const isSigned = type === 10;
      return `${number(bytes, index * 8, 4, isSigned)}/${number(bytes, index * 8 + 4, 4, isSigned)}`;
    });
    return each.join(" ");
  };
  const directory = (at: number, names: Readonly<Record<number, string>>) => {
    const found: Record<string, string> = {};
    for (const entry of entriesOf(at)) {
      const name = names[entry.tag];
      const text = name === undefined ? undefined : textOf(entry);
      if (name !== undefined && text !== undefined && text !== "") found[name] = text;
    }
    return found;
  };
  const first = number(read(4, 4), 0, 4);
  const entries = entriesOf(first);
  const below = (tag: number) => {
    const entry = entries.find((one) => one.tag === tag);
    return entry ? number(read(entry.place, 4), 0, 4) : 0;
  };
  return {
    IFD0: directory(first, TAGS.IFD0),
    IFD2: directory(below(CAMERA), TAGS.IFD2),
    IFD3: directory(below(PLACE), TAGS.IFD3),
  };
}

/**
 * Text up to its first zero; cameras write UTF-8 where the standard says ASCII, and old ones
 * Latin-1.
 */
function decoded(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const text = end < 0 ? bytes : bytes.subarray(0, end);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(text).trim();
  } catch {
    return new TextDecoder("windows-1252").decode(text).trim();
  }
}

function isoDate({ DateTimeOriginal = "", OffsetTimeOriginal = "" }: ExifTags["IFD2"]): string | undefined {
  const [, date, time] = /^(\d{4}:\d\d:\d\d) (\d\d:\d\d:\d\d)$/.exec(DateTimeOriginal) ?? [];
  if (date === undefined) return undefined;
  return `${date.replaceAll(":", "-")}T${time}${/^[+-]\d\d:\d\d$/.test(OffsetTimeOriginal) ? OffsetTimeOriginal : ""}`;
}

/** The texts of an element of XMP that is a list. */
function listed(packet: string, name: string): string | undefined {
  const start = packet.indexOf(`<${name}>`);
  const end = packet.indexOf(`</${name}>`, start);
  if (start < 0 || end < 0 || end - start > LONGEST) return undefined;
  const texts = packet.slice(start, end).matchAll(/<rdf:li[^<>]*>([^<]*)</g);
  return Array.from(texts, ([, text = ""]) => unescaped(text).trim()).join("; ") || undefined;
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function unescaped(text: string): string {
  return text.replaceAll(/&(?:amp|lt|gt|quot);/g, (entity) => {
    return Object.keys(ENTITIES).find((sign) => ENTITIES[sign] === entity) ?? entity;
  });
}

function escaped(text: string): string {
  // XML knows no other control characters, not even escaped.
  return text.replaceAll(/[^\P{Cc}\t\n\r]/gu, "").replaceAll(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign);
}

/** Lets a picture on its way to its file say this; nothing where there is nothing. */
export function addMetadata(image: Sharp, metadata: PictureMetadata | undefined): Sharp {
  if (metadata === undefined) return image;
  const { copyright, creator, captured, density, exif } = metadata;
  // The pixels are sRGB already, so that the profile changes nothing, and it would be of no use in
  // the file.
  if (density !== undefined) image.withMetadata({ density }).withIccProfile("srgb", { attach: false });
  const original = captured?.slice(0, 19).replace("T", " ").replaceAll("-", ":") ?? "";
  const offset = captured?.slice(19) ?? "";
  const tags = {
    IFD0: { ...(creator && { Artist: creator }), ...(copyright && { Copyright: copyright }), ...exif.IFD0 },
    IFD2: {
      ...(original.length === 19 && { DateTimeOriginal: original }),
      ...(/^[+-]\d\d:\d\d$/.test(offset) && { OffsetTimeOriginal: offset }),
      ...exif.IFD2,
    },
    IFD3: { ...exif.IFD3 },
  };
  if (Object.values(tags).some((each) => Object.keys(each).length > 0)) image.withExif(tags);
  const about = [
    creator && `<dc:creator><rdf:Seq><rdf:li>${escaped(creator)}</rdf:li></rdf:Seq></dc:creator>`,
    copyright &&
      `<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">${escaped(copyright)}</rdf:li></rdf:Alt></dc:rights>`,
    captured && `<photoshop:DateCreated>${escaped(captured)}</photoshop:DateCreated>`,
  ].filter(Boolean);
  return about.length === 0 ? image : image.withXmp(packetOf(about.join("")));
}

function packetOf(about: string): string {
  return (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">' +
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""' +
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/">' +
    `${about}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`
  );
}
