import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { LargePicture } from "../../src/node/largePictures.ts";
import { readPicture, writePicture } from "../../src/node/pictures.ts";
import type { Picture } from "../../src/picture/picture.ts";

/** What the next `open` gives instead of a file, to play a full disk. */
const disk = vi.hoisted(() => ({ failure: undefined as NodeJS.ErrnoException | undefined }));
vi.mock(import("node:fs/promises"), async (original) => {
  const real = await original();
  return {
    ...real,
    open: async (...parameters: Parameters<typeof real.open>) => {
      const handle = await real.open(...parameters);
      const { failure } = disk;
      if (failure) handle.writeFile = () => Promise.reject(failure);
      return handle;
    },
  };
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "adaattn-pictures-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/**
 * A PNG of 16 x 16 pixels of one color whose values stay as they are, tagged with a profile but not
 * converted to it.
 */
async function tagged(color: number[], depth: 8 | 16, profile: string): Promise<Buffer> {
  const values = Array.from({ length: 16 * 16 }, () => color).flat();
  const data = depth === 8 ? Uint8Array.from(values) : Uint16Array.from(values, (value) => value * 257);
  const space = depth === 8 ? "srgb" : "rgb16";
  const plain = await sharp(data, { raw: { width: 16, height: 16, channels: 3 } })
    .toColourspace(space)
    .png()
    .toBuffer();
  const { icc = Buffer.alloc(0) } = await sharp(await flag().withIccProfile(profile).png().toBuffer()).metadata();
  const body = Buffer.concat([Buffer.from("iCCPprofile\0\0", "latin1"), deflateSync(icc)]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(body.length - 4, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  const headerEnd = 33;
  return Buffer.concat([plain.subarray(0, headerEnd), chunk, plain.subarray(headerEnd)]);
}

/**
 * A picture of 48 x 32: red on the left, blue on the right, white dots at the top left, so that a
 * turn or a swap shows.
 */
function flag(): Sharp {
  const data = Buffer.alloc(48 * 32 * 3);
  for (let y = 0; y < 32; y++) {
    for (let x = 0; x < 48; x++)
      data.set(x < 8 && y < 8 ? [255, 255, 255] : x < 24 ? [255, 0, 0] : [0, 0, 255], (y * 48 + x) * 3);
  }
  return sharp(data, { raw: { width: 48, height: 32, channels: 3 } });
}

function pixel(picture: Picture, x: number, y: number): number[] {
  return [...picture.data.subarray((y * picture.width + x) * 4, (y * picture.width + x) * 4 + 4)];
}

function expectNear(actual: number[], expected: number[], tolerance: number): void {
  const worst = Math.max(...actual.map((value, i) => Math.abs(value - (expected[i] ?? 0))));
  expect(worst, `${actual} against ${expected}`).toBeLessThanOrEqual(tolerance);
}

describe("reading", () => {
  test.each<[string, (image: Sharp) => Sharp, string, number]>([
    ["JPEG", (image) => image.jpeg({ quality: 95 }), "jpeg", 6],
    ["CMYK JPEG", (image) => image.toColourspace("cmyk").jpeg({ quality: 95 }), "jpeg", 150],
    ["PNG", (image) => image.png(), "png", 0],
    ["PNG of 16 bits", (image) => image.toColourspace("rgb16").png(), "png", 0],
    ["PNG with a palette", (image) => image.png({ palette: true }), "png", 8],
    ["PNG in Display P3", (image) => image.withIccProfile("p3").png(), "png", 3],
    ["WebP", (image) => image.webp({ lossless: true }), "webp", 0],
    ["AVIF", (image) => image.avif({ lossless: true }), "avif", 4],
    ["TIFF", (image) => image.tiff({ compression: "lzw" }), "tiff", 0],
    ["GIF", (image) => image.gif(), "gif", 8],
  ])("%s", async (_, save, format, tolerance) => {
    const picture = await readPicture(await save(flag()).toBuffer());
    expect(picture.source).toEqual({ width: 48, height: 32, format, pages: 1 });
    expect([picture.width, picture.height, picture.data.length]).toEqual([48, 32, 48 * 32 * 4]);
    expectNear(pixel(picture, 16, 24), [255, 0, 0, 255], tolerance);
    expectNear(pixel(picture, 40, 24), [0, 0, 255, 255], tolerance);
    expectNear(pixel(picture, 3, 3), [255, 255, 255, 255], tolerance);
  });

  test.each<[string, number[], number[]]>([
    ["srgb", [200, 60, 40], [200, 60, 40]],
    ["srgb", [40, 160, 80], [40, 160, 80]],
    ["srgb", [50, 80, 200], [50, 80, 200]],
    ["srgb", [255, 0, 0], [255, 0, 0]],
    ["p3", [200, 60, 40], [217, 42, 24]],
  ])("a %s profile on %j alike with 8 and 16 bits", async (profile, color, expected) => {
    for (const depth of [8, 16] as const) {
      const file = await tagged(color, depth, profile);
      expect(await sharp(file).metadata()).toMatchObject({ depth: depth === 8 ? "uchar" : "ushort", hasProfile: true });
      expectNear(pixel(await readPicture(file), 8, 8), [...expected, 255], 1);
      const path = join(folder, `tagged-${depth}.png`);
      await writeFile(path, file);
      await using large = await LargePicture.open(path, path);
      expectNear(pixel(await large.read({ left: 0, top: 0, width: 16, height: 16 }), 8, 8), [...expected, 255], 1);
    }
  });

  test.each(["b-w", "grey16"] as const)("gray (%s) as equal red, green and blue", async (space) => {
    const picture = await readPicture(await flag().greyscale().toColourspace(space).png().toBuffer());
    const [red = 0, green, blue, alpha] = pixel(picture, 16, 24);
    expect([green, blue, alpha]).toEqual([red, red, 255]);
    expect(pixel(picture, 3, 3)).toEqual([255, 255, 255, 255]);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])("with orientation tag %i is upright", async (orientation) => {
    // By the EXIF standard: which side of the upright picture the file's first row and first column
    // are.
    const row = ["top", "top", "bottom", "bottom", "left", "right", "right", "left"][orientation - 1];
    const column = ["left", "right", "right", "left", "top", "top", "bottom", "bottom"][orientation - 1];
    const upright = await flag().raw().toBuffer();
    const [width, height] = orientation < 5 ? [48, 32] : [32, 48];
    const stored = Buffer.alloc(upright.length);
    for (let y = 0; y < 32; y++) {
      for (let x = 0; x < 48; x++) {
        const distances: Record<string, number> = { top: y, bottom: 31 - y, left: x, right: 47 - x };
        const at = (distances[row ?? ""] ?? 0) * width + (distances[column ?? ""] ?? 0);
        upright.copy(stored, at * 3, (y * 48 + x) * 3, (y * 48 + x) * 3 + 3);
      }
    }
    const image = sharp(stored, { raw: { width, height, channels: 3 } });
    const file = await image.withMetadata({ orientation }).png().toBuffer();
    const picture = await readPicture(file);
    expect(picture.source).toMatchObject({ width: 48, height: 32 });
    expect([pixel(picture, 3, 3), pixel(picture, 16, 24), pixel(picture, 40, 24)]).toEqual([
      [255, 255, 255, 255],
      [255, 0, 0, 255],
      [0, 0, 255, 255],
    ]);
  });

  test("keeps alpha and the colors under it", async () => {
    const data = Buffer.alloc(16 * 16 * 4);
    for (let i = 0; i < 256; i++) data.set([200, 100, 50, i], i * 4);
    const file = await sharp(data, { raw: { width: 16, height: 16, channels: 4 } })
      .png()
      .toBuffer();
    expect([...(await readPicture(file)).data]).toEqual([...data]);
  });

  test.each([
    ["shrinks", { longerSide: 24 }, [24, 16]],
    ["enlarges where asked to", { longerSide: 96 }, [96, 64]],
    ["leaves a small picture alone", { longestSide: 2048 }, [48, 32]],
    ["shrinks a large one", { longestSide: 30 }, [30, 20]],
  ])("%s", async (_, options, size) => {
    const picture = await readPicture(await flag().png().toBuffer(), options);
    expect([picture.width, picture.height]).toEqual(size);
    expect(picture.source).toEqual({ width: 48, height: 32, format: "png", pages: 1 });
    expectNear(pixel(picture, 16 * (picture.width / 48), picture.height - 3), [255, 0, 0, 255], 8);
  });

  test("takes a turned picture's longer side after turning it", async () => {
    const file = await flag().withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const picture = await readPicture(file, { longerSide: 24 });
    expect([picture.width, picture.height, picture.source.width, picture.source.height]).toEqual([16, 24, 32, 48]);
  });

  test("sees a file that changed under the same name", async () => {
    const path = join(folder, "same.png");
    await writeFile(path, await flag().png().toBuffer());
    await readPicture(path);
    await writeFile(path, await flag().negate().png().toBuffer());
    expect(pixel(await readPicture(path), 16, 24)).toEqual([0, 255, 255, 255]);
  });
});

describe("reading refuses", () => {
  /**
   * Writes a file of these bytes and gives what reading it is refused with, `photo` standing for
   * its path.
   */
  async function refusal(bytes: Uint8Array | string, options = {}): Promise<string> {
    const path = join(folder, "refused");
    await writeFile(path, bytes);
    return readPicture(path, options).then(
      () => "nothing",
      (error: Error) => error.message.replace(path, "photo"),
    );
  }

  test("an empty file", async () => {
    expect(await refusal("")).toBe("Cannot read photo: it is empty (0 bytes). Choose another file.");
    await expect(readPicture(new Uint8Array(0), { name: "upload" })).rejects.toThrow(
      "Cannot read upload: it is empty (0 bytes).",
    );
  });

  test.each([
    ["text", "Dear diary, today I painted nothing."],
    ["SVG", '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90"><image href="/etc/passwd"/></svg>'],
    ["PDF", "%PDF-1.4 and so on"],
    ["two bytes", "\xff\xd8"],
  ])("%s", async (_, text) => {
    expect(await refusal(text)).toBe(
      "Cannot read photo: it is not a JPEG, PNG, WebP, AVIF, TIFF or GIF picture. Convert it to one of these first.",
    );
  });

  test.each([
    ["jpeg", "JPEG"],
    ["png", "PNG"],
    ["webp", "WebP"],
    ["avif", "AVIF"],
    ["tiff", "TIFF"],
    ["gif", "GIF"],
  ] as const)("a truncated %s", async (format, label) => {
    const noise = Buffer.alloc(64 * 64 * 3, "truncated files must not be read as gray halves");
    const bytes = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .toFormat(format)
      .toBuffer();
    for (const length of [60, bytes.length >> 1, bytes.length - 30]) {
      expect(await refusal(bytes.subarray(0, length)), `${length} of ${bytes.length} bytes`).toBe(
        `Cannot read photo: it is a damaged or truncated ${label} picture. Get a fresh copy of it.`,
      );
    }
  });

  test("more than 268 megapixels, from the header alone", async () => {
    const bytes = await flag().png().toBuffer();
    const header = new DataView(bytes.buffer, bytes.byteOffset);
    header.setUint32(16, 20000);
    header.setUint32(20, 20000);
    header.setUint32(29, crc32(bytes.subarray(12, 29)));
    expect(await refusal(bytes)).toBe(
      "Cannot read photo: its 20000 x 20000 pixels are over the limit of 268 megapixels. Make it smaller first.",
    );
  });

  test("sizes that are too small or too narrow", async () => {
    const size = (width: number, height: number) =>
      sharp({ create: { width, height, channels: 3, background: "green" } })
        .png()
        .toBuffer();
    expect(await refusal(await size(15, 200))).toBe(
      "Cannot read photo: its 15 x 200 pixels are too few; each side must have at least 16. Choose another file.",
    );
    expect(await refusal(await size(800, 20), { longerSide: 400 })).toBe(
      "Cannot read photo: resized to 400 x 10 pixels it would be too narrow; a side must have at least 16. Choose a size of at least 640, or crop it.",
    );
    expect(await refusal(await size(16, 16), { longerSide: 7 })).toBe(
      "Expected a whole number of at least 16 for the longer side of photo but received 7.",
    );
    expect(await refusal(await size(16, 16), { longerSide: 30000 })).toMatch(
      /over the limit of 268 megapixels\. Choose a smaller size\.$/,
    );
    expect((await readPicture(await size(16, 16))).data.length).toBe(1024);
  });

  test("what is missing, a folder, below a file, or no regular file", async () => {
    const file = join(folder, "file");
    await writeFile(file, "x");
    const cases: [string, string][] = [
      [join(folder, "none.jpg"), "it does not exist. Check its name and folder."],
      [folder, "it is a folder. Name a file in it instead."],
      [join(file, "photo.jpg"), "it does not exist, since part of its path is a file. Check its name and folder."],
      ["/dev/null", "it is not a regular file. Copy it to one first."],
      [join(folder, "x".repeat(300)), "its name is too long. Check its name and folder."],
    ];
    for (const [path, reason] of cases)
      await expect(readPicture(path)).rejects.toThrow(`Cannot read ${path}: ${reason}`);
  });

  test.skipIf(process.platform === "win32")("what may not be read", async () => {
    const path = join(folder, "secret.jpg");
    if (process.getuid?.() === 0) {
      // Root may read everything except what sysfs offers for writing only.
      const writeOnly = "/sys/bus/cpu/drivers_probe";
      if (!(await stat(writeOnly).catch(() => undefined))) return;
      await symlink(writeOnly, path);
    } else {
      await writeFile(path, "x");
      await chmod(path, 0);
    }
    await expect(readPicture(path)).rejects.toThrow(
      `Cannot read ${path}: its permissions forbid it. Allow reading (chmod +r) or choose another file.`,
    );
  });

  test("an aborted reading, with the signal's reason", async () => {
    const path = join(folder, "abort.png");
    await writeFile(path, await flag().png().toBuffer());
    const reason = new Error("enough");
    await expect(readPicture(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const reading = readPicture(path, { longerSide: 4096, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 5);
    await expect(reading).rejects.toBe(reason);
  });
});

describe("writing", () => {
  const translucent: Picture = { width: 32, height: 16, data: new Uint8ClampedArray(32 * 16 * 4).fill(128) };
  const opaque: Picture = { ...translucent, data: translucent.data.map((value, i) => (i % 4 === 3 ? 255 : value)) };

  test.each([
    ["png", "png", [128, 128, 128, 128]],
    ["JPG", "jpeg", [191, 191, 191, 255]],
    ["jpeg", "jpeg", [191, 191, 191, 255]],
    ["webp", "webp", [128, 128, 128, 128]],
    ["avif", "avif", [128, 128, 128, 128]],
    ["tif", "tiff", [128, 128, 128, 128]],
    ["tiff", "tiff", [128, 128, 128, 128]],
  ])(".%s", async (extension, format, color) => {
    const path = join(folder, `written.${extension}`);
    await writePicture(path, translucent, { quality: 100 });
    const back = await readPicture(path);
    expect(back.source).toEqual({ width: 32, height: 16, format, pages: 1 });
    expectNear(pixel(back, 7, 7), color, 2);
  });

  test("leaves alpha out where every pixel is opaque", async () => {
    const path = join(folder, "opaque.png");
    await writePicture(path, opaque);
    expect((await sharp(await readFile(path)).metadata()).channels).toBe(3);
  });

  test("replaces a file, and leaves nothing else in the folder", async () => {
    const here = join(folder, "here");
    await mkdir(here);
    await writePicture(join(here, "a.png"), opaque);
    await writePicture(join(here, "a.png"), translucent);
    expect(pixel(await readPicture(join(here, "a.png")), 0, 0)).toEqual([128, 128, 128, 128]);
    expect(await readdir(here)).toEqual(["a.png"]);
  });

  test.skipIf(process.platform === "win32")(
    "follows links, and keeps the permissions of what it replaces",
    async () => {
      const [links, files] = [join(folder, "links"), join(folder, "files")];
      await Promise.all([links, files].map((path) => mkdir(path)));
      await writePicture(join(files, "a.png"), opaque);
      await chmod(join(files, "a.png"), 0o640);
      await symlink("../files/a.png", join(links, "a.png"));
      await symlink(join(links, "a.png"), join(links, "twice.png"));
      await symlink("../files/new.png", join(links, "new.png"));
      await symlink("round.png", join(links, "round.png"));
      for (const name of ["twice.png", "new.png"]) await writePicture(join(links, name), translucent);
      for (const name of ["a.png", "twice.png", "new.png"]) {
        expect((await lstat(join(links, name))).isSymbolicLink()).toBe(true);
        expect(pixel(await readPicture(join(links, name)), 0, 0)).toEqual([128, 128, 128, 128]);
      }
      expect((await stat(join(files, "a.png"))).mode & 0o777).toBe(0o640);
      expect((await readdir(files)).sort()).toEqual(["a.png", "new.png"]);
      await expect(writePicture(join(links, "round.png"), opaque)).rejects.toThrow(
        `Cannot write ${join(links, "round.png")}: it is a link that leads back to itself. Name the file itself.`,
      );
      expect((await readdir(links)).sort()).toEqual(["a.png", "new.png", "round.png", "twice.png"]);
    },
  );

  test("refuses with one sentence and keeps what was there", async () => {
    const there = join(folder, "there");
    await mkdir(join(there, "folder.png"), { recursive: true });
    await writeFile(join(there, "kept.png"), "as it was");
    const cases: [string, string][] = [
      [
        join(there, "a.bmp"),
        "its name does not end in one of .png, .jpg, .jpeg, .webp, .avif, .tif, .tiff. Choose such a name.",
      ],
      [
        join(there, "none", "a.png"),
        `the folder ${join(there, "none")} does not exist. Create it first, or choose another.`,
      ],
      [join(there, "kept.png", "a.png"), `${join(there, "kept.png")} is a file, not a folder. Choose another folder.`],
      [
        join(there, "kept.png", "b", "a.png"),
        `part of its path is a file, not a folder. Choose another folder than ${join(there, "kept.png", "b")}.`,
      ],
      [join(there, "folder.png"), "it is a folder. Name a file in it instead."],
      [join(there, `${"x".repeat(300)}.png`), "its name is too long. Choose a shorter one."],
    ];
    if (process.platform === "linux")
      cases.push(["/proc/a.png", "files in the folder /proc may not be written. Choose another folder."]);
    for (const [path, reason] of cases)
      await expect(writePicture(path, opaque)).rejects.toThrow(`Cannot write ${path}: ${reason}`);
    await expect(
      writePicture(join(there, "wide.webp"), { width: 17000, height: 16, data: new Uint8Array(17000 * 64) }),
    ).rejects.toThrow(/wide\.webp: 17000 x 16 pixels could not be stored as WebP\. Choose \.png or \.tiff instead\.$/);
    await expect(writePicture(join(there, "a.png"), opaque, { quality: 0 })).rejects.toThrow(
      /^Expected a whole number from 1 to 100/,
    );
    expect((await readdir(there)).sort()).toEqual(["folder.png", "kept.png"]);
    expect(await readFile(join(there, "kept.png"), "utf8")).toBe("as it was");
  });

  test.each([
    ["ENOSPC", "no space is left on the disk. Free some, or choose a folder on another disk."],
    ["EDQUOT", "your share of the disk is used up. Free some space, or choose a folder on another disk."],
    ["EWEIRD", "the system answered EWEIRD. Choose another folder."],
  ])("says %s plainly and sweeps up", async (code, reason) => {
    const full = join(folder, "full");
    await mkdir(full, { recursive: true });
    disk.failure = Object.assign(new Error(`${code}: raw words`), { code });
    try {
      await expect(writePicture(join(full, "a.png"), opaque)).rejects.toThrow(
        `Cannot write ${join(full, "a.png")}: ${reason}`,
      );
    } finally {
      disk.failure = undefined;
    }
    expect(await readdir(full)).toEqual([]);
  });

  test("stops with the signal's reason and leaves nothing", async () => {
    const stopped = join(folder, "stopped");
    await mkdir(stopped);
    const reason = new Error("enough");
    for (const delay of [0, 1, 3, 10]) {
      const controller = new AbortController();
      const writing = writePicture(join(stopped, "a.avif"), opaque, { signal: controller.signal });
      setTimeout(() => controller.abort(reason), delay);
      await writing.catch((error) => expect(error).toBe(reason));
    }
    await expect(writePicture(join(stopped, "b.png"), opaque, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    expect((await readdir(stopped)).filter((name) => name !== "a.avif")).toEqual([]);
  });
});
