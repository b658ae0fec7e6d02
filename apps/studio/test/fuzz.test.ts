/** The reader of pictures' headers on damaged ones; fuzzing.ts says what it must keep to. */

import sharp from "sharp";
import { expect, test } from "vitest";
import { FUZZ_SECONDS, fuzz, type Reader } from "../../../packages/graph/test/fuzzing.ts";
import { headerSize, isAnimated, kindOf } from "../src/pictures/fileKinds.ts";

const drawn = () => sharp({ create: { width: 48, height: 32, channels: 3, background: "#a04020" } });
const headers = await Promise.all(
  (["png", "jpeg", "webp", "gif"] as const).map(async (name) => {
    const file = await drawn().toFormat(name).toBuffer();
    return { name, bytes: Uint8Array.from(file.subarray(0, name === "jpeg" ? 400 : 40)) };
  }),
);

const sizes: Reader = {
  read(bytes) {
    expect(typeof isAnimated(bytes)).toBe("boolean");
    const size = headerSize(bytes);
    if (size === undefined) throw new Error(`No size in what seems ${kindOf(bytes)}.`);
    for (const side of [size.width, size.height]) {
      expect(Number.isInteger(side) && side >= 0 && side < 2 ** 32).toBe(true);
    }
    return 0;
  },
  sentence: /^Error: No size in what seems \w+\.$/,
  mostGiven: 0,
};

test("sound headers are read", () => {
  for (const { bytes } of headers) expect(headerSize(bytes)).toEqual({ width: 48, height: 32 });
});

test("a damaged header gives a size or none", () => fuzz(sizes, headers), FUZZ_SECONDS * 1000 + 60_000);
