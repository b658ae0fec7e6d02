/** Videos and the camera. */

import { readPicture } from "adaattn/node";
import sharp from "sharp";
import { expect, inject, test } from "vitest";
import { launch } from "../site.ts";
import {
  download,
  give,
  hasFfmpeg,
  inChromium,
  isInSight,
  opened,
  PATIENCE,
  path,
  probe,
  run,
  visit,
  visitAt,
} from "./harness.ts";

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

  test("paints a part of the sample clip, shows the frames as they come, and the original beside them", async () => {
    const page = await visit("?device=cpu#video");
    await page.waitForLoadState("networkidle");
    const asked = () =>
      page.evaluate(
        () => performance.getEntriesByType("resource").filter(({ name }) => name.endsWith("/sample.mp4")).length,
      );
    expect(await asked()).toBe(0);
    await page.getByRole("button", { name: "Try a sample clip" }).click();
    await page.getByRole("img", { name: "A frame of the video, painted" }).waitFor(PATIENCE);
    await page.getByText("384 x 256, 4.0 s, without sound").waitFor();
    expect(await asked()).toBe(1);
    await page.locator('select[name="videoSide"]').selectOption("256");
    const ends = ["from", "to"].map((name) => page.locator(`input[name="${name}"]`));
    const [from, to] = ends;
    // The other end makes room.
    await from?.fill("4");
    await expect.poll(() => Promise.all(ends.map((end) => end.inputValue()))).toEqual(["3.9", "4"]);
    await from?.fill("1");
    await to?.fill("1.5");
    const beside = page.getByRole("button", { name: "Compare side by side" });
    await beside.click();
    await page.getByRole("slider", { name: "How much of the original is shown" }).waitFor();
    await page.getByRole("img", { name: "The frame as it is" }).waitFor();

    await page.evaluate(() => {
      const seen = new Set<number>();
      Object.assign(globalThis, { seen });
      const look = () => {
        const canvas = document.querySelector<HTMLCanvasElement>('[data-stage="compare"] .after canvas');
        const isBusy = document.querySelector('[data-video="busy"]') !== null;
        if (canvas !== null && isBusy) {
          const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
          copy?.drawImage(canvas, 0, 0);
          const data = [...(copy?.getImageData(0, 0, canvas.width, canvas.height).data ?? [])];
          seen.add(data.reduce((sum, value, at) => (sum + value * at) % 1e9, 0));
        }
        requestAnimationFrame(look);
      };
      look();
    });
    await page.getByRole("button", { name: "Paint the video" }).click();
    await page.waitForSelector('[data-video="done"]', PATIENCE);
    expect(await page.evaluate(() => (globalThis as unknown as { seen: Set<number> }).seen.size)).toBeGreaterThan(2);
    await page.getByText(/^Done: 0\.5 s of video/).waitFor();
    /** Where the video as it is stands, less where the film stands, in seconds. */
    const apart = () =>
      page.evaluate(() => {
        const [original, film] = document.querySelectorAll("video");
        return (original?.currentTime ?? 0) - (film?.currentTime ?? 0);
      });
    await expect.poll(apart, PATIENCE).toBeCloseTo(1, 1);
    await page.evaluate(() => {
      const film = document.querySelector<HTMLVideoElement>("video[controls]");
      if (film) film.currentTime = 0.3;
    });
    await page.waitForFunction(() => Math.abs((document.querySelector("video")?.currentTime ?? 0) - 1.3) < 0.1);
    await beside.click();
    expect(await page.locator("video").count()).toBe(1);
    if (hasFfmpeg) {
      const save = () => page.getByRole("button", { name: "Download the video" }).click();
      const { video } = await probe(await download(page, save, "part.mp4"));
      expect(video).toMatchObject({ width: 256, height: 170 });
      expect(Number(video?.nb_read_frames)).toBe(6);
      expect(Number(video?.duration)).toBeCloseTo(0.5, 1);
    }
    expect(opened.complaints).toEqual([]);
  });

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
    // On phones all buttons stand in one row, whole, while it records.
    for (const [width, height] of [
      [844, 390],
      [667, 375],
      [390, 844],
    ] as const) {
      await page.setViewportSize({ width, height });
      await page.waitForSelector(".sheet");
      for (const language of ["ja", "zh", "en"]) {
        await page.locator('select[name="language"]').selectOption(language);
        await page.waitForSelector(`html[lang="${language}"]`);
        const buttons = page.locator(".below button");
        expect(await buttons.count()).toBe(4);
        const tops: number[] = [];
        for (const button of await buttons.all()) {
          const name = await button.textContent();
          expect([width, name, await button.evaluate(isInSight)]).toEqual([width, name, true]);
          tops.push((await button.boundingBox())?.y ?? 0);
        }
        expect([width, language, Math.max(...tops) - Math.min(...tops)]).toEqual([width, language, 0]);
      }
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    const stop = () => page.getByRole("button", { name: "Stop and save" }).click();
    const { video } = await probe(await download(page, stop, "live.mp4"));
    expect(Number(video?.nb_read_frames)).toBeGreaterThan(1);
    await page.getByRole("button", { name: "Stop the camera" }).click();
    await page.getByRole("button", { name: "Start the camera" }).waitFor(PATIENCE);
    expect(opened.complaints).toEqual([]);
  });

  test("mirrors the camera, saves what is shown, and lowers the detail where frames come slowly", async () => {
    // Chromium takes a file of successive JPEG pictures for a camera: the left half of this is dark.
    const dark = { input: { create: { width: 320, height: 480, channels: 3, background: "#202020" } } } as const;
    await sharp({ create: { width: 640, height: 480, channels: 3, background: "#e0e0e0" } })
      .composite([{ ...dark, left: 0, top: 0 }])
      .jpeg()
      .toFile(path("camera.mjpeg"));
    const own = await launch([`--use-file-for-fake-video-capture=${path("camera.mjpeg")}`]);
    try {
      const page = await visit("?device=cpu#live", {}, own);
      await page.locator('input[name="side"]').fill("0");
      expect(await page.getByRole("checkbox", { name: "Adapt the detail" }).isChecked()).toBe(false);
      // Without a painting's strength, so that it is the camera's picture.
      await page.locator('input[name="strength"]').fill("0");
      await page.getByRole("button", { name: "Start the camera" }).click();
      await page.waitForSelector("[data-fps]", PATIENCE);
      const snapshot = () => page.getByRole("button", { name: "Snapshot" }).click();
      /** How much lighter the right half of what is shown is than its left one. */
      const slope = async () => {
        const file = await download(page, snapshot, "live.png");
        const half = async (left: number) => {
          const { width, height } = await readPicture(file);
          const part = sharp(file).extract({ left: left * (width / 2), top: 0, width: width / 2, height });
          return (await sharp(await part.png().toBuffer()).stats()).channels[1]?.mean ?? 0;
        };
        return (await half(1)) - (await half(0));
      };
      expect(await slope()).toBeLessThan(-100);
      await page.getByRole("checkbox", { name: "As in a mirror" }).uncheck();
      await expect.poll(slope, PATIENCE).toBeGreaterThan(100);
      await page.locator('input[name="side"]').fill("4");
      await page.getByRole("checkbox", { name: "Adapt the detail" }).check();
      await expect.poll(async () => Number(await page.inputValue('input[name="side"]')), PATIENCE).toBeLessThan(4);
      expect(opened.complaints).toEqual([]);
    } finally {
      await own.close();
    }
  });

  test("goes on with another camera, and fills the screen", async () => {
    const own = await launch(["--use-fake-device-for-media-stream=device-count=2"]);
    try {
      const page = await visitAt(`${inject("studio").address}?device=cpu#live`, {}, own, (context) =>
        context.addInitScript(() => {
          const streams: MediaStream[] = [];
          Object.assign(globalThis, { streams });
          const { mediaDevices } = navigator;
          const open = mediaDevices.getUserMedia.bind(mediaDevices);
          mediaDevices.getUserMedia = async (asked) => {
            const stream = await open(asked);
            streams.push(stream);
            return stream;
          };
        }),
      );
      await page.locator('input[name="side"]').fill("0");
      await page.getByRole("button", { name: "Start the camera" }).click();
      await page.waitForSelector("[data-fps]", PATIENCE);
      const choice = page.getByRole("combobox", { name: "Camera" });
      const ids = await choice.locator("option").evaluateAll((all) => all.map((one) => one.getAttribute("value")));
      expect(ids).toHaveLength(2);
      const first = await choice.inputValue();
      const chosen = ids.find((id) => id !== first) ?? "";
      await choice.selectOption(chosen);
      const cameras = () =>
        page.evaluate(() =>
          (globalThis as unknown as { streams: MediaStream[] }).streams.map((stream) => [
            stream.active,
            stream.getVideoTracks()[0]?.getSettings().deviceId,
          ]),
        );
      await expect.poll(async () => (await cameras()).at(1), PATIENCE).toEqual([true, chosen]);
      expect((await cameras())[0]?.[0]).toBe(false);
      await page.getByRole("button", { name: "Full screen" }).click();
      await page.waitForFunction(() => document.fullscreenElement?.querySelector('[data-stage="live"] canvas'));
      await page.getByRole("button", { name: "Stop the camera" }).click();
      await expect.poll(async () => (await cameras()).map(([isOn]) => isOn), PATIENCE).toEqual([false, false]);
      expect(opened.complaints).toEqual([]);
    } finally {
      await own.close();
    }
  });
});
