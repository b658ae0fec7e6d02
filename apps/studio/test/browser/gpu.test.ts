/** WebGPU, in software. */

import { expect, test } from "vitest";
import { launch } from "../site.ts";
import {
  change,
  give,
  inChromium,
  inNode,
  largestDifference,
  opened,
  painted,
  path,
  result,
  visit,
} from "./harness.ts";

inChromium("a GPU", () => {
  test("paints as Node does on WebGPU, and goes on when the GPU is lost", { timeout: 600_000 }, async () => {
    // Its GPU process is crashed, which others may be using.
    const own = await launch();
    try {
      const page = await visit("?device=webgpu", {}, own);
      const slow = { timeout: 200_000 };
      await give(page, "painting", path("tiny painting.png"));
      await give(page, "photo", path("tiny photo.png"));
      await painted(page, 0, slow);
      expect(await page.getAttribute(".engine", "data-device")).toBe("webgpu");
      const plain = await inNode("tiny photo.png", "tiny painting.png");
      expect(largestDifference(await result(page), plain)).toBeLessThanOrEqual(3);
      expect(opened.complaints).toEqual([]);

      const session = await own.newBrowserCDPSession();
      await session.send("Browser.crashGpuProcess");
      await page.locator(".notice", { hasText: "The engine was restarted. The GPU was lost" }).waitFor(slow);
      await page.getByText("Adjust", { exact: true }).click();
      await change(page, () => page.locator('select[name="color"]').selectOption("content"), slow);
      const colored = await inNode("tiny photo.png", "tiny painting.png", {}, { color: "content" });
      expect(largestDifference(await result(page), colored)).toBeLessThanOrEqual(3);
    } finally {
      await own.close();
    }
  });
});
