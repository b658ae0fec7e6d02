/** The picture: with every control it is what Node paints. */

import { writeFile } from "node:fs/promises";
import { readPicture, resizePicture } from "adaattn/node";
import type { BrowserContext } from "playwright-core";
import sharp, { type Region } from "sharp";
import { expect, inject, test } from "vitest";
import { ssim } from "../../../../packages/adaattn/test/similarity.ts";
import {
  change,
  give,
  inChromium,
  inNode,
  largestDifference,
  opened,
  PATIENCE,
  painted,
  path,
  result,
  visit,
  visitAt,
} from "./harness.ts";

inChromium("the picture", () => {
  test("paints as Node does on WebAssembly, with every control, undo, and the same address again", async () => {
    const page = await visit("?device=cpu");
    await give(page, "photo", path("photo.png"));
    await painted(page);
    await change(page, () => give(page, "painting", path("painting.png")));
    expect(await page.getAttribute(".engine", "data-device")).toBe("cpu");
    const plain = await inNode("photo.png", "painting.png");
    expect(largestDifference(await result(page), plain)).toBeLessThanOrEqual(3);

    await change(page, () => page.locator('input[name="strength"]').fill("0.6"));
    await page.getByText("Adjust", { exact: true }).click();
    await change(page, () => page.locator('input[name="stroke"]').fill("0.5"));
    await change(page, () => page.locator('input[name="rotate"]').fill("90"));
    await change(page, () => page.locator('input[name="grain"]').fill("0.5"));
    await change(page, () => page.locator('select[name="color"]').selectOption("match"));
    const controlled = await inNode(
      "photo.png",
      "painting.png",
      { stroke: Number((2 ** 0.5).toFixed(3)), rotate: 90 },
      { strength: 0.6, grain: 0.5, color: "match" },
    );
    expect(largestDifference(await result(page), controlled)).toBeLessThanOrEqual(3);
    expect(new URL(page.url()).hash).toBe("#picture?strength=0.6&stroke=1.41&rotate=90&grain=0.5&color=match");

    for (const _ of ["color", "grain", "rotate", "stroke", "strength"]) {
      await change(page, () => page.keyboard.press("Control+z"));
    }
    expect(largestDifference(await result(page), plain)).toBeLessThanOrEqual(3);
    expect(opened.complaints).toEqual([]);

    await page.goto(
      `${inject("studio").address}?device=cpu#picture?photo=tiger&paintings=van-gogh-meadow,hokusai-great-wave&mix=0,0.5&strength=0.5`,
    );
    await page.reload();
    await painted(page);
    expect(await page.inputValue('input[name="strength"]')).toBe("0.5");
    expect(
      await page
        .getByRole("application", { name: /A Meadow in the Mountains 100 %, The Great Wave off Kanagawa 0 %/ })
        .count(),
    ).toBe(1);
    await page.getByRole("application", { name: /A Meadow in the Mountains/ }).focus();
    for (let step = 0; step < 10; step++) await page.keyboard.press("ArrowRight");
    expect(
      await page
        .getByRole("application", { name: /A Meadow in the Mountains 50 %, The Great Wave off Kanagawa 50 %/ })
        .count(),
    ).toBe(1);
    expect(opened.complaints).toEqual([]);
  });

  test("shows before and after, zooms, and stops, by keys alone", async () => {
    const page = await visit("?device=cpu");
    const divider = page.getByRole("slider", { name: "How much of the original is shown" });
    await divider.focus();
    await page.keyboard.press("Home");
    expect(await divider.getAttribute("aria-valuenow")).toBe("0");
    await page.keyboard.press("ArrowRight");
    expect(await divider.getAttribute("aria-valuenow")).toBe("5");
    await page.locator('[data-stage="compare"] .frame').focus();
    await page.keyboard.press("+");
    expect(await page.getByRole("button", { name: "Fit 140 %" }).count()).toBe(1);
    await page.keyboard.press("ArrowLeft");
    expect(await page.locator(".layers").first().getAttribute("style")).toMatch(/translate\(60px, 0px\) scale\(1.4\)/);
    await page.keyboard.press("0");
    expect(await page.getByRole("button", { name: /^Fit/ }).count()).toBe(0);
    await page.getByRole("button", { name: "Tiger in the snow" }).press("Enter");
    await page.getByRole("button", { name: "Stop" }).press("Enter");
    await page.getByText("Stopped.").waitFor(PATIENCE);
    await change(page, () => page.getByRole("button", { name: "Try again" }).press("Enter"));
    expect(opened.complaints).toEqual([]);
  });

  test("shows the photograph while the picture is pressed, and beside it by a divider", async () => {
    const page = await visit("?device=cpu");
    await give(page, "painting", path("tiny painting.png"));
    await give(page, "photo", path("tiny photo.png"));
    await painted(page);
    const frame = page.locator('[data-stage="compare"] .frame');
    const covered = (percent: number) => page.waitForSelector(`.after[style*="0px 0px ${percent}%"]`, PATIENCE);
    await covered(0);
    const box = (await frame.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    await page.mouse.move(box.x + box.width / 3, box.y + box.height / 3);
    await page.mouse.down();
    await covered(100);
    await page.mouse.up();
    await covered(0);
    await frame.focus();
    await page.keyboard.down("Space");
    await covered(100);
    await page.keyboard.up("Space");
    await covered(0);
    expect(await page.getByRole("slider", { name: "How much of the original is shown" }).count()).toBe(0);
    await page.getByRole("button", { name: "Compare side by side" }).click();
    await covered(32);

    await page.getByRole("button", { name: "Full screen" }).click();
    await page.waitForFunction(() => document.fullscreenElement?.classList.contains("board"), undefined, PATIENCE);
    await page.getByRole("button", { name: "Full screen" }).click();
    await page.waitForFunction(() => document.fullscreenElement === null, undefined, PATIENCE);
    expect(opened.complaints).toEqual([]);
  });

  test("saves photograph and picture side by side, and copies the picture and a link", async () => {
    const page = await visit("?device=cpu");
    await opened.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await give(page, "painting", path("tiny painting.png"));
    await give(page, "photo", path("tiny photo.png"));
    await painted(page);
    const made = await result(page);
    const choose = async (name: string) => {
      await page.getByRole("button", { name: "Share" }).click();
      // Where the system has no share sheet, there is no way to it.
      expect(await page.locator(".menu button").allTextContents()).toEqual([
        "Copy picture",
        "Copy link",
        "Save before and after",
      ]);
      await page.getByRole("button", { name }).click();
      await page.locator(".menu").waitFor({ state: "hidden" });
    };

    const [saved] = await Promise.all([page.waitForEvent("download", PATIENCE), choose("Save before and after")]);
    expect(saved.suggestedFilename()).toBe("tiny photo, tiny painting, before and after.png");
    await saved.saveAs(path("pair.png"));
    const pair = await readPicture(path("pair.png"));
    expect([pair.width, pair.height]).toEqual([48 + 1 + 48, 32]);
    const half = async (left: number, name: string) => {
      await sharp(path("pair.png")).extract({ left, top: 0, width: 48, height: 32 }).toFile(path(name));
      return readPicture(path(name));
    };
    expect(largestDifference(await half(0, "before.png"), await readPicture(path("tiny photo.png")))).toBe(0);
    expect(largestDifference(await half(49, "after.png"), made)).toBe(0);

    await choose("Copy picture");
    await page.getByText("Copied.", { exact: true }).waitFor(PATIENCE);
    const copied = await page.evaluate(async () => {
      const [item] = await navigator.clipboard.read();
      const blob = await item?.getType("image/png");
      return [...new Uint8Array((await blob?.arrayBuffer()) ?? [])];
    });
    await writeFile(path("copied.png"), Uint8Array.from(copied));
    expect(largestDifference(await readPicture(path("copied.png")), made)).toBe(0);

    await choose("Copy link");
    await page.getByText(/^The link is copied\./).waitFor(PATIENCE);
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(page.url());
    expect(opened.complaints).toEqual([]);
  });

  test("hands the picture to the system's share sheet, from the menu and from a phone's tab", async () => {
    const share = (context: BrowserContext) =>
      context.addInitScript(() => {
        const shared: ShareData[] = [];
        Object.assign(globalThis, { shared });
        Object.defineProperty(navigator, "canShare", {
          value: ({ files }: ShareData) => files?.every(({ type }) => type === "image/jpeg"),
        });
        Object.defineProperty(navigator, "share", { value: async (data: ShareData) => shared.push(data) });
      });
    const page = await visitAt(`${inject("studio").address}?device=cpu`, {}, undefined, share);
    await give(page, "painting", path("tiny painting.png"));
    await give(page, "photo", path("tiny photo.png"));
    await painted(page);
    const made = await result(page);
    await page.getByRole("button", { name: "Share" }).click();
    await page.getByRole("button", { name: "Send to an app" }).click();
    /** What was handed over so far: its title, and of each file the name, the type and the bytes. */
    const handed = () =>
      page.evaluate(() =>
        Promise.all(
          (globalThis as unknown as { shared: ShareData[] }).shared.map(async ({ title, files = [] }) => [
            title,
            ...(await Promise.all(
              files.map(async (file) => [file.name, file.type, [...new Uint8Array(await file.arrayBuffer())]] as const),
            )),
          ]),
        ),
      );
    await expect.poll(async () => (await handed()).length, PATIENCE).toBe(1);
    const file = ["tiny photo, tiny painting.jpg", "image/jpeg", expect.anything()];
    expect(await handed()).toEqual([["adaattn studio", file]]);
    const bytes = (await handed())[0]?.[1]?.[2] as number[];
    await writeFile(path("shared.jpg"), Uint8Array.from(bytes));
    // As near as JPEG comes.
    expect(ssim(await readPicture(path("shared.jpg")), made)).toBeGreaterThan(0.95);

    await page.setViewportSize({ width: 390, height: 844 });
    await page.locator(".sheet").getByRole("tab", { name: "Share" }).click();
    await page.getByRole("tabpanel").getByRole("button", { name: "Send to an app" }).click();
    await expect.poll(handed, PATIENCE).toEqual([
      ["adaattn studio", file],
      ["adaattn studio", file],
    ]);
    expect(opened.complaints).toEqual([]);
  });

  test("shows the photograph in every painting, and goes on with the one that is chosen", async () => {
    const page = await visit("?device=cpu");
    await give(page, "painting", path("tiny painting.png"));
    await give(page, "photo", path("tiny photo.png"));
    await painted(page);
    await page.getByRole("button", { name: "Every painting" }).click();
    const painting = page.locator(".every button", { hasText: "Water Lilies" });
    await painting.locator("canvas").waitFor(PATIENCE);
    expect(await page.locator('.every [data-preview="painted"]').count()).toBeGreaterThanOrEqual(3);
    // It has the photograph's shape, and its title stands under it.
    const [tile, preview] = [await painting.boundingBox(), await painting.locator(".preview").boundingBox()];
    expect((preview?.width ?? 0) / (preview?.height ?? 1)).toBeCloseTo(48 / 32, 1);
    expect(tile?.height).toBeGreaterThan((preview?.height ?? 0) + 15);
    await change(page, () => painting.click());
    expect(await page.getAttribute('.paintings [aria-pressed="true"]', "data-painting")).toBe("monet-water-lilies");
    expect(await page.locator(".every").count()).toBe(0);
    expect(opened.complaints).toEqual([]);
  });

  test("paints only where the brush was", async () => {
    const page = await visit("?device=cpu");
    await give(page, "photo", path("photo.png"));
    await painted(page);
    await page.getByRole("button", { name: "Paint regions" }).click();
    const frame = page.locator('[data-stage="brush"] .frame');
    await change(page, async () => {
      const box = (await frame.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
      await page.mouse.move(box.x + 0.2 * box.width, box.y + 0.1 * box.height);
      await page.mouse.down();
      await page.mouse.move(box.x + 0.2 * box.width, box.y + 0.9 * box.height, { steps: 4 });
      await page.mouse.up();
    });
    const photo = await readPicture(path("photo.png"));
    const painted1 = await result(page);
    // Outside the stroke and the reach of the network's widest view the photograph is untouched.
    const right = (x: number) => x > 140;
    expect(largestDifference(painted1, photo, right)).toBeLessThanOrEqual(3);
    expect(largestDifference(painted1, photo, (x) => x > 24 && x < 40)).toBeGreaterThan(40);

    await frame.focus();
    await page.getByRole("radio", { name: "Eraser" }).check();
    await page.locator('input[name="brushSize"]').fill("0.25");
    const canUndo = () => page.getByRole("button", { name: "Undo" }).isEnabled();
    expect(await canUndo()).toBe(true);
    await frame.focus();
    await change(page, () => page.keyboard.press("Space"));
    await change(page, () => page.keyboard.press("Control+z"));
    expect(largestDifference(await result(page), painted1)).toBe(0);
    expect(opened.complaints).toEqual([]);
  });

  test("takes a region by a click, and turns it around", async () => {
    await sharp({ create: { width: 160, height: 112, channels: 3, background: "#d8c8a0" } })
      .composite([
        { input: { create: { width: 80, height: 112, channels: 3, background: "#20406a" } }, left: 0, top: 0 },
      ])
      .png()
      .toFile(path("halves.png"));
    const page = await visit("?device=cpu");
    await give(page, "photo", path("halves.png"));
    await painted(page);
    await page.getByRole("button", { name: "Paint regions" }).click();
    await page.getByRole("checkbox", { name: "Fill similar area" }).check();
    const frame = page.locator('[data-stage="brush"] .frame');
    const box = (await frame.boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    await change(page, () => page.mouse.click(box.x + 0.2 * box.width, box.y + 0.5 * box.height));
    /** How much of each half is covered, of the regions as they are shown. */
    const covered = () =>
      page.locator('[data-stage="brush"] canvas.over').evaluate((canvas: HTMLCanvasElement) => {
        const { width, height } = canvas;
        const half = (left: number) => {
          const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
          copy?.drawImage(canvas, 0, 0);
          const { data } = copy?.getImageData(left, 0, width / 2, height) ?? {};
          const alpha = [...(data ?? [])].filter((_, at) => at % 4 === 3);
          return Math.round((100 * alpha.filter(Boolean).length) / alpha.length);
        };
        return [half(0), half(width / 2)];
      });
    // A column beside the edge is a blend of both.
    const [left = 0, right = 0] = await covered();
    expect([left > 97, right < 3]).toEqual([true, true]);
    await change(page, () => page.getByRole("button", { name: "Invert" }).click());
    const inverted = await covered();
    expect([(inverted[0] ?? 100) < 3, (inverted[1] ?? 0) > 97]).toEqual([true, true]);
    expect(opened.complaints).toEqual([]);
  });

  test("goes on with the regions in another painting, and names the download by what it shows", async () => {
    const page = await visit("?device=cpu");
    await give(page, "photo", path("photo.png"));
    await painted(page);
    await page.getByRole("button", { name: "Paint regions" }).click();
    const frame = page.locator('[data-stage="brush"] .frame');
    await frame.focus();
    await change(page, () => page.keyboard.press("Space"));
    const before = await result(page);
    await change(page, () => give(page, "painting", path("painting.png")));
    expect(largestDifference(await result(page), before)).toBeGreaterThan(20);
    await page.getByRole("checkbox", { name: "Mix" }).check();
    await change(page, () => page.locator("[data-painting]").nth(1).click());
    expect(await page.getByRole("application", { name: /^Mixing pad/ }).count()).toBe(0);
    expect(opened.complaints).toEqual([]);
  });

  test("downloads what is seen at every size, and says how long that takes", async () => {
    const page = await visit("?device=cpu#picture?photo=bee&paintings=monet-irises");
    await painted(page);
    const size = page.locator('select[name="size"]');
    const told = await size.locator("option").allTextContents();
    expect(told[0]).toMatch(/^(As seen, 512 x 405|Full size, 768 x 607)$/);
    expect(told.at(-1)).toMatch(/^Double size, \d+ x \d+, about \d+ (s|min)$/);
    await size.selectOption({ index: 0 });
    const seen = await result(page);
    await size.selectOption("twice");
    const twice = await result(page);
    expect([twice.width, twice.height]).toEqual([2 * seen.width, expect.closeTo(2 * seen.height, -0.5)]);
    // Strokes are as large in both; by pixels they would be half as large, with a likeness below
    // 0.5.
    expect(ssim(resizePicture(twice, seen), seen)).toBeGreaterThan(0.7);
    expect(opened.complaints).toEqual([]);
  });

  test("turns and cuts the photo, and uses a part of a painting, by pointer and by keys, as Node does", async () => {
    const page = await visit("?device=cpu");
    await give(page, "painting", path("painting.png"));
    await give(page, "photo", path("photo.png"));
    await painted(page);
    await page.getByRole("button", { name: "Crop and turn" }).click();
    await page.getByRole("button", { name: "Turn right" }).click();
    const corners = page.getByRole("button", { name: /^A corner\./ });
    // The photo is 112 x 160 now; by pointer the corner goes to its middle, by keys the frame to
    // its right edge.
    const box = (await page.locator(".cropper").boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    await page.mouse.move(box.x + box.width - 2, box.y + box.height - 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2, { steps: 3 });
    await page.mouse.up();
    await page.getByRole("application", { name: /^The part that is kept/ }).focus();
    for (let step = 0; step < 26; step++) await page.keyboard.press("ArrowRight");
    await change(page, () => page.getByRole("button", { name: "Apply" }).click());
    const cut = await result(page);
    expect([cut.width, cut.height]).toEqual([56, 80]);

    await page.getByRole("button", { name: "Use a part" }).click();
    await corners.nth(3).focus();
    for (let step = 0; step < 25; step++) await page.keyboard.press("ArrowUp");
    await change(page, () => page.getByRole("button", { name: "Apply" }).click());
    const both = await result(page);
    const node = async (file: string, area: Region, turn: number, name: string) =>
      sharp(await sharp(path(file)).rotate(turn).toBuffer())
        .extract(area)
        .toFile(path(name));
    await node("photo.png", { left: 56, top: 0, width: 56, height: 80 }, 90, "cut photo.png");
    await node("painting.png", { left: 0, top: 0, width: 144, height: 64 }, 0, "cut painting.png");
    expect(largestDifference(both, await inNode("cut photo.png", "cut painting.png"))).toBeLessThanOrEqual(3);
    expect(largestDifference(both, cut)).toBeGreaterThan(10);
    // What was opened is still there.
    await page.getByRole("button", { name: "Crop and turn" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Reset" }).click();
    await change(page, () => page.getByRole("button", { name: "Apply" }).click());
    const again = await result(page);
    expect([again.width, again.height]).toEqual([160, 112]);
    expect(opened.complaints).toEqual([]);
  });

  test("shows the handles of a part whole, and for fingers larger", async () => {
    for (const [hasTouch, least] of [
      [false, 24],
      [true, 44],
    ] as const) {
      const page = await visit("?device=cpu", { viewport: { width: 390, height: 844 }, hasTouch, isMobile: hasTouch });
      await give(page, "photo", path("tiny photo.png"));
      await page.getByRole("button", { name: "Crop and turn" }).click();
      const handles = await page.locator("[data-corner]").evaluateAll((all) =>
        all.map((handle) => {
          const { left, top, right, bottom, width, height } = handle.getBoundingClientRect();
          const [x, y] = [(left + right) / 2, (top + bottom) / 2];
          const edges = [
            [left + 1, y],
            [right - 1, y],
            [x, top + 1],
            [x, bottom - 1],
          ] as const;
          const isWhole = edges.every((edge) => document.elementFromPoint(...edge) === handle);
          return { side: Math.min(width, height), isWhole };
        }),
      );
      expect(handles.map(({ isWhole }) => isWhole)).toEqual([true, true, true, true]);
      for (const { side } of handles) expect(side).toBeGreaterThanOrEqual(least);
      expect(opened.complaints).toEqual([]);
      await opened.context.close();
    }
  });

  test("keeps a sharp picture until the next is as sharp", async () => {
    const page = await visit("?device=cpu#picture?photo=bee");
    await painted(page);
    await page.evaluate(() => {
      const seen: number[] = [];
      Object.assign(globalThis, { seen });
      const canvas = document.querySelector(".after canvas") as HTMLCanvasElement;
      new MutationObserver(() => seen.push(canvas.width)).observe(canvas, { attributes: true });
    });
    await change(page, () => page.locator('input[name="strength"]').fill("0.5"));
    const widths = await page.evaluate(() => (globalThis as unknown as { seen: number[] }).seen);
    expect(widths.length).toBeGreaterThan(0);
    expect(Math.min(...widths)).toBeGreaterThan(400);
  });
});
