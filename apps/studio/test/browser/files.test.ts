/** Photographs of every kind and size, and what the page says of files that it cannot open. */

import { readFile, writeFile } from "node:fs/promises";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { meanDifference } from "../../../../packages/adaattn/test/similarity.ts";
import { launch } from "../site.ts";
import {
  asset,
  change,
  give,
  hasFfmpeg,
  inChromium,
  inNode,
  notice,
  opened,
  PATIENCE,
  painted,
  path,
  result,
  run,
  visit,
} from "./harness.ts";

inChromium("files", () => {
  test("lets go of a photograph when another is opened", async () => {
    await sharp(asset("contents/castle.jpg")).resize(2400, 1600).jpeg().toFile(path("middling.jpg"));
    const page = await visit("?device=cpu#picture");
    const session = await opened.context.newCDPSession(page);
    const held = async () => {
      await session.send("HeapProfiler.collectGarbage");
      const usage = await session.send("Runtime.getHeapUsage");
      return usage.usedSize + ((usage as { backingStorageSize?: number }).backingStorageSize ?? 0);
    };
    const openIt = async () => {
      await give(page, "photo", path("photo.png"));
      await page.getByRole("img", { name: "photo.png" }).waitFor(PATIENCE);
      await give(page, "photo", path("middling.jpg"));
      await page.getByRole("img", { name: "middling.jpg" }).waitFor(PATIENCE);
    };
    await openIt();
    const once = await held();
    for (let turn = 0; turn < 8; turn++) await openIt();
    // Each takes 15 MB, and one or two may be on their way still; all that were opened would be
    // 120.
    expect((await held()) - once).toBeLessThan(60e6);
  });

  const SLOW = { timeout: 480_000 };
  test(
    "opens a photograph of 12 megapixels, and paints large ones at full size in tiles as Node does whole",
    SLOW,
    async () => {
      const castle = await sharp(asset("contents/castle.jpg")).resize(3600).toBuffer();
      await sharp({ create: { width: 4000, height: 3000, channels: 3, background: "#7a8c4f" } })
        .composite([{ input: castle, gravity: "centre" }])
        .jpeg()
        .toFile(path("large.jpg"));
      await sharp(asset("contents/castle.jpg")).resize(1216, 912).png().toFile(path("medium.png"));
      const page = await visit("?device=cpu");
      await give(page, "painting", path("painting.png"));
      await change(page, () => give(page, "photo", path("large.jpg")));
      // How large it is shown depends on how fast this machine paints; its shape does not.
      const done = await page.getByText(/^Painted \d+ x \d+ pixels/).textContent(PATIENCE);
      const [width = 0, height = 0] = done?.match(/\d+/g)?.map(Number) ?? [];
      expect(width).toBeGreaterThanOrEqual(512);
      expect(width * 3).toBe(height * 4);
      await change(page, () => give(page, "photo", path("medium.png")));
      const whole = await inNode("medium.png", "painting.png", {}, { tile: "off" });
      // What two engines round apart at 512 pixels is painted again: single pixels differ, the
      // picture does not.
      expect(meanDifference(await result(page), whole)).toBeLessThan(0.5);
      await page.getByText(/^Painted 1216 x 912 pixels in .* s\. In \d+ tiles, to fit the memory\.$/).waitFor(PATIENCE);
      expect(opened.complaints).toEqual([]);
    },
  );

  describe("says what is wrong, and goes on", () => {
    test("with files that are no photographs", async () => {
      await writeFile(path("letter.jpg"), "%PDF-1.7\n%%EOF\n");
      await writeFile(path("cut.jpg"), (await readFile(asset("contents/bee.jpg"))).subarray(0, 900));
      await writeFile(path("empty.png"), "");
      await sharp(path("photo.png")).resize(12, 12).png().toFile(path("small.png"));
      const page = await visit("?device=cpu");
      for (const [file, sentence] of [
        ["letter.jpg", /^letter\.jpg is a PDF document, whatever its name says\./],
        ["cut.jpg", /^cut\.jpg is damaged or incomplete\./],
        ["empty.png", /^empty\.png is empty\./],
        ["small.png", /^small\.png has 12 x 12 pixels; each side needs at least 16\./],
      ] as const) {
        await give(page, "photo", path(file));
        await page.locator(".notice.problem", { hasText: sentence }).waitFor(PATIENCE);
      }
      await give(page, "photo", path("photo.png"));
      await painted(page);
      expect(await page.locator(".notice").count()).toBe(0);
      expect(opened.complaints).toEqual([]);
    });

    test("with a photograph of 100 megapixels and a GIF that moves", async () => {
      await sharp({ create: { width: 12_000, height: 8400, channels: 3, background: "#456" }, limitInputPixels: false })
        .jpeg()
        .toFile(path("huge.jpg"));
      const frames = Buffer.alloc(32 * 64 * 3, 90).fill(200, 0, 3000);
      await sharp(frames, { raw: { width: 32, height: 64, channels: 3, pageHeight: 32 } })
        .gif({ delay: [100, 100] })
        .toFile(path("moving.gif"));
      const page = await visit("?device=cpu");
      await give(page, "photo", path("huge.jpg"));
      await page.getByText("The photo has 101 megapixels and was opened at 40, to spare memory.").waitFor(PATIENCE);
      await painted(page);
      await give(page, "photo", path("moving.gif"));
      await page.getByText("The file moves; its first picture is used.").waitFor(PATIENCE);
      await painted(page);
      expect(opened.complaints).toEqual([]);
    });

    test.skipIf(!hasFfmpeg)("with videos that cannot be decoded", async () => {
      const source = ["-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=5:duration=1"];
      await run("ffmpeg", [...source, "-c:v", "mpeg4", path("old.mp4")]);
      await run("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "sine=duration=1", path("sound.mp4")]);
      const page = await visit("?device=cpu#video");
      await give(page, "video", path("old.mp4"));
      expect(await notice(page)).toMatch(/^This browser has no decoder for old\.mp4/);
      await give(page, "video", path("sound.mp4"));
      await page.getByText("sound.mp4 has no video track. Choose another file.").waitFor(PATIENCE);
      await give(page, "video", path("photo.png"));
      await page.getByText(/^photo\.png is not a video that can be read\./).waitFor(PATIENCE);
      // mediabunny says to the console, too, what it does not know.
      expect(opened.complaints.filter((text) => !text.startsWith("Unsupported video codec"))).toEqual([]);
    });

    test("without a camera that may be used, and without WebGPU and SIMD", async () => {
      // The last --use-fake-ui-for-media-stream decides, and V8 makes no vectors without SSE 4.1.
      const poor = await launch([
        "--use-fake-ui-for-media-stream=deny",
        "--js-flags=--no-enable-sse4-1,--no-enable-ssse3",
        "--disable-features=WebGPU,WebGPUService",
      ]);
      try {
        const page = await visit("#live", {}, poor);
        expect(await notice(page)).toMatch(/^This browser has neither WebGPU nor WebAssembly with SIMD/);
        await page.getByRole("button", { name: "Start the camera" }).click();
        await page.getByText(/^The camera is not allowed here\./).waitFor(PATIENCE);
        await page.getByRole("tab", { name: "Picture" }).click();
        await give(page, "photo", path("photo.png"));
        await page
          .getByText(/its WebAssembly lacks SIMD\. Use a newer browser\./)
          .first()
          .waitFor(PATIENCE);
      } finally {
        await poor.close();
      }
    });
  });
});
