/** Videos and the camera. */

import { expect, test } from "vitest";
import { download, give, hasFfmpeg, inChromium, opened, PATIENCE, path, probe, run, visit } from "./harness.ts";

inChromium("moving pictures", () => {
  test.skipIf(!hasFfmpeg)("paints a video, with its frames, its length and its sound", async () => {
    const clip = path("clip.mp4");
    const sources = [
      "-f",
      "lavfi",
      "-i",
      "testsrc=size=96x64:rate=10:duration=1",
      "-f",
      "lavfi",
      "-i",
      "sine=duration=1",
    ];
    const codecs = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest"];
    await run("ffmpeg", ["-v", "error", ...sources, ...codecs, clip]);
    const page = await visit("?device=cpu#video");
    await give(page, "video", clip);
    await page.getByRole("img", { name: "A frame of the video, painted" }).waitFor(PATIENCE);
    await page.getByText("96 x 64, 1.0 s, with sound").waitFor(PATIENCE);
    await page.getByRole("button", { name: "Paint the video" }).click();
    await page.waitForSelector('[data-video="done"]', PATIENCE);
    const saved = await download(
      page,
      () => page.getByRole("button", { name: "Download the video" }).click(),
      "out.mp4",
    );
    const facts = await probe(saved);
    expect(facts.video).toMatchObject({ width: 96, height: 64, nb_read_frames: "10" });
    expect(Number(facts.video?.duration)).toBeCloseTo(1, 1);
    expect(facts.audio?.codec_name).toBe("aac");
    expect(opened.complaints).toEqual([]);
  });

  test.skipIf(!hasFfmpeg)(
    "makes a film in the painting that it began with, and then shows the one chosen since",
    async () => {
      const clip = path("two colors.mp4");
      const source = ["-f", "lavfi", "-i", "testsrc=size=96x64:rate=10:duration=1"];
      await run("ffmpeg", ["-v", "error", ...source, "-c:v", "libx264", "-pix_fmt", "yuv420p", clip]);
      const page = await visit("?device=cpu#video");
      await give(page, "video", clip);
      await page.getByRole("img", { name: "A frame of the video, painted" }).waitFor(PATIENCE);
      await page.getByRole("button", { name: "Paint the video" }).click();
      await page.waitForSelector('[data-video="busy"]', PATIENCE);
      await page.locator("[data-painting]").nth(2).click();
      const save = page.getByRole("button", { name: "Download the video" });
      await save.waitFor(PATIENCE);
      // The film is of the painting before; what is shown is a frame in the one that is chosen.
      await page.getByRole("img", { name: "A frame of the video, painted" }).waitFor(PATIENCE);
      const [saved] = await Promise.all([page.waitForEvent("download", PATIENCE), save.click()]);
      expect(saved.suggestedFilename()).toBe("two colors, van-gogh-starry-night.mp4");
      expect(opened.complaints).toEqual([]);
    },
  );

  test.skipIf(!hasFfmpeg)("paints the camera, changes the style, and records", async () => {
    const page = await visit("?device=cpu#live");
    await page.getByRole("button", { name: "Start the camera" }).click();
    await page.locator('input[name="side"]').fill("0");
    await page.waitForSelector("[data-fps]", PATIENCE);
    await page.getByRole("button", { name: "Record" }).click();
    await page.getByRole("button", { name: "Boat near Cliffs" }).click();
    await page.waitForFunction(
      () => Number(/(\d+) s/.exec(document.querySelector("button.main .number")?.textContent ?? "")?.[1] ?? 0) >= 1,
      undefined,
      PATIENCE,
    );
    const stop = () => page.getByRole("button", { name: "Stop and save" }).click();
    const { video } = await probe(await download(page, stop, "live.mp4"));
    expect(Number(video?.nb_read_frames)).toBeGreaterThan(1);
    await page.getByRole("button", { name: "Stop the camera" }).click();
    await page.getByRole("button", { name: "Start the camera" }).waitFor(PATIENCE);
    expect(opened.complaints).toEqual([]);
  });
});
