/** Uploads that are broken or mean harm, generated: what each is called, and what to send. */
import { deflateSync } from "node:zlib";
import sharp from "sharp";

/** Something to send, as raw as it may be. */
export interface Hostile {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

interface Part {
  readonly name?: string;
  readonly filename?: string;
  readonly type?: string;
  readonly data: Buffer | string;
}

const BOUNDARY = "----------------------------adaattn0123456789";

/** A body of parts. */
export function multipart(parts: readonly Part[], boundary = BOUNDARY): Buffer {
  const chunks = parts.flatMap(({ name, filename, type, data }) => [
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data${name === undefined ? "" : `; name="${name}"`}${
        filename === undefined ? "" : `; filename="${filename}"`
      }\r\n${type === undefined ? "" : `Content-Type: ${type}\r\n`}\r\n`,
    ),
    Buffer.from(data),
    Buffer.from("\r\n"),
  ]);
  return Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]);
}

const headers = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };
const file = (name: string, data: Buffer | string, filename = "a.png"): Part => ({ name, filename, data });
const options = (data: string): Part => ({ name: "options", data });

async function sample(format: "png" | "jpeg" | "webp" | "gif" | "tiff" | "avif"): Promise<Buffer> {
  const noise = Buffer.from(Array.from({ length: 32 * 32 * 3 }, (_, at) => (at * 7919 + (at % 13) * 37) % 256));
  return sharp(noise, { raw: { width: 32, height: 32, channels: 3 } })
    .toFormat(format)
    .toBuffer();
}

/** Where the chunks, segments or boxes of a file begin, and their headers end. */
function boundaries(bytes: Buffer, format: string): number[] {
  const cuts = new Set([1, 2, 3, 4, 6, 8, 10, 12, 16, 20]);
  if (format === "png") {
    for (let at = 8; at + 8 < bytes.length; at += 12 + bytes.readUInt32BE(at))
      for (const cut of [at, at + 4, at + 8]) cuts.add(cut);
  } else if (format === "jpeg") {
    for (
      let at = 2;
      bytes[at] === 0xff && bytes[at + 1] !== 0xda && at + 4 < bytes.length;
      at += 2 + bytes.readUInt16BE(at + 2)
    )
      for (const cut of [at, at + 2, at + 4]) cuts.add(cut);
  } else {
    for (let at = 24; at < bytes.length / 2; at += Math.ceil(bytes.length / 24)) cuts.add(at);
  }
  return [...cuts].filter((cut) => cut < bytes.length * 0.9).sort((a, b) => a - b);
}

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const out = Buffer.alloc(8 + data.length + 4);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc(body), 8 + data.length);
  return out;
}

function crc(bytes: Buffer): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return (value ^ 0xffffffff) >>> 0;
}

/** A PNG that says it is so large, with as many zeros behind it as are given. */
function giantPng(width: number, height: number, zeros: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  const data = deflateSync(Buffer.alloc(zeros));
  return Buffer.concat([
    signature,
    pngChunk("IHDR", header),
    pngChunk("IDAT", data),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

async function giants(): Promise<[string, Buffer][]> {
  const jpeg = await sample("jpeg");
  const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
  const patched = (bytes: Buffer, at: number, ...values: number[]) => {
    const copy = Buffer.from(bytes);
    for (const [index, value] of values.entries()) copy.writeUInt16BE(value, at + 2 * index);
    return copy;
  };
  const gif = Buffer.from(await sample("gif"));
  const descriptor = gif.indexOf(Buffer.from([0x2c, 0, 0, 0, 0]));
  for (const at of [6, 8, descriptor + 5, descriptor + 7]) gif.writeUInt16LE(60_000, at);
  const webp = Buffer.from("RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff", "latin1");
  return [
    ["a PNG of 50,000 x 50,000", giantPng(50_000, 50_000, 1000)],
    ["a PNG of 30,000 x 30,000 with 100 MB of zeros", giantPng(30_000, 30_000, 1e8)],
    ["a PNG of 2^31 - 1 squared", giantPng(0x7fffffff, 0x7fffffff, 10)],
    ["a PNG of 1 x 60,000,000", giantPng(1, 60_000_000, 10)],
    ["a PNG of 0 x 0", giantPng(0, 0, 10)],
    [
      "a PNG of 8 x 8",
      await sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } })
        .png()
        .toBuffer(),
    ],
    ["a JPEG of 65,500 x 65,500", patched(jpeg, frame + 5, 65_500, 65_500)],
    ["a JPEG of 0 x 0", patched(jpeg, frame + 5, 0, 0)],
    ["a GIF of 60,000 x 60,000", gif],
    ["a WebP of 2^24 squared", webp],
    ["a TIFF of 4 gigapixels", giantTiff(65_535, 65_535)],
    ["a TIFF whose directory points into itself", loopingTiff()],
  ];
}

function giantTiff(width: number, height: number): Buffer {
  const entries = [
    [256, 4, 1, width],
    [257, 4, 1, height],
    [258, 3, 1, 8],
    [259, 3, 1, 1],
    [262, 3, 1, 1],
    [273, 4, 1, 8],
    [278, 4, 1, height],
    [279, 4, 1, 8],
  ];
  const bytes = Buffer.alloc(8 + 2 + entries.length * 12 + 4);
  bytes.write("II*\0", 0, "latin1");
  bytes.writeUInt32LE(8, 4);
  bytes.writeUInt16LE(entries.length, 8);
  entries.forEach(([tag = 0, type = 0, count = 0, value = 0], index) => {
    const at = 10 + index * 12;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(type, at + 2);
    bytes.writeUInt32LE(count, at + 4);
    bytes.writeUInt32LE(value, at + 8);
  });
  return bytes;
}

function loopingTiff(): Buffer {
  const bytes = giantTiff(32, 32);
  bytes.writeUInt32LE(8, bytes.length - 4);
  bytes.writeUInt32LE(0xffffffff, 10 + 5 * 12 + 8);
  return bytes;
}

const WRONG: Readonly<Record<string, string | Buffer>> = {
  nothing: "",
  "one byte": "x",
  "a text": "hello, world\n".repeat(100),
  HTML: "<!doctype html><script>alert(1)</script>",
  "an SVG that reads a file": `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><text>&x;</text></svg>`,
  "an SVG that asks an address": `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="http://127.0.0.1:1/x.png"/></svg>`,
  "a PDF": "%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n%%EOF",
  "a ZIP": Buffer.from("PK\x03\x04\x14\0\0\0\x08\0", "latin1"),
  "a GZIP": Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
  "an ELF program": Buffer.from("\x7fELF\x02\x01\x01\0", "latin1"),
  "a shell script": "#!/bin/sh\nrm -rf /\n",
  "a playlist": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
  "a list for ffmpeg": "ffconcat version 1.0\nfile /etc/passwd\n",
  "a DASH manifest": `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>http://127.0.0.1:1/</BaseURL></Period></MPD>`,
  "a session description": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n",
  "a BMP": Buffer.from("BM\x46\0\0\0\0\0\0\0\x36\0\0\0", "latin1"),
  "an icon": Buffer.from([0, 0, 1, 0, 1, 0, 16, 16]),
  "a PSD": Buffer.from("8BPS\0\x01", "latin1"),
  "a HEIC": Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1"),
  "a JPEG 2000": Buffer.from("\0\0\0\x0cjP  \r\n\x87\n", "latin1"),
  "an EXR": Buffer.from([0x76, 0x2f, 0x31, 0x01]),
  "a PostScript": "%!PS-Adobe-3.0\n(/etc/passwd) (r) file\n",
  "ImageMagick's language": "push graphic-context\nfill 'url(https://127.0.0.1/x.jpg\"|id\")'\npop graphic-context",
  "JSON as a picture": `{"content":"x"}`,
  "a MATLAB file": "MATLAB 5.0 MAT-file",
  "a FITS": "SIMPLE  =                    T",
};

const POLYGLOTS: Readonly<Record<string, Buffer>> = {
  "a GIF that is JavaScript": Buffer.from("GIF89a=1;alert(1)//", "latin1"),
  "a GIF87a and HTML": Buffer.from("GIF87a<script>alert(1)</script>", "latin1"),
  "a JPEG and a ZIP": Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.from("PK\x03\x04", "latin1")]),
  "a JPEG and PHP": Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xfe]), Buffer.from("<?php system('id'); ?>")]),
  "a PNG and HTML": Buffer.from("\x89PNG\r\n\x1a\n<html>", "latin1"),
  "a PNG and an SVG": Buffer.from('\x89PNG\r\n\x1a\n<svg xmlns="http://www.w3.org/2000/svg"/>', "latin1"),
  "a WebP and WAV": Buffer.from("RIFF\x24\0\0\0WEBPWAVEfmt ", "latin1"),
  "a TIFF and a playlist": Buffer.from("II*\0#EXTM3U\nfile:///etc/passwd", "latin1"),
  "an AVIF and a playlist": Buffer.from("\0\0\0\x1cftypavif#EXTM3U\nfile:///etc/passwd", "latin1"),
  "a JPEG of 0xff": Buffer.alloc(4096, 0xff).fill(Buffer.from([0xff, 0xd8, 0xff]), 0, 3),
};

const BAD_OPTIONS: readonly string[] = [
  ...[
    "{",
    "}",
    "[",
    "nul",
    "'a'",
    "{a:1}",
    '{"a":}',
    '{"size":64,}',
    "\u0000",
    "\ufeff{",
    "{}{}",
    "NaN",
    '{"size":0x40}',
    "// {}",
  ],
  ...["[]", "null", "1", '"x"', "true"],
  ...[
    '{"size":-1}',
    '{"size":15}',
    '{"size":1e9}',
    '{"size":64.5}',
    '{"size":"64"}',
    '{"size":null}',
    '{"size":[64]}',
    '{"size":1e400}',
  ],
  ...[
    '{"strength":-1}',
    '{"strength":5}',
    '{"strength":"1"}',
    '{"strength":{}}',
    '{"color":"red"}',
    '{"color":1}',
    '{"color":["style"]}',
  ],
  ...[
    '{"format":"gif"}',
    '{"format":"../png"}',
    '{"format":"svg"}',
    '{"quality":0}',
    '{"quality":101}',
    '{"quality":50.5}',
  ],
  ...['{"deadline":0}', '{"deadline":-1}', '{"deadline":1e9}', '{"model":""}', '{"model":"../../etc"}', '{"model":7}'],
  ...['{"model":"https://127.0.0.1/x"}', '{"model":"file:///etc/passwd"}', '{"model":"/etc"}'],
  ...[
    '{"styles":[]}',
    '{"styles":{}}',
    '{"styles":"x"}',
    '{"styles":[1]}',
    '{"styles":[null]}',
    '{"styles":[{"saved":1}]}',
  ],
  ...[
    '{"styles":[{"saved":"../x"}]}',
    '{"styles":[{"saved":"/etc/passwd"}]}',
    '{"styles":[{"saved":"A"}]}',
    '{"styles":[{"saved":"-x"}]}',
  ],
  ...[
    '{"styles":[{"saved":"missing"}]}',
    '{"styles":[{"weight":-1}]}',
    '{"styles":[{"weight":0}]}',
    '{"styles":[{"weight":"1"}]}',
  ],
  ...[
    '{"styles":[{"size":1}]}',
    '{"styles":[{"stroke":9}]}',
    '{"styles":[{"rotate":361}]}',
    '{"styles":[{"seed":-1}]}',
  ],
  ...[
    '{"styles":[{"region":"red"}]}',
    '{"styles":[{"region":"#ff0000"}]}',
    '{"styles":[{"seconds":1}]}',
    '{"styles":[{"mask":"x"}]}',
  ],
  ...[
    '{"content":"file:///etc/passwd"}',
    '{"url":"http://127.0.0.1/"}',
    '{"__proto__":{"size":64}}',
    '{"constructor":1}',
    '{"video":{}}',
  ],
  `{"styles":[${Array.from({ length: 9 }, () => "{}").join(",")}]}`,
  `{"a":${"[".repeat(5000)}${"]".repeat(5000)}}`,
  `{"model":"${"x".repeat(60_000)}"}`,
  `{"model":"${"x".repeat(70_000)}"}`,
  `{${Array.from({ length: 3000 }, (_, at) => `"k${at}":1`).join(",")}}`,
];

const NAMES = [
  ...[
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/passwd",
    "C:\\x.png",
    "a\u0000.png",
    ".",
    "..",
    "a/b/c.png",
    "%2e%2e%2f",
  ],
  ...[
    "$(id).png",
    "`id`.png",
    "a;b.png",
    "file:///etc/passwd",
    "http://127.0.0.1/a.png",
    `${"a".repeat(5000)}.png`,
    "\u202egnp.a",
  ],
];

/** All of them. */
export async function hostileUploads(): Promise<Hostile[]> {
  const good = await sample("png");
  const all: Hostile[] = [];
  const send = (name: string, parts: readonly Part[], path = "/v1/stylize", method = "POST") =>
    all.push({ name, method, path, headers, body: multipart(parts) });
  const style = file("style", good);

  for (const format of ["png", "jpeg", "webp", "gif", "tiff", "avif"] as const) {
    const bytes = await sample(format);
    for (const cut of boundaries(bytes, format))
      send(`${format} cut at ${cut}`, [file("content", bytes.subarray(0, cut)), style]);
  }
  for (const [name, bytes] of await giants()) {
    send(name, [file("content", bytes), style]);
    send(`${name} as a style`, [file("content", good), file("style", bytes)]);
  }
  for (const [name, data] of Object.entries({ ...WRONG, ...POLYGLOTS })) {
    send(name, [file("content", data), style]);
    send(`${name} as a job`, [file("content", data, "a.mp4"), style], "/v1/jobs");
    send(`${name} as a kept style`, [file("painting", data)], "/v1/styles/evil", "PUT");
  }
  for (const text of BAD_OPTIONS) send(`options ${text.slice(0, 40)}`, [file("content", good), style, options(text)]);
  for (const name of NAMES) {
    send(`a file called ${name.slice(0, 40)}`, [file("content", "no picture", name), style]);
    send(`a part called ${name.slice(0, 40)}`, [file(name, good), style]);
  }
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "", "x".repeat(10_000)]) {
    send(`a part called ${name.slice(0, 20)}`, [file("content", good), style, file(name, good)]);
    send(`a field called ${name.slice(0, 20)}`, [file("content", good), style, { name, data: "1" }]);
  }
  const many = (count: number, make: (at: number) => Part) => Array.from({ length: count }, (_, at) => make(at));
  send("10,000 fields", [...many(10_000, (at) => ({ name: `f${at}`, data: "1" })), file("content", good), style]);
  send(
    "10,000 options",
    many(10_000, () => options("{}")),
  );
  send(
    "10,000 files",
    many(10_000, () => file("style", "x")),
  );
  send("two contents", [file("content", good), file("content", good), style]);
  send("nine styles", [file("content", good), ...many(9, () => style)]);
  send("no content", [style]);
  send("no style", [file("content", good)]);
  send("a text as content", [{ name: "content", data: "x" }, style]);
  send("two masks for one style", [file("content", good), style, file("mask", good), file("mask", good)]);
  send("a mask that is none", [file("content", good), style, file("mask", "x")]);
  send("a part without a name", [file("content", good), style, { data: "x" }]);
  send(
    "a video among pictures",
    [file("content", good), file("content", Buffer.from("\0\0\0\x18ftypisom\0\0\0\0", "latin1")), style],
    "/v1/jobs",
  );
  for (const head of [
    "\0\0\0\x18ftypisom\0\0\0\0isom",
    "\x1a\x45\xdf\xa3",
    "RIFF\0\0\0\0AVI LIST",
    "OggS\0",
    "FLV\x01",
    "\0\0\x01\xba",
  ]) {
    send(
      `a video of nothing but ${head.slice(0, 8)}`,
      [file("content", Buffer.from(head.padEnd(600, "\0"), "latin1")), style],
      "/v1/jobs",
    );
    const playlist = `${head}\n#EXTM3U\nfile:///etc/passwd\n`;
    send(
      `a playlist behind ${head.slice(0, 8)}`,
      [file("content", Buffer.from(playlist, "latin1")), style],
      "/v1/jobs",
    );
  }

  const whole = multipart([file("content", good), style, options("{}")]);
  const lines = [...whole.toString("latin1").matchAll(/\r\n/g)].map(({ index }) => index);
  for (const cut of [...lines, ...lines.map((at) => at + 1)]) {
    if (cut < whole.length - 8)
      all.push({ name: `a body cut at ${cut}`, path: "/v1/stylize", headers, body: whole.subarray(0, cut) });
  }
  for (const type of [
    ...[
      "multipart/form-data",
      "multipart/form-data; boundary=",
      "multipart/form-data; boundary=other",
      "multipart/mixed; boundary=x",
    ],
    ...[
      "application/json",
      "text/plain",
      "image/png",
      "application/x-www-form-urlencoded",
      "x",
      `multipart/form-data; boundary=${"b".repeat(300)}`,
    ],
  ]) {
    all.push({
      name: `the type ${type.slice(0, 50)}`,
      path: "/v1/stylize",
      headers: { "content-type": type },
      body: whole,
    });
  }
  all.push({ name: "a body of nothing", path: "/v1/stylize", headers, body: Buffer.alloc(0) });
  all.push({ name: "no type and no body", path: "/v1/stylize" });
  for (const name of [
    "..%2f..%2fetc",
    "%2e%2e",
    "A",
    "a_b",
    "a".repeat(65),
    "%00",
    "a%2Fb",
    "-a",
    "a.b",
    "%F0%9F%98%80",
  ]) {
    all.push({
      name: `a style called ${name.slice(0, 30)}`,
      method: "PUT",
      path: `/v1/styles/${name}`,
      headers,
      body: multipart([file("painting", good)]),
    });
    all.push({ name: `forgetting ${name.slice(0, 30)}`, method: "DELETE", path: `/v1/styles/${name}` });
    all.push({ name: `the job ${name.slice(0, 30)}`, method: "GET", path: `/v1/jobs/${name}` });
  }
  return all;
}
