/** The reader of optical flow on damaged files; fuzzing.ts says what it must keep to. */

import { expect, test } from "vitest";
import { FUZZ_SECONDS, fuzz, type Reader, tryReading } from "../../graph/test/fuzzing.ts";
import { readFlow, writeFlow } from "../src/metrics/flowFile.ts";

const bytes = Uint8Array.from(
  writeFlow({ width: 5, height: 3, x: new Float32Array(15).fill(1.5), y: new Float32Array(15).fill(-2) }),
);

const flows: Reader = {
  read(file) {
    const { width, height, x, y } = readFlow(file, "a.flo");
    expect([x.length, y.length]).toEqual([width * height, width * height]);
    return x.byteLength + y.byteLength;
  },
  sentence: /^Error: Cannot read a\.flo: [^\n]{10,200}\.$/,
  mostGiven: 1,
};

test(
  "a damaged flow gives a flow or one sentence",
  () => fuzz(flows, [{ name: "flow", bytes }]),
  FUZZ_SECONDS * 1000 + 60_000,
);

test("a flow cut off anywhere is refused", async () => {
  for (let length = 0; length < bytes.length; length++) {
    expect(await tryReading(flows, bytes.slice(0, length), `${length} bytes`)).toMatch(/^Error: Cannot read a\.flo/);
  }
});
